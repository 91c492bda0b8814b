"""Whatever agents do to their copies, and whenever lok is killed: no work is lost, the checkout stays."""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lok_core.process import open_children
from lok_core.worktrees import leftovers, open_checkout
from lok_core.worktrees.git import is_there

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

RUN = "7.8.abcd"
MOST = 25
TOKEN = re.compile(rb"work-\d+")


class Scene:
    """A repository with an agent's copy, and deeds that agents do there. All that is written has a number."""

    def __init__(self, folder):
        self.folder, self.root, self.state = folder, folder / "project", folder / "state"
        self.top = self.state / "worktrees" / RUN / "one"
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        (folder / ".gitconfig").write_text(
            "[user]\nname = Me\nemail = me@localhost\n[init]\ndefaultBranch = main\n[gc]\nauto = 0\n"
        )
        self.root.mkdir()
        self._number = 0
        self.git("init", "-q", at=self.root)
        self.git("config", "filter.bad.clean", "false", at=self.root)
        self.git("config", "filter.bad.required", "true", at=self.root)
        for name in ("app.py", "docs/a.md", "docs/b.md"):
            self.write(name, at=self.root)
        (self.root / ".gitignore").write_text("*.pyc\nbuild/\n")
        self.git("add", "-A", at=self.root)
        self.git("commit", "-q", "-m", "first", at=self.root)
        self.git("branch", "feature", at=self.root)
        self.write("mine", at=self.root)
        self.write("docs/b.md", at=self.root)

    def git(self, *words, at=None, ok=True):
        argv = ["git", "-C", str(at or self.top), *words]
        done = subprocess.run(argv, env=self.env, capture_output=True, check=False)
        assert not ok or not done.returncode, (words, done.stderr)
        return done.stdout

    def write(self, name, at=None):
        self._number += 1
        path = (at or self.top) / name
        with suppress(OSError):  # the agent has put something else there
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"work-{self._number}\n")

    @property
    def admin(self):
        return self.root / ".git/worktrees/one"

    @property
    def branch(self):
        return f"lok/{RUN}/one"

    def user(self):
        """What is the user's, with its times."""
        seen = {}
        for folder, folders, files in os.walk(self.root):
            if folder == str(self.root / ".git"):
                folders[:] = [
                    name for name in folders if name not in ("worktrees", "objects", "refs", "logs")
                ]
                files = [name for name in files if name not in ("packed-refs", "gc.log")]
            for name in files:
                path = Path(folder, name)
                if not name.startswith("sharedindex"):  # each reader of it renews its time
                    content = os.readlink(path) if path.is_symlink() else path.read_bytes()
                    seen[path] = (path.lstat().st_mtime_ns, content)
        seen["head"] = (self.root / ".git/logs/HEAD").read_bytes()
        seen["main"] = self.git("rev-parse", "main", at=self.root)
        return seen

    def tokens_on_record(self):
        """Work that is reachable in the repository, with the reflogs of branches, or lies in a folder."""
        found = set()
        for folder, folders, files in os.walk(self.state):
            folders[:] = [name for name in folders if name != "build"]
            for name in files:
                path = Path(folder, name)
                if not path.is_symlink() and path.is_file() and not name.endswith(".pyc"):
                    found.update(TOKEN.findall(path.read_bytes()))
        listed = self.git("rev-list", "--objects", "--all", "--reflog", at=self.root)
        argv = ["git", "-C", str(self.root), "cat-file", "--batch"]
        objects = b"".join(line.split()[0] + b"\n" for line in listed.splitlines())
        done = subprocess.run(argv, env=self.env, input=objects, capture_output=True, check=True)
        return found | set(TOKEN.findall(done.stdout))

    def tokens_at_stake(self):
        """Work that the agent has not thrown away itself: on record already, or staged."""
        found = self.tokens_on_record()
        if self.top.exists() or self.admin.exists():
            words = ("--git-dir", str(self.admin), "ls-files", "--stage")
            for line in self.git(*words, at=self.root, ok=False).splitlines():
                found.update(
                    TOKEN.findall(
                        self.git("cat-file", "-p", line.split()[1].decode(), at=self.root, ok=False)
                    )
                )
        return found

    async def play(self, deeds, conflicts=False):
        """An agent that does these deeds; what came of it. Asserts that nothing was lost."""
        before = self.user()
        async with open_children() as children:
            folder = self.state / "worktrees" / RUN
            checkout = await open_checkout(children, self.root, self.env, folder)
            worktree = await checkout.add("one")
            assert self.user() == before
            if is_there(self.root / ".git/index"):
                assert self.shown(self.top) == self.shown(self.root)
            for deed in deeds:
                deed(self)
            before = self.user()  # agents that use git change what is shared
            at_stake = self.tokens_at_stake()
            branch = await checkout.finish(worktree, "what it did")
            if conflicts:
                await checkout.conflicts([branch])
            left = await leftovers(children, self.root, self.env, self.state / "worktrees")
        assert at_stake <= self.tokens_on_record(), (branch, at_stake - self.tokens_on_record())
        assert self.user() == before
        assert branch.directory == (str(self.top) if is_there(self.top) else "")
        assert bool(branch.problem) >= bool(branch.directory)
        assert (
            self.git("rev-parse", self.branch, at=self.root).decode().strip() == branch.commit
            or branch.problem
        )
        assert not self.git("fsck", "--no-dangling", "--no-reflogs", at=self.root, ok=False)
        assert branch.directory in ("", *(one.directory for one in left))
        return branch

    def shown(self, at):
        """The files that git does not ignore, and was not told to overlook, with what they hold."""
        listed = self.git("ls-files", "-z", "-c", "-o", "--exclude-standard", at=at).split(b"\0")
        flags = self.git("ls-files", "-v", "-z", at=self.root).split(b"\0")
        hidden = {entry[2:] for entry in flags if entry[:1].islower() or entry[:1] == b"S"}
        seen = {}
        for name in listed:
            path = at / os.fsdecode(name)
            if name and name not in hidden and is_there(path):
                seen[name] = (
                    os.readlink(path) if path.is_symlink() else (path.read_bytes(), os.access(path, 1))
                )
        return seen

    def names(self, commit):
        return set(self.git("ls-tree", "-r", "--name-only", commit, at=self.root).decode().split())


