"""The command tree. Built-in commands are a table, so that `--help` imports none of them."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import click

from lok_core import __version__
from lok_core.cli.output import complain, quiet_stdout, say, write_stdout
from lok_core.cli.places import given
from lok_core.errors import ExitCode, LokError, UnknownNameError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_BUILTIN = {
    # command: (module below lok_core.cli, help)
    "ask": ("ask", "Ask a question of several backends at once."),
    "backends": ("listing", "List the backends and whether they are ready."),
    "conduct": ("conduct", "Let one backend ask the others over several rounds, and sum up."),
    "config": ("config", "Show the configuration that counts, and where each value is from."),
    "debate": ("debate", "Let several backends discuss a topic until they agree, or say where they differ."),
    "doctor": ("doctor", "Check that each backend is ready, and say what would mend one that is not."),
    "ground": ("ground", "Check the findings of any tool or review against the code."),
    "init": ("init", "Write a lok.toml that matches the programs there are."),
    "plugin": ("plugin", "Write a new plugin that you can start from."),
    "plugins": ("listing", "List the installed plugins, and what is wrong with broken ones."),
    "resume": ("resume", "Go on with a run that ended early: ask what has no answer yet."),
    "runs": ("runs", "List the runs that can be shown again or gone on with."),
    "show": ("resume", "Show the report of an earlier run again, in any format."),
    "smart": ("smart", "Ask the backend that suits the question best."),
    "spawn": ("spawn", "Split a task among several agents, all at once; --write lets them change code."),
    "suggest": ("suggest", "Show which backend suits a task, and why."),
    "task": ("task_show", "Show what a task would ask."),
    "team": ("team", "Give each part of a task to the backend that suits it best, and sum up."),
    "trust": ("trust", "Trust the lok.toml and the content of a directory."),
}


class Commands(click.Group):
    """Built-in commands, and every installed task as a command of its own, which cannot shadow the former."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_BUILTIN, *sorted(_tasks(ctx)[0])]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _BUILTIN:
            module = importlib.import_module(f"lok_core.cli.{_BUILTIN[cmd_name][0]}")
            command: click.Command = getattr(module, cmd_name)
            return command
        tasks, error = _tasks(ctx)
        if cmd_name not in tasks:
            if error is not None:
                raise error
            return None
        from lok_core.cli.task import task_command

        return task_command(cmd_name, tasks[cmd_name])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if ctx.params.get("config") is None:
            ctx.params["config"] = _config_in(args[1:])  # the command itself may be a task of that file
        command = self.get_command(ctx, args[0])
        if command is None:
            error = UnknownNameError("command", args[0], self.list_commands(ctx))
            if "did you mean" not in error.hint:
                error.hint = (
                    f"if it is a task pack's, install that (lok-task-{args[0]}?); `lok --help` lists all"
                )
            if disabled := os.environ.get("LOK_DISABLE_PLUGINS"):
                error.hint += f" (LOK_DISABLE_PLUGINS={disabled} leaves plugins out)"
            raise error
        return args[0], command, args[1:]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """By the table, as click itself would import every command to see whether it is hidden."""
        from click.shell_completion import CompletionItem

        known = {**_tasks(ctx)[0], **{name: text for name, (_, text) in _BUILTIN.items()}}
        offered = [
            CompletionItem(name, help=text)
            for name, text in sorted(known.items())
            if name.startswith(incomplete)
        ]
        return offered + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        tasks, error = _tasks(ctx)
        if error is not None:
            say(f"warning: {error.message}")
        with formatter.section("Tasks"):
            if tasks:
                formatter.write_dl(sorted(tasks.items()))
            else:
                formatter.write_text('none installed; pip install "lok-core[standard]" adds hunt and audit')
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _BUILTIN.items()])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Plugins add tasks and backends: pip install lok-task-NAME, pip install lok-backend-NAME.",
    no_args_is_help=True,
)
@click.option("-d", "--dir", "directory", type=click.Path(), metavar="DIR", help="The directory to work on.")
@click.option(
    "-c",
    "--config",
    type=click.Path(),
    metavar="FILE",
    is_eager=True,  # --help lists the tasks of that file
    help="A lok.toml that counts most.",
)
@click.version_option(__version__, prog_name="lok", message="%(prog)s %(version)s")
def lok(directory: str | None, config: str | None) -> None:
    """Asks the LLM command-line tools you have, all at once, and makes findings out of what they say."""


