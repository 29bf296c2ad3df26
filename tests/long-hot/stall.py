"""Stops a process for exactly one second: python3 stall.py PID AFTER_S"""
import os
import signal
import sys
import time

time.sleep(float(sys.argv[2]))
stopped = time.monotonic()
os.kill(int(sys.argv[1]), signal.SIGSTOP)
try:
    time.sleep(max(stopped + 1 - time.monotonic(), 0))
finally:
    os.kill(int(sys.argv[1]), signal.SIGCONT)
print(f"{time.monotonic() - stopped:.6f}")
