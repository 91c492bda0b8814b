"""Writes `docs/faults.md` from the table: `uv run python -m tests.faults.page`."""

from pathlib import Path

from .matrix import LOK, PROGRAMS

PAGE = Path(__file__).parent.parent.parent / "docs" / "faults.md"

_HEAD = """\
# What goes wrong, and what lok makes of it

Each line is a test with a real lok and a real program that does just this (`tests/faults/`); the page is
made from the same table (`uv run python -m tests.faults.page`). Whatever happens: the run ends, in the time
that the last column gives for a machine with nothing else to do; what was said is not lost; no process and
no private folder is left; the report is valid JSON.

"Leaves" tells whether a process had left its backend's group and outlived it. lok finds those by the mark
`LOK_RUN_ID` in their environment, ends them and lists them as `leaked` in the report; what stays in the
group is ended with it. Of a lok that was killed together with its guard, `lok doctor --orphans` finds them
later.

## A program

| the program... | becomes | what is kept | leaves | ends within |
|---|---|---|---|---|
"""
_LOK_HEAD = """
## lok itself

Two backends are asked: one has answered, the other is at work, deaf to SIGTERM, with a grandchild in a
session of its own.

| what happens to lok | it exits with | what is kept | ends within |
|---|---|---|---|
"""
_TAIL = """
What "ends within" means for a backend that hangs: it has one second (`--timeout 1`, or 2), its group gets
SIGTERM when that is over, and SIGKILL a second later at the most.

## After lok and its guard were killed

`lok doctor --orphans` lists the processes that carry the mark of a lok which no longer runs; `--end` ends
them with their groups, after asking on a terminal (`-y` does not ask). It exits with 0 when none is left,
else with 3. Never listed: a process whose lok still runs or may still run (its start time is not known),
one of another user or in another container, one from which this lok descends. Where there is no `/proc`
nothing can be told, and it exits with 2.

## How often it was tried

`uv run python -m tests.soak` runs the table twenty times, and then two hundred requests at once with lok
interrupted or killed at a random moment, fifty times each. It prints how many faults were tried and how
many of them hung, leaked, lost something or were misjudged; the last four have to be 0.
"""


def page() -> str:
    """The whole page."""
    lines = []
    for fault in PROGRAMS:
        kinds = fault.kinds or (fault.kind,)
        becomes = " or ".join(f"`{kind}`" if kind != "answer" else "an answer" for kind in kinds if kind)
        becomes = becomes or f"exit code {fault.exit_code}"
        leaves = "yes" if fault.leaks else ""
        lines.append(f"| {fault.does} | {becomes} | {fault.kept} | {leaves} | {fault.bound_s:g} s |")
    of_lok = []
    for fault in LOK:
        code = "dead" if fault.exit_code < 0 else str(fault.exit_code)
        of_lok.append(f"| {fault.does} | {code} | {fault.kept} | {fault.bound_s:g} s |")
    return _HEAD + "\n".join(lines) + "\n" + _LOK_HEAD + "\n".join(of_lok) + "\n" + _TAIL


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
