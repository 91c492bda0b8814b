"""What is on an agent's branch, and how much that differs from where it started."""

from __future__ import annotations

from contextlib import suppress

from attrs import evolve

from lok_core.details.spawn import Branch
from lok_core.errors import UsageError
from lok_core.worktrees.copy import Copy
from lok_core.worktrees.git import Git, is_there


async def as_left(git: Git, copy: Copy) -> Branch:
    """The branch and the copy as they are; without numbers where git cannot tell them. Changes nothing."""
    git = git.at(copy.common, GIT_DIR=copy.common)
    with suppress(UsageError):
        return await branch_of(git, copy)
    return await _unmeasured(git, copy)


async def branch_of(git: Git, copy: Copy) -> Branch:
    """The branch as it is.

    Args:
        git: git at the repository.

    Raises:
        UsageError: what is on it cannot be read.
    """
    branch = await _unmeasured(git, copy)
    options = ("-r", "-M", "--no-color", "--no-ext-diff", "--no-textconv", copy.base, branch.commit, "--")
    counts = await git.text("diff-tree", "--numstat", *options)
    rows = [row.split("\t") for row in counts.splitlines()]
    stat = await git.out("diff-tree", "--stat=100", "--stat-count=50", *options)
    return evolve(
        branch,
        files=len(rows),
        insertions=sum(int(row[0]) for row in rows if row[0] != "-"),
        deletions=sum(int(row[1]) for row in rows if row[1] != "-"),
        diffstat=stat.decode(errors="replace").rstrip("\n"),
    )


async def _unmeasured(git: Git, copy: Copy) -> Branch:
    name = copy.worktree.branch
    tip = copy.base
    with suppress(UsageError):  # no git any more
        tip = await git.commit_of(f"refs/heads/{name}") or tip
    kept = str(copy.top) if is_there(copy.top) else ""
    return Branch(copy.worktree.agent, name, tip, directory=kept)
