"""The baseline of a run: the file, and what git says of how things were called when it was made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lok_core import history
from lok_core.errors import UsageError
from lok_core.findings.baseline import Baseline, Entry
from lok_core.findings.fingerprint import of_lines, of_title
from lok_core.findings.tree import Tree
from lok_core.outcome import Report
from lok_core.process import Children

_MAX_BYTES = 100_000_000


def read_baseline(file: Path, *, missing_is_empty: bool = False) -> Baseline:
    """The baseline in the file.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        with open(file, encoding="utf-8") as stream:
            text = stream.read(_MAX_BYTES)
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
        tree = Tree(report.directory)
        lines: dict[str, set[str]] = {}

        def exists(entry: Entry) -> bool:
            if entry.path not in lines:
                lines[entry.path] = set(of_lines(entry.path, tree))
            found = lines[entry.path]
            return entry.fingerprint in found or (
                entry.fingerprint == of_title(entry.path, entry.title)
                and (not entry.path or tree.file(entry.path) is not None)
            )

        baseline = baseline.pruned(exists)
    if add:
        commit = await history.head(children, report.directory, env)
        baseline = baseline.updated(report.findings, commit)
    return baseline
