"""lok ground."""

from __future__ import annotations

import codecs
import os
import sys
from typing import Any, BinaryIO

import click

from lok_core.cli.options import directory_option, offer, screening, screening_options
from lok_core.cli.places import given, one_directory
from lok_core.errors import UsageError

MAX_BYTES = 100_000_000
_STDIN = "standard input"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like the mark of UTF-16
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_AS_FILE = "save the findings as text, JSON or SARIF"


@click.command(short_help="Check the findings of any tool or review against the code.")
@click.argument("file", type=click.Path(), metavar="FILE")
@click.argument(
    "target", required=False, type=click.Path(), metavar="[DIR]", shell_complete=offer("directories")
)
@directory_option("The directory of the code.")
@click.option("-c", "--config", type=click.Path(), metavar="FILE", help="A lok.toml that counts most.")
@click.option(
    "-f",
    "--format",
    default="text",
    metavar="NAME",
    shell_complete=offer("formats"),
    help="text, json, markdown, github, sarif, html or a plugin's.  [default: text]",
)
@click.option("-o", "--output", type=click.Path(), metavar="FILE", help="Write the report there.")
@click.option("--all", "all", is_flag=True, help="Show also known and suppressed findings, and every lead.")
@click.option("-q", "--quiet", is_flag=True, help="No notes on standard error.")
@click.option("-v", "--verbose", is_flag=True, help="Tracebacks of failing plugins.")
@screening_options(repair=False)
@click.pass_context
def ground(ctx: click.Context, /, file: str, target: str | None, **keywords: Any) -> int:
    """Checks whether the files, lines and quotes exist that the findings in FILE name. No backend is asked.

    FILE is a report of lok (JSON), SARIF of any analyser, other JSON, or a review in Markdown or plain text;
    `-` reads it from standard input. DIR, which holds the code, is the working directory by default.
    """
    keywords["config"] = given(ctx, "config", keywords["config"])
    wanted = screening(keywords)
    text, name = _read(file)
    # Not at the top: `--help` would pay for trio.

    from lok_core.cli.running import Options, run_report

    options = Options(backends=(), models=(), timeout_s=None, jobs=None, answers=False, **keywords)
    directory = one_directory(f"lok ground {file}", target, options.directory, given(ctx, "directory"))
    return run_report(
        options, lambda lok: lok.ground(text, name, directory, wanted), streams=False, screening=wanted
    )


def _read(file: str) -> tuple[str, str]:
    """The text, and what it is known by: the name of the file, since its path would tell of the machine.

    Raises:
        UsageError: there is no text.
    """
    if file == "-":
        if sys.stdin is None:
            raise UsageError("standard input is closed", "name a file, or pipe the findings in")
        return _text(sys.stdin.buffer, _STDIN), _STDIN
    if os.path.isdir(file):
        raise UsageError(
            f"{file} is a directory", f"the file with the findings comes first: lok ground FILE {file}"
        )
    try:
        with open(file, "rb") as stream:
            return _text(stream, file), os.path.basename(file)
    except FileNotFoundError:
        raise UsageError(f"there is no file {file}", "check the spelling; `-` is standard input") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UsageError(f"{file} cannot be read: {getattr(error, 'strerror', error)}") from None


def _text(stream: BinaryIO, name: str) -> str:
    content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UsageError(
            f"{name} holds more than {MAX_BYTES // 1_000_000} MB", "ground its findings in parts"
        )
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8")
    text = content.decode(encoding, errors="replace")
    if "\0" in text:
        raise UsageError(f"{name} is binary", _AS_FILE)
    if not text.strip():
        raise UsageError(f"{name} is empty", f"{_AS_FILE}; nothing in it is no clean bill")
    return text
