"""How many planted bugs static and plain ruff find, and with how many hits.

    python benchmarks/planted.py [-v] [DIR]

DIR (default: `planted`, beside this file) holds programs and `bugs.toml`, a list of `[[bug]]` tables with
`file` (relative to DIR), `line`, `category` and `what`. A hit is a distinct (file, line); those of static are
the findings of `lok hunt --all` and `lok audit --all` together. A bug is found when a hit in its file lies
within 2 lines of it. Exit code 1 when an analyser fails, 2 for labels that do not fit DIR.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LABELS = "bugs.toml"
NEAR = 2
TIMEOUT = 600.0
RUFF_RULES = "E9,F,B,S,PERF,PLE,PLW,ASYNC,BLE,DTZ"

Hit = tuple[str, int]


class AnalyserError(Exception):
    """An analyser could not be run or its output could not be read."""


@dataclass(frozen=True)
class Bug:
    """One planted bug; `line` counts from 1."""

    file: str
    line: int
    category: str
    what: str

    def is_found(self, hits: Iterable[Hit]) -> bool:
        return any(file == self.file and abs(line - self.line) <= NEAR for file, line in hits)


def load_bugs(folder: Path) -> list[Bug]:
    """Read the labels of a folder.

    Raises ValueError for a label that names no line of the folder, OSError when there are no labels.
    """
    labels = tomllib.loads((folder / LABELS).read_text(encoding="utf-8"))
    try:
        bugs = [Bug(**entry) for entry in labels["bug"]]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{LABELS}: {error}") from error
    for bug in bugs:
        path = folder / bug.file
        if not path.is_file():
            raise ValueError(f"{LABELS}: no file {bug.file}")
        lines = path.read_text(encoding="utf-8").splitlines()
        if not 1 <= bug.line <= len(lines):
            raise ValueError(f"{LABELS}: {bug.file} has no line {bug.line}")
    return bugs


def run_json(argv: list[str]) -> Any:
    """Run a program and read its standard output as JSON.

    Raises AnalyserError.
    """
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AnalyserError(f"{argv[0]}: {error}") from error
    if done.returncode != 0:
        raise AnalyserError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise AnalyserError(f"{' '.join(argv)} printed no JSON: {error}") from error


def relative(path: str, folder: Path) -> str:
    # Analysers name files relative to the folder or absolute, lok and ruff differ in this.
    return Path(os.path.relpath(folder / path, folder)).as_posix()


def report_hits(report: Any, folder: Path) -> set[Hit]:
    """The first location of each finding of a lok report; findings without a line are no hits.

    Raises AnalyserError for what is no report.
    """
    try:
        places = [finding["locations"][0] for finding in report["findings"] if finding["locations"]]
        located = [place for place in places if place["line"] is not None]
        return {(relative(place["path"], folder), place["line"]) for place in located}
    except (KeyError, TypeError) as error:
        raise AnalyserError(f"not a report of lok: {error!r}") from error


def static_hits(folder: Path) -> set[Hit]:
    """What `lok hunt` and `lok audit` find together with the static backend. Raises AnalyserError."""
    hits: set[Hit] = set()
    for task in ("hunt", "audit"):
        argv = [sys.executable, "-m", "lok_core", task, "-b", "static", "--all", "-f", "json", str(folder)]
        hits |= report_hits(run_json(argv), folder)
    return hits


def ruff_hits(folder: Path) -> set[Hit]:
    """What ruff alone finds with the rule groups that look for bugs. Raises AnalyserError."""
    beside = shutil.which("ruff", path=str(Path(sys.executable).parent))
    program = beside or shutil.which("ruff")
    if program is None:
        raise AnalyserError("ruff is neither beside the interpreter nor on PATH")
    options = ["--isolated", "--no-cache", "--exit-zero", "--output-format", "json", "--select", RUFF_RULES]
    entries = run_json([program, "check", *options, str(folder)])
    try:
        return {(relative(entry["filename"], folder), entry["location"]["row"]) for entry in entries}
    except (KeyError, TypeError) as error:
        raise AnalyserError(f"unexpected output of ruff: {error!r}") from error


def main() -> int:
    """Run both analysers and print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description="Count planted bugs found by static and by plain ruff.")
    default = Path(__file__).with_name("planted")
    parser.add_argument("folder", nargs="?", type=Path, default=default, metavar="DIR")
    parser.add_argument("-v", "--verbose", action="store_true", help="list each bug and who found it")
    args = parser.parse_args()
    folder = args.folder.resolve()
    try:
        bugs = load_bugs(folder)
    except (OSError, ValueError) as error:
        parser.error(str(error))

    results: dict[str, set[Hit]] = {}
    failed = False
    for name, hits_of in (("static", static_hits), ("ruff", ruff_hits)):
        try:
            results[name] = hits_of(folder)
        except AnalyserError as error:
            print(f"error: {name}: {error}", file=sys.stderr)
            failed = True

    if args.verbose:
        for bug in bugs:
            finders = ",".join(name for name, hits in results.items() if bug.is_found(hits)) or "-"
            print(f"{finders:<12} {bug.file}:{bug.line} [{bug.category}] {bug.what}")
        print()
    print(f"{'':<8}{'found':>10}{'hits':>7}")
    for name, hits in results.items():
        found = sum(bug.is_found(hits) for bug in bugs)
        print(f"{name:<8}{f'{found}/{len(bugs)}':>10}{len(hits):>7}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
