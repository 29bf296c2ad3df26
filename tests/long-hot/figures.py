"""Rows of the tables of tests/long, from a run's folder: python3 figures.py WHAT ARGUMENTS…

Exit code 1 where a figure is not as it must be; what is wrong stands in its row, in capitals.
"""
import collections
import csv
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../docs/examples"))
import frames as record  # noqa: E402

LOST = ("connect_error", "broken", "timeout")
wrong = 0


def must(holds, text):
    """The text of a cell."""
    global wrong
    if holds:
        return text
    wrong += 1
    return f"{text} WRONG"


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def summary(run):
    with open(f"{run}/summary.json") as file:
        return json.load(file)


def quantile(ordered, share):
    """The smallest value that at least this share of all does not exceed."""
    rank = max(-(-len(ordered) * int(share * 1e6) // 1_000_000), 1)
    return ordered[rank - 1]


def raw(run):
    """Each request, by column."""
    with open(f"{run}/raw.csv", newline="") as file:
        yield from csv.DictReader(file)


def held(run, log, viewers):
    """Presence, losses, and the log of nginx beside the record."""
    viewers = int(viewers)
    with open(f"{run}/record/manifest.json") as file:
        until = json.load(file)["until"]
    # Viewer-µs, length and arrivals of each interval, over all workers.
    intervals = collections.defaultdict(lambda: [0, 0, 0])
    answers, unanswered, lost, sent = collections.Counter(), set(), 0, 0
    for frame in record.frames(run):
        interval = intervals[frame["from"]]
        interval[0] += frame["audience"][1]
        interval[1] = max(interval[1], frame["to"] - frame["from"])
        interval[2] += frame["arrivals"]["intended"]
        for _, status, count in frame["answers"]:
            answers[status] += count
        unanswered |= {(viewer, send) for viewer, send, *_ in frame["unanswered"]}
        for (measure, _, _, outcome, _), buckets, _ in frame["series"]:
            # In the window and before it: a sample of each request.
            count = sum(count for _, count in buckets) if measure == "response" else 0
            sent += count
            lost += count if outcome in LOST else 0
    present = []
    for start, (viewers_us, length_us, _) in sorted(intervals.items()):
        share = viewers_us / (min(length_us, until - start) * viewers) if start >= 0 else None
        # A last one that takes longer has more viewer-time: only too little of it tells.
        present += [] if share is None else [share if start + length_us <= until else min(share, 1)]
    far = max(abs(share - 1) for share in present)
    connects = max(each[2] / each[1] * 1e6 for each in intervals.values())
    received, ids = collections.Counter(), set()
    with open(log) as file:
        for line in file:
            name, status = line.split()
            if name in ids:
                must(False, name)
            ids.add(name)
            who = name.split("-")
            # nginx may have got it or not.
            if (int(who[1]), int(who[2])) not in unanswered:
                received[int(status)] += 1
    row("viewers held", f"{viewers:,}")
    row("intervals of the window", len(present))
    row("farthest from it in an interval", must(far <= 0.01, f"{far:.3%}"))
    row("most arrivals in a second of the lead-in", must(connects <= 2000, f"{connects:,.0f}"))
    row("requests", f"{sent:,}")
    row("connections refused, broken or timed out", must(lost == 0, lost))
    row("requests without an answer at the end", len(unanswered))
    for status in sorted(set(answers) | set(received)):
        same = must(answers[status] == received[status], f"{answers[status]:,} and {received[status]:,}")
        row(f"{status}: in the record and in nginx's log", same)
    row("answers in all: in the record and in nginx's log",
        must(answers.total() == received.total(), f"{answers.total():,} and {received.total():,}"))


def mass(run, users, workers, at_s, within_s, verdict):
    """When everybody's request was due and sent, since the moment."""
    at_us = float(at_s) * 1e6
    acts = [each for each in raw(run) if each["step"] == "act"]
    due = sorted(int(each["due_us"]) - at_us for each in acts)
    sent = sorted(int(each["sent_us"]) - at_us for each in acts)
    late = sorted(int(each["sent_us"]) - int(each["due_us"]) for each in acts)
    if not acts:
        return row(must(False, f"{int(users):,}"), workers, within_s, verdict, *["–"] * 6)
    early = late[0] < 0 or len(acts) != int(users)
    # One process has a fiftieth more time, several on fewer cores a twentieth; all at once 100 ms.
    limit_us = float(within_s) * 1e6 * (1.02 if workers == "1" else 1.05) or 100_000
    figures = [quantile(late, 0.5), quantile(late, 0.99), late[-1]]
    row(must(not early, f"{len(acts):,}"), workers, within_s, verdict, f"{sent[0] / 1000:.2f}", f"{due[-1] / 1000:.2f}",
        must(sent[-1] <= limit_us, f"{sent[-1] / 1000:.2f}"), *[f"{each / 1000:.2f}" for each in figures])


def pacing(run, kind, verdict, per_s, sleeper):
    """How late the requests of the window were sent, and how late a bare sleeper woke meanwhile."""
    told = summary(run)
    seconds = (told["verdict"]["until_match_min"] - told["verdict"]["from_match_min"]) * 60
    lag, worker = told["generator"]["lag"], told["generator"]["workers"][0]
    ledgers = [check["holds"] for check in told["verdict"]["validity"] if check["name"] in ("ledger of arrivals", "schedule")]
    bare = [int(us) for us in sleeper.split()]
    row(f"a bare sleeper beside {kind}", "", "1,000", *[f"{us:,}" for us in bare], "")
    late = [must(lag[key] <= us + more, f"{lag[key]:,}") for key, us, more in
            zip(("p50_us", "p99_us", "p99_9_us"), bare, (50, 200, 1000))]
    # A run that HULK itself calls INVALID is to be repeated; its figures stand there all the same.
    sent_per_s = lag["count"] / seconds
    row(must(ledgers == [True, True], kind), verdict, must(sent_per_s > 0.99 * int(per_s), f"{sent_per_s:,.0f}"), *late, f"{lag['max_us']:,}", f"{worker['cpu_share']['mean']:.0%}")


WHAT = {each.__name__: each for each in (held, mass, pacing)}

if __name__ == "__main__":
    WHAT[sys.argv[1]](*sys.argv[2:])
    sys.exit(1 if wrong else 0)
