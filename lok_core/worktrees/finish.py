"""What an agent has done, put on its branch; and its copy removed if nothing else is in it.

An agent may have done anything to its copy: committed, switched branches, deleted the index or what links the
copy to the repository. So git is told everything by lok (where the repository is, where the files are, a
private copy of the index), and the copy is removed only once each of its files was found on the branch.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path

import trio
from attrs import define, evolve, field

from lok_core.details.spawn import Branch
from lok_core.errors import UsageError
from lok_core.worktrees.copy import REMOVED, REPOSITORY, Copy, mark_of, marked
from lok_core.worktrees.git import Git, complaint, is_there, scratch_index
from lok_core.worktrees.ignored import hidden_by_agent
from lok_core.worktrees.measured import as_left, branch_of

_MOST_NAMED = 5
_ID = re.compile(rb"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b")
_SMALL = 2**24


async def finish(git: Git, copy: Copy, message: str) -> Branch:
    """See `Checkout.finish`."""
    ending = _Ending(git.at(copy.common, GIT_DIR=copy.common), copy)
    problems = ending.problems
    try:
        await ending.commit(message)
        await ending.keep_other_commits()
        await ending.remove()
    except (UsageError, OSError) as error:
        problems.append(f"{error}, so the copy stays as it is")
    branch = await as_left(git, copy)
    where = f" (the copy is kept: {branch.directory})" if branch.directory else ""
    return evolve(
        branch,
        ignored=len(ending.ignored),
        ignored_names=tuple(ending.ignored[:_MOST_NAMED]),
        problem="; ".join(problems) + where if problems else "",
    )


@define(eq=False)
class _Ending:
    """One copy on its way to the end.

    Attributes:
        git: git at the repository, without any files.
        reached: the commit that the agent's branch has come to, as far as lok has brought it.
        problems: why the copy is kept, and what is elsewhere than on the branch.
        unsaved: whether something in the copy is nowhere else.
        ignored: the files and folders that git ignores in it.
    """

    git: Git
    copy: Copy
    reached: str = field(init=False)
    problems: list[str] = field(factory=list, init=False)
    unsaved: bool = field(default=False, init=False)
    ignored: list[str] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self.reached = self.copy.base

    def _lack(self, problem: str) -> None:
        self.problems.append(problem)
        self.unsaved = True

    async def commit(self, message: str) -> None:
        """Puts the files on the branch as they are; what was staged and differs from them comes before."""
        tip = await self.git.commit_of(self._ref)
        self.reached = tip or self.copy.base
        if marked(self.copy.top) == REMOVED:  # ended within that: what lacks by now is not the agent's doing
            return
        linked = await self._is_linked()
        # Started among the files: writing an index, git looks from where it is at those that may have changed
        # in the very second in which the index was written, and takes them for unchanged if it finds none.
        start_in = self.copy.top if self._has_files() else self.copy.common
        repository = self.copy.admin if linked else self.copy.common
        inside = self.git.at(start_in, GIT_DIR=repository, GIT_WORK_TREE=self.copy.top)
        head = await inside.commit_of("HEAD") if linked else ""
        start = head or tip or self.copy.base
        with scratch_index(self.copy.top.parent, self.copy.admin / "index") as (index, _):
            inside = inside.on(index)
            if not index.exists() or (await inside.run("ls-files", "--stage")).returncode:
                index.unlink(missing_ok=True)
                await inside.out("read-tree", start)
            staged = await inside.maybe("write-tree")  # none in the middle of a merge
            final = staged or await inside.tree_of(start)
            if self._has_files():
                final = await self._files(inside)
            made = start
            before = await inside.tree_of(start)
            if staged and staged not in (before, final):
                made = await inside.commit(staged, [made], f"{message}\n\nWhat was staged.")
                before = staged
            if final != before:
                made = await inside.commit(final, [made], message)
            await self._see_objects([made, f"^{self.copy.base}"])
            await self._move(tip, made)
            if self._has_files():
                await self._check(inside)
                self._settle(index, await inside.maybe("symbolic-ref", "--quiet", "HEAD"))

    async def _see_objects(self, commits: list[str]) -> None:
        """Sees to it that what the commits consist of is there: until a branch holds it, `git prune`, which
        anybody may run, takes it for garbage.

        Raises:
            UsageError: something is not.
        """
        listed = "\n".join(commits).encode() + b"\n"
        needed = await self.git.out("rev-list", "--objects", "--no-object-names", "--stdin", stdin=listed)
        found = await self.git.out("cat-file", "--batch-check=%(objectname)", stdin=needed)
        if lost := [line for line in found.splitlines() if line.endswith(b" missing")]:
            raise UsageError(f"{len(lost)} objects of its commits are missing in the repository")

    async def _is_linked(self) -> bool:
        """Whether git still has usable notes of the worktree."""
        own = self.git.at(self.copy.common, GIT_DIR=self.copy.admin)
        return self.copy.admin.is_dir() and not (await own.run("rev-parse", "--git-dir")).returncode

    @property
    def _ref(self) -> str:
        return f"refs/heads/{self.copy.worktree.branch}"

    def _has_files(self) -> bool:
        return self.copy.top.is_dir() and not self.copy.top.is_symlink()

    async def _files(self, inside: Git) -> str:
        """The tree of all the files."""
        hidden = await inside.paths("ls-files", "-v", "-z")
        # The agent may have had git look away from them, or they are left out by a sparse checkout.
        unchanged = [entry[2:] for entry in hidden if entry[0].islower()]
        skipped = [entry[2:] for entry in hidden if entry[0] in "sS"]
        there = [path for path in skipped if is_there(self.copy.top / path)]
        for option, paths in (("--no-assume-unchanged", unchanged), ("--no-skip-worktree", there)):
            if paths:
                await inside.run("update-index", option, "-z", "--stdin", stdin=_joined(paths))
        added, _ = await inside.add_all("--ignore-errors")
        if added.returncode:
            self._lack(f"not all could be put on the branch: {complaint(added)}")
            changed = ("ls-files", "-z", "--others", "--modified", "--deleted", "--exclude-standard")
            found = dict.fromkeys(await inside.paths(*changed))
            await self._add_most(inside, [path for path in found if not path.endswith("/")])
        return await inside.text("write-tree")

    async def _add_most(self, inside: Git, paths: list[str]) -> None:
        """Puts into the index what can be: git gives up at the first file that a filter refuses."""
        words = ("update-index", "--add", "--remove", "--replace", "-z", "--stdin")
        if paths and (await inside.run(*words, stdin=_joined(paths))).returncode and len(paths) > 1:
            half = len(paths) // 2
            await self._add_most(inside, paths[:half])
            await self._add_most(inside, paths[half:])

    async def _move(self, tip: str, made: str) -> None:
        """Brings the branch to the commit; what it held besides goes to another one."""
        if tip and await self._is_within(made, tip):
            return
        if tip and not await self._is_within(tip, made):
            if not await self._only_here([made]):
                return  # another branch was checked out, and nothing was left to commit
            if tip != self.copy.base:
                self.problems.append(f"commits that were left behind are on {await self._new_branch(tip)}")
        words = ("update-ref", "--create-reflog", "-m", "lok: finish", self._ref, made, tip)
        moved = await self.git.run(*words)
        if moved.returncode:
            name = await self._new_branch(made)
            self._lack(f"git does not move the branch ({complaint(moved)}), so its work is on {name}")
            return
        self.reached = made

    async def _is_within(self, older: str, newer: str) -> bool:
        done = await self.git.run("merge-base", "--is-ancestor", older, newer)
        return not done.returncode

    async def _new_branch(self, commit: str) -> str:
        """The name of a new branch that holds the commit.

        Raises:
            UsageError: git makes none.
        """
        for number in count(2):
            name = f"{self.copy.worktree.branch}-{number}"
            if await self.git.commit_of(f"refs/heads/{name}"):
                continue
            words = ("update-ref", "--create-reflog", "-m", "lok: finish", f"refs/heads/{name}", commit, "")
            done = await self.git.run(*words)
            if not done.returncode:
                return name
            if number > _MOST_NAMED:
                raise UsageError(f"git makes no branch for commit {commit}: {complaint(done)}")
        raise AssertionError

    async def keep_other_commits(self) -> None:
        """Gives a branch to commits that only the worktree knows of, and tells on which others some are."""
        known = await trio.to_thread.run_sync(_ids_in, self.copy.admin)
        if await self._is_linked():
            own = self.git.at(self.copy.common, GIT_DIR=self.copy.admin)
            for words in (
                ("rev-list", "--walk-reflogs", "HEAD", "--"),
                ("for-each-ref", "--format=%(objectname)", "refs/bisect", "refs/worktree", "refs/rewritten"),
            ):
                known |= set((await own.maybe(*words)).split())
        kinds = await self.git.text("cat-file", "--batch-check", stdin="\n".join(known).encode() + b"\n")
        commits = {line.split()[0] for line in kinds.splitlines() if " commit " in line}
        # What the branch has come away from (amended, reset) stays in its reflog.
        passed = (await self.git.maybe("rev-list", "--walk-reflogs", self._ref, "--")).split()
        tips = await self._only_here([*commits, *(f"^{commit}" for commit in passed)])
        if saved := [await self._new_branch(tip) for tip in tips]:
            self.problems.append(f"commits that were on no branch are on {_listed(saved)}")
        made = await self.git.text("rev-list", self.reached, "--not", self.copy.base, "--")
        await self._tell_branches(commits | {*made.split(), self.copy.base})

    async def _only_here(self, commits: list[str]) -> list[str]:
        """Those of the commits that no branch or tag holds; not those that are part of another."""
        listed = "\n".join(commits).encode() + b"\n"
        words = ("rev-list", "--parents", "--ignore-missing", "--stdin")
        # Of this worktree alone: --all counts what the others, the copy too, have checked out.
        held = ("--single-worktree", "--not", "--all", "--")
        said = await self.git.text(*words, *held, stdin=listed)
        rows = [line.split() for line in said.splitlines()]
        parents = {parent for row in rows for parent in row[1:]}
        return [row[0] for row in rows if row[0] not in parents]

    async def _tell_branches(self, commits: set[str]) -> None:
        """Says which branches, besides its own, the agent has worked on, and that it has stashed."""
        said = await self.git.maybe("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
        others = []
        for ref, commit in (line.rsplit(" ", 1) for line in said.splitlines()):
            before = self.copy.refs.get(ref)
            if commit not in commits or before == commit or ref.startswith("refs/heads/lok/"):
                continue
            # A branch of its own matters only for what the agent's branch lacks.
            if before or not await self._is_within(commit, self.reached):
                others.append(ref.removeprefix("refs/heads/"))
        if others:
            self.problems.append(f"commits were made on {_listed(others)} too")
        stashes = await self.git.maybe("reflog", "show", "--format=%gd %gs", "refs/stash", "--")
        mine = [line for line in stashes.splitlines() if f"n {self.copy.worktree.branch}:" in line]
        if mine:
            self.problems.append(f"changes were stashed: {_listed([line.split()[0] for line in mine])}")

    async def _check(self, inside: Git) -> None:
        """Looks for what is in the copy and not on the branch."""
        hidden = await inside.paths(
            "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"
        )
        entries = await inside.paths("ls-files", "-z", "--stage")
        rows = [entry.partition("\t") for entry in entries]
        tracked = {path for mode, _, path in rows if not mode.startswith("160000")}
        self.ignored = hidden
        lacking = await trio.to_thread.run_sync(_lacking, self.copy.top, tracked, set(hidden))
        if lacking:
            self._lack(f"not on the branch: {_listed(lacking)}")
        else:
            await inside.run("update-index", "-q", "--really-refresh")
            same = await inside.run("diff-files", "--quiet", "--ignore-submodules=all")
            if same.returncode:
                self._lack("what is on the branch differs from the files")
        if hidden and self.reached == self.copy.base:
            self._lack("only files that git ignores were changed")
        elif by_agent := await hidden_by_agent(inside, self.copy.base, self.reached, hidden):
            self._lack(f"ignored only by the agent's own .gitignore: {_listed(by_agent)}")
        modules = self.copy.admin / "modules"
        if modules.is_dir() and any(modules.iterdir()):
            self._lack("submodules were fetched into the copy")

    def _settle(self, index: Path, head: str) -> None:
        """Gives the copy the index that goes with its new commit, so that git shows what is really left."""
        if head == self._ref and not (self.copy.admin / "index.lock").exists():
            with suppress(OSError):
                fresh = self.copy.admin / "index.new"
                shutil.copy2(index, fresh)  # with its time, see scratch_index
                fresh.replace(self.copy.admin / "index")

    async def remove(self) -> None:
        """Removes the copy, unless something in it is nowhere else."""
        top, admin = self.copy.top, self.copy.admin
        await self.git.run("worktree", "unlock", str(top))
        if self.unsaved:
            return
        # At the last moment: nothing else that holds the work is left afterwards.
        tip = await self.git.commit_of(self._ref)
        await self._see_objects([tip or self.reached, f"^{self.copy.base}"])
        await branch_of(self.git, self.copy)
        if self._has_files():
            link = top / ".git"
            if not is_there(link) and admin.is_dir():
                link.write_bytes(b"gitdir: " + os.fsencode(admin) + b"\n")
            mark_of(top).write_text(REMOVED)
            gone = await self.git.run("worktree", "remove", "--force", str(top))
            if gone.returncode:
                self.problems.append(
                    f"all is on the branch, but git cannot remove the copy: {complaint(gone)}"
                )
                return
        elif is_there(top):
            self.problems.append("something else is in the place of the copy")
            return
        else:
            self.problems.append("the agent has removed its copy")
            # `worktree prune` would also forget copies of the user's that are on a disk not there just now.
            await self.git.run("worktree", "remove", "--force", str(top))
        mark_of(top).unlink(missing_ok=True)
        _forget(top.parent)


def _forget(folder: Path) -> None:
    """Removes the folder of a run once no copy is left in it."""
    with suppress(OSError):
        if {entry.name for entry in folder.iterdir()} <= {REPOSITORY}:
            (folder / REPOSITORY).unlink(missing_ok=True)
            folder.rmdir()


def _ids_in(admin: Path) -> set[str]:
    """Every object that git's notes about a worktree name: what it merges, rebases, has set aside."""
    found: set[str] = set()
    for folder, folders, files in os.walk(admin):
        folders[:] = [name for name in folders if name not in ("modules", "objects")]
        for name in files:
            # The index names no commits of ours, and FETCH_HEAD those of others.
            if name in ("index", "FETCH_HEAD"):
                continue
            with suppress(OSError):
                file = Path(folder, name)
                if file.is_file() and file.stat().st_size < _SMALL:
                    found.update(match.decode() for match in _ID.findall(file.read_bytes()))
    return found


def _lacking(top: Path, tracked: set[str], ignored: set[str]) -> list[str]:
    """What is in the folder and neither tracked nor ignored; repositories count as a whole."""
    lacking, waiting = [], [""]
    while waiting:
        inner = waiting.pop()
        try:
            entries = list(os.scandir(top / inner))
        except OSError:
            lacking.append(f"{inner} (unreadable)")
            continue
        if inner and any(entry.name == ".git" for entry in entries):
            lacking.append(f"{inner} (a repository of its own)")
            continue
        for entry in entries:
            path = inner + entry.name
            if path == ".git":
                if entry.is_symlink() or not entry.is_file():
                    lacking.append(".git (a repository of its own)")
            elif entry.is_dir(follow_symlinks=False):
                if path + "/" not in ignored:
                    waiting.append(path + "/")
            elif path not in tracked and path not in ignored and (entry.is_symlink() or entry.is_file()):
                lacking.append(path)
    return sorted(lacking)


def _joined(paths: Iterable[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _listed(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
