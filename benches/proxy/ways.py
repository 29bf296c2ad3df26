"""The ways to nginx: straight, and through proxies that share a core."""
import json
import os
import subprocess
import time
import urllib.request

from generators import Wrk
from servers import cpu_s, free_ports

START_LIMIT_S = 10
HULK_LABEL = "`hulk proxy`"

# No log, no checks, one thread; timeouts as long as for streams.
HAPROXY = """
global
    nbthread 1
    maxconn {connections}
    maxpipes 200
    {tune}
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    {option}
listen proxy
    bind 127.0.0.1:{port} backlog 16384
    server nginx 127.0.0.1:{upstream}
"""

# HAProxy is there with several settings, and is what the best of them are in each table: with its buffers of 16 KiB,
# where `splice-auto` hardly ever begins to splice; with buffers that a large body is copied through at a third of the
# CPU; and where every byte goes through pipes.
HAPROXIES = {
    "haproxy": ("HAProxy, `option splice-auto`", "", "option splice-auto"),
    "haproxy-buffers": ("HAProxy, copying, buffers of 128 KiB", "nosplice\n    tune.bufsize 131072", ""),
    "haproxy-splice": ("HAProxy, splicing, pipes of 256 KiB", "tune.pipesize 262144",
                       "option splice-request\n    option splice-response"),
}


class Way(Wrk):
    """wrk asks on one of the ways: as a generator of its own."""

    tables = ("small", "large", "latency")

    def __init__(self, name, label, port, process=None):
        self.name, self.label, self.port, self.process = name, label, port, process

    def command(self, case, url, seconds, folder):
        return [self.program, "-t1", f"-c{case.connections}", f"-d{seconds}s", "--latency",
                f"http://127.0.0.1:{self.port}{case.path}"]

    def between_s(self):
        return cpu_s(self.process.pid) if self.process else 0.0

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()


def start(command, core, folder):
    """A program on a core; what it says is in the folder."""
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/out", "w") as out, open(f"{folder}/err", "w") as err:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                preexec_fn=lambda: os.sched_setaffinity(0, {core}))


def eventually(process, folder, look):
    """What `look` finds as soon as it finds something."""
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        try:
            found = look()
        except OSError:
            found = None
        if found:
            return found
        if time.monotonic() > deadline or process.poll() is not None:
            raise SystemExit(f"{process.args[0]} does not start: see {folder}/err")
        time.sleep(0.02)


def asked(port):
    """Whether something answers there."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1) as answer:
        return answer.status == 200


def straight(nginx):
    return Way("straight", "straight to nginx", nginx.plain)


def haproxy(nginx, core, folder, name="haproxy", connections=2000):
    """HAProxy in TCP mode, with the settings of this name."""
    port, = free_ports(1)
    label, tune, option = HAPROXIES[name]
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/haproxy.cfg", "w") as file:
        file.write(HAPROXY.format(port=port, upstream=nginx.plain, option=option, tune=tune,
                                  connections=connections))
    process = start([os.environ["HAPROXY"], "-db", "-f", f"{folder}/haproxy.cfg"], core, folder)
    eventually(process, folder, lambda: asked(port))
    return Way(name, label, port, process)


def hulk(nginx, core, folder):
    """`hulk proxy` with one proxy, without toxics."""
    process = start([os.environ["HULK"], "proxy", "--port", "0"], core, folder)

    def api():
        with open(f"{folder}/out") as file:
            return next((line.split()[1] for line in file if line.startswith("api: ") and line.endswith("\n")), None)

    body = {"name": "bench", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{nginx.plain}"}
    request = urllib.request.Request(f"{eventually(process, folder, api)}proxies", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        port = int(json.load(answer)["listen"].rsplit(":", 1)[1])
    eventually(process, folder, lambda: asked(port))
    return Way("hulk", HULK_LABEL, port, process)
