"""The options that every command with backends has."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lok_core.errors import UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from lok_core.outcome import Screening

F = TypeVar("F", bound=Callable[..., Any])


def offer(what: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """For `shell_complete=`: what a shell offers, by the function of that name in `completion`."""

    def offered(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from lok_core.cli import completion

        items: list[CompletionItem] = getattr(completion, what)(ctx, incomplete)
        return items

    return offered


def directory_option(text: str) -> Callable[[F], F]:
    """Adds -d, with what the help says of it."""
    return click.option(
        "-d",
        "--dir",
        "directory",
        type=click.Path(),
        metavar="DIR",
        shell_complete=offer("directories"),
        help=text,
    )


class _Severity(click.ParamType):  # type: ignore[type-arg] # generic from click 8.3 on only
    """One of the severities; a choice would need them, and all that they stand with, for a `--help`."""

    name = "severity"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from lok_core.models import SEVERITIES

        if value not in SEVERITIES:
            self.fail(f"{value!r} is none of {', '.join(SEVERITIES)}.", param, ctx)
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return offer("severities")(ctx, param, incomplete)


def _backends(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    names = [name.strip() for value in values for name in value.split(",")]
    if any(not name for name in names):
        raise click.BadParameter("names are separated by single commas: -b codex,gemini")
    return tuple(dict.fromkeys(names))


class _Duration(click.ParamType):  # type: ignore[type-arg]
    """Seconds, or `90s`, `10m`, `1h30m`, `2d`, `6d21h`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        import re

        number = r"\d{1,9}(?:\.\d{1,9})?"
        parts = rf"(?:({number})d)?(?:({number})h)?(?:({number})m)?(?:({number})s?)?"
        found = re.fullmatch(parts, str(value).strip())
        told = [] if found is None else [float(part or 0) for part in found.groups()]
        total = sum(part * unit_s for part, unit_s in zip(told, (86400, 3600, 60, 1), strict=False))
        if not total:
            self.fail(f"{value!r} is no duration, such as 90, 10m, 1h30m or 2d.", param, ctx)
        return total


def _timeout(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 <= value < math.inf:
        raise click.BadParameter("it is a number of seconds; 0 means no limit")
    return math.inf if value == 0 else value


_OPTIONS = (
    click.option(
        "-b",
        "--backend",
        "backends",
        multiple=True,
        metavar="NAME[,NAME]",
        callback=_backends,
        shell_complete=offer("backends"),
        help="Ask these backends and no others; `all`: each that is asked by default.",
    ),
    directory_option("The directory to work on."),
    click.option(
        "-m",
        "--model",
        "models",
        multiple=True,
        metavar="[NAME=]MODEL",
        help="The model that a backend asks; its NAME may be left out where only one is asked.",
    ),
    click.option("-c", "--config", type=click.Path(), metavar="FILE", help="A lok.toml that counts most."),
    click.option(
        "--timeout",
        "timeout_s",
        type=float,
        metavar="SECONDS",
        callback=_timeout,
        help="How long one request may take; 0 for no limit.  [default: 300]",
    ),
    click.option(
        "--deadline",
        "deadline_s",
        type=_Duration(),
        metavar="DURATION",
        help="How long the whole run may take: seconds, or such as 10m or 1h30m.",
    ),
    click.option(
        "--max-calls",
        type=click.IntRange(min=1),
        metavar="N",
        help="How often language models are asked in the whole run, further attempts included.",
    ),
    click.option(
        "--max-tokens",
        type=click.IntRange(min=1),
        metavar="N",
        help="Start nothing more once the whole run has taken so many tokens, read and written.",
    ),
    click.option(
        "--wait-for-quota",
        "quota_wait_s",
        type=_Duration(),
        metavar="DURATION",
        help="Wait until a quota is reset and ask again, so long in all at the most.",
    ),
    click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Requests at once.  [default: 16]"),
    click.option(
        "-f",
        "--format",
        default="text",
        metavar="NAME",
        shell_complete=offer("formats"),
        help="text, json, markdown, github, sarif, html or a plugin's.  [default: text]",
    ),
    click.option("-o", "--output", type=click.Path(), metavar="FILE", help="Write the report there."),
    click.option("--all", "all", is_flag=True, help="Show every lead, not only the first five of a prompt."),
    click.option("--answers", is_flag=True, help="Show also what the backends said word for word."),
    click.option("--plan", is_flag=True, help="Show what would be asked, of whom and how; send nothing."),
    click.option("-q", "--quiet", is_flag=True, help="No progress and no notes on standard error."),
    click.option("-v", "--verbose", is_flag=True, help="More progress, and tracebacks of failing plugins."),
)


_SCREENING = (
    click.option(
        "--fail-on",
        type=_Severity(),
        metavar="SEVERITY",
        help="Exit with 1 if there is a finding as bad as this or worse: critical, high, medium, low, info.",
    ),
    click.option(
        "--quorum",
        type=click.IntRange(min=1),
        metavar="N",
        help="Only findings that N distinct backends report make --fail-on fail.",
    ),
    click.option(
        "--min-severity", type=_Severity(), metavar="SEVERITY", help="Leave out less severe findings."
    ),
    click.option("--only-grounded", is_flag=True, help="Leave out findings without evidence in the code."),
    click.option(
        "--baseline",
        type=click.Path(),
        metavar="FILE",
        help="Known findings: they are marked, and do not make --fail-on fail.",
    ),
    click.option("--update-baseline", is_flag=True, help="Add the findings that it does not know to FILE."),
    click.option("--prune", is_flag=True, help="Take what stands on lines that are gone out of FILE."),
)
_REPAIR = click.option(
    "--repair/--no-repair",
    default=True,
    help="Ask once more where findings could not be read from an answer.  [default: --repair]",
)


text_or_json = click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="text or json.  [default: text]",
)
"""For commands that list something."""


def screening_options(*, repair: bool) -> Callable[[F], F]:
    """Adds the options about findings; `screening` makes one value of them.

    Args:
        repair: whether backends answer, so that they can be asked again.
    """

    def add(command: F) -> F:
        for option in reversed((*_SCREENING, *((_REPAIR,) if repair else ()))):
            command = option(command)
        return command

    return add


def screening(keywords: dict[str, Any]) -> Screening:
    """What the options about findings say; they are taken out of the keywords.

    Raises:
        UsageError: one of them needs another.
    """
    from pathlib import Path

    from lok_core.outcome import Gate, Screening

    fail_on, quorum = keywords.pop("fail_on"), keywords.pop("quorum")
    only_grounded, baseline = keywords.pop("only_grounded"), keywords.pop("baseline")
    update, prune = keywords.pop("update_baseline"), keywords.pop("prune")
    if quorum is not None and fail_on is None:
        raise UsageError("--quorum says which findings --fail-on counts", "add --fail-on SEVERITY")
    if (update or prune) and baseline is None:
        flag = "--update-baseline" if update else "--prune"
        raise UsageError(f"{flag} changes a baseline, and none is named", "add --baseline FILE")
    return Screening(
        gate=None if fail_on is None else Gate(fail_on, quorum or 1, only_grounded),
        min_severity=keywords.pop("min_severity") or "info",
        only_grounded=only_grounded,
        baseline=None if baseline is None else Path(baseline),
        update_baseline=update,
        prune=prune,
        repair=keywords.pop("repair", False),
    )


def run_options(command: F) -> F:
    """Adds the options; the command gets them as keywords, the attributes of `running.Options`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
