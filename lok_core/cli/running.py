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
from lok_core.cli.display import Display, make_display
from lok_core.cli.output import complain, say, write_file, write_stdout
from lok_core.errors import ExitCode
from lok_core.lok import Lok
from lok_core.outcome import Answer, Event, Failure, Report, View

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
        directory: given by -d, here or before the command.
        timeout_s: None for the default, infinity for none.
    """

    backends: tuple[str, ...]
    directory: str | None
    timeout_s: float | None
    jobs: int | None
    format: str
    output: str | None
    all: bool
    answers: bool
    quiet: bool
    verbose: bool


def run_report(options: Options, work: Callable[[Lok], Awaitable[Report]]) -> int:
    """Runs the work, shows its report, and returns the exit code."""
    return trio.run(_run, options, work)


async def _run(options: Options, work: Callable[[Lok], Awaitable[Report]]) -> int:
    registry = lok_face.installed(os.environ)
    for line in lok_face.troubles(registry):
        say(f"warning: {line}")
    chosen = lok_face.renderer(registry, options.format)  # a misspelt one before anything is asked
    view = _view(options)
    display = make_display(options.quiet, options.verbose)
    streaming = options.format == "text" and options.output is None

    def listen(event: Event) -> None:
        display.event(event)
        # A task prints its merged findings when all is in; everything else as it arrives.
        if streaming and not event.label and event.outcome is not None:
            with display.aside():
                write_stdout(chosen.block(event.outcome, view))

    received: list[signal.Signals] = []
    async with trio.open_nursery() as nursery:
        async with lok_face.open_lok(
            env=os.environ,
            state_dir=_state_dir(),
            backends=options.backends,
            limits=lok_face.make_limits(options.timeout_s, options.jobs),
            listener=listen,
            registry=registry,
        ) as lok:
            await nursery.start(_on_signals, lok, display, received)
            nursery.start_soon(display.refresh)
            with display:
                report = await work(lok)
        nursery.cancel_scope.cancel()
    if options.verbose:
        _tell_details(report)
    rest = evolve(report, outcomes=()) if streaming and report.command == "ask" else report
    code = _show(rest, registry, options, view)
    return code or _exit_code(report, received)


async def _on_signals(
    lok: Lok,
    display: Display,
    received: list[signal.Signals],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    with trio.open_signal_receiver(*_SIGNALS) as signals:
        task_status.started()
        async for number in signals:
            received.append(signal.Signals(number))
            if len(received) > 1:
                # The user has no patience left; the guard ends the backends.
                display.__exit__(None, None, None)
                os._exit(128 + number)
            lok.interrupt(_SIGNALS[received[0]])


def _show(report: Report, registry: lok_face.Registry, options: Options, view: View) -> int:
    """Writes the report where it belongs; whatever fails on the way, it is shown somewhere."""
    code = ExitCode.OK
    try:
        text = "".join(lok_face.renderer(registry, options.format).render(report, view))
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and the report was paid for
        complain(
            f"the format {options.format!r} failed: {type(error).__name__}: {error}", "shown as text instead"
        )
        text = "".join(lok_face.renderer(registry, "text").render(report, view))
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


def _exit_code(report: Report, received: list[signal.Signals]) -> int:
    if received:
        return 128 + received[0]
    if not any(isinstance(outcome, Answer) for outcome in report.outcomes):
        return ExitCode.NO_ANSWER
    return ExitCode.INTERNAL if report.interrupted else ExitCode.OK


def _tell_details(report: Report) -> None:
    for outcome in report.outcomes:
        if isinstance(outcome, Failure) and outcome.detail:
            say(outcome.detail.rstrip())


def _view(options: Options) -> View:
    color = False
    with contextlib.suppress(AttributeError, ValueError):
        color = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size().columns
    return View(options.all, options.answers, width, color and options.output is None)


def _state_dir() -> Path:
    from platformdirs import user_state_path

    return user_state_path("lok")
