"""lok backends test."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import click

from lok_core.cli.options import offer, text_or_json
from lok_core.cli.output import hidden, hide, load_plugins, say, write_stdout
from lok_core.cli.places import given, read_setup
from lok_core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import trio

    from lok_core.lok import Panel
    from lok_core.testing.trial import Result

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NAME_WIDTH = 46  # of the longest case
_NAMED = 3  # cases that are left out for one reason; of more only their number is told


@click.command(short_help="Check a backend against the contract that all of them keep.")
@click.argument("name", shell_complete=offer("backends"))
@click.option(
    "-c", "--config", "file", type=click.Path(), metavar="FILE", help="A lok.toml that counts most."
)
@text_or_json
@click.pass_context
def test(ctx: click.Context, name: str, file: str | None, form: str) -> int:
    """Checks the backend of that name against the contract that all backends keep.

    Its own program is not started: a fake one takes its place, and answers, breaks, hangs or floods. Exits
    with 0 when every case that applies holds, else with 1.
    """
    if not __debug__:
        raise UsageError("the cases are assertions, which `python -O` leaves out", "unset PYTHONOPTIMIZE")
    import trio  # not at the top: `--help` would pay for it

    panel = _panel(given(ctx, "config", file), name)
    received: list[int] = []
    found = trio.run(_tell, panel, name, form, received)
    if received:
        return 128 + received[0]
    write_stdout(_json(name, found) if form == "json" else _end(name, found))
    return ExitCode.FINDINGS if any(one.state == "failed" for one in found) else ExitCode.OK


def _panel(config: str | None, name: str) -> Panel:
    from lok_core import lok as lok_face

    setup = read_setup(config)
    registry = load_plugins(setup.env)
    settings = setup.settings(registry)
    for note in settings.notes:
        say(f"note: {note}")
    panel = lok_face.make_panel(registry, setup.env, (name,), settings)
    hide(panel.secrets)
    return panel


async def _tell(panel: Panel, name: str, form: str, received: list[int]) -> list[Result]:
    """What comes of each case; as text, what applies is told as it comes."""
    import trio

    from lok_core.testing.trial import results

    found = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_heed, nursery.cancel_scope, received)
        async for result in results(panel.get(name)):
            found.append(result)
            if form == "text" and result.state != "left out":
                write_stdout(_line(f"{result.state:8}  {result.case.name:{_NAME_WIDTH}}  {result.why}"))
        nursery.cancel_scope.cancel()
    return found


async def _heed(scope: trio.CancelScope, received: list[int]) -> None:
    """Ends the case under way on Ctrl-C and its like, so that its program and its folder go; a second one
    ends lok."""
    import trio

    numbers = [one for one in _SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
    if not numbers:
        return
    with trio.open_signal_receiver(*numbers) as signals:
        received.append(await anext(signals))
    scope.cancel()


def _end(name: str, found: list[Result]) -> str:
    """What was left out, by the reason, and how many of each there are."""
    left: dict[str, list[str]] = {}
    for one in found:
        if one.state == "left out":
            left.setdefault(one.why, []).append(one.case.name)
    lines = [
        f"left out  {', '.join(names) if len(names) <= _NAMED else f'{len(names)} cases'}: {why}"
        for why, names in left.items()
    ]
    states = [one.state for one in found]
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("ok", "failed", "left out"))
    return "".join(_line(line) for line in (*lines, "", f"{name}: {counts}"))


def _line(text: str) -> str:
    from lok_core.sanitize import clean_line

    return clean_line(hidden(text)).rstrip() + "\n"


def _json(name: str, found: list[Result]) -> str:
    table = {
        "schema": "lok.contract/1",
        "backend": name,
        "ok": not any(one.state == "failed" for one in found),
        "cases": [
            {"name": one.case.name, "promise": one.case.promise, "result": one.state, "reason": one.why}
            for one in found
        ],
    }
    return hidden(json.dumps(table, indent=2)) + "\n"
