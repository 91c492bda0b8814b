"""lok debate."""

from __future__ import annotations

from typing import Any

import click

from lok_core.cli.options import run_options
from lok_core.cli.prompted import read_prompt, run_prompted


@click.command(short_help="Let several backends discuss a topic until they agree, or say where they differ.")
@click.argument("topic", required=False)
@run_options
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=3,
    metavar="N",
    help="Rounds at the most; the first one is blind.  [default: 3]",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    help="Decides who has which letter, and who reads whom in which order; the report says which it was.",
)
@click.pass_context
def debate(ctx: click.Context, /, topic: str | None, rounds: int, seed: int | None, **keywords: Any) -> int:
    """Lets the backends that are there, or those that -b names, discuss TOPIC.

    In the first round nobody sees the others. Then each reads what the others say, under letters, and gives a
    verdict on each of them. When all agree it ends; else the report says who agrees with whom, and holds the
    view of everybody who does not.

    TOPIC may be `-`, or left out where standard input is a pipe: then it is read from there.
    """
    text = read_prompt(topic, 'lok debate "Should this cache be shared?"')
    return run_prompted(
        ctx, keywords, lambda lok, directory: lok.debate(text, directory, rounds=rounds, seed=seed)
    )
