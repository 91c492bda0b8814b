"""What earlier runs have left in a repository."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from attrs import evolve

from lok_core.details.spawn import Leftover
from lok_core.process import Children
from lok_core.worktrees.copy import BASES, MADE, REPOSITORY, goes_on, marked
from lok_core.worktrees.git import Git, is_there, open_git, real


async def leftovers(
    children: Children, directory: Path, env: Mapping[str, str], folder: Path
) -> tuple[Leftover, ...]:
    """Every branch and every copy that agents have left in the directory's repository. Changes nothing.

    Args:
        folder: where the copies of all runs go: `worktrees` in the state folder.

    Raises:
        UsageError: the directory is in no repository, or there is no git.
    """
    git = await open_git(children, directory, env, bare=True)
    common = real(directory, await git.text("rev-parse", "--git-common-dir"))
    root = await git.maybe("rev-parse", "--show-toplevel") or str(
        common.parent if common.name == ".git" else directory
    )
    found: dict[tuple[str, str], Leftover] = {}
    for ref, commit in (await _refs(git, "refs/heads/lok/")).items():
        run, _, agent = ref.removeprefix("refs/heads/lok/").partition("/")
        if agent:  # else a branch of the user's own
            found[run, agent] = Leftover(run, agent, ref.removeprefix("refs/heads/"), commit)
    admins = _admins(common)
    for run, top in _copies(real(folder), common, admins):
        left = found.get((run, top.name), Leftover(run, top.name, "", ""))
        found[run, top.name] = await _with_copy(git, left, top, admins.get(top))
    bases = await _refs(git, BASES)
    told = []
    for run, agent in sorted(found):
        base = bases.get(BASES + run, "")
        left = evolve(found[run, agent], base=base, repository=root, running=goes_on(folder / run))
        told.append(await _weighed(git, left))
    return tuple(told)


async def _refs(git: Git, under: str) -> dict[str, str]:
    """The commits of the refs."""
    listed = await git.text("for-each-ref", "--format=%(refname) %(objectname)", under)
    return dict(line.rsplit(" ", 1) for line in listed.splitlines())


async def _weighed(git: Git, left: Leftover) -> Leftover:
    """The same with what of it the user's checkout does not have."""
    tips = list(filter(None, (left.commit, left.head)))
    held = list(filter(None, (await git.commit_of("HEAD"), left.base and await git.commit_of(left.base))))
    counted = await git.run("rev-list", "--count", *tips, "--not", *held, "--") if tips else None
    # Where git cannot count, as objects are missing, nothing is known to be taken over.
    failed = counted is not None and counted.returncode != 0
    ahead = int(counted.stdout) if counted and not failed else int(failed)
    if ahead and not failed and await _are_taken_over(git, tips, left.base):
        ahead = 0
    return evolve(left, ahead=ahead, merged=not (ahead or left.uncommitted or left.ignored))


async def _are_taken_over(git: Git, tips: list[str], base: str) -> bool:
    """Whether the files that were changed since the base are in the user's commit as they are in each of
    these: by `git apply` or `git cherry-pick`, after which the commits themselves are others."""
    if not base:
        return False
    compare = ("diff-tree", "-r", "-z", "--name-only", "--no-renames")
    for tip in tips:
        if not (await git.run("merge-base", "--is-ancestor", tip, base)).returncode:
            continue
        changed = await git.paths(*compare, base, tip, "--")
        if not changed or set(changed) & set(await git.paths(*compare, "HEAD", tip, "--")):
            return False
    return True


def _admins(common: Path) -> dict[Path, Path]:
    """What git keeps for each worktree, by the worktree's top directory (gitrepository-layout)."""
    found = {}
    for note in (common / "worktrees").glob("*/gitdir"):
        with suppress(OSError):
            link = os.fsdecode(note.read_bytes()).removesuffix("\n")
            found[Path(os.path.join(note.parent, link)).parent] = note.parent
    return found


def _copies(folder: Path, common: Path, admins: Mapping[Path, Path]) -> list[tuple[str, Path]]:
    """The copies of this repository, by run; those, too, of which only git or only the folder is left."""
    found = [(top.parent.name, top) for top in admins if top.parent.parent == folder]
    with suppress(OSError):
        for run in folder.iterdir():
            named = b""
            with suppress(OSError):
                named = (run / REPOSITORY).read_bytes()
            tops = [top for top in run.iterdir() if not top.name.startswith(".")]
            if named == os.fsencode(common):
                found += [(run.name, top) for top in tops if top not in admins]
    return found


async def _with_copy(git: Git, left: Leftover, top: Path, admin: Path | None) -> Leftover:
    """The same with what is in the copy."""
    left = evolve(left, directory=str(top), known=admin is not None, settled=bool(marked(top)))
    if admin is None:  # git does not know it any more: each file may be something
        count = _files_in(top) if is_there(top) and not left.settled else 0
        return evolve(left, uncommitted=count)
    head = await git.at(admin, GIT_DIR=admin).commit_of("HEAD")
    left = evolve(left, commit=left.commit or head, head=head if left.commit not in ("", head) else "")
    if not is_there(top) or marked(top) == MADE:
        return left
    inside = git.at(top, GIT_DIR=admin, GIT_WORK_TREE=top)
    options = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignored")
    done = await inside.run("status", *options)
    entries = [entry for entry in done.stdout.split(b"\0") if entry]
    ignored = [entry for entry in entries if entry.startswith(b"!!")]
    changed = [entry for entry in entries if not entry.startswith(b"!!")]
    if left.settled and all(entry.startswith(b" D") for entry in changed):
        return left
    count = len(changed) + await _unseen(inside, top)
    count = max(count, 1 if done.returncode else 0)
    return evolve(left, settled=False, uncommitted=count, ignored=len(ignored))


async def _unseen(inside: Git, top: Path) -> int:
    """How many tracked files git was told to overlook, and repositories of which it holds but an id."""
    flags = (await inside.run("ls-files", "-v", "-z")).stdout.split(b"\0")
    hidden = [entry[2:] for entry in flags if entry[:1].islower() or entry[:1] == b"S"]
    staged = (await inside.run("ls-files", "-z", "--stage")).stdout.split(b"\0")
    nested = [entry.partition(b"\t")[2] for entry in staged if entry.startswith(b"160000 ")]
    there = [path for path in hidden if is_there(top / os.fsdecode(path))]
    return len(there) + len([path for path in nested if is_there(top / os.fsdecode(path) / ".git")])


def _files_in(top: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(top)) if top.is_dir() else 1
