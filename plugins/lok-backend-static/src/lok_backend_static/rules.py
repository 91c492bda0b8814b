"""The rules: the table of ruff's codes, and the ast-grep rule files made ready for a run."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from attrs import frozen

from lok_core import Category, Severity

_HERE = files("lok_backend_static")


@frozen
class RuffRule:
    """What lok says about a code of ruff.

    Attributes:
        weakness: the class of the weakness; two leads of one class on one line are one.
        why: why it matters and what to do.
        tests: whether it means anything in tests.
    """

    category: Category
    severity: Severity
    weakness: str
    why: str
    tests: bool


@cache
def ruff_rules() -> dict[str, RuffRule]:
    """The codes of ruff that are asked for."""
    table = tomllib.loads(_HERE.joinpath("ruff-rules.toml").read_text())
    return {
        code: RuffRule(
            category=entry["category"],
            severity=entry["severity"],
            weakness=entry["class"],
            why=entry["why"],
            tests=entry.get("tests", True),
        )
        for code, entry in table.items()
    }


_GRAMMARS = {"javascript": "JavaScript", "typescript": "TypeScript", "tsx": "Tsx"}
"""Three grammars for one set of rules; the names of the languages are those of `files.language_of`."""


def rule_file(language: str) -> Traversable:
    """The file that holds the rules of a language; it need not exist."""
    return _HERE / "rules" / f"{'javascript' if language in _GRAMMARS else language}.yml"


def write_ast_grep_config(folder: Path, languages: Collection[str], extra: str = "") -> Path:
    """Writes the rules of the languages into a folder of ours; returns the path of the configuration.

    Args:
        folder: a folder that exists; only files of ours may be in there.
        languages: as in `files.language_of`.
        extra: further rules.
    """
    rules = folder / "rules"
    rules.mkdir()
    (rules / "extra.yml").write_text(extra)
    for language in languages:
        source = rule_file(language)
        if source.is_file():
            text = source.read_text()
            if language in _GRAMMARS:
                text = _for_grammar(text, _GRAMMARS[language])
            (rules / f"{language}.yml").write_text(text)
    config = folder / "sgconfig.yml"
    config.write_text("ruleDirs: [rules]\n")
    return config


def _for_grammar(text: str, grammar: str) -> str:
    # ast-grep wants every id once; what follows the @ is taken off again by `rule_id`.
    text = re.sub(r"^id:\s*(\S+)\s*$", rf"id: \1@{grammar}", text, flags=re.MULTILINE)
    return re.sub(r"^language:\s*JavaScript\s*$", f"language: {grammar}", text, flags=re.MULTILINE)


def rule_id(reported: str) -> str:
    """The id of an ast-grep rule as its file spells it."""
    return reported.partition("@")[0]


def ast_grep_ids(language: str) -> Iterator[str]:
    """The ids of the ast-grep rules of a language, in their order."""
    yield from re.findall(r"^id:\s*(\S+)\s*$", rule_file(language).read_text(), flags=re.MULTILINE)
