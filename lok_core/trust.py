"""What is trusted: files by their content, directories by their path. And what a file may say that is not.

Whoever writes into a directory can write a lok.toml there, and a lok.toml can name programs to run. So one
that was found counts in full only once its user has said so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attrs import Factory, define

from lok_core.config_layers import (
    Layer,
    Merged,
    content_of,
    digest,
    dotted,
    limit_of,
)
from lok_core.errors import ConfigError, UsageError
from lok_core.files import lies_in

if TYPE_CHECKING:
    from lok_core.interfaces import Backend

_CONFIG = "lok.toml"
Verdict = Literal["counts", "waits", "ignored"]


@define
class Trust:
    """What the user trusts, as it is kept in a file of the state folder.

    Attributes:
        file: that file.
        files: path to the digest that the content had.
        directories: the paths; each stands for what lies below as well.
    """

    file: Path
    files: dict[str, str] = Factory(dict)
    directories: list[str] = Factory(list)

    @classmethod
    def read(cls, file: Path) -> Trust:
        """What was trusted so far.

        Raises:
            UsageError: the file cannot be read, or is damaged.
        """
        try:
            content = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return cls(file)
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {error.strerror}") from error
        import json

        try:
            state = json.loads(content)
            files = {str(path): str(digest) for path, digest in state["files"].items()}
            return cls(file, files, [str(path) for path in state["directories"]])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(f"{file} is damaged", "remove it, and trust again what you did") from error

    def changed(self, file: str) -> bool:
        """Whether a trusted file is no longer what it was, or gone."""
        try:
            return digest(content_of(Path(file), found=True)) != self.files[file]
        except ConfigError:
            return True

    def counts(self, layer: Layer) -> bool:
        """Whether the layer counts in full."""
        if not layer.found or layer.path is None:
            return True
        return self.files.get(os.path.realpath(layer.path)) == layer.digest

    def covering(self, directory: Path) -> str:
        """The trusted directory that is this one or above it; empty if there is none."""
        real = Path(os.path.realpath(directory))
        return next((one for one in self.directories if real.is_relative_to(one)), "")

    def add_file(self, file: Path) -> None:
        """Trusts a file as it is now.

        Raises:
            ConfigError: it cannot be read.
            UsageError: the state folder cannot be used.
        """
        self.files[os.path.realpath(file)] = digest(content_of(file, found=True))
        self._write()

    def add_directory(self, directory: Path) -> tuple[list[Path], list[Path]]:
        """Trusts what is in the directory and below, and each lok.toml there as it is now.

        Returns:
            These files, and those left out: links that lead out of the directory, and are nothing of it.

        Raises:
            ConfigError: a file cannot be read.
            UsageError: the state folder cannot be used.
        """
        real = os.path.realpath(directory)
        files: list[Path] = []
        left_out: list[Path] = []
        for file in _files_below(directory):
            (files if lies_in(os.path.realpath(file), real) else left_out).append(file)
        self.files |= {os.path.realpath(file): digest(content_of(file, found=True)) for file in files}
        self.directories = sorted({*self.directories, real})
        self._write()
        return files, left_out

    def revoke(self, directory: Path) -> list[str]:
        """Takes back what was said of the directory and of what lies below; gives the paths concerned."""
        real = os.path.realpath(directory)
        linked = {os.path.realpath(file) for file in _files_below(directory)}  # `add_file` follows links
        told = (*self.directories, *self.files)
        gone = [path for path in told if Path(path).is_relative_to(real) or path in linked]
        self.directories = [path for path in self.directories if path not in gone]
        self.files = {path: digest for path, digest in self.files.items() if path not in gone}
        if gone:
            self._write()
        return sorted(gone)

    def _write(self) -> None:
        import json
        import tempfile

        state = {"files": self.files, "directories": self.directories}
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self.file.parent, prefix=f".{self.file.name}.")
            with open(descriptor, "w", encoding="utf-8") as stream:
                json.dump(state, stream, indent=1)
            os.replace(temporary, self.file)
        except OSError as error:
            raise UsageError(
                f"the state folder {self.file.parent} cannot be used: {error.strerror}",
                "make it writable, or set XDG_STATE_HOME to a folder that is",
            ) from error


def _files_below(directory: Path) -> Iterator[Path]:
    """Every lok.toml in the directory and below; not in hidden folders, nor where packages are installed."""
    for folder, inner, names in os.walk(directory):
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name != "node_modules")
        if _CONFIG in names:
            yield Path(folder, _CONFIG)


def allowed(
    table: Mapping[str, Any], below: Merged, kinds: Mapping[str, type[Backend]]
) -> tuple[dict[str, Any], list[str]]:
    """What a table may say that nobody trusts, and the places of what it may not.

    What is of the wrong type passes: it does no harm, and is then told as the mistake that it is.

    Args:
        below: what is configured without it.
        kinds: the installed adapters.
    """
    kept: dict[str, Any] = {}
    waiting: list[str] = []
    for place, value in _entries(table):
        verdict = _judged(place, value, table, below, kinds)
        if verdict == "waits":
            waiting.append(dotted(place))
            continue
        inner = kept
        for part in place[:-1]:
            inner = inner.setdefault(part, {})
        if verdict == "counts":
            inner[place[-1]] = value
    return kept, waiting


def _entries(table: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each key that is judged by itself, with its value."""
    for name, part in table.items():
        if not isinstance(part, Mapping):
            yield (name,), part
            continue
        for key, value in part.items():
            if name in ("backends", "tasks") and isinstance(value, Mapping):
                yield from (((name, key, inner), one) for inner, one in value.items())
            else:
                yield (name, key), value


