"""lok resume, lok show."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from lok_core.cli.options import offer, run_options
from lok_core.cli.output import say
from lok_core.cli.places import given, state_dir
from lok_core.errors import UsageError

if TYPE_CHECKING:
    from lok_core.lok import Past

_OF_THE_RUN = ("backends", "directory", "models")
"""Options that cannot be given anew: with others it would be another run."""
_OF_THE_REPORT = ("format", "output", "all", "answers", "quiet")


@click.command(short_help="Go on with a run that ended early: ask what has no answer yet.")
@click.argument("run", shell_complete=offer("runs"))
@run_options
@click.pass_context
def resume(ctx: click.Context, /, run: str, **keywords: Any) -> int:
    """Does once more what RUN did, on the same directory with the same options, and asks only what has no
    answer yet.

    RUN is an id that `lok runs` lists, the beginning of one, or `last`. Options that are given here take the
    place of those that were given then.
    """
    from lok_core import lok as lok_face  # not at the top: `--help` would pay for trio
    from lok_core.cli.running import Options, recorded, run_report

    past = lok_face.past_run(state_dir(), run)
    now = {
        name: value
        for name, value in keywords.items()
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    if (config := given(ctx, "config", keywords["config"])) is not None:
        now["config"] = config
    now |= {name: os.path.abspath(now[name]) for name in ("config", "output") if now.get(name)}
    cwd = past.invocation.get("cwd") or os.getcwd()
    if not isinstance(cwd, str) or not lok_face.is_path(cwd):
        raise lok_face.unreadable(past)
    try:
        then = recorded(past.invocation)
    except ValueError as error:
        raise lok_face.unreadable(past) from error
    if past.is_complete:
        say(f"note: nothing of the run {past.short} is left to ask; this is what it came to")
        if then.get("output"):
            then["output"] = os.path.join(cwd, then["output"])
        return _show(past, keywords | then | now, judged=True)
    screening = lok_face.check_resumable(past)
    if newer := lok_face.continued(state_dir(), past):
        say(
            f"note: {newer} has gone on with this run already; "
            f"`lok show {newer}` shows it, `lok resume {newer}` goes on with that one"
        )
    _go_to(cwd)
    options = Options(**({"backends": past.names("backends")} | keywords | then | now))
    if options.config is not None and not os.path.exists(options.config):
        raise UsageError(
            f"the configuration {options.config} cannot be found",
            f"put it back where it was, or name another one: lok resume {past.short} -c FILE",
        )
    streams = screening is None  # a task shows its findings when all is in
    return run_report(options, lambda lok: lok_face.resume(lok, past), streams=streams, screening=screening)


@click.command(short_help="Show the report of an earlier run again, in any format.")
@click.argument("run", shell_complete=offer("runs"))
@run_options
def show(run: str, **keywords: Any) -> int:
    """Shows the report of RUN; of one that was killed, what had been answered. Nobody is asked.

    RUN is an id that `lok runs` lists, the beginning of one, or `last`.
    """
    from lok_core import lok as lok_face  # not at the top: `--help` would pay for it

    return _show(lok_face.past_run(state_dir(), run), keywords)


resume.params = [one for one in resume.params if one.name not in _OF_THE_RUN]
show.params = [one for one in show.params if one.name in ("run", *_OF_THE_REPORT)]


def _show(past: Past, keywords: dict[str, Any], *, judged: bool = False) -> int:
    from lok_core import lok as lok_face
    from lok_core.cli.running import Options, run_report

    options = Options(**{name: keywords[name] for name in _OF_THE_REPORT})
    return run_report(options, lambda lok: lok_face.told(lok, past), streams=False, judged=judged)


def _go_to(directory: str) -> None:
    """What was named then was named from there: a lok.toml, a baseline, where the report goes."""
    try:
        os.chdir(directory)
    except OSError as error:
        raise UsageError(
            f"the run was started in {directory}, which cannot be entered: {error.strerror}",
            "put it back where it was",
        ) from error
