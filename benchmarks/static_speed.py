"""How long `lok hunt` takes on real trees, against ruff and ast-grep run directly with the same rules.

    python benchmarks/static_speed.py DIR...

Runs both ways alternately, three rounds each, and prints the medians of the wall time in seconds and whether
lok stays below twice the direct time plus half a second. Also checks that every finding names a file and a
line that exist. Exits 1 if either does not hold.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lok_backend_static import rules
from lok_backend_static.programs import find

ROUNDS = 3
LANGUAGES = ("c", "go", "java", "javascript", "typescript", "tsx", "php", "python", "ruby", "rust")


def direct(directory: Path, folder: Path) -> float:
    """Seconds until both analysers, started at the same time, have ended."""
    ruff, ast_grep = find("ruff", {}), find("ast-grep", {})
    assert ruff
    assert ast_grep
    select = ",".join(rules.ruff_rules())
    commands = [
        [
            ruff,
            "check",
            "--isolated",
            "--no-cache",
            "--exit-zero",
            "--output-format=json",
            f"--select={select}",
        ],
        [ast_grep, "scan", f"--config={folder / 'sgconfig.yml'}", "--json=stream", "--include-metadata"],
    ]
    begin = time.perf_counter()
    running = []
    for number, command in enumerate(commands):
        with (folder / f"{number}.out").open("wb") as output:
            running.append(
                subprocess.Popen([*command, directory], stdout=output, stderr=subprocess.DEVNULL, cwd=folder)
            )
    for process in running:
        if process.wait() != 0:
            sys.exit(f"{process.args!r} ended with exit code {process.returncode}")
    return time.perf_counter() - begin


def through_lok(directory: Path) -> tuple[float, dict[str, Any]]:
    """Seconds that `lok hunt` takes, and its report."""
    command = [sys.executable, "-m", "lok_core", "hunt", "--all", "-f", "json", str(directory)]
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    took = time.perf_counter() - begin
    if done.returncode != 0:
        sys.exit(f"lok ended with exit code {done.returncode}: {done.stderr.decode(errors='replace')}")
    report: dict[str, Any] = json.loads(done.stdout)
    return took, report


def misplaced(report: dict[str, Any], directory: Path) -> list[str]:
    """The places that do not exist."""
    wrong = []
    for finding in report["findings"]:
        for location in finding["locations"]:
            path = directory / location["path"]
            lines = path.read_bytes().removesuffix(b"\n").count(b"\n") + 1 if path.is_file() else 0
            if not 1 <= (location["line"] or 1) <= (location["end_line"] or location["line"] or 1) <= lines:
                wrong.append(f"{location['path']}:{location['line']}")
    return wrong


def main(directories: list[str]) -> int:
    good = True
    for name in directories:
        directory = Path(name).resolve()
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            rules.write_ast_grep_config(folder, LANGUAGES)
            directly, by_lok = [], []
            for _ in range(ROUNDS):
                directly.append(direct(directory, folder))
                took, report = through_lok(directory)
                by_lok.append(took)
        one, other = statistics.median(directly), statistics.median(by_lok)
        limit = 2 * one + 0.5
        wrong = misplaced(report, directory)
        good = good and other <= limit and not wrong
        print(
            f"{directory.name}: direct {one:.2f} s, lok {other:.2f} s, ratio {other / one:.2f}, "
            f"limit {limit:.2f} s {'held' if other <= limit else 'MISSED'}; "
            f"{len(report['findings'])} findings, {len(wrong)} misplaced {' '.join(wrong[:5])}"
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