def stage(scene):
    scene.write("staged", at=scene.root)
    scene.git("add", "-A", at=scene.root, ok=False)  # git refuses what a sparse checkout leaves out
    scene.write("staged", at=scene.root)


def remove(scene):
    (scene.root / "docs/a.md").unlink(missing_ok=True)


def unstage(scene):
    scene.git("rm", "-q", "--cached", "app.py", at=scene.root, ok=False)


def intend(scene):
    scene.write("intended", at=scene.root)
    scene.git("add", "-N", "intended", at=scene.root, ok=False)


def hide(scene):
    scene.git("update-index", "--assume-unchanged", "docs/b.md", at=scene.root, ok=False)
    scene.write("docs/b.md", at=scene.root)


def detach_head(scene):
    scene.git("checkout", "-q", "--detach", at=scene.root, ok=False)


def be_sparse(scene):
    scene.git("sparse-checkout", "set", "--no-cone", "/*", "!/docs/a.md", at=scene.root, ok=False)


def name_oddly(scene):
    for name in ("-x", "new\nline", "b\udcffd", ":(exclude)*", " "):
        scene.write(name, at=scene.root)
    (scene.root / "link").symlink_to("nowhere")
    (scene.root / "mine").chmod(0o755)


def convert(scene):
    scene.git("config", "core.autocrlf", "input", at=scene.root)
    scene.git("config", "core.safecrlf", "true", at=scene.root)


