"""The user's checkout, of which every agent gets a copy.

Nothing here writes to the checkout, its index, its HEAD or a branch other than `lok/...`: git works on a
copy of the index, and what it makes are objects, new branches, refs `refs/lok-bases/...` which hold the
commits that those start from, and worktrees elsewhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import trio
from attrs import define, evolve, field

from lok_core.details.spawn import Branch, Conflict
from lok_core.errors import UsageError
from lok_core.process import Children
from lok_core.worktrees.copy import BASES, MADE, REPOSITORY, Copy, Worktree, goes_on, mark_of, tidy
from lok_core.worktrees.finish import finish
from lok_core.worktrees.git import Git, complaint, is_there, make_folder, open_git, real, scratch_index
from lok_core.worktrees.measured import as_left

SNAPSHOT = "Lok-Snapshot"
"""The trailer by which a reader of the history knows lok's own commit."""

_MERGES = (2, 38)  # the first git with `merge-tree --write-tree`
_MOST_NAMED = 5


@define(eq=False)
class Checkout:
    """The user's checkout as it was when it was opened. Made by `open_checkout`.

    Attributes:
        root: its top directory.
        run: the run that the branches are named after.
        base: the id of the commit that every branch starts from.
        dirty: whether that is a snapshot with uncommitted work, made by lok, and not the user's HEAD.
        notes: what the reader should know: what the copies lack, what could not be checked. May grow.
    """

    root: Path
    run: str
    base: str
    dirty: bool
    notes: list[str]
    _git: Git
    _folder: Path
    _prefix: str
    _common: Path
    _refs: Mapping[str, str]
    _copies: dict[str, Copy] = field(factory=dict, init=False)
    _adding: trio.Lock = field(factory=trio.Lock, init=False)

    async def add(self, agent: str) -> Worktree:
        """A copy for an agent, on a new branch.

        Raises:
            UsageError: git cannot make it.
        """
        async with self._adding:
            name = await self._free_name(agent)
            branch, top = f"lok/{self.run}/{name}", self._folder / name
            make_folder(self._folder)
            (self._folder / REPOSITORY).write_bytes(os.fsencode(self._common))
            mark_of(top).write_text(MADE)
            await self._git.run("update-ref", BASES + self.run, self.base)
            # Its reflogs hold commits that an agent makes and leaves behind; locked, no clean-up of git's,
            # which an agent may run, takes it for gone.
            logged = ("-c", "core.logAllRefUpdates=true", "worktree", "add", "--lock", "--no-track")
            made = await self._git.run(*logged, "-b", branch, str(top), self.base)
            if made.returncode:
                await self._git.run("update-ref", "-d", f"refs/heads/{branch}", self.base)
                mark_of(top).unlink(missing_ok=True)
                raise UsageError(f"git makes no copy for {agent}: {complaint(made)}")
            inside = self._git.at(top)
            admin = Path(await inside.text("rev-parse", "--absolute-git-dir"))
            worktree = Worktree(agent, branch, top / self._prefix)
            worktree.directory.mkdir(parents=True, exist_ok=True)  # git keeps no empty directory
            self._copies[branch] = Copy(worktree, top, admin, self._common, self.base, self._refs)
            mark_of(top).unlink()
            return worktree

    async def finish(self, worktree: Worktree, message: str) -> Branch:
        """Commits what the agent has left uncommitted, and removes the copy if all is on the branch then.

        Never raises for what the agent has done to its copy: `Branch.problem` tells. To be shielded from
        cancellation by the caller; where it is not, the copy stays.

        Args:
            message: of the commit.
        """
        return await finish(self._git, self._copies[worktree.branch], message)

    async def as_left(self, worktree: Worktree, problem: str) -> Branch:
        """What is on the branch, and the copy if it is still there, where `finish` came to no end."""
        branch = await as_left(self._git, self._copies[worktree.branch])
        where = f" (the copy is kept: {branch.directory})" if branch.directory else ""
        return evolve(branch, problem=problem + where)

    async def conflicts(self, branches: Sequence[Branch]) -> tuple[Conflict, ...]:
        """Which branches conflict with each other, or with the user's checkout as it is now.

        Nothing is merged: git computes what a merge would give.
        """
        changed = [branch for branch in branches if branch.commit != self.base]
        if not changed:
            return ()
        if self._git.version < _MERGES:
            told = ".".join(map(str, self._git.version))
            self.notes.append(f"git {told} cannot tell which branches conflict (2.38 or later can)")
            return ()
        sides = [(branch.name, branch.commit) for branch in changed]
        pairs = list(combinations(sides, 2))
        try:
            mine = await self._now()
        except UsageError as error:
            self.notes.append(f"conflicts with your checkout are not known: {error.message}")
        else:
            pairs += [(side, ("", mine)) for side in sides]
        found = []
        # A merge driver works in the current directory, and git leaves files for it there.
        with scratch_index(self._folder, self._folder / "none") as (index, _):
            room = index.parent / "files"
            make_folder(room)
            aside = self._git.at(room, GIT_DIR=self._common, GIT_WORK_TREE=room).on(index)
            await aside.run("read-tree", self.base)
            # They name the drivers, and git looks for them among the files only.
            attributes = (await aside.run("ls-files", "-z", "--", ":(glob)**/.gitattributes")).stdout
            await aside.run("checkout-index", "--quiet", "-z", "--stdin", stdin=attributes)
            for (one, one_commit), (other, other_commit) in pairs:
                words = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages")
                done = await aside.run(*words, one_commit, other_commit)
                if done.returncode == 1:
                    files = [os.fsdecode(name) for name in done.stdout.split(b"\0")[1:] if name]
                    found.append(Conflict(one, other, tuple(dict.fromkeys(files))))
                elif done.returncode:
                    against = other or "your checkout"
                    self.notes.append(f"whether {one} and {against} conflict is not known: {complaint(done)}")
        return tuple(found)

    async def _free_name(self, agent: str) -> str:
        plain = re.sub(r"[^A-Za-z0-9_]+", "-", agent).strip("-")[:50] or "agent"
        taken = {branch.rpartition("/")[2].lower() for branch in self._copies}
        for name in (plain, *(f"{plain}-{number}" for number in range(2, 1000))):
            there = is_there(self._folder / name)
            if (
                name.lower() in taken
                or there
                or await self._git.commit_of(f"refs/heads/lok/{self.run}/{name}")
            ):
                continue
            return name
        raise UsageError(f"every name like {plain} is taken by a branch lok/{self.run}/...")

    async def _now(self) -> str:
        """A commit of the checkout as it is now; what has not changed since the start merges by itself."""
        head = await self._git.commit_of("HEAD")
        if not head:
            raise UsageError("it has no commit checked out any more")
        tree, _ = await _tree(self._git, self._folder, head)
        if tree == await self._git.tree_of(head) and not self.dirty:
            return head
        return await self._git.commit(tree, dict.fromkeys([head, self.base]), _message(self.run))


