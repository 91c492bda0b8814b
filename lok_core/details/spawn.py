"""What agents made of the parts of a task, and where it lies."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from lok_core.outcome import Detail


@frozen
class Branch:
    """What an agent that may write has left in the repository.

    Attributes:
        agent: its name.
        name: the branch, `lok/<run>/<agent>`.
        commit: the id of its last commit; that of the snapshot if nothing was changed; empty if git did not
            come to tell.
        files, insertions, deletions: how much differs from the snapshot (binary files count no lines).
        diffstat: the same file by file, as git tells it; long ones are cut.
        directory: the copy, where it was kept because not all that is in it could be put on the branch;
            empty where it was removed.
        problem: what is not on this branch, and where it is instead; empty if nothing.
        ignored: how many files and folders that git ignores were in the copy. They are no work, and go
            with it.
        ignored_names: what the first few of them are called, relative to the top of the repository.
    """

    agent: str
    name: str
    commit: str
    files: int = 0
    insertions: int = 0
    deletions: int = 0
    diffstat: str = ""
    directory: str = ""
    problem: str = ""
    ignored: int = 0
    ignored_names: tuple[str, ...] = ()


@frozen
class Conflict:
    """Two branches that git cannot merge by itself.

    Attributes:
        branch: the name of one.
        other: the name of the other; empty for the user's checkout as it is at the end.
        files: what conflicts, relative to the top of the repository; empty if git gave no names.
    """

    branch: str
    other: str
    files: tuple[str, ...] = ()


@frozen
class Leftover:
    """A branch or a copy that an earlier run has left in the repository.

    Attributes:
        run: which run.
        agent: whose.
        branch: its name; empty where only the copy is left.
        commit: the id of the branch's last commit, else of the one that is checked out in the copy.
        ahead: how many commits of the agent the user's checkout does not have.
        uncommitted: how many files in the copy differ from what is committed there, new ones included.
        directory: the copy; empty where none is left. Its files may be gone while git still counts it.
        merged: whether nothing is left to take over.
        running: whether the run still goes on.
        base: the id of the commit that the agent's own work starts from, lok's snapshot or the user's commit;
            empty if it is not known.
        head: the id of the commit that is checked out in the copy where that is another than `commit`; else
            empty.
        settled: whether the copy was only being made or only being removed when lok was ended, so that none
            of its files is work.
        known: whether git knows the copy as a worktree.
        repository: the top directory of the user's checkout.
        ignored: how many files and folders that git ignores are in the copy; no commit would hold them.
    """

    run: str
    agent: str
    branch: str
    commit: str
    ahead: int = 0
    uncommitted: int = 0
    directory: str = ""
    merged: bool = False
    running: bool = False
    base: str = ""
    head: str = ""
    settled: bool = False
    known: bool = False
    repository: str = ""
    ignored: int = 0


@frozen
class Agent:
    """Who does a part of the task.

    Attributes:
        name: as in its branch and as the label of its request.
        description: its part.
        backend: who it is; empty until delegation has chosen.
        ok: whether it has finished.
        problem: why not; empty if it has.
    """

    name: str
    description: str
    backend: str = ""
    ok: bool = False
    problem: str = ""


@frozen
class SpawnDetail(Detail):
    """Report.detail of `lok spawn`.

    Attributes:
        agents: in the order planned or named.
        planner: the backend that planned them; empty where the user named them.
        write: whether they could change files, in copies.
        summary: what they came to; where nobody could sum up, the beginning of what each said.
        summary_by: the backend that summed up; empty if none did.
        root: the top directory of the user's checkout; empty without `write`.
        base: the id of the commit that every branch starts from; empty without `write`.
        dirty: whether that is a snapshot which holds uncommitted work of the user.
        branches: of the agents that had a copy, in their order.
        conflicts: which of them git cannot merge by itself.
    """

    task: str
    agents: tuple[Agent, ...] = ()
    planner: str = ""
    write: bool = False
    summary: str = ""
    summary_by: str = ""
    root: str = ""
    base: str = ""
    dirty: bool = False
    branches: tuple[Branch, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    mode: Literal["spawn"] = "spawn"


@frozen
class SpawnedDetail(Detail):
    """Report.detail of `lok spawn --list`."""

    leftovers: tuple[Leftover, ...]
    mode: Literal["spawned"] = "spawned"
