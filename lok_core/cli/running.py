"""One command with backends from start to exit code: signals, progress, output."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio
from attrs import evolve, frozen

from lok_core import lok as lok_face
from lok_core.cli.app import shadowed
from lok_core.cli.display import Display, make_display
from lok_core.cli.issues import create_issues
from lok_core.cli.output import complain, load_plugins, say, write_file, write_stdout
from lok_core.cli.places import read_setup
from lok_core.errors import ExitCode, PluginError
from lok_core.lok import Lok
from lok_core.outcome import Answer, Event, Failure, Report, Screening, View
from lok_core.sanitize import clean_line

_SIGNALS = {
    signal.SIGINT: "ended by Ctrl-C",
    signal.SIGTERM: "ended by SIGTERM",
    signal.SIGHUP: "ended by SIGHUP",
}


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
    """

    backends: tuple[str, ...]
    directory: str | None
    models: tuple[str, ...]
    config: str | None
    timeout_s: float | None
    jobs: int | None
    format: str
    output: str | None
    all: bool
    answers: bool
    quiet: bool
    verbose: bool
    issues: bool = False
    yes: bool = False


def run_report(
    options: Options,
    work: Callable[[Lok], Awaitable[Report]],
    *,
    streams: bool,
    screening: Screening | None = None,
) -> int:
    """Runs the work, shows its report, and returns the exit code.

    Args:
        screening: what the work does with findings; its baseline is written here.
        streams: whether each outcome is shown as it arrives, where the format has a form for that; a task
            prints its merged findings when all is in.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):  # a plugin that prints must not spoil the report
            return trio.run(_run, options, work, streams, screening or Screening())
    except BaseExceptionGroup as group:  # every nursery on the way wraps what it raised
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def _run(
    options: Options, work: Callable[[Lok], Awaitable[Report]], streams: bool, screening: Screening
) -> int:
    setup = read_setup(options.config)
    registry = load_plugins(setup.env)
    settings = setup.settings(registry, options.models, options.backends)
    if not options.quiet:
        for note in [*settings.notes, *shadowed(settings.tasks)]:
            say(f"note: {clean_line(note)}")
    chosen = lok_face.renderer(registry, options.format)  # a misspelt one before anything is asked
    view = _view(options)
    display = make_display(options.quiet, options.verbose)
    streaming = streams and options.format == "text" and options.output is None

    def listen(event: Event) -> None:
        display.event(event)
        if streaming and event.outcome is not None and not lok_face.is_told(event.outcome):
            with display.aside():
                write_stdout(chosen.block(event.outcome, view))

    received: list[signal.Signals] = []
    async with trio.open_nursery() as nursery:
        async with lok_face.open_lok(
            env=setup.env,
            state_dir=setup.state_dir,
            backends=options.backends,
            limits=lok_face.make_limits(options.timeout_s, options.jobs, settings),
            listener=listen,
            registry=registry,
            settings=settings,
            trusted=setup.trusted,
        ) as lok:
            await nursery.start(_on_signals, lok.interrupt, display, received)
            nursery.start_soon(display.refresh)
            with display:
                report = await work(lok)
            baseline = None
            if screening.update_baseline or screening.prune:
                baseline = await lok.updated_baseline(report, screening)
        nursery.cancel_scope.cancel()
    if options.verbose:
        _tell_details(report)
    rest = evolve(report, outcomes=()) if streaming else report
    code = _show(rest, registry, options, view)
    if streams and not options.quiet:
        _tell_costs(report)
    if baseline is not None:
        code = _write_baseline(screening, baseline) or code
    if options.issues:
        await _create_issues(lok, report, options, received)
    return code or _exit_code(report, received, options)


async def _create_issues(lok: Lok, report: Report, options: Options, received: list[signal.Signals]) -> None:
    if received or report.interrupted:
        say("no issues were created, as the run ended early")
        return
    async with trio.open_nursery() as nursery:
        work = trio.CancelScope()
        await nursery.start(_on_signals, lambda reason: work.cancel(), Display(), received)
        with work:
            await create_issues(lok, report, everything=options.all, yes=options.yes)
        nursery.cancel_scope.cancel()


def _write_baseline(screening: Screening, text: str) -> int:
    assert screening.baseline is not None
    try:
        write_file(screening.baseline, text)
    except OSError as error:
        complain(f"the baseline {screening.baseline} could not be written: {error.strerror}")
        return ExitCode.USAGE
    return ExitCode.OK


async def _on_signals(
    interrupt: Callable[[str], None],
    display: Display,
    received: list[signal.Signals],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    # What is ignored stays so: nohup ignores SIGHUP, a shell's background job SIGINT.
    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    if not heeded:
        task_status.started()
        return
    with trio.open_signal_receiver(*heeded) as signals:
        task_status.started()
        async for number in signals:
            received.append(signal.Signals(number))
            if len(received) > 1:
                # The user has no patience left; the guard ends the backends.
                display.__exit__(None, None, None)
                os._exit(128 + number)
            interrupt(_SIGNALS[received[0]])


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
        write_file(Path(options.output), text)
    except OSError as error:
        write_stdout(text)
        complain(
            f"{options.output} could not be written: {error.strerror}", "the report is on standard output"
        )
        return ExitCode.USAGE
    return code


def _exit_code(report: Report, received: list[signal.Signals], options: Options) -> int:
    if received:
        return 128 + received[0]
    if report.interrupted:
        complain(report.notes[-1], "this is a fault of the task's plugin")
        return ExitCode.INTERNAL
    if report.inconclusive:
        if not _is_seen(options):  # else it has just been read there
            complain(report.inconclusive)
        return ExitCode.NO_ANSWER
    if report.outcomes and not any(isinstance(outcome, Answer) for outcome in report.outcomes):
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
