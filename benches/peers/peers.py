"""Runs the generators in turn, round after round, and lays their medians side by side."""
import argparse
import dataclasses
import datetime
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time

import generators
from generators import Case
from servers import TICKS_PER_S, Nginx

# A promise: HULK's requests a second are at least so many times another's, at so many connections.
RATES = [
    ("plain", 50, "wrk", 0.90), ("plain", 200, "wrk", 0.90),
    ("plain", 50, "oha", 1.25), ("plain", 200, "oha", 1.25),
    ("plain", 50, "goose", 2.6), ("plain", 200, "goose", 3.2),
    ("plain", 50, "locust", 20), ("plain", 200, "locust", 20),
    ("plain", 50, "locust-fast", 10), ("plain", 200, "locust-fast", 10),
    ("plain", 50, "artillery", 20), ("plain", 200, "artillery", 20),
    ("tls", 50, "wrk", 0.85),
]
# And its CPU time a request at most so many times another's.
CPUS = [("many", 10_000, "wrk", 1.15)]
# A generator that has not ended so long after it should have is broken.
GRACE_S = 60


@dataclasses.dataclass
class Result:
    """What came of one generator in one round."""

    rate: float
    # CPU time of the generator, and of nginx, for a request.
    cpu_us: float
    nginx_us: float
    errors: int
    note: str
    # Shares of the two cores that other work took, and that the host did not give.
    others: float
    stolen: float
    # CPU time of what stands between, for a request.
    between_us: float
    told: generators.Told


class Broken(Exception):
    """A generator that gave no figures."""


def execute(command, core, folder, limit_s):
    """Runs a command on a core; its output, and the CPU time of it and all that it waited for."""
    with open(f"{folder}/out", "w+") as out, open(f"{folder}/err", "w+") as err:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=folder,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        limit = threading.Timer(limit_s, process.kill)
        limit.start()
        _, status, usage = os.wait4(process.pid, 0)
        limit.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return out.read(), err.read(), process.returncode, usage.ru_utime + usage.ru_stime


def cores_s(cores):
    """CPU time of all processes on these cores, and what the host did not give, so far."""
    with open("/proc/stat") as file:
        lines = {line.split()[0]: [int(part) for part in line.split()[1:]] for line in file
                 if line.startswith("cpu")}
    # user, nice and system: the kernel's own work for sockets is nobody's process.
    of = [lines[f"cpu{core}"] for core in cores]
    return (sum(sum(times[:3]) for times in of) / TICKS_PER_S,
            sum(times[7] for times in of) / TICKS_PER_S)


def measure(generator, case, nginx, options):
    """One run of one generator."""
    folder = os.path.abspath(f"{options.place}/run")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    command = generator.command(case, nginx.url(case.scheme), options.seconds, folder)
    served, nginx_s, (busy_s, stolen_s) = nginx.served(), nginx.cpu_s(), cores_s(options.cores)
    between_s = generator.between_s()
    started = time.monotonic()
    out, err, code, cpu_s = execute(command, options.cores[1], folder, options.seconds + GRACE_S)
    took_s = (time.monotonic() - started) * len(options.cores)
    ends = cores_s(options.cores)
    # The first look and this one are not the generator's.
    served, nginx_s = nginx.served() - served - 1, nginx.cpu_s() - nginx_s
    between_s = generator.between_s() - between_s
    try:
        told = generator.told(out, folder)
    except (ValueError, KeyError, LookupError) as error:
        raise Broken(f"{generator.name} ended with {code}: {error!r}\n{out[-800:]}{err[-800:]}") from error
    cpu_us = cpu_s * 1e6 / max(served, 1) if told.cpu_us is None else told.cpu_us
    others_s = max(ends[0] - busy_s - cpu_s - nginx_s - between_s, 0)
    return Result(told.rate, cpu_us, nginx_s * 1e6 / max(served, 1), told.errors, told.note,
                  others_s / took_s, (ends[1] - stolen_s) / took_s, between_s * 1e6 / max(served, 1), told)


