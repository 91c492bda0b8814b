"""lok runs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from lok_core.cli.options import text_or_json
from lok_core.cli.output import say, write_stdout
from lok_core.cli.places import state_dir
from lok_core.errors import UsageError

if TYPE_CHECKING:
    from lok_core.lok import Past

_DAY_S = 86_400.0
_DAYS = 30
_QUESTION = 50  # characters of it that a list shows


@click.command(short_help="List the runs that can be shown again or gone on with.")
@text_or_json
@click.option("--prune", "pruning", is_flag=True, help="Remove old ones, and stop.")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help=f"With --prune: those that ended so many days ago.  [default: {_DAYS}]",
)
def runs(form: str, pruning: bool, older_than: float | None) -> None:
    """Lists the runs, newest first: id, when, how it ended, answers of requests, command, directory.

    `lok show ID` shows the report of a run again, in any format; `lok resume ID` asks what has no answer yet.
    Nothing is removed unless --prune says so.
    """
    from lok_core import lok as lok_face  # not at the top: `--help` would pay for it

    if older_than is not None and not pruning:
        raise UsageError("--older-than says what --prune removes", "add --prune")
    if pruning:
        removed = lok_face.prune(state_dir(), (_DAYS if older_than is None else older_than) * _DAY_S)
        write_stdout(f"{removed} run{'' if removed == 1 else 's'} removed\n")
        return
    found = lok_face.past_runs(state_dir())
    if others := lok_face.runs_of_others(state_dir()):
        say(f"note: left out, as another version of lok wrote them: {', '.join(others)}")
    if form == "json":
        write_stdout(
            json.dumps({"schema": "lok.runs/1", "runs": [_row(one) for one in found]}, indent=2) + "\n"
        )
    else:
        write_stdout("".join(map(_line, found)) or "no run has been kept yet\n")


def _row(past: Past) -> dict[str, Any]:
    return {
        "run": past.run,
        "id": past.short,
        "started_at": past.started_at.isoformat(timespec="seconds"),
        "command": past.command,
        "question": _question(past),
        "directory": str(past.directory),
        "state": past.state,
        "requests": past.requested,
        "answers": past.answered,
        "continues": past.continues,
        "journal": str(past.path),
    }


def _question(past: Past) -> str:
    from lok_core.sanitize import mask

    return mask(past.question, past.secrets(os.environ))


def _line(past: Past) -> str:
    from lok_core.sanitize import clean_line

    when = past.started_at.astimezone().strftime("%Y-%m-%d %H:%M")
    words = " ".join(_question(past).split())
    if len(words) > _QUESTION:
        words = f"{words[: _QUESTION - 3]}..."
    asked = f"{past.command} {words!r}" if words else past.command
    count = f"{past.answered}/{past.requested}"
    return clean_line(f"{past.short}  {when}  {past.state:11}  {count:>5}  {asked}  {past.directory}") + "\n"
