"""One command with backends from start to exit code: signals, progress, output."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import trio
from attrs import asdict, define, evolve, fields_dict, frozen

from lok_core import lok as lok_face
from lok_core.cli.app import shadowed
from lok_core.cli.display import make_display
from lok_core.cli.issues import create_issues
from lok_core.cli.output import complain, hide, say, write_file, write_stdout
from lok_core.cli.places import cwd, open_here
from lok_core.cli.signals import Signals
from lok_core.errors import ExitCode, LokError, PluginError
from lok_core.events import Event
from lok_core.lok import Lok
from lok_core.outcome import Answer, Failure, Report, Screening, View
from lok_core.sanitize import clean_line

_OF_THE_MOMENT = ("quiet", "verbose", "plan")
"""Options that do not belong to what is asked for."""
_OF_THE_LOK = (
    *("backends", "models", "timeout_s", "jobs", "deadline_s", "max_calls", "max_tokens", "quota_wait_s"),
    "plan",
)
"""Options that are arguments of `open_lok`."""


@frozen
class Options:
    """What a user asked for.

    Attributes:
        backends: named ones; empty for the default.
        directory: given by -d.
        issues, yes: whether issues are created of what is shown, and whether without asking.
        models: `NAME=MODEL`, or the model alone where one backend is asked.
        config: a file of configuration.
        timeout_s: None for the default, infinity for none.
        deadline_s, max_calls, max_tokens: of the whole run; None for none.
        quota_wait_s: how long it may wait for quotas in all; None for not at all.
        plan: whether only what would be asked is shown.
    """

    backends: tuple[str, ...] = ()
    directory: str | None = None
    models: tuple[str, ...] = ()
    config: str | None = None
    timeout_s: float | None = None
    jobs: int | None = None
    format: str = "text"
    output: str | None = None
    all: bool = False
    answers: bool = False
    quiet: bool = False
    verbose: bool = False
    issues: bool = False
    yes: bool = False
    deadline_s: float | None = None
    max_calls: int | None = None
    max_tokens: int | None = None
    quota_wait_s: float | None = None
    plan: bool = False


def run_report(
    options: Options,
    work: Callable[[Lok], Awaitable[Report]],
    *,
    streams: bool,
    screening: Screening | None = None,
    judged: bool = True,
) -> int:
    """Runs the work, shows its report, and returns the exit code.

    Args:
        screening: what the work does with findings; its baseline is written here.
        streams: whether each outcome is shown as it arrives, where the format has a form for that; a task
            prints its merged findings when all is in.
        judged: whether the exit code says how the run went.
    """
    try:
        # A plugin that prints must not spoil the report.
        with contextlib.redirect_stdout(sys.stderr), contextlib.ExitStack() as last_words:
            display = make_display(options.quiet, options.verbose)
            with Signals(display, last_words.close) as signals:
                running = _Running(options, signals)
                last_words.callback(_tell_left, running)
                wanted = Screening() if screening is None or options.plan else screening
                return trio.run(_run, running, work, streams, wanted, judged)
    except BaseExceptionGroup as group:  # every nursery on the way wraps what it raised
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


@define(eq=False)
class _Running:
    """A command under way, and its lok once that is open."""

    options: Options
    signals: Signals
    lok: Lok | None = None
    unwritable: LokError | None = None

    def show(self, event: Event, streaming: bool, view: View) -> None:
        """Shows an event; where outcomes cannot be written, nothing more is asked."""
        display = self.signals.display
        display.event(event)
        if not streaming or event.outcome is None or lok_face.is_told(event.outcome) or self.unwritable:
            return
        assert self.lok is not None
        chosen = lok_face.renderer(self.lok.registry, self.options.format)
        with display.aside():
            try:
                write_stdout(chosen.block(event.outcome, view))
            except LokError as error:
                self.unwritable = error
                self.lok.interrupt(error.message)


async def _run(
    running: _Running,
    work: Callable[[Lok], Awaitable[Report]],
    streams: bool,
    screening: Screening,
    judged: bool,
) -> int:
    options, signals, view = running.options, running.signals, _view(running.options)
    streaming = streams and options.format == "text" and options.output is None and not options.plan
    async with trio.open_nursery() as nursery:
        async with open_here(
            options.config,
            **{name: getattr(options, name) for name in _OF_THE_LOK},
            listener=lambda event: running.show(event, streaming, view),
            invocation=_invocation(options),
        ) as lok:
            running.lok = lok
            hide(lok.engine.panel.secrets)
            if not options.quiet:
                for note in shadowed(lok.settings.tasks):
                    say(f"note: {clean_line(note)}")
            lok_face.renderer(lok.registry, options.format)  # a misspelt one before anything is asked
            signals.tell(lok.interrupt)
            nursery.start_soon(signals.display.refresh)
            with signals.display:
                report = await work(lok)
            if running.unwritable is not None:
                raise running.unwritable
            baseline = None
            if (screening.update_baseline or screening.prune) and not lok_face.ended_early(report):
                baseline = await lok.updated_baseline(report, screening)
        nursery.cancel_scope.cancel()
    if options.verbose:
        _tell_details(report)
    if fault := lok.listening.fault:  # then not every outcome has been shown
        complain(f"internal error: {fault}", "this is a fault of lok, and a report of it is welcome")
    rest = evolve(report, outcomes=()) if streaming and not fault else report
    code = _show(rest, lok.registry, options, view) or (ExitCode.INTERNAL if fault else ExitCode.OK)
    signals.is_out = True
    if streams and not options.quiet:
        _tell_costs(report)
    if baseline is not None:
        code = _write_baseline(screening, baseline, report.directory) or code
    elif screening.update_baseline or screening.prune:
        say(f"the baseline {screening.baseline} is left as it was, as the run ended early")
    if options.issues and not options.plan:
        await _create_issues(lok, report, options, signals)
    if signals.received:
        return code or 128 + signals.received[0]
    return code or (_exit_code(report, options) if judged else ExitCode.OK)


def _tell_left(running: _Running) -> None:
    """Tells how to go on if something is left to ask, or how to see what did not get out."""
    if running.lok is None or running.options.quiet:
        return
    if run := lok_face.left(running.lok):
        say(f"hint: `lok resume {run}` asks what has no answer yet")
    elif not running.signals.is_out and (run := lok_face.kept(running.lok)):
        say(f"hint: `lok show {run}` shows what was answered")


def _invocation(options: Options) -> dict[str, Any]:
    """What a run's journal keeps of how it was started, as JSON."""
    told = asdict(options, filter=lambda part, _: part.name not in _OF_THE_MOMENT)
    return {
        "cwd": str(cwd()),
        "options": {name: "inf" if value == math.inf else value for name, value in told.items()},
    }


