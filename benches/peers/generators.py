"""How each load generator is started for some seconds, and what its own words say of them."""
import dataclasses
import json
import os
import re
import shutil
from pathlib import Path

import servers

HERE = Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True)
class Case:
    """What all generators of a table do."""

    table: str
    connections: int
    scheme: str = "http"

    def title(self):
        kind = {"plain": "plain HTTP", "tls": "TLS 1.3", "many": "plain HTTP"}[self.table]
        return f"{self.connections:,} connections, {kind}"


@dataclasses.dataclass
class Told:
    """What a generator says: answered requests a second, and which were not as they should be."""

    rate: float
    errors: int
    # Of the time that the rate is about; None: only the whole process is known.
    cpu_us: float | None = None
    note: str = ""
    # Half and 99 % of the answers came within; None: it was not asked for.
    p50_us: float | None = None
    p99_us: float | None = None


def number(pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise ValueError(f"no `{pattern}` in: {text[-600:]}")
    return float(found.group(1))


class Generator:
    """One of them: `command` starts it in a folder of its own, `told` reads what it left there."""

    name: str
    label: str
    variable: str
    tables = ("plain",)

    @property
    def program(self):
        return os.environ[self.variable]

    def between_s(self):
        """CPU time so far of what stands between it and nginx."""
        return 0.0


class Wrk(Generator):
    name, label, variable = "wrk", "wrk", "WRK"
    tables = ("plain", "tls", "many")
    version = ["-v"]

    def command(self, case, url, seconds, folder):
        return [self.program, "-t1", f"-c{case.connections}", f"-d{seconds}s", url]

    def told(self, out, folder):
        errors = sum(map(int, re.findall(r"(?:connect|read|write|timeout) (\d+)", out)))
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
        return Told(number(r"Requests/sec:\s+([\d.]+)", out),
                    errors + (int(refused.group(1)) if refused else 0),
                    p50_us=self.within_us(50, out), p99_us=self.within_us(99, out))

    def within_us(self, share, out):
        """With `--latency` it tells within what time that share of the answers came."""
        found = re.search(rf"^\s+{share}%\s+([\d.]+)(us|ms|s)$", out, re.MULTILINE)
        return float(found.group(1)) * {"us": 1, "ms": 1e3, "s": 1e6}[found.group(2)] if found else None


class Hey(Generator):
    name, label, variable = "hey", "hey", "HEY"
    # It does not tell.
    version, known = None, "of the system"

    def command(self, case, url, seconds, folder):
        return [self.program, "-z", f"{seconds}s", "-c", str(case.connections), "-cpus", "1", url]

    def told(self, out, folder):
        answered = sum(int(count) for count in re.findall(r"\[2\d\d\]\s+(\d+) responses", out))
        others = sum(int(count) for count in re.findall(r"\[[^2]\d*\]\s+(\d+) ", out))
        return Told(answered / number(r"Total:\s+([\d.]+) secs", out), others)


class Oha(Generator):
    name, label, variable = "oha", "oha", "OHA"
    version = ["--version"]

    def command(self, case, url, seconds, folder):
        return [self.program, "--no-tui", "--output-format", "json", "-z", f"{seconds}s", "-c",
                str(case.connections), url]

    def told(self, out, folder):
        told = json.loads(out)
        answered = told["statusCodeDistribution"]
        # It counts what it cut off at the end as errors.
        wrong = sum(count for what, count in told["errorDistribution"].items() if "deadline" not in what)
        others = sum(count for status, count in answered.items() if status != "200")
        return Told(answered.get("200", 0) / told["summary"]["total"], wrong + others)


class Goose(Generator):
    name, label, variable = "goose", "goose `user.get`", "GOOSE"
    version, known = None, "0.19.0"

    def command(self, case, url, seconds, folder):
        return [self.program, url, str(case.connections), str(seconds)]

    def told(self, out, folder):
        told = json.loads(out.splitlines()[-1])
        return Told(told["answered"] / told["seconds"], told["failed"])


class Locust(Generator):
    name, label, variable, user = "locust", "Locust `HttpUser`", "LOCUST", "Plain"
    version = ["--version"]

    def command(self, case, url, seconds, folder):
        users = str(case.connections)
        return [self.program, "-f", str(HERE / "locustfile.py"), self.user, "--headless", "-u", users,
                "-r", users, "-t", f"{seconds}s", "-H", url.rstrip("/"), "--reset-stats", "--json",
                "--only-summary", "--skip-log"]

    def told(self, out, folder):
        one, = json.loads(out[out.index("["):])
        seconds = one["last_request_timestamp"] - one["start_time"]
        return Told((one["num_requests"] - one["num_failures"]) / seconds, one["num_failures"])


class LocustFast(Locust):
    name, label, user = "locust-fast", "Locust `FastHttpUser`", "Fast"


class Artillery(Generator):
    name, label, variable = "artillery", "Artillery", "ARTILLERY"
    version = ["--version"]

    def command(self, case, url, seconds, folder):
        for file in ("artillery.yml", "artillery.js"):
            shutil.copy(HERE / file, folder)
        phases = {"config": {"phases": [{"duration": 1, "arrivalCount": case.connections}]}}
        return ["env", "WORKERS=1", "ARTILLERY_DISABLE_TELEMETRY=true", f"PEERS_SECONDS={seconds}",
                self.program, "run", "--quiet", "--target", url.rstrip("/"), "--overrides",
                json.dumps(phases), "--output", f"{folder}/artillery.json", f"{folder}/artillery.yml"]

    def told(self, out, folder):
        with open(f"{folder}/artillery.json") as file:
            told = json.load(file)["aggregate"]
        counters = told["counters"]
        seconds = (told["lastMetricAt"] - told["firstMetricAt"]) / 1000
        wrong = sum(count for name, count in counters.items() if name.startswith("errors."))
        return Told(counters["http.codes.200"] / seconds, wrong)


REHEARSAL = """# Made by benches/peers/run.
name = "peers-{users}"
seed = 1
journeys = ["journey.toml"]

[load]
constant_users = {{ users = {users}, duration_s = {seconds} }}
lead_in_ms = {lead_in_ms}

[target.url]
base = "{base}"
{tls}"""

JOURNEY = """# Made by benches/peers/run.
name = "peers"
retry = { none = {} }

[[step]]
after = { name = "page", service = "web", get = "/" }
"""


class Hulk(Generator):
    name, label, variable = "hulk", "HULK", "HULK"
    tables = ("plain", "tls", "many")
    version = ["--version"]

    def command(self, case, url, seconds, folder):
        base, tls = url.rstrip("/"), ""
        if case.scheme == "https":
            base = base.replace("127.0.0.1", servers.HOST)
            tls = 'resolve = "127.0.0.1"\nca = "ca.pem"\n'
            shutil.copy(f"{folder}/../nginx/ca.pem", folder)
        # A thousand come in a second: a flood at the start is no part of this.
        lead_in_ms = max(case.connections, 1000)
        text = REHEARSAL.format(users=case.connections, seconds=seconds, base=base, tls=tls, lead_in_ms=lead_in_ms)
        Path(folder, f"hulk-{case.connections}.toml").write_text(text)
        Path(folder, "journey.toml").write_text(JOURNEY)
        return [self.program, "rehearse", "--quiet", "--runs", f"{folder}/runs",
                f"{folder}/hulk-{case.connections}.toml"]

    def told(self, out, folder):
        summary, = Path(folder, "runs").glob("*/summary.json")
        told = json.loads(summary.read_text())
        verdict = told["verdict"]
        # The clock runs as fast as the wall.
        seconds = (verdict["until_match_min"] - verdict["from_match_min"]) * 60
        outcomes = {}
        for step in told["steps"]:
            for outcome, count in step["outcomes"].items():
                if step["step"]:
                    outcomes[outcome] = outcomes.get(outcome, 0) + count
        answered = outcomes.pop("ok", 0)
        # Taken back at the end of the window.
        outcomes.pop("abandoned", 0)
        cpu_us = sum(worker["cpu_share"]["mean"] * worker["cores"] * seconds * 1e6
                     for worker in told["generator"]["workers"])
        kind = verdict["kind"]
        note = "" if kind == "pass" else f"{kind}: {told['headline']}"
        return Told(answered / seconds, sum(outcomes.values()), cpu_us / max(answered, 1), note)


ALL = [Wrk(), Hulk(), Oha(), Hey(), Goose(), LocustFast(), Locust(), Artillery()]
