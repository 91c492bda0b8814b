"""What `lok spawn` shows: who did what, what came of it, and how to take it over.

The commands work from everywhere and mean one thing only, whatever agents have called their branches and tags
and whatever the user's configuration says: they name the repository, commits by id, and branches by
`refs/heads/...`. A branch or a file may be called almost anything, so every name in a command is quoted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from shlex import quote

from lok_core.details.spawn import Agent, Branch, Conflict, Leftover, SpawnDetail, SpawnedDetail
from lok_core.results.section import Section

_PART = 100
# What git diff says depends on diff.noprefix, diff.external, color.ui and textconv; this does not.
_PATCH = "diff-tree -p --binary --no-color --no-ext-diff --no-textconv --src-prefix=a/ --dst-prefix=b/"
# But for repositories within the copy: of these a commit would hold a mere link, and they would look saved.
_ADD = (
    r"{ printf ':/\0'; find . -mindepth 2 -name .git "
    r"""-exec sh -c 'p=${1#./}; printf ":(top,exclude,literal)%s\0" "${p%/.git}"' - {} ';'; } | """
    "git add -A --pathspec-from-file=- --pathspec-file-nul"
)


def sections(detail: SpawnDetail | SpawnedDetail) -> Sequence[Section]:
    """The agents, the summary, what is on each branch, conflicts, and the commands; or what is left."""
    return list(_listed(detail) if isinstance(detail, SpawnedDetail) else _spawned(detail))


def _spawned(detail: SpawnDetail) -> Iterator[Section]:
    if detail.summary:
        by = f"Summary by {detail.summary_by}" if detail.summary_by else "No summary; how each answer begins"
        yield Section(by, text=detail.summary)
    if detail.agents:
        done = sum(agent.ok for agent in detail.agents)
        yield Section(f"Agents: {done} of {len(detail.agents)} done", tuple(map(_agent, detail.agents)))
    changed = [branch for branch in detail.branches if branch.commit not in ("", detail.base)]
    # Something of these may be in no commit.
    kept = [
        branch
        for branch in detail.branches
        if branch.directory or not branch.commit or (branch.problem and branch not in changed)
    ]
    yield from (_branch(branch, told=branch in kept) for branch in changed)
    if kept:
        lines = [line for branch in kept for line in _kept(branch)]
        lines.append("`lok spawn --list` shows what is in the copies, and how to save or remove it")
        yield Section("Kept, as not all of it is known to be on its branch", tuple(lines))
    if same := [branch for branch in detail.branches if branch not in changed and branch not in kept]:
        lines = [line for branch in same for line in (branch.name, *_remarks(branch))]
        yield Section("Nothing changed", tuple(lines))
    if detail.conflicts:
        yield Section("Conflicts", tuple(map(_conflict, detail.conflicts)))
    if changed:
        yield from _ways(detail, changed)
    if ended := [branch for branch in detail.branches if branch not in kept]:
        yield _commands("To remove it for good", [_deletion(detail.root, branch.name) for branch in ended])


def _agent(agent: Agent) -> str:
    part = " ".join(agent.description.split())
    part = part if len(part) <= _PART else f"{part[: _PART - 3]}..."
    state = "done" if agent.ok else f"not done, {agent.problem}"
    return f"{agent.name} ({agent.backend}): {state}; its part: {part}"


def _branch(branch: Branch, *, told: bool) -> Section:
    """Args: told: whether what is wrong with it is told elsewhere."""
    title = f"{branch.name}: {_counted(branch.files, 'file')}, +{branch.insertions} -{branch.deletions}"
    return Section(title, () if told else tuple(_remarks(branch)), code=branch.diffstat)


def _kept(branch: Branch) -> Iterator[str]:
    yield branch.name
    yield from _remarks(branch)
    if branch.directory and branch.directory not in branch.problem:
        yield f"copy: {_path(branch.directory)}"


def _remarks(branch: Branch) -> Iterator[str]:
    if branch.problem:
        yield branch.problem
    if branch.ignored:
        names = ", ".join(map(_path, branch.ignored_names))
        more = ", ..." if names and branch.ignored > len(branch.ignored_names) else ""
        named = f" ({names}{more})" if names else ""
        yield f"left out, as git ignores them: {branch.ignored} files and folders of the copy{named}"


def _conflict(conflict: Conflict) -> str:
    files = ", ".join(map(_path, conflict.files)) or "files that git does not name"
    return f"{conflict.branch} and {conflict.other or 'your checkout as it is now'}: {files}"


def _ways(detail: SpawnDetail, branches: Sequence[Branch]) -> Iterator[Section]:
    """What one can do with the branches; a section for each way, as nobody needs all commands."""
    git = _git(detail.root)
    looks = [f"{git} diff {detail.base} {_ref(branch.name)}" for branch in branches]
    yield _commands("To look at it", looks)
    if not detail.dirty:
        lines = ("lok has merged nothing; your checkout is as it was",)
        merges = [f"{git} merge {_ref(branch.name)}" for branch in branches]
        yield _commands("To take it over", merges, *lines)
        return
    # Not `git merge`: it takes your work and the snapshot's copy of it for two changes of one place.
    applied = [
        f"{git} {_PATCH} {detail.base} {_ref(branch.name)} | {git} apply --whitespace=nowarn"
        for branch in branches
        if branch.files  # else there is no patch, which is an error to git
    ]
    lines = ("lok has changed nothing in your checkout; the branches start from your uncommitted work",)
    if applied:
        yield _commands("To add it to your uncommitted work", applied, *lines)
    picked = [f"{git} cherry-pick {detail.base}..{_ref(branch.name)}" for branch in branches]
    yield _commands("To take it over once your work is committed", picked)


def _commands(title: str, commands: Sequence[str], *lines: str) -> Section:
    return Section(title, lines, code="\n".join(commands))


def _listed(detail: SpawnedDetail) -> Iterator[Section]:
    found = detail.leftovers
    if not found:
        yield Section("Spawn has left nothing in this repository")
        return
    yield from (_leftover(left) for left in found if left.running or not left.merged)
    ended = [left for left in found if not left.running]
    if done := [left for left in ended if left.merged]:
        names = tuple(left.branch or _path(left.directory) for left in done)
        yield Section("Nothing is left to take over from these", names)
    if saved := list(_saves(ended, found)):
        yield _commands("To save what is in a copy only", saved)
    tips = [
        (left, _ref(left.branch) if left.branch and tip == left.commit else tip)
        for left in found
        if left.ahead and not left.merged
        for tip in dict.fromkeys((left.commit, "" if left.head in _held(found) else left.head))
        if tip not in ("", left.base)
    ]
    if tips:
        yield _commands("To look at it", [_look(left, tip) for left, tip in tips])
    if picked := [
        f"{_git(left.repository)} cherry-pick {left.base}..{tip}" for left, tip in tips if left.base
    ]:
        yield _commands("To take it over", picked)
    if done:
        yield _commands("To remove it for good", list(map(_removal, done)))
    if rest := [left for left in ended if not left.merged]:
        yield _commands("To remove these for good, with what is in them", list(map(_removal, rest)))


def _leftover(left: Leftover) -> Section:
    lines = []
    if left.running:
        lines.append("its run still goes on")
    if left.ahead:
        lines.append(f"{_counted(left.ahead, 'commit')} that your checkout does not have")
    if left.directory:
        lines.append(f"copy: {_path(left.directory)}")
    if left.settled:
        lines.append("the copy was only being made or removed; none of its files is work")
    elif left.uncommitted:
        lines.append(f"{_counted(left.uncommitted, 'file')} in the copy not committed")
        if not left.known:
            lines.append("git does not know the copy any more: take what you need out of it by hand")
    if left.ignored and not left.settled:
        lines.append(f"{left.ignored} files and folders in the copy that git ignores; no commit holds them")
    return Section(left.branch or _path(left.directory), tuple(lines))


def _saves(ended: Sequence[Leftover], found: Sequence[Leftover]) -> Iterator[str]:
    """What gives to a branch what none has: files of copies, and commits that are only checked out there."""
    taken = {left.branch for left in found}
    held = _held(found)
    for left in ended:
        name = wanted = f"lok/{left.run}/{left.agent}-saved"
        for number in count(2):
            if name not in taken:
                break
            name = f"{wanted}-{number}"
        loose = left.head or left.commit
        if left.uncommitted and left.known and not left.settled:
            # A branch of its own: the copy may have any other one checked out, or none.
            steps = [
                f"cd {_quoted(left.directory)}",
                # Without its link the copy is part of whatever repository is around it.
                f"{{ test -f .git || {_git(left.repository)} worktree repair; }}",
                f"git checkout -q -b {_quoted(name)}",
                _ADD,
                f"git commit -q --no-verify -m {_quoted(left.agent)}",
            ]
            yield f"({' && '.join(steps)})"
        elif loose and loose not in (held | {left.base}) and not left.merged:
            yield f"{_git(left.repository)} branch {_quoted(name)} {loose}"


def _held(found: Sequence[Leftover]) -> set[str]:
    """The commits that are a branch's last one."""
    return {left.commit for left in found if left.branch}


