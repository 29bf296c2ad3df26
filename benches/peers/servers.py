"""nginx on a core of its own: plain, TLS, and a page that counts its requests."""
import os
import socket
import subprocess
import time
import urllib.request

BODY = ("HULK peers. " * 60)[:612]
HOST = "peers.test"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

CONF = """
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid nginx.pid;
error_log error.log;
events {{ worker_connections {files}; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 3600s;
    default_type text/html;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
    server {{
        listen 127.0.0.1:{plain} backlog=16384;
        listen 127.0.0.1:{tls} ssl backlog=16384;
        ssl_certificate server.pem;
        ssl_certificate_key server.key;
        # One suite, so that all generators do the same work.
        ssl_protocols TLSv1.3;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
        location / {{ return 200 "{body}"; }}
        {more}
    }}
    server {{
        listen 127.0.0.1:{status};
        location / {{ stub_status; }}
    }}
}}
"""


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def make_certificates(folder):
    """ca.pem, and server.pem with server.key that it has signed."""
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    with open(f"{folder}/extensions", "w") as file:
        file.write(f"basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:{HOST},IP:127.0.0.1\n"
                   "extendedKeyUsage=serverAuth\n")
    for command in (
        ["req", "-x509", *new_key, "-days", "30", "-subj", "/CN=an authority for this bench",
         "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign",
         "-keyout", "ca.key", "-out", "ca.pem"],
        ["req", *new_key, "-subj", f"/CN={HOST}", "-keyout", "server.key", "-out", "server.csr"],
        ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
         "-CAcreateserial", "-days", "30", "-extfile", "extensions", "-out", "server.pem"],
    ):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)


def cpu_s(pid):
    """CPU time of a process so far."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


class Nginx:
    """Serves 612 bytes until it is stopped, and what `more` says."""

    def __init__(self, program, folder, core, files, more=""):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        make_certificates(folder)
        self.plain, self.tls, self.status = free_ports(3)
        with open(f"{folder}/nginx.conf", "w") as file:
            # A worker that is nobody may not read files here.
            user = "" if os.geteuid() else "user root;"
            file.write(CONF.format(plain=self.plain, tls=self.tls, status=self.status, body=BODY,
                                   files=files, user=user, more=more))
        command = [program, "-p", folder, "-c", "nginx.conf", "-e", "error.log"]
        self.process = subprocess.Popen(
            command, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        deadline = time.monotonic() + 10
        while not self.answers():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit(f"nginx does not start: see {folder}/error.log")
            time.sleep(0.05)
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            self.worker = int(file.read().split()[0])

    def answers(self):
        try:
            self.served()
            return True
        except OSError:
            return False

    def served(self):
        """Requests so far, each look at them included."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.status}/") as answer:
            return int(answer.read().split()[9])

    def cpu_s(self):
        """CPU time of the worker so far."""
        return cpu_s(self.worker)

    def url(self, scheme):
        return f"{scheme}://127.0.0.1:{self.tls if scheme == 'https' else self.plain}/"

    def stop(self):
        self.process.terminate()
        self.process.wait()
