"""Holds connections: python3 client.py PORT COUNT PATH

Each asks once for the path and reads the whole answer. Then it prints `held` and keeps them until its input ends.
"""
import socket
import sys


def exchange(connection, path):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += received(connection)
    head, body = answer.split(b"\r\n\r\n", 1)
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    missing = int(fields[b"content-length"]) - len(body)
    while missing > 0:
        missing -= len(received(connection))


def received(connection):
    part = connection.recv(65536)
    if not part:
        raise SystemExit("a connection was closed")
    return part


def main():
    port, count, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    held = []
    for _ in range(count):
        held.append(socket.create_connection(("127.0.0.1", port), timeout=30))
        exchange(held[-1], path)
    print("held", flush=True)
    sys.stdin.read()


main()
