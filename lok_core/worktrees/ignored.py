"""What git ignores in a copy: by the user's rules, or by those of the agent."""

from __future__ import annotations

import os

from lok_core.worktrees.git import Git


async def hidden_by_agent(inside: Git, base: str, now: str, paths: list[str]) -> list[str]:
    """Those of the ignored paths that might not be ignored without what the agent has changed.

    A rule counts as the user's if the same line is in the same `.gitignore` of the base commit; those of
    `info/exclude` and of the user's own configuration always do. Where the agent has taken an exception (`!`)
    away, no rule does.
    """
    listed = b"".join(os.fsencode(path) + b"\0" for path in paths)
    done = await inside.run("check-ignore", "-z", "--verbose", "--no-index", "--stdin", stdin=listed)
    said = [os.fsdecode(field) for field in done.stdout.split(b"\0")]
    # An absolute path is that of a file of the user's configuration, whatever it is called.
    rows = [
        (source, rule.strip(), path)
        for source, rule, path in zip(said[0::4], said[2::4], said[3::4], strict=False)
        if _is_rules(source)
    ]
    changes = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", base, now, "--")
    for source in filter(_is_rules, await inside.paths(*changes)):
        lost = await _rules(inside, base, source) - await _rules(inside, now, source)
        if any(rule.startswith("!") for rule in lost):
            return paths
    old = {source: await _rules(inside, base, source) for source in {source for source, _, _ in rows}}
    return [path for source, rule, path in rows if rule not in old[source]]


def _is_rules(path: str) -> bool:
    return path.rpartition("/")[2] == ".gitignore" and not path.startswith("/")


async def _rules(inside: Git, commit: str, source: str) -> set[str]:
    done = await inside.run("cat-file", "blob", f"{commit}:{source}")
    return set() if done.returncode else {line.strip() for line in os.fsdecode(done.stdout).splitlines()}