def split(scene):
    scene.git("update-index", "--split-index", at=scene.root, ok=False)


def lose_checkout(scene):
    (scene.root / ".git/index").unlink()


USER = [
    *(
        stage,
        remove,
        unstage,
        intend,
        hide,
        detach_head,
        be_sparse,
        name_oddly,
        convert,
        split,
        lose_checkout,
    ),
]


def edit(scene):
    scene.write("app.py")


def create(scene):
    scene.write("new/deep/file")


def delete(scene):
    with suppress(OSError):
        (scene.top / "docs/a.md").unlink()


def make_ignored(scene):
    scene.write("build/out.o")
    scene.write("x.pyc")


def commit(scene):
    scene.write("committed")
    scene.git("add", "-A", ok=False)
    scene.git("commit", "-q", "-m", "by the agent", ok=False)


def amend(scene):
    scene.write("committed")
    scene.git("add", "-A", ok=False)
    scene.git("commit", "-q", "--amend", "-m", "amended", ok=False)


def stage_and_change(scene):
    scene.write("twice")
    scene.git("add", "-A", ok=False)
    scene.write("twice")


def switch(scene):
    scene.git("checkout", "-q", "-f", "-B", "other", ok=False)


def to_feature(scene):
    scene.git("checkout", "-q", "-f", "feature", ok=False)


def detach(scene):
    scene.git("checkout", "-q", "-f", "--detach", ok=False)


def back(scene):
    scene.git("checkout", "-q", "-f", scene.branch, ok=False)


def to_start(scene):
    scene.git("checkout", "-q", "-f", "--detach", "main", ok=False)


def orphan(scene):
    scene.git("checkout", "-q", "--orphan", "alone", ok=False)


def reset(scene):
    scene.git("reset", "-q", "--hard", "HEAD~1", ok=False)


def stash(scene):
    scene.write("app.py")
    scene.git("stash", "-q", "-u", ok=False)


def rename_branch(scene):
    scene.git("branch", "-q", "-m", "renamed", ok=False)


def delete_other(scene):
    scene.git("branch", "-q", "-D", "other", "feature", ok=False)


def delete_own_branch(scene):
    scene.git("update-ref", "-d", f"refs/heads/{scene.branch}", ok=False)


def conflict(scene):
    """Leaves a merge in the middle."""
    scene.git("checkout", "-q", "-f", "-b", "theirs", ok=False)
    scene.write("app.py")
    scene.git("commit", "-q", "-a", "-m", "theirs", ok=False)
    scene.git("checkout", "-q", "-f", scene.branch, ok=False)
    scene.write("app.py")
    scene.git("commit", "-q", "-a", "-m", "ours", ok=False)
    scene.git("merge", "theirs", ok=False)


def rebase(scene):
    """Leaves a rebase in the middle, with a stash that only its notes name."""
    conflict(scene)
    scene.git("merge", "--abort", ok=False)
    scene.write("docs/a.md")
    scene.git("rebase", "--autostash", "theirs", ok=False)


def gc(scene):
    scene.git("gc", "-q", "--prune=now", ok=False)


def prune_worktrees(scene):
    scene.git("worktree", "prune", "--expire=now", at=scene.root)


def leave_locks(scene):
    for name in ("index.lock", "HEAD.lock"):
        if scene.admin.exists():
            (scene.admin / name).touch()


def leave_branch_lock(scene):
    lock = scene.root / f".git/refs/heads/{scene.branch}.lock"
    if lock.parent.is_dir():
        lock.touch()


def break_index(scene):
    if scene.admin.exists():
        (scene.admin / "index").write_bytes(b"garbage")


def lose_index(scene):
    (scene.admin / "index").unlink(missing_ok=True)


def break_head(scene):
    if scene.admin.exists():
        (scene.admin / "HEAD").write_text("garbage\n")


def lose_admin(scene):
    shutil.rmtree(scene.admin, ignore_errors=True)


