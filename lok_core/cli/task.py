"""A command for each installed task: `lok hunt`, `lok audit`, a pack's own."""

from __future__ import annotations

from typing import Any

import click

from lok_core.cli.issues import issues_options
from lok_core.cli.options import offer, run_options, screening, screening_options
from lok_core.cli.places import given, one_directory
from lok_core.errors import UsageError


def task_command(name: str, description: str) -> click.Command:
    """The command that runs the task of that name on a directory."""

    @click.command(
        name, short_help=description, help=f"{description}\n\nDIR is the working directory by default."
    )
    @click.argument(
        "target", required=False, type=click.Path(), metavar="[DIR]", shell_complete=offer("directories")
    )
    @run_options
    @screening_options(repair=True)
    @issues_options
    @click.option(
        "--fallback", is_flag=True, help="Send a prompt to the next recommended backend when one fails."
    )
    @click.pass_context
    def command(ctx: click.Context, /, target: str | None, fallback: bool, **keywords: Any) -> int:
        # Not at the top: `--help` would pay for trio.

        from lok_core.cli.running import Options, run_report

        keywords["config"] = given(ctx, "config", keywords["config"])
        wanted = screening(keywords)
        if keywords["yes"] and not keywords["issues"]:
            raise UsageError("-y answers what --issues asks", "add --issues")
        options = Options(**keywords)
        directory = one_directory(f"lok {name}", target, options.directory, given(ctx, "directory"))
        return run_report(
            options,
            lambda lok: lok.run_task(name, directory, wanted, fallback=fallback),
            streams=False,
            screening=wanted,
        )

    return command
