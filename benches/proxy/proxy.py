"""wrk asks nginx straight and through proxies in turn, round after round, and their medians are laid side by side."""
import argparse
import dataclasses
import os
import resource
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../peers"))
import memory  # noqa: E402
import ways  # noqa: E402
from generators import Case  # noqa: E402
from peers import all_rounds, compared, of_the_machine, rate, times, version, when_and_where  # noqa: E402
from servers import Nginx  # noqa: E402

# Promises: at least so many times HAProxy's throughput, and at most so many times what it adds to the p50.
RATE_LEAST = 0.8
ADDED_MOST = 1.2
# KB of a connection that is held.
MEMORY_KB_MOST = 20
MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Asked(Case):
    """What is asked for in a table."""

    path: str = "/"
    size: int = 0

    def title(self):
        number = f"{self.connections:,} connection{'s' if self.connections > 1 else ''}"
        return f"{number}, bodies of {'1 MiB' if self.size == MIB else '1 KB'}"


def cases_of(options):
    return [each for each in (
        Asked("small", options.connections, path="/1k", size=1000),
        Asked("large", options.connections, path="/1m", size=MIB),
        Asked("latency", 1, path="/1k", size=1000),
    ) if each.table in options.tables]


def start_nginx(options):
    """With both bodies: one from its settings, one from a file that stays in memory."""
    folder = os.path.abspath(f"{options.place}/nginx")
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/1m", "wb") as file:
        file.write(b"HULK proxy. " * (MIB // 12) + b"HULK")
    more = (f'location = /1k {{ return 200 "{("HULK proxy. " * 84)[:1000]}"; }}\n'
            "        location = /1m { root .; sendfile on; tcp_nopush on; open_file_cache max=10; }")
    files = min(20_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    return Nginx(os.environ["NGINX"], folder, options.cores[1], files, more)


def start_ways(nginx, options):
    core, place = options.cores[0], os.path.abspath(options.place)
    started = [ways.straight(nginx)]
    started += [ways.haproxy(nginx, core, f"{place}/{name}", name) for name in ways.HAPROXIES]
    return started + [ways.hulk(nginx, core, f"{place}/hulk")]


def median(results, case, way, key):
    known = [key(result) for result in results[case, way] if result]
    return statistics.median(known) if known else float("nan")


def p50(result):
    return result.told.p50_us


def between(result):
    return result.between_us


def hardest(judge, against):
    """To the best of HAProxy's settings."""
    ratios = [against(other) for other in ways.HAPROXIES]
    return judge([ratio for ratio in ratios if ratio is not None], default=None)


def rate_ratio(results, case):
    return hardest(min, lambda other: compared(results, case, "hulk", other, rate))


def cpu_ratio(results, case):
    return hardest(max, lambda other: compared(results, case, "hulk", other, between))


def added_ratio(results, case):
    """Of what each adds to the p50 of the straight way, round by round."""
    def against(other):
        rounds = zip(*[results[case, name] for name in ("hulk", other, "straight")])
        pairs = [(p50(one) - p50(bare), p50(two) - p50(bare)) for one, two, bare in rounds if one and two and bare]
        known = [added / others for added, others in pairs if others > 0]
        return statistics.median(known) if known else None

    return hardest(max, against)


def rate_table(results, case, all_ways):
    unit = "MiB/s" if case.size == MIB else "requests/s"
    lines = [f"### {case.title()}", "",
             f"| way | {unit} | ÷ HAProxy's | least – most | the proxy's CPU µs a request | ÷ HAProxy's | its core "
             "| nginx's CPU µs | wrk's | errors |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for way in all_ways:
        runs = [result for result in results[case, way.name] if result]
        if not runs:
            lines.append(f"| {way.label} | it gave no figures | | | | | | | | |")
            continue
        rates = [result.rate * (case.size / MIB if case.size == MIB else 1) for result in runs]
        cpus = [statistics.median(getattr(run, key) for run in runs) for key in ("between_us", "nginx_us", "cpu_us")]
        ours = way.name == "hulk"
        ratios = [times(of(results, case)) if ours else "" for of in (rate_ratio, cpu_ratio)]
        busy = statistics.median(run.rate * run.between_us / 1e6 for run in runs)
        lines.append(f"| {way.label} | {statistics.median(rates):,.0f} | {ratios[0]} | {min(rates):,.0f} – {max(rates):,.0f} "
                     f"| {cpus[0]:.1f} | {ratios[1]} | {busy:.0%} | {cpus[1]:.1f} | {cpus[2]:.1f} "
                     f"| {sum(run.errors for run in runs):,} |")
    return "\n".join(lines)


def latency_table(results, case, all_ways):
    lines = [f"### {case.title()}: latency", "",
             "| way | p50 µs | added µs | ÷ HAProxy's | least – most p50 | p99 µs |", "|---|---|---|---|---|---|"]
    bare = median(results, case, "straight", p50)
    for way in all_ways:
        known = [p50(result) for result in results[case, way.name] if result]
        if not known:
            lines.append(f"| {way.label} | it gave no figures | | | | |")
            continue
        added = "" if way.name == "straight" else f"{statistics.median(known) - bare:.0f}"
        ratio = times(added_ratio(results, case)) if way.name == "hulk" else ""
        p99 = median(results, case, way.name, lambda result: result.told.p99_us)
        lines.append(f"| {way.label} | {statistics.median(known):.0f} | {added} | {ratio} "
                     f"| {min(known):.0f} – {max(known):.0f} | {p99:.0f} |")
    return "\n".join(lines)


def gate(results, cases, held):
    """A table of the promises that were measured, and those that were missed."""
    lines = ["### Promises", "", "| at | what | measured | promised | |", "|---|---|---|---|---|"]
    missed = []

    def judged(at, what, figure, bound, kept):
        lines.append(f"| {at} | {what} | {figure} | {bound} | {'kept' if kept else 'MISSED'} |")
        if not kept:
            missed.append(f"{at}: {what} is {figure}, promised {bound}")

    for case in cases:
        if case.table == "latency":
            ratio = added_ratio(results, case)
            judged(case.title(), "added p50 ÷ HAProxy's", times(ratio), f"≤ {ADDED_MOST:g}",
                   ratio is not None and ratio <= ADDED_MOST)
        else:
            ratio = rate_ratio(results, case)
            judged(case.title(), "throughput ÷ HAProxy's", times(ratio), f"≥ {RATE_LEAST:g}",
                   ratio is not None and ratio >= RATE_LEAST)
        runs = results[case, "hulk"]
        failed = sum(result.errors for result in runs if result)
        if failed or None in runs:
            judged(case.title(), "failed requests", f"{failed} ({runs.count(None)} broken runs)", "0", False)
    for row in held:
        if row.label == ways.HULK_LABEL:
            judged(f"{row.connections:,} connections", "KB of memory each", f"{row.each('pss') / 1e3:.2f}",
                   f"≤ {MEMORY_KB_MOST}", row.each("pss") <= MEMORY_KB_MOST * 1e3)
    return "\n".join(lines), missed


def hold_all(nginx, options):
    """Each proxy by itself, from its start."""
    core, place, held = options.cores[0], os.path.abspath(options.place), []
    for begin in (
        # Twice its connections and some more are its descriptors.
        lambda: ways.haproxy(nginx, core, f"{place}/haproxy-held", connections=options.held + 100),
        lambda: ways.hulk(nginx, core, f"{place}/hulk-held"),
    ):
        way = begin()
        try:
            held.append(memory.hold(way, options.held, "/1k", options.cores[1]))
            print(f"memory: {held[-1].row()}", file=sys.stderr, flush=True)
        finally:
            way.stop()
    return held


def heading(results, options):
    versions = {name: version([os.environ[name.upper()], flag])
                for name, flag in (("nginx", "-v"), ("haproxy", "-v"), ("wrk", "-v"), ("hulk", "--version"))}
    return "\n".join([
        "## The fault proxy beside HAProxy", "",
        f"{when_and_where()}; proxies on core {options.cores[0]}, nginx and wrk on core {options.cores[1]}; medians of "
        f"{options.rounds} interleaved rounds of {options.seconds} s: `{options.command}`.", "",
        *([of_the_machine([run for runs in results.values() for run in runs]), ""] if results else []),
        "Versions: " + ", ".join(f"{name} {known}" for name, known in versions.items()) + ".", "",
        "Ratios are medians of the rounds' own ratios, to the best of HAProxy's settings. CPU is user and system time "
        "÷ the requests that nginx counted, start and end included; `its core`: the busy part of the proxies' core."])


def parsed():
    parser = argparse.ArgumentParser(prog="benches/proxy/run", description=__doc__)
    known = ["small", "large", "latency", "memory"]

    def tables(text):
        unknown = set(text.split(",")) - set(known)
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return text.split(",")

    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=50, help="of the throughput tables")
    parser.add_argument("--held", type=int, default=9000, help="connections of the memory table")
    parser.add_argument("--tables", type=tables, default=known, help=", ".join(known))
    parser.add_argument("--cores", type=lambda text: [int(part) for part in text.split(",")], default=None,
                        help="the proxies', and that of nginx and wrk")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between runs")
    parser.add_argument("--gate", action="store_true", help="exit code 1 where a promise is missed")
    parser.add_argument("--place", default="target/proxy-bench", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.cores = options.cores or sorted(os.sched_getaffinity(0))[1::-1]
    if len(options.cores) != 2:
        parser.error("two cores are needed: one for the proxies, one for nginx and wrk")
    # The script puts the place before what was given to it.
    options.command = " ".join(["benches/proxy/run", *sys.argv[3:]])
    return options


def measured(nginx, cases, options):
    """Results of all rounds, and the ways that they are of."""
    if not cases:
        return {}, []
    options.only = start_ways(nginx, options)
    try:
        return all_rounds(cases, nginx, options), options.only
    finally:
        for way in options.only:
            way.stop()


def main():
    options = parsed()
    cases = cases_of(options)
    nginx = start_nginx(options)
    try:
        results, all_ways = measured(nginx, cases, options)
        held = hold_all(nginx, options) if "memory" in options.tables else []
    finally:
        nginx.stop()
    promises, missed = gate(results, cases, held)
    parts = [heading(results, options)]
    parts += [(latency_table if case.table == "latency" else rate_table)(results, case, all_ways) for case in cases]
    parts += [memory.table(held)] if held else []
    text = "\n\n".join([*parts, promises]) + "\n"
    print(text)
    with open(f"{options.place}/result.md", "w") as file:
        file.write(text)
    for promise in missed:
        print(f"MISSED: {promise}" if options.gate else f"missed: {promise}", file=sys.stderr)
    sys.exit(1 if options.gate and missed else 0)


if __name__ == "__main__":
    main()