def lose_link(scene):
    if (scene.top / ".git").is_file():
        (scene.top / ".git").unlink()


def own_repository(scene):
    if scene.top.is_dir():
        lose_link(scene)
        scene.git("init", "-q", ok=False)
        scene.write("inside")
        scene.git("add", "-A", ok=False)
        scene.git("commit", "-q", "-m", "elsewhere", ok=False)
        (scene.top / "inside").unlink(missing_ok=True)


def nest(scene, name="nested"):
    if scene.top.is_dir() and not (scene.top / name).is_file():
        (scene.top / name).mkdir(exist_ok=True, parents=True)
        scene.git("init", "-q", at=scene.top / name, ok=False)
        scene.write(f"{name}/inner")
        scene.git("add", "-A", at=scene.top / name, ok=False)
        scene.git("commit", "-q", "-m", "inner", at=scene.top / name, ok=False)


def nest_in_tracked(scene):
    nest(scene, "docs")


def nest_and_stage(scene):
    nest(scene, "nested staged")
    scene.git("add", "-A", ok=False)


def nest_worktree(scene):
    if scene.top.is_dir():
        scene.git("worktree", "add", "-q", "sub", "-b", "sub", ok=False)
        scene.write("sub/file")


def look_away(scene):
    scene.git("update-index", "--assume-unchanged", "app.py", ok=False)
    scene.git("update-index", "--skip-worktree", "docs/b.md", ok=False)
    scene.write("app.py")
    scene.write("docs/b.md")


def exchange(scene):
    """A file where a folder was, a folder where a file was."""
    if scene.top.is_dir():
        with suppress(OSError):
            shutil.rmtree(scene.top / "docs")
            (scene.top / "app.py").unlink()
        scene.write("docs")
        scene.write("app.py/now/folder")


def empty_folder(scene):
    if scene.top.is_dir():
        for entry in scene.top.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def lose_folder(scene):
    shutil.rmtree(scene.top, ignore_errors=True)


def replace_folder(scene):
    lose_folder(scene)
    scene.top.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        scene.top.write_text("something else\n")


def unlock(scene):
    scene.git("worktree", "unlock", str(scene.top), at=scene.root, ok=False)


def ignore_all(scene):
    if scene.top.is_dir():
        (scene.top / ".gitignore").write_text("*.pyc\nbuild/\n/docs/\n")


def write_what_a_filter_refuses(scene):
    if scene.top.is_dir():
        (scene.top / ".gitattributes").write_text("*.bad filter=bad\n")
        scene.write("x.bad")
        scene.write("y.good")


DEEDS = [
    *(edit, create, delete, make_ignored, commit, amend, stage_and_change, switch, to_feature, detach, back),
    *(to_start, orphan, reset, stash, rename_branch, delete_other, delete_own_branch, conflict, rebase, gc),
    *(prune_worktrees, leave_locks, leave_branch_lock, break_index, lose_index, break_head, lose_admin),
    *(lose_link, own_repository, nest, nest_in_tracked, nest_and_stage, nest_worktree, look_away, exchange),
    *(empty_folder, lose_folder, replace_folder, unlock, ignore_all),
    write_what_a_filter_refuses,
]


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
async def test_no_work_is_lost_by_one_deed(scene, deed):
    await scene.play([edit, create, deed])


@pytest.mark.slow
@settings(max_examples=MOST, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(USER), max_size=3, unique=True), st.lists(st.sampled_from(DEEDS), max_size=7))
@example([], [rebase, commit])
@example([], [rename_branch, break_head])
def test_no_work_is_lost_by_any_deeds(tmp_path_factory, own, deeds):
    scene = Scene(tmp_path_factory.mktemp("scene"))
    for deed in own:
        deed(scene)

    async def bounded():
        with trio.fail_after(60):
            await scene.play(deeds, conflicts=True)

    try:
        trio.run(bounded)
    finally:
        shutil.rmtree(scene.folder)


