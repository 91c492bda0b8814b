"""The fault matrix many times, and storms of requests that are ended at random moments.

`uv run python -m tests.soak`. Prints how many faults were tried and how many of them hung, leaked, lost
something or were misjudged; exits with 1 unless the last four are 0.
"""

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from .faults.matrix import FAULTS
from .faults.runs import heed_signals, tried
from .faults.storm import Storm

WRONG = ("hung", "leaked", "lost", "misjudged")


def main() -> int:
    """Runs what the command line asks for."""
    options = _options()
    heed_signals()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seed = random.randrange(10**6) if options.seed is None else options.seed
    print(f"seed {seed}, {options.jobs} at once{', both cores busy' if options.busy else ''}", flush=True)
    cases = []
    if options.only in ("matrix", None):
        cases += [(fault.name, partial(tried, fault)) for fault in FAULTS for _ in range(options.times)]
    if options.only in ("storms", None):
        for place in range(options.storms):
            for number in (signal.SIGINT, signal.SIGKILL):
                name = f"storm {seed + place} {number.name}"
                cases.append((name, partial(_storm, seed + place, number)))
    random.Random(seed).shuffle(cases)
    begin = time.monotonic()
    with ExitStack() as stack:
        if options.busy:
            _keep_busy(stack)
        count, slowest = _run(cases, options.jobs)
    print("slowest: " + ", ".join(f"{name} {seconds:.1f} s" for seconds, name in slowest))
    print(f"{time.monotonic() - begin:.0f} s")
    print(", ".join(f"{what} {count[what]}" for what in ("tried", *WRONG)))
    return 1 if any(count[what] for what in WRONG) else 0


def _options():
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=20, help="how often the matrix is run [20]")
    parser.add_argument("--storms", type=int, default=50, help="how many storms of each kind [50]")
    parser.add_argument("--jobs", type=int, default=2, help="how many cases at once [2]")
    parser.add_argument("--busy", action="store_true", help="keep every core busy meanwhile")
    parser.add_argument("--seed", type=int, help="of an earlier run, to repeat it")
    parser.add_argument("--only", choices=("matrix", "storms"))
    return parser.parse_args()


def _storm(seed, number, folder):
    return Storm(folder, seed, number).tried()


def _keep_busy(stack):
    from os import cpu_count

    # It ends by itself should this program be killed.
    code = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"
    for _ in range(cpu_count() or 1):
        busy = subprocess.Popen([sys.executable, "-ISc", code])
        stack.callback(busy.wait)
        stack.callback(busy.kill)


def _run(cases, jobs):
    """How many were tried and went wrong, and the slowest. What went wrong is printed at once."""
    count, seconds = Counter(tried=len(cases), **dict.fromkeys(WRONG, 0)), []
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(_in_folder, case): name for name, case in cases}
        try:
            for future in as_completed(futures):
                name, verdict = futures[future], future.result()
                seconds.append((verdict.seconds, name))
                for what, details in verdict.wrong.items():
                    count[what] += 1
                    print(f"{name} {what}: " + "; ".join(details), flush=True)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # those under way come to their end
            raise
    worst = {}
    for took, name in sorted(seconds):
        worst[name.rpartition(" ")[2] if name.startswith("storm") else name] = took
    return count, sorted(((took, name) for name, took in worst.items()), reverse=True)[:8]


def _in_folder(case):
    folder = Path(tempfile.mkdtemp(prefix="lok-soak-"))
    try:
        return case(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