def _judged(
    place: tuple[str, ...],
    value: Any,
    table: Mapping[str, Any],
    below: Merged,
    kinds: Mapping[str, type[Backend]],
) -> Verdict:
    set_below = below.get(*place)
    if type(set_below) is type(value) and set_below == value:
        return "ignored"  # it is so already
    match place:
        case ("defaults" | "conductor" | "plugins" | "backends" | "tasks",) | ("backends" | "tasks", _):
            return "counts"  # no table, and a mistake
        case ("tasks", _, "description" | "prompts" | "backends") | ("defaults", "parallel"):
            return "counts"
        case ("defaults", "timeout") | ("conductor", "max_rounds" | "max_tokens"):
            return _downwards(value, set_below)
        case ("backends", name, key):
            return _of_backend(name, key, value, table["backends"][name], below, kinds)
    return "waits"


def _of_backend(
    name: str,
    key: str,
    value: Any,
    table: Mapping[str, Any],
    below: Merged,
    kinds: Mapping[str, type[Backend]],
) -> Verdict:
    set_below = below.get("backends", name, key)
    offered = kinds.get(below.get("backends", name, "use") or name)
    if below.get("backends", name) is None and (offered is None or offered.needs_config):
        # It makes a backend of its own, or, without `use`, is for an adapter that is not installed. A recipe
        # is no more harmless than a command: nobody chose its program for lok by installing an adapter, it
        # runs with the user's log-in, and some of these programs follow what lies in the directory.
        return "waits" if offered is not None or "use" in table else "ignored"
    known = {} if offered is None else offered.known_defaults
    if key in known and known[key] == value:
        # One without the other may be the command line of another program.
        others = {"command", "args"} & known.keys() if key in ("command", "args") else {key}
        apart = any(table.get(other, known[other]) != known[other] for other in others)
        if not apart and all(below.get("backends", name, other) is None for other in others):
            return "counts"
    if key == "enabled":
        return "counts" if value is not True or set_below is None else "waits"
    if key == "stall_timeout":
        return _downwards(value, 0 if set_below is None else set_below)
    if key == "timeout":
        return _downwards(value, below.get("defaults", "timeout") if set_below is None else set_below)
    return "waits"


def _downwards(value: Any, limit: Any) -> Verdict:
    """Whether a limit is not above the one that holds without it."""
    if any(type(one) not in (int, float) for one in (value, limit)):
        return "counts"  # a mistake, here or there
    return "counts" if limit_of(value) <= limit_of(limit) else "waits"
