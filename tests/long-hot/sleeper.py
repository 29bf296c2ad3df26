"""A bare sleeper: python3 sleeper.py SECONDS

Wakes at each millisecond, at absolute times, and prints how late it was, in µs: p50, p99, p99.9 and
maximum. As root it comes before all other threads of its core, so that it is late only where the machine is.
"""
import os
import sys
import time

PERIOD_NS = 1_000_000


def main():
    if os.geteuid() == 0:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    start, late = time.monotonic_ns(), []
    for number in range(1, int(float(sys.argv[1]) * 1e9 / PERIOD_NS)):
        due = start + number * PERIOD_NS
        # To the ns, at an absolute time, by clock_nanosleep.
        time.sleep(max(due - time.monotonic_ns(), 0) / 1e9)
        late.append(time.monotonic_ns() - due)
    late.sort()
    print(*(late[int((len(late) - 1) * share)] // 1000 for share in (0.5, 0.99, 0.999, 1)))


main()
