"""The arguments of a program, as its `CommandSpec` and the user want them.

The user's own are kept, and no more access is given than the request allows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lok_core.command_spec import CommandSpec, Flag
from lok_core.errors import BackendError
from lok_core.models import Access

_LEVELS: tuple[Access, ...] = ("none", "read", "write")


def arguments(
    spec: CommandSpec, args: Sequence[str], extra: Sequence[str], access: Access | None, has_model: bool
) -> list[str]:
    """All arguments, placeholders not yet filled in."""
    takes = dict(_taken(flag) for flags in spec.access.values() for flag in flags if flag)
    for name in spec.forbidden:
        bare = name.removesuffix("...").removesuffix("=")
        takes[bare] = -1 if name.endswith("...") else int(name.endswith("="))
    args, extra = (_without(_without_values(words, spec.forbidden), takes) for words in (args, extra))
    flags = [
        flag
        for flag in spec.flags
        if not _present(flag, spec.flags, [*args, *extra])
        and (has_model or not any("{model}" in word for word in flag))
    ]
    held = spec.access[access] if access else ()
    return [*args, *(word for flag in (*flags, *held) for word in flag), *extra]


def level(name: str, spec: CommandSpec, access: Access) -> Access | None:
    """The level whose flags are used for that access; None if the program has none.

    Raises:
        BackendError: `invalid`: every level that the program knows allows more.
    """
    if not spec.access:
        return None
    lower = [known for known in _LEVELS[: _LEVELS.index(access) + 1] if known in spec.access]
    if not lower:
        raise BackendError(
            "invalid",
            f"{name} cannot be held to access {access!r}",
            f"`access` of [backends.{name}] in lok.toml says by which flags it can",
        )
    return lower[-1]


def _taken(flag: Flag) -> tuple[str, int]:
    """What of the user's such a flag replaces: a name, and how many values it has."""
    name, value = _named(flag)
    # Of `--flag=key=value` there may be many.
    return (name, 1) if len(flag) == 1 and value and "=" not in value else (flag[0], len(flag) - 1)


def _without(words: Sequence[str], takes: Mapping[str, int]) -> list[str]:
    """The words without some flags; `takes` says how many values each has, -1 for all up to the next flag."""
    kept: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in takes:
            count = takes[word]
            while rest and (count > 0 or (count < 0 and not rest[0].startswith("-"))):
                rest.pop(0)
                count -= 1
        elif not any(
            word.startswith(f"{name}=") or (re.fullmatch(r"-\w", name) and word.startswith(name))
            for name in takes
        ):
            kept.append(word)
    return kept


def _without_values(words: Sequence[str], forbidden: Sequence[str]) -> list[str]:
    """The words without the flags whose value begins as `forbidden` says: `--flag VALUE`."""
    starts = tuple(tuple(name.split()) for name in forbidden if " " in name)
    kept: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        for name, start in starts:
            joined = word.removeprefix(name).removeprefix("=") if word.startswith(name) else ""
            if word == name and rest and rest[0].lstrip().startswith(start):
                rest.pop(0)
                break
            if joined.lstrip().startswith(start):
                break
        else:
            kept.append(word)
    return kept


def _present(flag: Flag, flags: Sequence[Flag], words: Sequence[str]) -> bool:
    """Whether the user gave that flag; one that takes `key=value`, or that lok gives several times, with the
    same key or value."""
    (name, value), names = _named(flag), [_named(other)[0] for other in flags]
    key, is_pair, _ = value.partition("=")

    def given(word: str, after: str) -> bool:
        if word != name and not word.startswith(f"{name}="):
            return False
        if not is_pair and names.count(name) == 1:
            return True
        said = after if word == name else word.removeprefix(f"{name}=")
        return said.startswith(f"{key}=") if is_pair else said == value

    return any(map(given, words, [*words[1:], ""]))


def _named(flag: Flag) -> tuple[str, str]:
    if len(flag) > 1:
        return flag[0], flag[1]
    name, _, value = flag[0].partition("=")
    return name, value
