"""What git knows of a directory, asked so that nothing runs that the directory brings along.

Only commands that compare commits are used. Those that look at the working tree (`git status`, `git diff`)
start what the repository's own configuration names: `core.fsmonitor`, filters.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import trio

from lok_core.errors import BackendError
from lok_core.process import Children

_TIMEOUT_S = 20
_MOST_COMMITS = 20
HELD = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""Options with which git starts none of the programs that a repository can name for its own use."""
_CLOSED = {
    # A repository may lack objects on purpose, and fetching them runs what its configuration names.
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
}
_PASSED = ("PATH", "HOME", "XDG_CONFIG_HOME", "LANG", "TMPDIR")


async def head(children: Children, directory: Path, env: Mapping[str, str]) -> str:
    """The id of the commit that is checked out; empty where there is none, or no git."""
    said = await ask_git(children, directory, env, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    return said.decode(errors="replace").strip()


async def renames(
    children: Children, directory: Path, env: Mapping[str, str], commits: Iterable[str]
) -> dict[str, str]:
    """Which files are called otherwise than at one of these commits: path now -> path then.

    Paths are relative to the directory, with forward slashes. Of many commits the last twenty count.
    """
    found: dict[str, str] = {}
    for commit in list(dict.fromkeys(commits))[-_MOST_COMMITS:]:
        if not commit or commit.startswith("-"):
            continue
        options = ("-r", "-M", "-z", "--relative", "--diff-filter=R", "--name-status", "--no-ext-diff")
        said = await ask_git(children, directory, env, "diff-tree", *options, commit, "HEAD", "--")
        words = [os.fsdecode(word) for word in said.split(b"\0")]
        for old, new in zip(words[1::3], words[2::3], strict=False):
            found.setdefault(new, old)
    return found


async def ask_git(children: Children, directory: Path, env: Mapping[str, str], *words: str) -> bytes:
    """What git printed; nothing if it failed, took too long, or is not there."""
    plain = {name: env[name] for name in _PASSED if name in env}
    argv = ["git", *HELD, "-C", str(directory), *words]
    with trio.move_on_after(_TIMEOUT_S):
        try:
            done = await children.run(argv, env={**plain, **_CLOSED}, cwd="/", label="git")
        except BackendError:
            return b""
        return b"" if done.returncode or done.stdout_dropped else done.stdout
    return b""
