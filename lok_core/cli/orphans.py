"""`lok doctor --orphans`: what a lok has left that was killed, and its guard with it."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import click

from lok_core.cli.output import complain, load_plugins, say, write_stdout
from lok_core.cli.places import read_setup
from lok_core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lok_core.lok.orphans import Orphan


def tell_orphans(config: str | None, form: str, *, end: bool, yes: bool) -> int:
    """Lists them, ends them if that is wanted, and returns the exit code.

    Args:
        config: a file of configuration that the user named; it says what is secret.
        form: `text` or `json`.
        end: whether they are to be ended.
        yes: whether nobody needs to be asked.

    Raises:
        UsageError: there is no way to see processes.
    """
    from lok_core.lok.orphans import end_orphans, orphans

    if not os.path.exists("/proc/self/environ"):
        raise UsageError(
            "what a killed lok has left cannot be told on this system", "it takes the /proc of Linux"
        )
    mask = _masking(config)
    found, ended = orphans(), 0
    left = found
    if form == "text":
        write_stdout(_text(found, mask))
    if found and end and (yes or _agreed(len(found), form)):
        end_orphans(found)
        left = orphans()
        ended = len({one.pid for one in found} - {one.pid for one in left})
        say(f"ended {_count(ended)}" + (f", {len(left)} left" if left else ""))
    if form == "json":
        write_stdout(_json(found, left, mask))
    return ExitCode.NO_ANSWER if left else ExitCode.OK


def _masking(config: str | None) -> Callable[[str], str]:
    from lok_core import lok as lok_face

    setup = read_setup(config)
    registry = load_plugins(setup.env)
    return lok_face.make_panel(registry, setup.env, (), setup.settings(registry)).mask


def _agreed(number: int, form: str) -> bool:
    terminal = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
    if not terminal or form != "text":  # nobody is asked about what has not been shown
        complain("nothing was ended, as nobody could be asked on a terminal", "-y ends them unasked")
        return False
    return click.confirm(f"End {_count(number)}?", err=True)


def _count(number: int) -> str:
    return f"{number} process{'' if number == 1 else 'es'}"


def _text(found: Sequence[Orphan], mask: Callable[[str], str]) -> str:
    from lok_core.sanitize import clean_line

    if not found:
        return "no process of a killed lok is left\n"
    rows = [("PID", "AGE", "COMMAND")]
    rows += [(str(one.pid), _age(one.age_s), clean_line(mask(one.command))) for one in found]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "".join(f"{pid:>{widths[0]}}  {age:>{widths[1]}}  {command}\n" for pid, age, command in rows)


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _json(found: Sequence[Orphan], left: Sequence[Orphan], mask: Callable[[str], str]) -> str:
    still = {one.pid for one in left}
    orphans = [
        {
            "pid": one.pid,
            "run": one.run,
            "age_s": one.age_s,
            "command": mask(one.command),
            "ended": one.pid not in still,
        }
        for one in found
    ]
    return json.dumps({"schema": "lok.orphans/1", "orphans": orphans}, indent=2) + "\n"