def _look(left: Leftover, tip: str) -> str:
    git = _git(left.repository)
    return f"{git} diff {left.base} {tip}" if left.base else f"{git} log -p {tip} --not HEAD --"


def _removal(left: Leftover) -> str:
    steps = []
    if left.directory:
        steps.append(f"rm -rf {_quoted(left.directory)}")
        if left.known:  # twice, as the copies are locked
            where = _quoted(left.directory)
            steps.append(f"{_git(left.repository)} worktree remove --force --force {where}")
    if left.branch:
        steps.append(_deletion(left.repository, left.branch))
    return " && ".join(steps)


def _deletion(root: str, branch: str) -> str:
    return f"{_git(root)} branch -D {_quoted(branch)}"


def _ref(branch: str) -> str:
    """The branch, even where a tag is called so too."""
    return _quoted(f"refs/heads/{branch}")


def _git(root: str) -> str:
    return f"git -C {_quoted(root)}" if root else "git"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _quoted(text: str) -> str:
    """The text as one word of a shell's, on one line; as in bash where it is no printable text."""
    if text.isprintable():
        return quote(text)
    return f"$'{_escaped(text, chr(39))}'"


def _path(name: str) -> str:
    """The name as git shows it: between quotes and escaped where it is no printable text."""
    return name if name.isprintable() else f'"{_escaped(name, chr(34))}"'


def _escaped(text: str, mark: str) -> str:
    """In the way of C, on one line."""
    return "".join(map(partial(_letter, mark=mark), text))


def _letter(letter: str, mark: str) -> str:
    if letter in ("\\", mark):
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    code = ord(letter) - 0xDC00  # of a byte that is no UTF-8, in a file's name (PEP 383)
    own = bytes([code]) if 0x80 <= code <= 0xFF else letter.encode(errors="surrogatepass")
    return "".join(f"\\{byte:03o}" for byte in own)
