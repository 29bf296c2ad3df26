"""Probes of the experiments: how a page comes to somebody who asks for it on a connection of their own."""
import socket
import time
from urllib.parse import urlsplit

LIMIT_S = 10


def fetched(url):
    """Seconds until its end, in how many pieces the answer came, and the length of its body."""
    at = urlsplit(url)
    began = time.monotonic()
    with socket.create_connection((at.hostname, at.port), timeout=LIMIT_S) as connection:
        connection.sendall(f"GET {at.path} HTTP/1.1\r\nHost: page\r\nConnection: close\r\n\r\n".encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    _head, _, body = b"".join(parts).partition(b"\r\n\r\n")
    return time.monotonic() - began, len(parts), len(body)


def length(url):
    """Bytes of the page; 0 where nobody answers."""
    try:
        return fetched(url)[2]
    except OSError:
        return 0


def pieces(url):
    """In how many pieces the answer comes."""
    return fetched(url)[1]


def seconds_more(url, than):
    """So much longer does one take than the other, asked one after the other."""
    return fetched(url)[0] - fetched(than)[0]
