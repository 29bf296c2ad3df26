"""A bare sleeper: python3 sleeper.py SECONDS CORE ASIDE

Wakes on a core at each millisecond, at absolute times, and prints how late it was, in µs: p50, p99, p99.9
and maximum. As root it comes before all other threads of that core, so that it is late only where the
machine is. Whatever else it does (its start, its sums, its end) it does aside, on another core and behind
everybody: an interpreter that ends before all others takes milliseconds from what stands on its core.
"""
import gc
import os
import sys
import time

PERIOD_NS = 1_000_000


def main():
    seconds, core, aside = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    root = os.geteuid() == 0
    late = [0] * int(seconds * 1e9 / PERIOD_NS)
    gc.disable()
    os.sched_setaffinity(0, {core})
    if root:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    start = time.monotonic_ns()
    for number in range(len(late)):
        due = start + (number + 1) * PERIOD_NS
        # To the ns, at an absolute time, by clock_nanosleep.
        time.sleep(max(due - time.monotonic_ns(), 0) / 1e9)
        late[number] = time.monotonic_ns() - due
    os.sched_setaffinity(0, {aside})
    if root:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    late.sort()
    print(*(late[int((len(late) - 1) * share)] // 1000 for share in (0.5, 0.99, 0.999, 1)))


main()
