"""What a connection that is held costs a proxy, and the kernel."""
import dataclasses
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = 3
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclasses.dataclass
class Looked:
    """Bytes and descriptors at one moment; the kernel's are the whole machine's."""

    pss: int
    buffers: int
    structures: int
    files: int


@dataclasses.dataclass
class Held:
    label: str
    connections: int
    before: Looked
    after: Looked

    def each(self, what):
        """Bytes of a connection."""
        return (getattr(self.after, what) - getattr(self.before, what)) / self.connections

    def row(self):
        return (f"| {self.label} | {self.connections:,} | {self.before.pss / 1e6:.1f} | {self.after.pss / 1e6:.1f} "
                f"| {self.each('pss') / 1e3:.2f} | {self.each('buffers') / 1e3:.2f} "
                f"| {self.each('structures') / 1e3:.2f} |")


def look(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        pss = next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    with open("/proc/net/sockstat") as file:
        tcp = next(line.split() for line in file if line.startswith("TCP:"))
    with open("/proc/meminfo") as file:
        slab = next(int(line.split()[1]) for line in file if line.startswith("SUnreclaim:"))
    return Looked(pss * 1024, int(tcp[tcp.index("mem") + 1]) * PAGE_BYTES, slab * 1024,
                  len(os.listdir(f"/proc/{pid}/fd")))


def hold(way, connections, path, core):
    """Opens so many through it from several processes, one exchange each, and looks while they are held."""
    before = look(way.process.pid)
    shares = [(connections + number) // CLIENTS for number in range(CLIENTS)]
    clients = [
        subprocess.Popen([sys.executable, f"{HERE}/client.py", str(way.port), str(share), path],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                         preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        for share in shares]
    try:
        for client in clients:
            if client.stdout.readline() != "held\n":
                raise SystemExit(f"{way.label} did not hold {connections:,} connections")
        after = look(way.process.pid)
        # Both ends of each are descriptors of the proxy.
        if after.files - before.files < 2 * connections:
            raise SystemExit(f"{way.label} holds only {after.files - before.files:,} more descriptors")
        return Held(way.label, connections, before, after)
    finally:
        for client in clients:
            client.stdin.close()
            client.wait()


def table(rows):
    return "\n".join([
        "### Memory of a connection", "",
        "| proxy | connections | PSS before MB | PSS with them MB | its memory KB a connection "
        "| socket buffers KB | structures of the kernel KB |",
        "|---|---|---|---|---|---|---|", *[each.row() for each in rows], "",
        "Each connection has had one exchange of 1 KB. KB are 1,000 bytes. The kernel's columns are for all four ends "
        "of a connection and its way on, client and nginx included: `mem` of `/proc/net/sockstat`, and `SUnreclaim` "
        "of `/proc/meminfo`."])
