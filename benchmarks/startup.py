"""How long lok takes to start, as ratios of medians in one run.

    python benchmarks/startup.py [ROUNDS]

Each command runs ROUNDS times (20), in turn with the command it is compared with, so that both see the same
machine. Exits with 1 if a ratio is above its bound.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = sys.executable
LOK = str(Path(PYTHON).with_name("lok"))

ROWS = (
    # what, the command, what it is compared with, bound
    ("lok --version", [LOK, "--version"], "pass", 1.3),
    ("lok ask --help", [LOK, "ask", "--help"], "import click", 1.2),
    ("lok plugins --help", [LOK, "plugins", "--help"], "import click", 1.2),
    ("lok --help", [LOK, "--help"], "import click", 2.0),
)
FIRST_CHILD_BOUND = 1.5


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as home:
        # Bytecode is written as for any user, whatever this shell says.
        env = {"PATH": os.environ["PATH"], "HOME": home}
        failed = False
        for what, command, baseline, bound in ROWS:
            compared = [PYTHON, "-c", baseline]
            ratio, times = _ratio(command, compared, env, rounds)
            failed |= _print(what, f"python -c '{baseline}'", ratio, bound, times)
        ratio, times = _first_child(env, rounds)
        failed |= _print(
            "lok ask to its first child",
            "python -c 'import trio, click, pluggy'",
            ratio,
            FIRST_CHILD_BOUND,
            times,
        )
    return int(failed)


def _print(what: str, baseline: str, ratio: float, bound: float, times: tuple[float, float]) -> bool:
    verdict = "ok" if ratio <= bound else "TOO SLOW"
    print(
        f"{what:27} {times[0] * 1000:6.1f} ms   {baseline:40} {times[1] * 1000:6.1f} ms   "
        f"{ratio:.2f}x (bound {bound}x) {verdict}"
    )
    return ratio > bound


def _ratio(
    command: list[str], compared: list[str], env: dict[str, str], rounds: int
) -> tuple[float, tuple[float, float]]:
    _timed(command, env)
    _timed(compared, env)
    pairs = [(_timed(command, env), _timed(compared, env)) for _ in range(rounds)]
    medians = statistics.median(one for one, _ in pairs), statistics.median(other for _, other in pairs)
    return medians[0] / medians[1], medians


def _timed(command: list[str], env: dict[str, str]) -> float:
    begin = time.monotonic()
    subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - begin


def _first_child(env: dict[str, str], rounds: int) -> tuple[float, tuple[float, float]]:
    """`lok ask` until the program of a backend runs: the child tells when it was started."""
    with tempfile.TemporaryDirectory() as site, tempfile.TemporaryDirectory() as empty:
        _install_probe(Path(site))
        probed = {**env, "PYTHONPATH": site}
        command = [LOK, "ask", "-q", "-b", "probe", "when?"]
        compared = [PYTHON, "-c", "import trio, click, pluggy"]

        def once() -> float:
            begin = time.monotonic()
            # In a folder without files: how long looking at them takes is not the start of lok.
            done = subprocess.run(command, env=probed, cwd=empty, capture_output=True, check=True, text=True)
            return float(done.stdout.splitlines()[1]) - begin

        once()
        pairs = [(once(), _timed(compared, env)) for _ in range(rounds)]
    medians = statistics.median(one for one, _ in pairs), statistics.median(other for _, other in pairs)
    return medians[0] / medians[1], medians


def _install_probe(site: Path) -> None:
    """A plugin whose backend starts `date`, which says when it ran by the clock that we use."""
    info = site / "lok_backend_probe-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lok-backend-probe\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[lok]\nprobe = lok_backend_probe\n")
    # /proc/uptime is CLOCK_BOOTTIME, which on a machine that never slept is CLOCK_MONOTONIC.
    (site / "lok_backend_probe.py").write_text(
        "from lok_core import Backend, Profile, Reply, hookimpl\n"
        "class Probe(Backend):\n"
        "    kind = 'probe'\n"
        "    profile = Profile(asked_by_default=False)\n"
        "    async def query(self, request, run):\n"
        "        return Reply((await run.command(['cut', '-d ', '-f1', '/proc/uptime'])).stdout.decode())\n"
        "@hookimpl\n"
        "def lok_register_backends():\n"
        "    return [Probe]\n"
    )


if __name__ == "__main__":
    sys.exit(main())
