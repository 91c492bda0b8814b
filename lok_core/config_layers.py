"""The configuration as it is written: which files there are, read into tables, and laid over each other.

Nothing is known here of what a key means; `config` makes settings of it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import Factory, define, frozen

from lok_core.errors import ConfigError
from lok_core.files import read_regular

MAX_BYTES = 1_000_000
_MAX_DEPTH = 20
_LARGEST = 2**63


@frozen
class Layer:
    """One source of configuration.

    Attributes:
        origin: what people know it by: the path, or the option.
        table: what it says.
        path: the file, if it is one.
        digest: identifies the content of the file.
        found: whether it was found by looking upwards from the working directory, so that whoever wrote
            that directory wrote it.
    """

    origin: str
    table: Mapping[str, Any]
    path: Path | None = None
    digest: str = ""
    found: bool = False


def read_layers(user: Path | None, project: Path | None, given: Path | None) -> list[Layer]:
    """The files that there are, the one that counts most last.

    Args:
        user: the user's own.
        project: found by looking upwards from the working directory.
        given: named by the user.

    Raises:
        ConfigError: one of them cannot be read, or is no TOML.
    """
    files = [] if user is None else [(user, False)]
    others = [os.path.realpath(file) for file in (user, given) if file is not None]
    if project is not None and os.path.realpath(project) not in others:
        files.append((project, True))
    if given is not None:
        files.append((given, False))
    layers: list[Layer] = []
    problems: list[str] = []
    for file, found in files:
        try:
            layers.append(read_layer(file, found=found))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return layers


def read_layer(file: Path, *, found: bool = False) -> Layer:
    """The file as a layer.

    Raises:
        ConfigError: it cannot be read, or is no TOML.
    """
    content = content_of(file, found=found)
    return Layer(str(file), parsed(content, str(file)), file, digest(content), found)


def content_of(file: Path, *, found: bool = False) -> bytes:
    """What is in the file.

    Args:
        found: whether the user did not name it; then it must be a regular file.

    Raises:
        ConfigError: it cannot be read, or is too large for a configuration.
    """
    try:
        if found:
            content = read_regular(file, MAX_BYTES + 1)
        else:
            with open(file, "rb") as stream:
                content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([f"{file} cannot be read: {error.strerror}"]) from error
    if len(content) > MAX_BYTES:
        raise ConfigError([f"{file} is too large for a configuration (over {MAX_BYTES // 1_000_000} MB)"])
    return content


def digest(content: bytes) -> str:
    """What identifies a content."""
    import hashlib

    return hashlib.sha256(content).hexdigest()


def parsed(content: bytes, name: str) -> dict[str, Any]:
    """The tables in the content of a file of that name.

    Raises:
        ConfigError: it is no TOML, or holds what no configuration does.
    """
    import tomli

    try:
        tables = tomli.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{name}: line {line} is not UTF-8"]) from error
    except RecursionError as error:
        raise ConfigError([f"{name}: nested too deeply"]) from error
    except ValueError as error:  # no TOML, or a number that Python does not convert
        text = str(error)
        raise ConfigError([f"{name}: no valid TOML: {text[:1].lower()}{text[1:]}"]) from error
    problems = [f"{name}: {problem}" for problem in _unfit(tables)]
    if problems:
        raise ConfigError(problems)
    return tables


def _unfit(tables: dict[str, Any]) -> Iterator[str]:
    """What nothing that walks through the tables later on could cope with."""
    rest: list[tuple[tuple[str | int, ...], Any]] = [((), tables)]
    while rest:
        place, value = rest.pop()
        if len(place) > _MAX_DEPTH:
            yield f"{dotted(place[:3])}... is nested too deeply"
            continue
        if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
            yield f"{dotted(place)}: the number is too large"
        rest += [((*place, key), inner) for key, inner in _inside(value)]


def _inside(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def dotted(place: Iterable[str | int]) -> str:
    """A place in the tables as one would write it in TOML: `tasks.hunt.prompts[0]`, counted from 0."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = part.isascii() and part.replace("-", "").replace("_", "").isalnum()
            text += ("." if text else "") + (part if bare else f'"{part}"')
    return text


def limit_of(number: float) -> float:
    """A limit as people write it, 0 for none, as one that compares like a limit."""
    return math.inf if number == 0 else float(number)


@define
class Merged:
    """Layers laid over each other: tables key by key, everything else as a whole.

    Attributes:
        table: the result.
    """

    table: dict[str, Any] = Factory(dict)
    # Like the table, with the layer's origin in place of each value, and under None that of the table itself.
    _origins: dict[str | None, Any] = Factory(dict)

    def add(self, table: Mapping[str, Any], origin: str) -> None:
        """Lays another table over what is there."""
        _lay(self.table, self._origins, table, origin)

    def origin(self, place: Iterable[str | int]) -> str:
        """The layer of the value at that place, or of what it lies in; empty if no layer says anything."""
        found: Any = self._origins
        for part in place:
            if not isinstance(found, dict) or part not in found:
                break
            found = found[part]
        return found if isinstance(found, str) else found.get(None, "")

    def get(self, *place: str) -> Any:
        """The value at that place; None if there is none."""
        found: Any = self.table
        for part in place:
            if not isinstance(found, dict) or part not in found:
                return None
            found = found[part]
        return found


def _lay(under: dict[str, Any], origins: dict[str | None, Any], over: Mapping[str, Any], origin: str) -> None:
    origins[None] = origin
    for key, value in over.items():
        if isinstance(value, Mapping):
            if not isinstance(under.get(key), dict):
                under[key], origins[key] = {}, {}
            _lay(under[key], origins[key], value, origin)
        else:
            # Not copied: what was read is never changed.
            under[key], origins[key] = value, origin
