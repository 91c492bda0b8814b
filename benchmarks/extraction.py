"""How well free text becomes findings: `python benchmarks/extraction.py DIR [--samples]`, or `--bounds`.

DIR holds `samples/NAME.md`, texts of reviewers, and `expected/NAME.json`, an object whose `findings` have
`file`, `line_start`, `severity` and `title`; null where the text gives none. Each measure matches findings
one to one inside a sample, as many as possible:

loc       same file (one path is the end of the other) and same first line, of findings that have a file
file      the same without the line
count     the smaller of the two numbers of findings
severity  of the findings matched by `loc`, how many have the severity expected (the middle where none is)

`--bounds` times texts of a megabyte made to be slow; the exit code is 1 if one takes longer than 3 seconds
of processor time (it is one thread: other work on the machine counts nothing).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lok_core.findings.reading import Problem
from lok_core.findings.told import told

LIMIT_S = 3.0
SIZE = 1_000_000


def components(path: str) -> list[str]:
    path = re.sub(
        r"^/?([A-Za-z]):/", lambda drive: f"{drive[1].lower()}:/", path.strip("`\"' ").replace("\\", "/")
    )
    return [part for part in path.split("/") if part not in ("", ".", "..")]


def same_file(one: str, other: str) -> bool:
    first, second = components(one), components(other)
    length = min(len(first), len(second))
    return length > 0 and first[-length:] == second[-length:]


def matched(left: list[Any], right: list[Any], fits: Callable[[Any, Any], bool]) -> dict[int, int]:
    """A maximum one-to-one matching: index on the right to index on the left."""
    owner: dict[int, int] = {}

    def grow(index: int, seen: set[int]) -> bool:
        for other, item in enumerate(right):
            if other not in seen and fits(left[index], item):
                seen.add(other)
                if other not in owner or grow(owner[other], seen):
                    owner[other] = index
                    return True
        return False

    for index in range(len(left)):
        grow(index, set())
    return owner


def scores(problems: tuple[Problem, ...], expected: list[dict[str, Any]]) -> dict[str, tuple[int, int, int]]:
    """For each measure how many are right, were given, and were expected."""
    placed = [problem for problem in problems if problem.locations]
    wanted = [finding for finding in expected if finding.get("file")]

    def file_fits(problem: Problem, finding: dict[str, Any]) -> bool:
        return same_file(problem.locations[0].path, finding["file"])

    def place_fits(problem: Problem, finding: dict[str, Any]) -> bool:
        return file_fits(problem, finding) and problem.locations[0].line == finding.get("line_start")

    pairs = matched(placed, wanted, place_fits)
    rated = sum(placed[mine].severity == wanted[theirs].get("severity") for theirs, mine in pairs.items())
    return {
        "loc": (len(pairs), len(placed), len(wanted)),
        "file": (len(matched(placed, wanted, file_fits)), len(placed), len(wanted)),
        "count": (min(len(problems), len(expected)), len(problems), len(expected)),
        "severity": (rated, len(pairs), len(pairs)),
    }


def f1(right: int, given: int, expected: int) -> tuple[float, float, float]:
    precision = right / given if given else float(not expected)
    recall = right / expected if expected else 1.0
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def measure(directory: Path, each: bool) -> None:
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    exact = zeros = clean = samples = 0
    for label in sorted((directory / "expected").glob("*.json")):
        expected = json.loads(label.read_text(encoding="utf-8"))["findings"]
        problems = told((directory / "samples" / f"{label.stem}.md").read_text(encoding="utf-8")).problems
        result = scores(problems, expected)
        for name, numbers in result.items():
            totals[name] = [sum(pair) for pair in zip(totals[name], numbers, strict=True)]
        samples += 1
        exact += len(problems) == len(expected)
        zeros += not expected
        clean += not expected and not problems
        if each:
            shown = "  ".join(f"{name} {f1(*numbers)[2]:.2f}" for name, numbers in result.items())
            print(f"{label.stem:>24}  expected {len(expected):>3}  found {len(problems):>3}  {shown}")
    for name, (right, given, wanted) in totals.items():
        precision, recall, both = f1(right, given, wanted)
        print(
            f"{name:>9}: P {precision:.4f}  R {recall:.4f}  F1 {both:.4f}   "
            f"({right} of {given} found, {wanted} expected)"
        )
    print(f"exact count in {exact} of {samples} samples; {clean} of {zeros} without findings stayed so")


def hostile() -> dict[str, str]:
    """Texts of about a megabyte, each of a shape that has been slow for some reader of text."""
    item = "- **High**: `src/app/module_{0}.py:{0}` value {0} is read before it is set\n"
    section = "### {0}. Value {0} is lost\n\n**File:** `src/m{0}.py:{0}`\n\nIt is overwritten.\n\n"
    row = "| {0} | High | `src/m{0}.py` | {0} | value {0} is lost |\n"
    finding = '{{"title": "value {0} lost", "file": "m{0}.py", "line": {0}, "severity": "low"}},'

    def many(form: str) -> str:
        number = SIZE // len(form.format(10_000))
        return "".join(form.format(index) for index in range(1, number))

    def fill(piece: str) -> str:
        return piece * (SIZE // len(piece))

    return {
        "distinct items": many(item),
        "distinct sections": many(section),
        "table": "| # | Severity | File | Line | Issue |\n|---|---|---|---|---|\n" + many(row),
        "short table": "|a|b|\n|-|-|\n" + fill("|x|y|\n"),
        "equal items": fill("- a.py:1\n"),
        "shortest items": fill("- a\n"),
        "nested items": "".join(" " * min(depth, 4000) + "- a.py:1\n" for depth in range(600))
        + fill("- b\n"),
        "brackets": fill("["),
        "braces": fill('{"a":'),
        "spaces": fill(" "),
        "spaced words": fill("a" + " " * 60),
        "newlines": fill("\n"),
        "back-ticks": fill("`"),
        "fences": fill("```\n"),
        "open fences": fill("```python\n"),
        "path": fill("a/"),
        "bracket path": fill("[a]/"),
        "paths": fill("a/b.py:1 "),
        "links": fill("[a](b.py#L1) "),
        "open links": fill("[a]("),
        "word": fill("a"),
        "digits": fill("1"),
        "numbers": fill("1, "),
        "lines": fill("lines 1-2, "),
        "colons": fill("a: "),
        "labels": fill("File: a.py\n"),
        "records": many("File: m{0}.py\nLine: {0}\nIssue: value {0} is lost\n\n"),
        "inline labels": fill("Severity: High. File: a.py. "),
        "stars": fill("*a"),
        "bold": fill("**a** "),
        "bold lines": fill("**Title one**\n\n"),
        "headings": fill("# a\n"),
        "nested headings": fill("# a\n## b\n### c\n#### d\n"),
        "quotes": fill("> "),
        "tags": fill("<a>"),
        "comments": fill("<!--"),
        "summaries": fill("<summary>"),
        "nested details": fill("<details><summary>a</summary>\n"),
        "quoted paths": fill("`a b/c d.py` "),
        "footnotes": fill("[1]: a.py:1\n") + fill("x [1]\n")[: SIZE // 2],
        "frames": fill("│ a │\n"),
        "findings as tags": fill("<issue><file>a.py</file></issue>"),
        "pipes": fill("|"),
        "rules": fill("---\n"),
        "paragraphs": fill("src/a.py:3 is wrong.\n\n"),
        "one paragraph": fill("src/a.py:3 is wrong.\n"),
        "json": '{"findings": [' + many(finding)[:-1] + "]}",
        "cut json": '{"findings": [' + many(finding),
        "broken json": "{'findings': [" + many(finding.replace('"', "'")),
        "json lines": many(finding).replace("},", "}\n"),
        "deep json": '[{"a":' * (SIZE // 12),
        "letters": "".join(chr(0x4E00 + index % 20_000) for index in range(SIZE)),
        "labels in a language": fill("问题\uff1a位置\uff1a行\uff1a"),
        "escapes": fill("\x1b["),
        "backslashes": fill("\\"),
    }


def bounds(only: str | None) -> int:
    worst = 0.0
    for name, text in hostile().items():
        if only and only != name:
            continue
        started = time.process_time()
        telling = told(text)
        taken = time.process_time() - started
        worst = max(worst, taken)
        mark = "  SLOW" if taken > LIMIT_S else ""
        print(
            f"{name:>22}  {taken:6.2f} s  {len(telling.problems):>6} findings  "
            f"{'; '.join(telling.cut)}{mark}",
            flush=True,
        )
    print(f"slowest: {worst:.2f} s; the bound is {LIMIT_S} s")
    return int(worst > LIMIT_S)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path, nargs="?", help="with `samples` and `expected`")
    parser.add_argument("--samples", action="store_true", help="print a line for each sample")
    parser.add_argument(
        "--bounds", nargs="?", const="", metavar="SHAPE", help="time the slow shapes, or one of them"
    )
    arguments = parser.parse_args()
    if arguments.directory is None and arguments.bounds is None:
        parser.error("give a directory, or --bounds")
    if arguments.directory is not None:
        measure(arguments.directory, arguments.samples)
    return bounds(arguments.bounds) if arguments.bounds is not None else 0


if __name__ == "__main__":
    sys.exit(main())