def all_rounds(cases, nginx, options):
    """Results by case and generator, a list over rounds; one that broke has none of that round."""
    results = {}
    for number in range(options.rounds):
        for case in cases:
            takes_part = [each for each in options.only if case.table in each.tables]
            # Nobody always follows the same one.
            turn = number % max(len(takes_part), 1)
            for generator in takes_part[turn:] + takes_part[:turn]:
                result = None
                try:
                    result = measure(generator, case, nginx, options)
                    figures = f"{result.rate:,.0f}/s, {result.cpu_us:.2f} µs"
                except Broken as broken:
                    figures = str(broken)
                results.setdefault((case, generator.name), []).append(result)
                print(f"round {number + 1}: {case.title()}: {generator.name}: {figures}",
                      file=sys.stderr, flush=True)
                time.sleep(options.pause)
    return results


def compared(results, case, one, other, key):
    """The median of `key` of one ÷ of the other, round by round: a slow minute hits both."""
    pairs = zip(results.get((case, one), []), results.get((case, other), []))
    ratios = [key(a) / key(b) for a, b in pairs if a and b and key(b) > 0]
    return statistics.median(ratios) if ratios else None


def rate(result):
    return result.rate


def cpu(result):
    return result.cpu_us


def times(ratio):
    return "–" if ratio is None else f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.3f}"


def row(results, case, generator):
    """A generator's line of a table."""
    runs = [result for result in results[case, generator.name] if result]
    if not runs:
        return f"| {generator.label} | it gave no figures | | | | | | |"
    rates = [result.rate for result in runs]
    median, cpu_us = statistics.median(rates), statistics.median(map(cpu, runs))
    nginx_share = statistics.median(result.rate * result.nginx_us / 1e6 for result in runs)
    errors = sum(result.errors for result in runs)
    spread = f"{min(rates):,.0f} – {max(rates):,.0f}"
    ratios = [times(compared(results, case, generator.name, "wrk", key)) for key in (rate, cpu)]
    return (f"| {generator.label} | {median:,.0f} | {ratios[0]} | {spread} | {cpu_us:.2f} | {ratios[1]} "
            f"| {nginx_share:.0%} | {errors:,} |")


def table(results, case, options):
    lines = [f"### {case.title()}", "",
             "| generator | requests/s | × wrk | least – most | CPU µs a request | × wrk | nginx's core | errors |",
             "|---|---|---|---|---|---|---|---|"]
    lines += [row(results, case, each) for each in options.only if (case, each.name) in results]
    notes = {f"{name}: {result.note}" for (of, name), runs in results.items() if of == case
             for result in runs if result and result.note}
    return "\n".join(lines + [""] + sorted(notes))


def gate(results, cases):
    """A table of the promises that were measured, and those that were missed."""
    lines = ["### Promises", "", "| at | what | measured | promised | |", "|---|---|---|---|---|"]
    missed = []
    promises = [(*each, rate, "requests/s", True) for each in RATES]
    promises += [(*each, cpu, "CPU a request", False) for each in CPUS]
    for kind, connections, other, limit, key, what, at_least in promises:
        for case in cases:
            both = {(case, "hulk"), (case, other)} <= set(results)
            if (case.table, case.connections) != (kind, connections) or not both:
                continue
            ratio = compared(results, case, "hulk", other, key)
            kept = ratio is not None and (ratio >= limit if at_least else ratio <= limit)
            bound = f"{'≥' if at_least else '≤'} {limit:g}"
            text = f"{what} ÷ {other}'s"
            lines.append(f"| {case.title()} | {text} | {times(ratio)} | {bound} | {'kept' if kept else 'MISSED'} |")
            if not kept:
                missed.append(f"{case.title()}: {text} is {times(ratio)}, promised {bound}")
    for (case, name), runs in results.items():
        failed = sum(result.errors for result in runs if result)
        if name == "hulk" and (failed or None in runs):
            missed.append(f"{case.title()}: HULK had {failed} failed requests, {runs.count(None)} broken runs")
    return "\n".join(lines), missed


def version(command):
    """What a program says of its version."""
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+[\w.+-]*", told.stdout + told.stderr)
    return found.group(0) if found else "?"


def when_and_where():
    """The date, the commit and the machine."""
    def git(*arguments):
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()

    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "?")
    changed = " with changes" if git("status", "--porcelain", "-uno") else ""
    return (f"{datetime.date.today()}, commit {git('rev-parse', '--short', 'HEAD')}{changed}, "
            f"{platform.system()} {platform.release()}, {model}, {os.cpu_count()} cores")


