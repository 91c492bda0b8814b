"""The baseline of a run: the file, and what git says of how things were called when it was made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from lok_core import history
from lok_core.errors import UsageError
from lok_core.files import destination, read_regular
from lok_core.findings.baseline import Baseline, Entry
from lok_core.findings.fingerprint import of_lines, of_title
from lok_core.findings.tree import Tree
from lok_core.outcome import Report
from lok_core.process import Children

_MAX_BYTES = 100_000_000


def read_baseline(
    file: Path, directories: Iterable[Path] = (), *, missing_is_empty: bool = False
) -> Baseline:
    """The baseline in the file.

    Args:
        directories: no link within one of them may lead out of it, nor out of the working directory.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        destination(file, directories)
        text = read_regular(file, _MAX_BYTES).decode("utf-8")
    except FileNotFoundError:
        if missing_is_empty:
            return Baseline()
        raise UsageError(f"there is no baseline {file}", "--update-baseline makes it") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"the baseline {file} cannot be read: {reason}", "name the file itself") from error
    return Baseline.read(text)


async def renamed_since(
    baseline: Baseline, children: Children, directory: Path, env: Mapping[str, str]
) -> dict[str, str]:
    """Which files were called otherwise when entries were added: path now -> path then."""
    commits = [entry.commit for entry in baseline.entries if entry.commit]
    return await history.renames(children, directory, env, commits) if commits else {}


async def updated(
    baseline: Baseline, report: Report, children: Children, env: Mapping[str, str], *, add: bool, prune: bool
) -> Baseline:
    """The baseline after the report.

    Args:
        add: whether findings that it does not know are added.
        prune: whether entries go whose line is no longer there.
    """
    if prune:
        renames = await renamed_since(baseline, children, report.directory, env)
        now_at = {then: now for now, then in renames.items()}
        baseline = baseline.pruned(_still_there(report.directory, now_at))
    if add:
        commit = await history.head(children, report.directory, env)
        baseline = baseline.updated(report.findings, commit)
    return baseline


def _still_there(directory: Path, now_at: Mapping[str, str]) -> Callable[[Entry], bool]:
    """Whether the line of an entry stands in its file, as that is called now.

    A file that is there but cannot be read (too large, binary) proves nothing, and its entries stay.

    Args:
        now_at: path at the time of the baseline -> path now.
    """
    tree = Tree(directory)
    lines: dict[str, set[str] | None] = {}

    def exists(entry: Entry) -> bool:
        if not entry.path:
            return True
        path = now_at.get(entry.path, entry.path)
        if entry.path not in lines:
            file = tree.file(path)
            unreadable = file is None and os.path.lexists(directory / path)
            lines[entry.path] = None if unreadable else set(of_lines(file, entry.path)) if file else set()
        found = lines[entry.path]
        if found is None or entry.fingerprint in found:
            return True
        return entry.fingerprint == of_title(entry.path, entry.title) and tree.file(path) is not None

    return exists
