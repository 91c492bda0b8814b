"""Whether quotes are found again after the code has changed, on real source trees.

    python benchmarks/grounding.py DIR [--seed N] [--findings N]

Takes quotes of 1 to 12 lines out of the text files of DIR, changes the files (lines inserted, removed,
blocks moved, indented anew, tabs, CRLF, renamed with a rename map and without), and grounds the findings
that cite the old places. Prints how many are called `exact` without the quote standing at the line (must be
0), how many of the quotes that moved within their file were re-anchored to a line where they stand (at least
99 %) and to the very line that was quoted, the same of the files renamed without a map whose quote stands in
no other file, crashes (must be 0), and CPU seconds per million lines. Exits 1 if a must does not hold.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from attrs import Factory, define, frozen

from lok_core.findings.fingerprint import fingerprint
from lok_core.findings.ground import ground
from lok_core.findings.quote import collapse
from lok_core.findings.tree import Tree
from lok_core.outcome import Finding, Location, Source

LENGTHS = (1, 1, 1, 2, 3, 5, 12)
LARGEST = 1 << 20  # bytes; quotes are taken from smaller files


@frozen
class Case:
    """A quote and where its first line stands now; None where it was torn apart."""

    finding: Finding
    kind: str
    path: str
    line: int | None
    quote: tuple[str, ...]
    renamed: bool


@define
class Score:
    groundings: dict[str, Counter[str]] = Factory(dict)
    wrong_exact: list[str] = Factory(list)
    lost: list[str] = Factory(list)
    moved: int = 0
    anchored: int = 0
    same_line: int = 0
    renamed: int = 0
    found_again: int = 0
    crashes: int = 0


def normal(line: str) -> str:
    return " ".join(line.split())


def told(line: str) -> bool:
    """Whether a line is worth quoting: brackets and lone keywords prove nothing."""
    return sum(character.isalnum() for character in line) >= 8


def finding(path: str, line: int | None, quote: str) -> Finding:
    source = Source("model", "benchmark", "a problem", "", "medium", "general")
    return Finding("a problem", "", "medium", "general", (Location(path, line),), (source,), quote=quote)


def changed(kind: str, lines: list[str], chance: random.Random) -> list[tuple[int | None, str]]:
    """The new lines, each with the number it had; None for new ones."""
    numbered: list[tuple[int | None, str]] = list(enumerate(lines, 1))
    if kind == "insert":
        for _ in range(chance.randint(1, 5)):
            at = chance.randrange(len(numbered) + 1)
            numbered[at:at] = [(None, f"inserted = {chance.random()}")] * chance.randint(1, 40)
    elif kind == "delete":
        at = chance.randrange(len(numbered))
        del numbered[at : at + chance.randint(1, 10)]
    elif kind == "move":
        at, size = chance.randrange(len(numbered)), chance.randint(1, 60)
        block = numbered[at : at + size]
        del numbered[at : at + size]
        to = chance.randrange(len(numbered) + 1)
        numbered[to:to] = block
    elif kind == "reindent":
        numbered = [(None, "")] * 3 + [(number, f"    {line}" if line else line) for number, line in numbered]
    elif kind == "tabs":
        numbered = [(None, "")] + [(number, line.replace("    ", "\t")) for number, line in numbered]
    elif kind == "crlf":
        numbered = [(None, "")] * 2 + [(number, f"{line}\r") for number, line in numbered]
    return numbered


KINDS = ("same", "insert", "delete", "move", "reindent", "tabs", "crlf", "rename", "rename unsaid")


def read(path: Path) -> str | None:
    try:
        if not path.is_file() or path.is_symlink() or path.stat().st_size > LARGEST:
            return None
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None
    return None if "\0" in text or "\r" in text or not any(map(told, text.split("\n"))) else text


def cases(
    directory: Path, changed_tree: Path, count: int, chance: random.Random
) -> tuple[list[Case], dict[str, str]]:
    texts = {}
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if name not in (".git", "node_modules"))
        for name in sorted(names):
            text = read(Path(folder, name))
            if text is not None:
                texts[Path(folder, name).relative_to(directory).as_posix()] = text
    each = -(-count // len(texts))
    made: list[Case] = []
    renames: dict[str, str] = {}
    for number, (path, text) in enumerate(texts.items()):
        kind = KINDS[number % len(KINDS)]
        lines = text.removesuffix("\n").split("\n")
        after = changed(kind, lines, chance)
        new_path = path
        if kind.startswith("rename"):
            new_path = f"{os.path.dirname(path)}/renamed_{number}_{os.path.basename(path)}".lstrip("/")
            if kind == "rename":
                renames[new_path] = path
        target = changed_tree / new_path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes("".join(f"{line}\n" for _, line in after).encode())
        now = {old: new for new, (old, _) in enumerate(after, 1) if old is not None}
        worth = [index for index, line in enumerate(lines) if told(line)]
        for index in chance.sample(worth, min(each, len(worth))):
            quote = lines[index : index + chance.choice(LENGTHS)]
            places = [now.get(index + 1 + offset) for offset in range(len(quote))]
            whole = places[0] is not None and places == [places[0] + offset for offset in range(len(quote))]
            reported = finding(path, index + 1, "\n".join(quote))
            line = places[0] if whole else None
            made.append(Case(reported, kind, new_path, line, tuple(quote), new_path != path))
    return made, renames


def judge(case: Case, tree: Tree, renames: dict[str, str], score: Score) -> None:
    try:
        got = ground(case.finding, tree, renames)
        fingerprint(got, tree)
    except Exception:  # noqa: BLE001 any of them is a crash
        score.crashes += 1
        traceback.print_exc()
        return
    score.groundings.setdefault(case.kind, Counter())[got.grounding] += 1
    place = got.locations[0] if got.locations else None
    stands = (
        place is not None and place.line is not None and stands_at(tree, place.path, place.line, case.quote)
    )
    cited = case.finding.locations[0]
    told_as = (
        f"{case.kind} {cited.path}:{cited.line} -> {got.grounding} {place}: {case.quote[0].strip()[:60]!r}"
    )
    if got.grounding == "exact" and not (stands and place is not None and place.line == cited.line):
        score.wrong_exact.append(told_as)
    if case.line is None:
        return
    same_line = place is not None and (place.path, place.line) == (case.path, case.line)
    if case.kind == "rename unsaid":
        text = collapse("\n".join(case.quote))
        if sum(text in file.text("collapsed").blob for file in tree.searchable) == 1:
            score.renamed += 1
            score.found_again += same_line
            if not stands:
                score.lost.append(told_as)
    elif case.renamed or case.line != cited.line:
        score.moved += 1
        score.anchored += stands
        if not stands:
            score.lost.append(told_as)
        score.same_line += same_line


def stands_at(tree: Tree, path: str, line: int, quote: tuple[str, ...]) -> bool:
    file = tree.file(path)
    wanted = [text for row in quote if (text := normal(row))]  # blank lines say nothing
    following = [] if file is None else file.lines[line - 1 : line - 1 + 10 * len(quote) + 50]
    return [text for row in following if (text := normal(row))][: len(wanted)] == wanted


def speed(lines: int, findings: int, chance: random.Random) -> float:
    """CPU seconds to ground findings in one file of that many lines, from reading it."""
    with tempfile.TemporaryDirectory() as folder:
        content = [
            f"    value_{number} = compute(value_{number // 2}, {number % 97})" for number in range(lines)
        ]
        Path(folder, "large.py").write_text("\n".join(content))
        begin = time.process_time()
        tree = Tree(Path(folder))
        for _ in range(findings):
            index = chance.randrange(lines)
            cited = max(1, index + 1 + chance.choice((0, 0, -7, 5000)))
            got = ground(finding("large.py", cited, content[index]), tree)
            fingerprint(got, tree)
            assert got.locations[0].line == index + 1, got
        return time.process_time() - begin


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=int, default=10_000)
    parser.add_argument("--show", type=int, default=5, help="failures to print of each sort")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    score = Score()
    with tempfile.TemporaryDirectory() as folder:
        made, renames = cases(options.directory, Path(folder), options.findings, chance)
        begin = time.process_time()
        tree = Tree(Path(folder))
        for case in made:
            judge(case, tree, renames, score)
        seconds = time.process_time() - begin
        lines = sum(len(file.lines) for path in tree.paths if (file := tree.file(path)) is not None)
        for path in tree.paths:  # whatever is said about any file
            for cited in (None, 1, 10**9):
                judge(Case(finding(path, cited, ""), "bare", path, None, ("",), False), tree, renames, score)
    for kind, counted in score.groundings.items():
        print(f"{kind:14}", ", ".join(f"{name} {number}" for name, number in counted.most_common()))
    for line in score.wrong_exact[: options.show] + score.lost[: options.show]:
        print("  ", line)
    share = score.anchored / max(score.moved, 1)
    print(f"findings            {len(made)} in {len(tree.paths)} files, {lines} lines")
    print(f"wrong exact         {len(score.wrong_exact)}")
    print(f"re-anchored         {score.anchored} of {score.moved} ({share:.2%})")
    print(f"... to the very line {score.same_line} ({score.same_line / max(score.moved, 1):.2%})")
    print(f"renamed, unsaid     {score.found_again} of {score.renamed} found again")
    print(f"crashes             {score.crashes}")
    print(f"CPU seconds         {seconds:.1f} for all, reading included")
    print(f"one million lines   {speed(1_000_000, 1000, chance):.1f} CPU s with 1000 findings in one file")
    return int(bool(score.wrong_exact or score.crashes or share < 0.99))


if __name__ == "__main__":
    sys.exit(main())