def of_the_machine(runs):
    """What these runs did not have of the two cores."""
    def mean(what):
        return statistics.mean([getattr(run, what) for run in runs if run] or [0])

    return (f"Other work took {mean('others'):.0%} of the two cores, the host {mean('stolen'):.0%}: "
            "absolute figures are worth something where both are about 0.")


def heading(results, options):
    """When, where, with what."""
    versions = {"nginx": version([os.environ["NGINX"], "-v"])}
    for each in options.only:
        versions[each.variable.lower()] = version([each.program, *each.version]) if each.version else each.known
    return "\n".join([
        "## Requests a second on one core", "",
        f"{when_and_where()}; nginx on core {options.cores[0]}, the generator on core {options.cores[1]}; "
        f"medians of {options.rounds} interleaved rounds of {options.seconds} s: `{options.command}`.", "",
        of_the_machine([run for runs in results.values() for run in runs]), "",
        "Versions: " + ", ".join(f"{name} {known}" for name, known in versions.items()) + ".", "",
        "Ratios are medians of the rounds' own ratios. CPU is user and system time of the generator's processes "
        "÷ the requests that nginx counted, start and end included; HULK's is that of its window ÷ its answers "
        "there. `nginx's core`: its busy part at that rate.",
    ])


def parsed():
    parser = argparse.ArgumentParser(prog="benches/peers/run", description=__doc__)
    names = {each.name: each for each in generators.ALL}

    def chosen(text):
        unknown = set(text.split(",")) - set(names)
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(names)}")
        return [each for each in generators.ALL if each.name in text.split(",")]

    def numbers(text):
        return [int(part) for part in text.split(",")]

    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--only", type=chosen, default=generators.ALL, metavar="NAMES")
    parser.add_argument("--connections", type=numbers, default=[50, 200], help="of the plain tables")
    parser.add_argument("--tables", type=lambda text: text.split(","), default=["plain", "tls", "many"],
                        help="plain, tls (50 connections), many (10,000)")
    parser.add_argument("--many", type=int, default=10_000, help=argparse.SUPPRESS)
    parser.add_argument("--cores", type=numbers, default=None, help="nginx's and the generator's")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between runs")
    parser.add_argument("--gate", action="store_true", help="exit code 1 where a promise is missed")
    parser.add_argument("--place", default="target/peers", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.cores = options.cores or sorted(os.sched_getaffinity(0))[:2]
    if len(options.cores) != 2:
        parser.error("two cores are needed: one for nginx, one for the generator")
    # The script puts the place before what was given to it.
    options.command = " ".join(["benches/peers/run", *sys.argv[3:]])
    return options


def main():
    options = parsed()
    cases = []
    if "plain" in options.tables:
        cases += [Case("plain", connections) for connections in options.connections]
    if "tls" in options.tables:
        cases.append(Case("tls", 50, "https"))
    if "many" in options.tables:
        cases.append(Case("many", options.many))
    # Twice the connections of the largest table, as far as this machine lets.
    files = min(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    nginx = Nginx(os.environ["NGINX"], os.path.abspath(f"{options.place}/nginx"), options.cores[0], files)
    try:
        results = all_rounds(cases, nginx, options)
    finally:
        nginx.stop()
    promises, missed = gate(results, cases)
    parts = [heading(results, options)] + [table(results, case, options) for case in cases] + [promises]
    text = "\n\n".join(part.strip() for part in parts) + "\n"
    print(text)
    with open(f"{options.place}/result.md", "w") as file:
        file.write(text)
    with open(f"{options.place}/result.json", "w") as file:
        runs = [{"case": dataclasses.asdict(case), "generator": name,
                 "rounds": [result and dataclasses.asdict(result) for result in runs]}
                for (case, name), runs in results.items()]
        json.dump(runs, file, indent=1)
    for promise in missed:
        print(f"MISSED: {promise}" if options.gate else f"missed: {promise}", file=sys.stderr)
    sys.exit(1 if options.gate and missed else 0)


if __name__ == "__main__":
    main()
