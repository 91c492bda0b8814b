"""Installs the recipes' programs one after the other and tries each: `python tests/e2e/recipes.py [NAME...]`.

What it finds goes into the table of docs/recipes.md. A program is removed again before the next one, unless
`--keep` is given; `--case NAME` tries that case only, and writes no table.
"""

import argparse
import datetime
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))  # a program that is called by its path has its own folder there only

from tests.e2e import recipe_programs as programs  # noqa: E402
from tests.e2e.recipe_cases import CASES, ready  # noqa: E402

PAGE = ROOT / "docs/recipes.md"
_BEGIN, _END = "<!-- measured: {name} -->", "<!-- end: {name} -->"


def tried(name: str, cases: list[str]) -> dict[str, tuple[bool, str]]:
    """Whether each case went well, and what happened."""
    results = {}
    for case in cases:
        try:
            with ready(name) as recipe:
                results[case] = (True, CASES[case](recipe))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            results[case] = (False, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
        good, told = results[case]
        sys.stdout.write(f"{name:9} {case:14} {'ok  ' if good else 'FAIL'} {told}\n")
        sys.stdout.flush()
    return results


def table(name: str, results: dict[str, tuple[bool, str]]) -> str:
    """The results as Markdown."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    rows = [
        f"| {case} | {'ok' if good else '**no**'} | {_cell(told)} |" for case, (good, told) in results.items()
    ]
    head = f"{name} {programs.PROGRAMS[name].version}, {today}:"
    return "\n".join([head, "", "| case | | what happened |", "|---|---|---|", *rows])


def _cell(text: str) -> str:
    return re.sub(r"([|<>*_`])", r"\\\1", text)


def write(name: str, text: str) -> None:
    """Puts the table into its place of the page."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = _BEGIN.format(name=name), _END.format(name=name)
    before, found, rest = page.partition(begin)
    _, also, after = rest.partition(end)
    if not (found and also):
        raise SystemExit(f"{PAGE} has no place for {name}")
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(programs.PROGRAMS))
    parser.add_argument("--keep", action="store_true", help="leave the programs where they were installed")
    parser.add_argument("--case", action="append", choices=list(CASES), help="this case only")
    given = parser.parse_args()
    failed = 0
    for name in given.names or programs.PROGRAMS:
        programs.install(name)
        results = tried(name, given.case or list(CASES))
        if not given.case:
            write(name, table(name, results))
        if not given.keep:
            programs.remove(name)
        failed += sum(not good for good, _ in results.values())
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