LOK = """
import os, sys
from pathlib import Path
import trio
from lok_core.process import open_children
from lok_core.worktrees import open_checkout

root, folder, moment = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]

async def main():
    async with open_children() as children:
        checkout = await open_checkout(children, root, os.environ, folder)
        made = [await checkout.add(name) for name in ("one", "two")]
        for number, one in enumerate(made):
            (one.directory / "app.py").write_text(f"work-10{number}\\n")
            (one.directory / "new").write_text(f"work-20{number}\\n")
        print("written", flush=True)
        branches = [await checkout.finish(one, "done") for one in made]
        await checkout.conflicts(branches)

trio.run(main)
"""
# A git that ends lok with SIGKILL, and itself: before it has begun with its nth call, or in the middle.
KILLING_GIT = """#!/bin/sh
n=$(($(cat {folder}/calls) + 1))
echo $n > {folder}/calls
if [ $n = {limit} ]; then
    [ {moment} = before ] || {{ {git} "$@" & sleep 0.00{moment}; kill -9 $!; }}
    kill -9 $PPID
    exit 1
fi
exec {git} "$@"
"""


def killed_at(scene, limit, moment):
    """Runs lok until the nth call of git; whether it came to its end, and agents to work."""
    program = scene.folder / "bin/git"
    program.parent.mkdir(exist_ok=True)
    (scene.folder / "calls").write_text("0\n")
    filled = KILLING_GIT.format(folder=scene.folder, limit=limit, moment=moment, git=shutil.which("git"))
    program.write_text(filled)
    program.chmod(0o755)
    argv = [sys.executable, "-c", LOK, str(scene.root), str(scene.top.parent), moment]
    env = {**scene.env, "PATH": f"{program.parent}:{scene.env['PATH']}"}
    done = subprocess.run(argv, env=env, capture_output=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode == 0, b"written" in done.stdout


def fsck(scene):
    """What git complains about. One that is killed while it makes a worktree leaves that without a commit."""
    argv = ["git", "-C", str(scene.root), "fsck", "--no-dangling", "--no-reflogs"]
    done = subprocess.run(argv, env=scene.env, capture_output=True, check=False, text=True)
    return (done.stdout + done.stderr).splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before", "4"])
@pytest.mark.parametrize("first", [1, 6, 11])
async def test_killed_at_any_call_of_git_lok_loses_nothing(tmp_path, moment, first):
    for limit in range(first, 90, 15):  # about as many calls as there are
        folder = tmp_path / str(limit)
        folder.mkdir()
        scene = Scene(folder)
        before = scene.user()
        ended, worked = killed_at(scene, limit, moment)
        assert scene.user() == before
        assert set(fsck(scene)) <= {"error: worktrees/one/HEAD: detached HEAD points at nothing"}
        written = {b"work-100", b"work-101", b"work-200", b"work-201"} if worked else set()
        assert written <= scene.tokens_on_record()
        async with open_children() as children:
            found = await leftovers(children, scene.root, scene.env, scene.state / "worktrees")
            for one in found:
                assert worked or one.merged  # copies that were only being made
                if one.uncommitted:  # what would be committed to save it: never that files are gone
                    shown = scene.git("status", "--porcelain", "-z", at=one.directory, ok=False)
                    assert not [entry for entry in shown.split(b"\0") if entry[:2] == b" D"]
            if worked:
                assert {one.agent for one in found} == {"one", "two"}
                assert not [one for one in found if one.merged or one.running]
            assert ended or not worked or any(one.directory or one.ahead for one in found)
            # Nothing that is left is in the way of the next run.
            again = await open_checkout(children, scene.root, scene.env, scene.state / "worktrees" / "next")
            worktree = await again.add("one")
            (worktree.directory / "more").write_text("more\n")
            assert not (await again.finish(worktree, "done")).problem