async def open_checkout(
    children: Children, directory: Path, env: Mapping[str, str], folder: Path
) -> Checkout:
    """The checkout that the directory is in.

    Args:
        folder: where the copies go, outside of the checkout; made when it is needed. Its name is the run's.

    Raises:
        UsageError: there is none, or none that can be copied.
    """
    inside = await open_git(children, directory, env)
    root = Path(await inside.text("rev-parse", "--show-toplevel"))
    git = inside.at(root)
    prefix = await inside.text("rev-parse", "--show-prefix")
    common = real(root, await git.text("rev-parse", "--git-common-dir"))
    folder = real(folder)
    if folder.is_relative_to(real(root)):
        raise UsageError(
            f"the copies would be made in {folder}, within the checkout they are of",
            "set XDG_STATE_HOME to a folder outside of it",
        )
    head = await git.commit_of("HEAD")
    if not head:
        raise UsageError(
            f"the repository {root} has no commits to start from",
            "make a first one: git commit --allow-empty -m start",
        )
    if await git.maybe("rev-parse", "--verify", "--quiet", "refs/heads/lok"):
        raise UsageError(
            "a branch named lok leaves no room for branches lok/...", "rename it: git branch -m lok NEW-NAME"
        )
    if prefix and not (await git.run("check-ignore", "--quiet", "--", prefix.rstrip("/"))).returncode:
        raise UsageError(
            f"git ignores {directory}, so that no copy of it could be made",
            f"name a directory that is part of the repository {root}",
        )
    tidy(folder.parent)
    await _forget_bases(git, folder)
    tree, nested = await _tree(git, folder, head)
    dirty = tree != await git.tree_of(head)
    base = await git.commit(tree, [head], _message(folder.name)) if dirty else head
    notes = []
    if nested:
        notes.append(f"not in the copies, being repositories of their own: {_listed(nested)}")
    entries = await git.paths("ls-tree", "-r", "-z", "--full-tree", base)
    if modules := [entry.partition("\t")[2] for entry in entries if entry.startswith("160000 ")]:
        notes.append(f"submodules are empty in the copies: {_listed(modules)}")
    refs = await git.text("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
    known = dict(line.rsplit(" ", 1) for line in refs.splitlines())
    return Checkout(root, folder.name, base, dirty, notes, git, folder, prefix, common, known)


async def _forget_bases(git: Git, folder: Path) -> None:
    """Removes what tells where branches start that the user has removed since."""
    listed = await git.text("for-each-ref", "--format=%(refname)", BASES, "refs/heads/lok/")
    refs = listed.splitlines()
    used = {
        ref.removeprefix("refs/heads/lok/").partition("/")[0] for ref in refs if ref[:11] == "refs/heads/"
    }
    for run in {ref.removeprefix(BASES) for ref in refs if ref.startswith(BASES)} - used:
        if not is_there(folder.parent / run) and not goes_on(folder.parent / run):
            await git.run("update-ref", "-d", BASES + run)


async def _tree(git: Git, folder: Path, head: str) -> tuple[str, list[str]]:
    """The tree of all that is not ignored in the checkout, and the repositories left out of it."""
    original = Path(await git.text("rev-parse", "--absolute-git-dir")) / "index"
    with scratch_index(folder, original) as (index, copied):
        git = git.on(index)
        if copied:
            if unmerged := await git.paths("diff-files", "--name-only", "--diff-filter=U", "-z"):
                raise UsageError(
                    f"a merge is not resolved yet: {_listed(unmerged)}",
                    "resolve it and `git add` the files, or abort it",
                )
        elif is_there(original):
            raise UsageError(f"{original} cannot be read", "see to its permissions")
        else:  # as after `git clone --no-checkout`: nothing tells which files were meant to be deleted
            await git.out("read-tree", head)
        added, nested = await git.add_all(*(() if copied else ("--ignore-removal",)))
        if added.returncode:
            raise UsageError(
                f"your uncommitted work cannot be copied: {complaint(added)}",
                "mend that, or have git ignore the file",
            )
        return await git.text("write-tree"), nested


def _message(run: str) -> str:
    return (
        f"Uncommitted work\n\nThe checkout as lok found it, for agents to start from.\n\n{SNAPSHOT}: {run}\n"
    )


def _listed(paths: Sequence[str]) -> str:
    more = len(paths) - _MOST_NAMED
    return ", ".join(paths[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