def recorded(invocation: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a run that has a journal.

    Raises:
        ValueError: they are none.
    """
    told = invocation.get("options") or {}
    options = lok_face.structured(told, Options)
    known = [name for name in fields_dict(Options) if name in told and name not in _OF_THE_MOMENT]
    values = {name: getattr(options, name) for name in known}
    for value in values.values():
        if isinstance(value, str) and not lok_face.is_path(value):
            raise ValueError("no path")
        if isinstance(value, (int, float)) and not isinstance(value, bool) and not value > 0:
            raise ValueError("no limit")
    return values


async def _create_issues(lok: Lok, report: Report, options: Options, signals: Signals) -> None:
    if signals.received or report.interrupted:
        say("no issues were created, as the run ended early")
        return
    with trio.CancelScope() as work:
        signals.tell(lambda reason: work.cancel())
        await create_issues(lok, report, everything=options.all, yes=options.yes)


def _write_baseline(screening: Screening, text: str, directory: Path) -> int:
    assert screening.baseline is not None
    try:
        write_file(screening.baseline, text, directory)
    except OSError as error:
        complain(f"the baseline {screening.baseline} could not be written: {error.strerror}")
        return ExitCode.USAGE
    return ExitCode.OK


def _show(report: Report, registry: lok_face.Registry, options: Options, view: View) -> int:
    """Writes the report where it belongs; whatever fails on the way, it is shown somewhere."""
    code = ExitCode.OK
    try:
        text = lok_face.show(registry, options.format, report, view)
    except PluginError as error:  # the report was paid for
        complain(error.message, error.hint)
        text = lok_face.show(registry, "text", report, view)
        code = ExitCode.INTERNAL
    if options.output is None:
        write_stdout(text)
        return code
    try:
        write_file(Path(options.output), text, report.directory)
    except OSError as error:
        write_stdout(text)
        complain(
            f"{options.output} could not be written: {error.strerror}", "the report is on standard output"
        )
        return ExitCode.USAGE
    return code


def _exit_code(report: Report, options: Options) -> int:
    if report.interrupted:
        complain(report.notes[-1], "this is a fault of the task's plugin")
        return ExitCode.INTERNAL
    if report.inconclusive:
        if not _is_seen(options):  # else it has just been read there
            complain(report.inconclusive)
        return ExitCode.NO_ANSWER
    if report.outcomes and not any(isinstance(outcome, Answer) for outcome in report.outcomes):
        return ExitCode.NO_ANSWER
    if (plan := lok_face.plan_in(report)) is not None and not plan.sendable:
        return ExitCode.NO_ANSWER
    return _gate(report)


def _is_seen(options: Options) -> bool:
    """Whether the report is on the terminal, in words."""
    return (
        options.output is None
        and options.format == "text"
        and sys.__stdout__ is not None
        and sys.__stdout__.isatty()
    )


def _gate(report: Report) -> ExitCode:
    """Whether the gate holds; what is wrong is told on standard error."""
    if report.gate is None:
        return ExitCode.OK
    wanted = f"--fail-on {report.gate.severity}"
    if failing := lok_face.gating(report):
        say(f"{wanted}: {len(failing)} finding{'s' if len(failing) > 1 else ''}")
        return ExitCode.FINDINGS
    if why := lok_face.undecided(report):
        say(f"{wanted}: incomplete, as {why}")
        return ExitCode.INCOMPLETE
    return ExitCode.OK


def _tell_details(report: Report) -> None:
    for outcome in report.outcomes:
        if isinstance(outcome, Failure) and outcome.detail:
            say(outcome.detail.rstrip())
    if (plan := lok_face.plan_in(report)) is not None:
        for number, one in enumerate(plan.requests, 1):
            say(f"prompt {number}:\n{one.request.prompt}\n")


def _tell_costs(report: Report) -> None:
    """A closing line for each request."""
    for outcome in report.outcomes:
        label = f" [{clean_line(outcome.request.label)}]" if outcome.request.label else ""
        who = f"{clean_line(outcome.backend)}{label}"
        if isinstance(outcome, Failure):
            say(f"{who}: {outcome.duration_s:.1f} s, no answer ({outcome.kind})")
            continue
        usage = outcome.reply.usage
        tokens = "tokens unknown"
        if usage.input_tokens is not None or usage.output_tokens is not None:
            counts = (usage.input_tokens, usage.output_tokens)
            tokens = " and ".join(
                f"{'unknown' if count is None else count} tokens {way}"
                for count, way in zip(counts, ("in", "out"), strict=True)
            )
        cost = "cost unknown" if usage.cost_usd is None else f"${usage.cost_usd:.4f}"
        say(f"{who}: {outcome.duration_s:.1f} s, {tokens}, {cost}")


def _view(options: Options) -> View:
    color = False
    with contextlib.suppress(AttributeError, ValueError):
        color = (
            sys.__stdout__ is not None
            and sys.__stdout__.isatty()
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb"
        )
    width = shutil.get_terminal_size().columns
    return View(options.all, options.answers, width, color and options.output is None)