def run(argv: Sequence[str]) -> int:
    """The exit code of that command line; every expected error has been told on standard error."""
    try:
        if instruction := os.environ.get("_LOK_COMPLETE"):
            from lok_core.cli.completion import complete

            return complete(lok, instruction)
        return _invoke(argv)
    except LokError as error:
        _tell(error)
        return error.exit_code
    except click.ClickException as error:
        where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "lok"
        complain(_lowered(error.format_message()), f"`{where} --help` shows the usage")
        return ExitCode.USAGE
    except click.Abort:
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a traceback helps nobody but us, who can ask for it
        if "-v" in argv or "--verbose" in argv:
            import traceback

            say(traceback.format_exc().rstrip())
        complain(
            f"internal error: {type(error).__name__}: {error}",
            "this is a fault of lok; -v shows where, and a report of it is welcome",
        )
        return ExitCode.INTERNAL


def _invoke(argv: Sequence[str]) -> int:
    try:
        result: Any = lok.main(
            list(argv), prog_name="lok", standalone_mode=False, terminal_width=_help_width()
        )
    except click.exceptions.NoArgsIsHelpError as error:
        write_stdout(f"{error.format_message()}\n")
        return ExitCode.OK
    except SystemExit:  # what click makes of a reader that has gone (`lok --help | head -1`)
        quiet_stdout()
        return ExitCode.OK
    return result if isinstance(result, int) else ExitCode.OK


def _config_in(args: Sequence[str]) -> str | None:
    """The file that a -c among the arguments of a command names, in any spelling of that option."""
    for word, following in zip_longest(args, args[1:]):
        if word == "--":
            break
        if word in ("-c", "--config"):
            return following
        if word.startswith(("--config=", "-c")):
            return word.removeprefix("--config=").removeprefix("-c")
    return None


def _tell(error: LokError) -> None:
    """An error that consists of several is told with all of them."""
    from lok_core.sanitize import clean_line

    problems: tuple[str, ...] = getattr(error, "problems", ())
    if len(problems) < 2:
        complain(error.message, error.hint)
        return
    complain(error.message)
    for problem in problems:
        say(f"  {clean_line(problem)}")
    if error.hint:
        say(f"hint: {clean_line(error.hint)}")


def _tasks(ctx: click.Context) -> tuple[dict[str, str], LokError | None]:
    """Every task that no built-in command shadows: its name and description. And why some are missing."""
    from lok_core.cli import catalog

    problem = None
    try:
        tasks = catalog.tasks(given(ctx, "config"))
    except LokError as error:  # the help, and what is installed, work whatever is wrong with a file
        tasks, problem = catalog.task_descriptions(os.environ), error
    return {name: text for name, text in tasks.items() if name not in _BUILTIN}, problem


def shadowed(tasks: Iterable[str]) -> list[str]:
    """A note for each task of lok.toml that a command of lok keeps from being run."""
    return [f"[tasks.{name}] is left out, as `lok {name}` is a command" for name in tasks if name in _BUILTIN]


def _help_width() -> int:
    """As click would have it; but click imports shutil for it, which is a tenth of the time of a `--help`."""
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdigit() else 80
    if not columns:
        with contextlib.suppress(OSError, ValueError):  # no terminal
            width = os.get_terminal_size(1).columns
    return max(min(width, 80) - 2, 50)


def _lowered(message: str) -> str:
    message = re.sub(r"\s*\n\s*", " ", message)  # click lists choices on lines of their own
    return (message[:1].lower() + message[1:]).removesuffix(".")
