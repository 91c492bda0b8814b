"""lok init."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from lok_core.cli.options import offer
from lok_core.cli.output import load_plugins, write_stdout
from lok_core.cli.places import given, read_setup
from lok_core.errors import UsageError
from lok_core.files import destination

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lok_core.lok import Panel

_HEAD = """\
# The configuration of lok. Everything in here is optional; `lok config` shows what counts and where it is
# from.

[defaults]
# parallel = false         # one request at a time
# timeout = 300            # seconds for one request; 0 means none
"""
_TAIL = """
# The same program twice, with two models: lok ask -b {name},fast "..."
# [backends.fast]
# use = "{name}"
# model = "..."

# A program without an adapter; the prompt arrives on its standard input.
# [backends.mine]
# use = "command"
# command = "my-llm"

# A task of your own, `lok todo`. The category decides who is asked.
# [tasks.todo]
# description = "Find what was left undone"
# [[tasks.todo.prompts]]
# name = "todo"
# prompt = "List what is marked as unfinished in this code base."
# category = "general"
"""


@click.command(short_help="Write a lok.toml that matches the programs there are.")
@click.argument(
    "target", required=False, type=click.Path(), metavar="[DIR]", shell_complete=offer("directories")
)
@click.pass_context
def init(ctx: click.Context, target: str | None) -> None:
    """Writes a commented lok.toml into DIR, the working directory by default, and trusts it as it is.

    The backends whose program or key is there are switched on in it. What else is in DIR is not trusted.
    """
    # Not at the top: `--help` would pay for it.
    from pathlib import Path

    from lok_core import lok as lok_face

    directory = Path(os.path.abspath(given(ctx, "directory", target) or ""))
    file = directory / "lok.toml"
    if os.path.lexists(file):
        raise UsageError(f"{file} is there already", "edit it, or remove it first")
    setup = read_setup(given(ctx, "config"))
    panel = lok_face.make_panel(load_plugins(setup.env), setup.env)
    try:
        destination(file)
        with open(file, "x", encoding="utf-8") as stream:
            stream.write("".join([*_content(panel), *_recipes(panel), _tail(panel)]))
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    lok_face.read_trust(setup.state_dir).add_file(file)
    write_stdout(f"wrote {file}\n")


def _content(panel: Panel) -> Iterator[str]:
    yield _HEAD
    for info in panel.infos():
        known: dict[str, Any] = dict(panel.get(info.name).known_defaults)
        if not info.profile.asked_by_default:
            continue
        off = "" if info.available else "# "
        found = "was found" if info.available else "was not found; `lok doctor` tells how to get it"
        yield f"\n# {info.name} {found}.\n{off}[backends.{info.name}]\n{off}enabled = true\n"
        yield "".join(f"# {key} = {_toml(value)}\n" for key, value in known.items())


def _recipes(panel: Panel) -> Iterator[str]:
    from lok_core.lok.recipes import recipes

    offered = [one for one in recipes(panel.env) if one.name not in panel.backends]
    yield "\n# Programs without an adapter of their own; `lok backends recipes` lists them.\n"
    for one in sorted(offered, key=lambda one: not one.path):
        off = "" if one.path else "# "
        yield f'{off}[backends.{one.name}]\n{off}use = "{one.use}"\n'


def _tail(panel: Panel) -> str:
    models = [
        info
        for info in panel.infos()
        if info.profile.is_llm and info.profile.asked_by_default
        if hasattr(panel.get(info.name).config, "model")
    ]
    best = sorted(models, key=lambda info: not info.available)[:1]
    return _TAIL.format(name=best[0].name if best else "codex")


def _toml(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(inner) for inner in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    text: str = json.dumps(value)  # TOML reads it as well
    return text
