"""Whether a round of a debate takes as long as its slowest participant.

    python benchmarks/debate.py

Three programs of a lok.toml that each take a second debate for three rounds and never agree, with lok as a
process, its start included. Prints the wall time as a ratio of these three seconds; exits with 1 if none of
three attempts stays within 1.3x.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS, SECONDS = 3, 1
BOUND = 1.3
ATTEMPTS = 3
NAMES = ("one", "two", "three")
PROGRAM = f"""#!/bin/sh
cat >/dev/null
sleep {SECONDS}
printf 'VERDICT: disagree\\nCONFIDENCE: 50\\nCHANGED: no\\nNEW EVIDENCE: none\\nPOSITION: No.\\n'
"""


def main() -> int:
    for _ in range(ATTEMPTS):  # the machine may be busy
        ratio, answered = attempt()
        asked = len(NAMES) * ROUNDS
        print(
            f"{len(NAMES)} participants of {SECONDS} s, {ROUNDS} rounds: {answered} of {asked} answered, "
            f"{ratio:.2f}x of {ROUNDS * SECONDS} s (bound {BOUND}x)"
        )
        if ratio <= BOUND and answered == asked:
            return 0
    return 1


def attempt() -> tuple[float, int]:
    """Wall time by what the rounds alone would take, and how many requests were answered."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "says-no")
        program.write_text(PROGRAM)
        program.chmod(0o755)
        config = Path(folder, "debate.toml")
        table = '[backends.{}]\nuse = "command"\ncommand = "{}"\n'
        config.write_text("".join(table.format(name, program) for name in NAMES))
        argv = [sys.executable, "-m", "lok_core", "debate", "-q", "-c", str(config), "-b", ",".join(NAMES)]
        argv += ["--rounds", str(ROUNDS), "-f", "json", "Yes or no?"]
        env = {**os.environ, "HOME": folder}
        begin = time.monotonic()
        done = subprocess.run(argv, cwd=folder, env=env, stdout=subprocess.PIPE, check=True)
        ratio = (time.monotonic() - begin) / (ROUNDS * SECONDS)
    return ratio, sum(one["outcome"] == "answer" for one in json.loads(done.stdout)["outcomes"])


if __name__ == "__main__":
    sys.exit(main())
