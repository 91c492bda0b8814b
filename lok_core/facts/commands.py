"""What runs tools: GitHub actions and pre-commit's hooks; and whether something keeps them from a part.

Commands are not understood: what a shell, a matrix or a working directory makes of a line cannot be told from
the line. So none of them says that a tool checks the code, but a few words say that it may not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import frozen

from lok_core.facts.sources import Sources, without_comment

_WORKFLOWS = (".github/workflows/*.yml", ".github/workflows/*.yaml")
_OTHERS = (
    ".forgejo/workflows/*.yml",
    ".gitea/workflows/*.yml",
    ".gitlab-ci.yml",
    ".gitlab/*.yml",
    ".circleci/config.yml",
    ".travis.yml",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "lefthook.yml",
    "Jenkinsfile",
    "tox.ini",
    "noxfile.py",
    "Makefile",
    "justfile",
    "Taskfile.yml",
    "package.json",
)
_HOOKS = (".pre-commit-config.yaml", ".pre-commit-config.yml", "prek.toml")
_ACTION = re.compile(r"[\s-]*uses\s*:\s*[\"']?([\w./-]{1,100})@")
_HOOK = re.compile(r"[\s-]*id\s*[:=]\s*[\"']?([\w./-]{1,100})")
_NARROWS = re.compile(
    r"--(?:no-|allow|ignore|disable|select|exclude|exit-zero|isolated|config|extend|per-file|skip|only|noUnused)"
    r"|--project|--follow|--strict\w*[ =]+false|\|\|\s{0,9}(?:true|:)|continue-on-error|allow_failure"
    r"|\bif:\s{0,9}false|working-directory|\bcd |^\t-|\b(?:stages|files|exclude)\s{0,9}[:=]",
    re.MULTILINE,
)


@frozen
class Commands:
    """What is run.

    Attributes:
        actions, hooks: the GitHub actions that are used, and the ids of pre-commit's hooks.
        narrowing: the files that run something under conditions or with options that may keep it from a part.
    """

    actions: frozenset[str]
    hooks: frozenset[str]
    narrowing: tuple[str, ...]

    def narrow(self, program: str) -> bool:
        """Whether something may keep a program from a part of the code, or of what it reports."""
        word = re.compile(rf"(?<!\w){re.escape(program)}(?!\w)")
        return any(word.search(text) for text in self.narrowing)


def commands(sources: Sources) -> Commands:
    """Everything that is run in the directory."""
    workflows = _texts(sources, _WORKFLOWS)
    hooks = _texts(sources, _HOOKS)
    others = _texts(sources, _OTHERS)
    return Commands(
        _found(_ACTION, workflows),
        _found(_HOOK, hooks),
        tuple(text for text in (*workflows, *hooks, *others) if _NARROWS.search(text)),
    )


def _texts(sources: Sources, patterns: Iterable[str]) -> list[str]:
    return [sources.text(path) for pattern in patterns for _, path in sources.matching(pattern)]


def _found(pattern: re.Pattern[str], texts: Iterable[str]) -> frozenset[str]:
    lines = (without_comment(line)[:300] for text in texts for line in text.splitlines())
    return frozenset(found[1] for line in lines if (found := pattern.match(line)))
