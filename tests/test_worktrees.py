"""Agents get copies of a checkout; the checkout stays as it is, and what they do ends on branches."""

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from lok_core.errors import UsageError
from lok_core.process import open_children
from lok_core.worktrees import leftovers, open_checkout

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


class Repository:
    """A repository of a user, and an environment with no other configuration than his."""

    def __init__(self, folder, *options):
        self.folder, self.root, self.state = folder, folder / "project", folder / "state"
        home = folder / "home"
        home.mkdir(exist_ok=True)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        }
        (home / ".gitconfig").write_text(
            "[user]\nname = Me\nemail = me@localhost\n[init]\ndefaultBranch = main\n"
        )
        self.root.mkdir()
        self.git("init", "-q", *options)

    def git(self, *words, at=None, ok=True, stdin=None, **places):
        argv = ["git", "-C", str(at or self.root), *words]
        env = {**self.env, **places}
        done = subprocess.run(argv, env=env, capture_output=True, check=False, input=stdin)
        assert not ok or done.returncode == 0, (words, done.stderr)
        return os.fsdecode(done.stdout).removesuffix("\n")

    def write(self, files, at=None):
        for name, content in files.items():
            path = (at or self.root) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files, message="more"):
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def read(self, commit, name):
        return self.git("cat-file", "blob", f"{commit}:{name}")

    def names(self, commit):
        return set(self.git("ls-tree", "-r", "-z", "--name-only", commit).split("\0")) - {""}

    def state_of_user(self):
        """All that is the user's: files with their times, index, HEAD, reflogs, branches, configuration."""
        gitdir = self.root / ".git"
        seen = {}
        for folder, folders, files in os.walk(self.root):
            if folder == str(gitdir):
                # `worktree add` makes these two, objects are no one's.
                folders[:] = [name for name in folders if name not in ("worktrees", "objects")]
            for name in [*files, *folders]:
                path = os.path.join(folder, name)
                lok = "/refs/heads/lok" in path or "/refs/lok-bases" in path
                if not lok and not os.path.isdir(path):
                    told = os.lstat(path)
                    link = os.path.islink(path)
                    content = os.readlink(path) if link else Path(path).read_bytes()
                    seen[path] = (told.st_mtime_ns, told.st_mode, content)
        return seen

    @asynccontextmanager
    async def opened(self, directory=None, run="7.8.abcd", env=None):
        with trio.fail_after(120):
            async with open_children() as children:
                folder = self.state / "worktrees" / run
                yield await open_checkout(children, directory or self.root, env or self.env, folder)

    async def left(self):
        async with open_children() as children:
            return await leftovers(children, self.root, self.env, self.state / "worktrees")


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path)
    made.commit({"app.py": "one\ntwo\nthree\n", "docs/a.md": "text\n", ".gitignore": "*.pyc\nbuild/\n"})
    return made


async def refused(repository, directory=None, env=None):
    with pytest.raises(UsageError) as caught:
        async with repository.opened(directory, env=env):
            pass
    assert caught.value.hint
    assert not repository.state.exists() or not list(repository.state.glob("worktrees/*"))
    return caught.value.message


async def test_a_copy_has_the_uncommitted_work_and_the_checkout_is_left_alone(repository):
    repository.write({"app.py": "changed\n", "new/file": "new\n", "x.pyc": "built", "staged": "staged\n"})
    repository.git("add", "staged")
    (repository.root / "docs/a.md").unlink()
    before = repository.state_of_user()
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        assert checkout.dirty
        assert not worktree.directory.is_relative_to(repository.root)
        assert stat.S_IMODE(worktree.directory.parent.stat().st_mode) == 0o700
        found = {str(path.relative_to(worktree.directory)) for path in worktree.directory.rglob("*")}
        assert found == {".git", ".gitignore", "app.py", "new", "new/file", "staged"}
        assert (worktree.directory / "app.py").read_text() == "changed\n"
        repository.write({"app.py": "by the agent\n", "more": "more\n"}, worktree.directory)
        branch = await checkout.finish(worktree, "what one did")
    assert repository.state_of_user() == before
    assert (branch.agent, branch.name, branch.files) == ("one", "lok/7.8.abcd/one", 2)
    assert (branch.insertions, branch.deletions, branch.directory, branch.problem) == (2, 1, "", "")
    assert "app.py" in branch.diffstat
    assert repository.read(branch.name, "app.py") == "by the agent"
    assert repository.git("log", "-1", "--format=%s", branch.name) == "what one did"
    assert repository.git("rev-parse", f"{branch.name}~2") == repository.git("rev-parse", "HEAD")
    assert repository.git("worktree", "list").count("\n") == 0
    assert list(repository.state.glob("worktrees/*")) == []


async def test_without_uncommitted_work_branches_start_from_the_users_own_commit(repository):
    async with repository.opened() as checkout:
        assert (checkout.base, checkout.dirty) == (repository.git("rev-parse", "HEAD"), False)
        worktree = await checkout.add("one")
        branch = await checkout.finish(worktree, "nothing")
    assert (branch.commit, branch.files, branch.diffstat, branch.problem) == (checkout.base, 0, "", "")


async def test_neither_hooks_nor_signing_nor_a_monitor_run(repository):
    trace = repository.folder / "trace"
    program = repository.folder / "program"
    program.write_text(f"#!/bin/sh\necho ran >> {trace}\nexit 1\n")
    program.chmod(0o755)
    for hook in (
        *("pre-commit", "post-commit", "post-checkout", "reference-transaction", "post-index-change"),
        *("commit-msg", "prepare-commit-msg", "post-rewrite", "pre-auto-gc", "update", "post-merge"),
    ):
        shutil.copy(program, repository.root / ".git/hooks" / hook)
    for name, value in {
        "commit.gpgSign": "true",
        "tag.gpgSign": "true",
        "gpg.program": str(program),
        "core.fsmonitor": str(program),
        "user.useConfigOnly": "true",
        "author.name": "Nobody",
    }.items():
        repository.git("config", name, value)
    trace.unlink(missing_ok=True)
    repository.write({"app.py": "mine\n"})
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        repository.write({"app.py": "agent\n", "b": "b\n"}, worktree.directory)
        branch = await checkout.finish(worktree, "done")
        await checkout.conflicts([branch])
    assert not trace.exists()
    assert repository.git("log", "-1", "--format=%an %ae %cn", branch.name) == "lok lok@localhost lok"
    assert not branch.problem


async def test_a_filter_runs_as_it_does_for_the_user(repository):
    repository.git("config", "filter.upper.clean", "tr a-z A-Z")
    repository.git("config", "filter.upper.smudge", "tr A-Z a-z")
    repository.commit({".gitattributes": "*.txt filter=upper\n", "a.txt": "abc\n"})
    repository.write({"b.txt": "new\n"})
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        assert (worktree.directory / "a.txt").read_text() == "abc\n"
        assert (worktree.directory / "b.txt").read_text() == "new\n"
        repository.write({"c.txt": "more\n"}, worktree.directory)
        branch = await checkout.finish(worktree, "done")
    assert repository.read(branch.name, "c.txt") == "MORE"
    assert not branch.problem


async def test_the_copy_of_a_subdirectory_is_the_same_subdirectory(repository):
    (repository.root / "empty/in").mkdir(parents=True)
    async with repository.opened(repository.root / "docs") as checkout:
        worktree = await checkout.add("one")
        assert (worktree.directory / "a.md").exists()
    async with repository.opened(repository.root / "empty/in", run="2") as checkout:
        worktree = await checkout.add("one")
        assert worktree.directory.is_dir()
        assert worktree.directory.parts[-2:] == ("empty", "in")


async def test_what_cannot_be_copied_is_refused_with_a_way_out(tmp_path, repository):
    assert "in no git repository" in await refused(repository, tmp_path)
    assert "git" in await refused(repository, env={**repository.env, "PATH": str(tmp_path)})
    (repository.root / "build").mkdir()
    assert "git ignores" in await refused(repository, repository.root / "build")
    assert "no checkout" in await refused(repository, repository.root / ".git")
    repository.state = repository.root / "state"
    assert "within the checkout" in await refused(repository)
    repository.state = tmp_path / "file" / "state"
    repository.state.parent.write_text("no folder")
    assert "no copies can be made" in await refused(repository)
    (tmp_path / "other").mkdir()
    empty = Repository(tmp_path / "other")
    assert "no commits" in await refused(empty)
    empty.commit({"a": "a"})
    empty.git("branch", "lok")
    assert "named lok" in await refused(empty)
    bare = tmp_path / "bare"
    repository.git("clone", "-q", "--bare", str(repository.root), str(bare))
    assert "no checkout" in await refused(empty, bare)


async def test_an_unresolved_merge_is_refused_by_the_names_of_its_files(repository):
    repository.git("branch", "other")
    repository.commit({"app.py": "mine\n"})
    repository.git("checkout", "-q", "other")
    repository.commit({"app.py": "theirs\n"})
    repository.git("merge", "main", ok=False)
    before = repository.state_of_user()
    assert "not resolved yet: app.py" in await refused(repository)
    assert repository.state_of_user() == before


async def test_somebody_elses_repository_is_refused_as_git_refuses_it(repository):
    env = {**repository.env, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    wrapper = repository.folder / "bin" / "git"
    wrapper.parent.mkdir()
    real = shutil.which("git")
    wrapper.write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {real} "$@"\n')
    wrapper.chmod(0o755)
    env = {**repository.env, "PATH": f"{wrapper.parent}:{os.environ['PATH']}"}
    assert "belongs to somebody else" in await refused(repository, env=env)


async def test_names_of_every_kind_and_links_and_modes_are_copied_and_recorded(repository):
    odd = [b"-dash", b"line\nend", b"b\xffd", b'q"uote', b" space ", b":(top)magic", b"tab\t.txt", b"*"]
    for name in odd:
        repository.write({os.fsdecode(name): name + b"\0\r\n"})
    (repository.root / "run").write_text("#!/bin/sh\n")
    (repository.root / "run").chmod(0o755)
    (repository.root / "link").symlink_to("nowhere")
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        top = worktree.directory
        for name in odd:
            assert (top / os.fsdecode(name)).read_bytes() == name + b"\0\r\n"
        assert os.access(top / "run", os.X_OK)
        assert os.readlink(top / "link") == "nowhere"
        for name in odd:
            (top / os.fsdecode(name)).unlink()
            repository.write({os.fsdecode(b"new" + name): name}, top)
        (top / "run").chmod(0o644)
        (top / "to dir").symlink_to("docs")
        branch = await checkout.finish(worktree, "é\0\udcff " + "x" * 100_000)
    assert not branch.problem
    assert {os.fsdecode(b"new" + name) for name in odd} < repository.names(branch.name)
    assert not {os.fsdecode(name) for name in odd} & repository.names(branch.name)
    assert repository.git("ls-tree", branch.name, "run").startswith("100644")
    assert repository.git("ls-tree", branch.name, "to dir").startswith("120000")


async def test_variables_that_name_another_repository_mislead_nobody(repository, tmp_path):
    (tmp_path / "other").mkdir()
    other = Repository(tmp_path / "other")
    other.commit({"b": "b"})
    before = other.state_of_user()
    env = {
        **repository.env,
        "GIT_DIR": str(other.root / ".git"),
        "GIT_WORK_TREE": str(other.root),
        "GIT_INDEX_FILE": str(other.root / ".git/index"),
        "GIT_OBJECT_DIRECTORY": str(other.root / ".git/objects"),
        "GIT_PREFIX": "docs/",
        "GIT_AUTHOR_NAME": "Somebody",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_CONFIG_PARAMETERS": "'commit.gpgsign=true'",
    }
    async with repository.opened(env=env) as checkout:
        worktree = await checkout.add("one")
        repository.write({"new": "new\n"}, worktree.directory)
        branch = await checkout.finish(worktree, "done")
    assert "new" in repository.names(branch.name)
    assert repository.git("log", "-1", "--format=%an", branch.name) == "lok"
    assert other.state_of_user() == before


async def test_entries_of_every_kind_in_the_index_are_read_right(repository):
    repository.commit({"kept": "k\n", "skipped": "s\n", "meant": "m\n"})
    repository.write({"meant later": "soon\n", "kept": "private\n"})
    repository.git("add", "--intent-to-add", "meant later")
    repository.git("update-index", "--assume-unchanged", "kept")
    repository.git("update-index", "--skip-worktree", "skipped")
    (repository.root / "skipped").unlink()
    repository.git("update-index", "--split-index")
    before = repository.state_of_user()
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        assert (worktree.directory / "meant later").read_text() == "soon\n"
        assert (worktree.directory / "skipped").read_text() == "s\n"
        # He has told git not to look at it: it is not for others.
        assert (worktree.directory / "kept").read_text() == "k\n"
    shared = {path for path in before if "sharedindex" in path}  # each reader of it renews its time
    after = repository.state_of_user()
    assert {path: seen for path, seen in after.items() if path not in shared} == {
        path: seen for path, seen in before.items() if path not in shared
    }


async def test_a_change_within_the_same_tick_as_the_index_is_seen(repository):
    path, index = repository.root / "app.py", repository.root / ".git/index"
    told = path.stat()
    path.write_text("ONE\ntwo\nthree\n")
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
    os.utime(index, ns=(told.st_mtime_ns, told.st_mtime_ns))
    repository.git("config", "core.trustctime", "false")
    repository.git("config", "core.checkStat", "minimal")
    async with repository.opened() as checkout:
        assert repository.read(checkout.base, "app.py").startswith("ONE")


async def test_a_clone_without_checkout_is_copied_as_its_commit(repository, tmp_path):
    repository.git("clone", "-q", "--no-checkout", str(repository.root), str(tmp_path / "clone"))
    repository.root = tmp_path / "clone"
    repository.write({"mine": "m\n"})
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        assert {path.name for path in worktree.directory.iterdir()} >= {"app.py", "docs", "mine"}
        branch = await checkout.finish(worktree, "done")
    assert not (repository.root / ".git/index").exists()
    assert not branch.problem


async def test_a_sparse_checkout_stays_sparse_and_loses_nothing(repository):
    repository.commit({"big/file": "big\n", "small/file": "small\n"})
    repository.git("sparse-checkout", "set", "--cone", "--sparse-index", "small")
    repository.write({"small/file": "changed\n", "outside/new": "o\n"})
    before = repository.state_of_user()
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        assert not (worktree.directory / "big").exists()
        assert (worktree.directory / "small/file").read_text() == "changed\n"
        repository.write(
            {"small/more": "m\n", "elsewhere/x": "x\n", "big/file": "seen\n"}, worktree.directory
        )
        branch = await checkout.finish(worktree, "done")
    assert repository.state_of_user() == before
    assert repository.names(branch.name) >= {"big/file", "small/more", "elsewhere/x", "outside/new"}
    assert repository.read(branch.name, "big/file") == "seen"
    assert (branch.files, branch.problem) == (3, "")


async def test_a_linked_worktree_is_a_checkout_like_any_other(repository, tmp_path):
    repository.git("config", "extensions.worktreeConfig", "true")
    linked = tmp_path / "linked"
    repository.git("worktree", "add", "-q", "-b", "side", str(linked))
    repository.write({"only here": "x\n"}, linked)
    index = repository.root / ".git/worktrees/linked/index"
    before = (repository.state_of_user(), index.read_bytes(), index.stat().st_mtime_ns)
    async with repository.opened(linked) as checkout:
        worktree = await checkout.add("one")
        repository.write({"by": "agent\n"}, worktree.directory)
        branch = await checkout.finish(worktree, "done")
    assert {"only here", "by"} < repository.names(branch.name)
    assert (repository.state_of_user(), index.read_bytes(), index.stat().st_mtime_ns) == before
    assert len(repository.git("worktree", "list").splitlines()) == 2


@pytest.mark.slow
async def test_submodules_are_empty_in_copies_and_one_can_be_the_checkout(repository, tmp_path):
    (tmp_path / "other").mkdir()
    other = Repository(tmp_path / "other")
    other.commit({"lib.py": "lib\n"})
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.root), "lib")
    repository.commit({})
    async with repository.opened() as checkout:
        assert checkout.notes == ["submodules are empty in the copies: lib"]
        plain, filled = await checkout.add("plain"), await checkout.add("filled")
        assert not (await checkout.finish(plain, "done")).problem
        repository.write({"lib/lost": "work\n"}, filled.directory)
        branch = await checkout.finish(filled, "done")
        assert "lib/lost" in branch.problem
        assert (filled.directory / "lib/lost").exists()
    async with repository.opened(repository.root / "lib", run="2") as checkout:
        worktree = await checkout.add("one")
        repository.write({"new": "n\n"}, worktree.directory)
        branch = await checkout.finish(worktree, "done")
        assert not branch.problem
    assert "new" in repository.git("ls-tree", "--name-only", branch.name, at=repository.root / "lib")


async def test_repositories_within_the_checkout_are_left_out_and_told(repository):
    for name, commits in (("nested", True), ("un born", False)):
        (repository.root / name).mkdir()
        repository.git("init", "-q", at=repository.root / name)
        repository.write({f"{name}/file": "x\n"})
        if commits:
            repository.git("add", "-A", at=repository.root / name)
            repository.git("commit", "-q", "-m", "inner", at=repository.root / name)
    repository.write({"beside": "x\n"})
    async with repository.opened() as checkout:
        assert repository.names(checkout.base) >= {"beside"}
        assert not [name for name in repository.names(checkout.base) if name[0] in "nu"]
        assert checkout.notes == ["not in the copies, being repositories of their own: nested/, un born/"]


@pytest.mark.slow
async def test_a_repository_of_the_other_hash_and_with_other_line_ends_works(tmp_path):
    repository = Repository(tmp_path, "--object-format=sha256")
    repository.git("config", "core.autocrlf", "true")
    repository.git("config", "core.safecrlf", "true")
    repository.commit({"app.py": "one\r\n"})
    repository.write({"app.py": "one\r\ntwo\n"})
    async with repository.opened() as checkout:
        one, two = await checkout.add("one"), await checkout.add("two")
        assert (one.directory / "app.py").read_bytes() == b"one\r\ntwo\r\n"
        repository.write({"app.py": "1\ntwo\r\n"}, one.directory)
        repository.write({"app.py": "eins\ntwo\r\n"}, two.directory)
        branches = [await checkout.finish(one, "a"), await checkout.finish(two, "b")]
        assert [branch.problem for branch in branches] == ["", ""]
        assert [(found.other, found.files) for found in await checkout.conflicts(branches)] == [
            ("lok/7.8.abcd/two", ("app.py",))
        ]
    assert len(branches[0].commit) == 64


@pytest.mark.slow
async def test_conflicts_are_told_between_agents_and_with_what_the_user_did_meanwhile(repository):
    repository.write({"app.py": "ONE\ntwo\nthree\n"})
    async with repository.opened() as checkout:
        agents = [await checkout.add(name) for name in ("a", "b", "c", "idle")]
        repository.write({"app.py": "ONE\ntwo\n3\n"}, agents[0].directory)
        repository.write({"app.py": "ONE\ntwo\nthird\n", "extra": "b"}, agents[1].directory)
        repository.write({"docs/a.md": "other\n", "extra": "c"}, agents[2].directory)
        branches = [await checkout.finish(agent, "done") for agent in agents]
        # With uncommitted work alone nothing conflicts: it is part of every branch.
        assert {(found.branch[-1], found.other[-1:]) for found in await checkout.conflicts(branches)} == {
            ("a", "b"),
            ("b", "c"),
        }
        repository.write({"docs/a.md": "mine\n"})
        before = repository.state_of_user()
        found = await checkout.conflicts(branches)
    assert next(one for one in found if not one.other).files == ("docs/a.md",)
    assert repository.state_of_user() == before
    assert checkout.notes == []


async def test_a_git_that_cannot_tell_conflicts_is_named(repository):
    wrapper = repository.folder / "bin" / "git"
    wrapper.parent.mkdir()
    real = shutil.which("git")
    old = "if [ \"$last\" = version ]; then echo 'git version 2.30.2'; exit; fi"
    wrapper.write_text(f'#!/bin/sh\nfor last; do :; done\n{old}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    env = {**repository.env, "PATH": f"{wrapper.parent}:{os.environ['PATH']}"}
    async with repository.opened(env=env) as checkout:
        worktree = await checkout.add("one")
        repository.write({"b": "b\n"}, worktree.directory)
        branch = await checkout.finish(worktree, "done")
        assert await checkout.conflicts([branch]) == ()
    assert checkout.notes == ["git 2.30 cannot tell which branches conflict (2.38 or later can)"]


async def test_agents_of_every_name_get_branches_of_their_own(repository):
    async with repository.opened() as checkout:
        names = ["a b", "a/b", "A-B", "..", "x.lock", "-é-", "x" * 300]
        branches = [(await checkout.add(name)).branch.removeprefix("lok/7.8.abcd/") for name in names]
    assert branches == ["a-b", "a-b-2", "A-B-3", "agent", "x-lock", "agent-2", "x" * 50]


@pytest.mark.slow
async def test_leftovers_tell_what_is_where_and_whether_its_run_goes_on(repository):
    running = repository.state / "running" / "now"
    running.mkdir(parents=True)
    lock = os.open(running, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    repository.write({"mine": "m\n"})
    repository.git("branch", "lok/of-my-own")
    async with repository.opened(run="then") as checkout:
        idle, done = await checkout.add("idle"), await checkout.add("done")
        repository.write({"b": "b\n"}, done.directory)
        await checkout.finish(done, "done")
        await checkout.finish(idle, "idle")
    async with repository.opened(run="now") as checkout:
        busy, lost = await checkout.add("busy"), await checkout.add("lost")
        repository.write({"b": "b\n", "app.py": "x"}, busy.directory)
        repository.write({"c": "c\n"}, lost.directory)
        shutil.rmtree(repository.root / ".git/worktrees/lost")
    before = repository.state_of_user()
    found = {(left.run, left.agent): left for left in await repository.left()}
    assert repository.state_of_user() == before
    assert set(found) == {("then", "done"), ("then", "idle"), ("now", "busy"), ("now", "lost")}
    assert (found["then", "done"].ahead, found["then", "done"].merged) == (1, False)
    assert (found["then", "idle"].ahead, found["then", "idle"].merged) == (0, True)
    assert (found["now", "busy"].uncommitted, found["now", "busy"].directory) == (2, str(busy.directory))
    assert found["now", "lost"].uncommitted
    assert found["now", "busy"].running
    assert not found["then", "done"].running
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "my own")
    repository.git("merge", "-q", "lok/then/done", "-m", "merged")
    os.close(lock)
    found = {(left.run, left.agent): left for left in await repository.left()}
    assert found["then", "done"].merged
    assert not found["now", "busy"].running
    assert not found["now", "busy"].merged


async def test_a_copy_that_git_cannot_make_leaves_no_branch(repository):
    repository.git("config", "filter.bad.clean", "cat")
    repository.git("config", "filter.bad.smudge", "false")
    repository.git("config", "filter.bad.required", "true")
    repository.commit({".gitattributes": "*.bin filter=bad\n"})
    repository.write({"x.bin": "x"})
    async with repository.opened() as checkout:
        with pytest.raises(UsageError, match="git makes no copy for one"):
            await checkout.add("one")
    assert repository.git("branch", "--list", "lok/*") == ""


async def test_a_file_that_cannot_be_read_is_named(repository):
    if os.geteuid() == 0:
        pytest.skip("root reads every file")
    repository.write({"secret": "s"})
    (repository.root / "secret").chmod(0)
    assert "secret" in await refused(repository)


async def test_a_copy_of_which_only_gits_note_is_left_can_be_removed_as_told(repository):
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        shutil.rmtree(worktree.directory)
    [left] = await repository.left()
    assert (left.directory, left.uncommitted, left.merged) == (str(worktree.directory), 0, True)
    repository.git("worktree", "remove", "--force", "--force", left.directory)
    repository.git("branch", "-D", left.branch)
    assert await repository.left() == ()


async def test_what_a_killed_run_left_besides_copies_is_removed_in_time(repository):
    old, young = (repository.state / "worktrees" / name for name in ("old", "young"))
    for folder in (old, young):
        (folder / ".index-x").mkdir(parents=True)
    os.utime(old, (0, 0))
    async with repository.opened():
        pass
    assert [path.name for path in (repository.state / "worktrees").iterdir()] == ["young"]


@pytest.mark.slow
async def test_a_repository_kept_elsewhere_and_deep_folders_work(tmp_path):
    repository = Repository(tmp_path, f"--separate-git-dir={tmp_path / 'elsewhere'}")
    repository.commit({"app.py": "one\n"})
    repository.write({"app.py": "two\n"})
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        deep = "d/" * 150
        repository.write({deep + "file": "deep\n"}, worktree.directory)
        branch = await checkout.finish(worktree, "done")
    assert branch.problem == ""
    assert deep + "file" in repository.names(branch.name)


@pytest.mark.slow
async def test_an_agent_that_only_wrote_what_git_ignores_keeps_its_copy(repository):
    async with repository.opened() as checkout:
        one, two = await checkout.add("one"), await checkout.add("two")
        repository.write({"build/out": "x", "a.pyc": "x"}, one.directory)
        repository.write({"build/out": "x", "a.pyc": "x", "app.py": "x"}, two.directory)
        kept, removed = await checkout.finish(one, "done"), await checkout.finish(two, "done")
    assert "only files that git ignores" in kept.problem
    assert (kept.directory, kept.ignored) == (str(one.directory), 2)
    assert (removed.problem, removed.directory, removed.ignored) == ("", "", 2)


@pytest.mark.slow
async def test_finishing_can_be_cancelled_at_any_time_and_done_again(repository):
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        repository.write({"new": "work\n"}, worktree.directory)
        for number in range(1, 6):
            with trio.move_on_after(number * 0.05):
                await checkout.finish(worktree, "done")
            if not worktree.directory.exists():
                break
        await checkout.finish(worktree, "done")
    assert "new" in repository.names(worktree.branch)
    assert repository.git("worktree", "list").count("\n") == 0


@pytest.mark.slow
async def test_what_an_agent_left_elsewhere_than_on_its_branch_is_told(repository):
    repository.git("branch", "feature")
    async with repository.opened() as checkout:
        agents = {}
        for name in ("detached", "elsewhere", "stashed", "nested", "tidy"):
            agents[name] = await checkout.add(name)
            repository.write({"app.py": f"by {name}\n"}, agents[name].directory)

        def git(name, *words):
            repository.git(*words, at=agents[name].directory)

        git("detached", "checkout", "-q", "--detach")
        git("detached", "commit", "-q", "-a", "-m", "aside")
        git("detached", "checkout", "-q", agents["detached"].branch)
        git("elsewhere", "checkout", "-q", "feature")
        git("elsewhere", "commit", "-q", "-a", "-m", "on feature")
        git("elsewhere", "checkout", "-q", agents["elsewhere"].branch)
        git("stashed", "stash", "-q")
        repository.write({"inner/file": "x\n"}, agents["nested"].directory)
        repository.git("init", "-q", at=agents["nested"].directory / "inner")
        git("tidy", "commit", "-q", "-a", "-m", "its own")
        told = {name: await checkout.finish(agent, "done") for name, agent in agents.items()}
    assert told["detached"].problem == "commits that were on no branch are on lok/7.8.abcd/detached-2"
    assert repository.read("lok/7.8.abcd/detached-2", "app.py") == "by detached"
    assert told["elsewhere"].problem == "commits were made on feature too"
    assert told["stashed"].problem == "changes were stashed: stash@{0}"
    kept = agents["nested"].directory
    assert told["nested"].problem == (
        f"not on the branch: inner/ (a repository of its own) (the copy is kept: {kept})"
    )
    assert repository.read(told["nested"].name, "app.py") == "by nested"
    assert repository.git("status", "--porcelain", at=kept) == "?? inner/"
    assert (told["tidy"].problem, told["tidy"].files) == ("", 1)
    assert repository.git("log", "-1", "--format=%s", told["tidy"].name) == "its own"
    assert [name for name, branch in told.items() if branch.directory] == ["nested"]


@pytest.mark.slow
async def test_what_a_filter_refuses_stays_in_the_copy_and_the_rest_is_on_the_branch(repository):
    repository.git("config", "filter.bad.clean", "false")
    repository.git("config", "filter.bad.required", "true")
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        files = {".gitattributes": "*.bin filter=bad\n", "x.bin": "x", "y.txt": "y"}
        repository.write(files, worktree.directory)
        branch = await checkout.finish(worktree, "done")
    assert "x.bin" in branch.problem
    assert branch.directory == str(worktree.directory)
    assert (worktree.directory / "x.bin").exists()
    assert {"y.txt", ".gitattributes"} < repository.names(branch.name)


@pytest.mark.slow
async def test_a_detached_head_of_the_users_stays_where_it_is(repository):
    repository.git("checkout", "-q", "--detach")
    repository.git("commit", "-q", "--allow-empty", "-m", "mine")
    before = repository.state_of_user()
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        repository.write({"b": "b"}, worktree.directory)
        branch = await checkout.finish(worktree, "done")
    assert repository.state_of_user() == before
    assert repository.git("rev-parse", f"{branch.name}^") == repository.git("rev-parse", "HEAD")
    assert not branch.problem


async def left_by(repository, agent, *deeds):
    """What is listed of a run that was ended after these deeds of an agent; a callable gets its folder."""
    async with repository.opened() as checkout:
        worktree = await checkout.add(agent)
        for deed in deeds:
            if callable(deed):
                deed(worktree.directory)
            else:
                repository.git(*deed, at=worktree.directory)
    [left] = await repository.left()
    assert (left.base, left.repository, left.known) == (checkout.base, str(repository.root), True)
    assert not left.settled
    return left


def edit(top):
    (top / "app.py").write_text("by the agent\n")


COMMIT = ("commit", "-q", "-a", "-m", "by the agent")
AMEND = ("commit", "-q", "-a", "--amend", "--no-edit")


@pytest.mark.slow
@pytest.mark.parametrize(
    "deeds",
    [
        [("checkout", "-q", "--detach"), edit, COMMIT],
        [("checkout", "-q", "-b", "wip"), edit, COMMIT],
        [edit, AMEND],
        [("checkout", "-q", "--detach"), edit, AMEND],
        [("branch", "-q", "-m", "renamed"), edit, COMMIT],
        [edit, COMMIT, ("revert", "--no-edit", "HEAD")],
    ],
)
@pytest.mark.parametrize("agent", ["one", "Lok-Snapshot: 1"])
async def test_commits_of_an_ended_run_are_work_wherever_the_agent_made_them(repository, deeds, agent):
    repository.write({"mine": "m\n"})
    left = await left_by(repository, agent, *deeds)
    assert not left.merged
    assert left.ahead >= 1
    assert repository.git("diff", left.base, left.head or left.commit) or len(deeds) == 3


@pytest.mark.slow
async def test_a_commit_checked_out_beside_the_branch_is_told(repository):
    left = await left_by(repository, "one", ("checkout", "-q", "--detach"), edit, COMMIT)
    assert left.commit == left.base
    assert repository.read(left.head, "app.py") == "by the agent"


def write_ignored(top):
    (top / "x.pyc").write_text("built")


def nest(top):
    subprocess.run(["git", "init", "-q", top / "inner"], check=True)
    (top / "inner/file").write_text("only here\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "deeds",
    [
        [edit],
        [write_ignored],
        [edit, ("update-index", "--assume-unchanged", "app.py")],
        [nest],
        [("checkout", "-q", "--detach"), edit],
    ],
)
async def test_files_of_an_ended_run_that_no_commit_holds_are_work(repository, deeds):
    left = await left_by(repository, "one", *deeds)
    assert left.uncommitted + left.ignored == 1
    assert not left.merged


async def test_an_agent_that_did_nothing_leaves_nothing_though_there_was_uncommitted_work(repository):
    repository.write({"mine": "m\n"})
    left = await left_by(repository, "one")
    assert (left.merged, left.ahead, left.uncommitted, left.head) == (True, 0, 0, "")


@pytest.mark.slow
async def test_commits_whose_objects_are_missing_do_not_pass_for_taken_over(repository):
    left = await left_by(repository, "one", edit, COMMIT)
    parent = left.base
    repository.commit({"other": "o\n"})
    for commit in (parent, left.commit):
        (repository.root / ".git/objects" / commit[:2] / commit[2:]).unlink()
    found = await repository.left()
    assert not any(one.merged for one in found)


@pytest.mark.slow
async def test_where_a_run_started_is_forgotten_once_its_branches_are_removed(repository):
    async with repository.opened() as checkout:
        branch = await checkout.finish(await checkout.add("one"), "done")
    refs = ("for-each-ref", "--format=%(refname)", "refs/lok-bases")
    assert repository.git(*refs) == "refs/lok-bases/7.8.abcd"
    async with repository.opened(run="second"):
        assert repository.git(*refs) == "refs/lok-bases/7.8.abcd"
    repository.git("branch", "-q", "-D", branch.name)
    async with repository.opened(run="third"):
        assert repository.git(*refs) == ""


def with_git(repository, script):
    """The environment with a git that first does what the script says."""
    program = repository.folder / "bin/git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ngit={shutil.which("git")}\n{script}\nexec $git "$@"\n')
    program.chmod(0o755)
    return {**repository.env, "PATH": f"{program.parent}:{os.environ['PATH']}"}


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["*commit-tree*", "*diff-files*--quiet*"])
async def test_a_copy_stays_where_a_prune_took_what_is_on_the_branch(repository, moment):
    blob = repository.git("hash-object", "--stdin", stdin=b"unique\n")
    lost = repository.root / ".git/objects" / blob[:2] / blob[2:]
    env = with_git(repository, f'case "$*" in {moment}) rm -f {lost};; esac')
    async with repository.opened(env=env) as checkout:
        worktree = await checkout.add("one")
        repository.write({"new": "unique\n", "app.py": "x\n"}, worktree.directory)
        branch = await checkout.finish(worktree, "done")
    assert "missing" in branch.problem
    assert str(worktree.directory) in branch.problem
    assert (worktree.directory / "new").read_text() == "unique\n"
    assert (branch.commit != checkout.base) == ("diff" in moment)  # no branch that lacks something is made
    [left] = await repository.left()
    assert not left.merged


@pytest.mark.slow
async def test_merge_drivers_run_outside_of_the_checkout_and_count(repository):
    trace = repository.folder / "trace"
    repository.git("config", "merge.own.driver", f"pwd >> {trace}; touch junk; exit 1")
    repository.git("config", "merge.good.driver", "true")
    repository.commit({".gitattributes": "app.py merge=own\nb merge=good\n", "b": "b\n"})
    before = repository.state_of_user()
    async with repository.opened() as checkout:
        branches = []
        for name in ("one", "two"):
            worktree = await checkout.add(name)
            repository.write({"app.py": f"{name}\n", "b": f"{name}\n"}, worktree.directory)
            branches.append(await checkout.finish(worktree, "done"))
        [conflict] = await checkout.conflicts(branches)
    assert conflict.files == ("app.py",)
    assert repository.state_of_user() == before
    [where] = set(trace.read_text().split())
    assert not Path(where).is_relative_to(repository.root)


@pytest.mark.slow
async def test_a_finish_that_fails_tells_what_the_agent_committed_itself(repository):
    env = with_git(
        repository, f'case "$*" in *write-tree*) [ ! -e {repository.folder}/full ] || exit 9;; esac'
    )
    async with repository.opened(env=env) as checkout:
        worktree = await checkout.add("one")
        edit(worktree.directory)
        repository.git(*COMMIT, at=worktree.directory)
        (repository.folder / "full").touch()
        told = await checkout.as_left(worktree, "too slow")
        branch = await checkout.finish(worktree, "done")
    assert told.problem == f"too slow (the copy is kept: {worktree.directory})"
    assert str(worktree.directory) in branch.problem
    for one in (told, branch):
        assert one.commit == repository.git("rev-parse", worktree.branch) != checkout.base
        assert (one.files, one.directory) == (1, str(worktree.directory))


@pytest.mark.slow
async def test_an_interrupted_removal_leaves_nothing_to_commit(repository):
    script = (
        f'case "$*" in *"worktree remove"*) [ -e {repository.folder}/on ] || {{ rm app.py; exit 9; }};; esac'
    )
    script = script.replace("rm app.py", f"rm {repository.state}/worktrees/7.8.abcd/one/app.py")
    async with repository.opened(env=with_git(repository, script)) as checkout:
        worktree = await checkout.add("one")
        repository.write({"new": "n\n"}, worktree.directory)
        await checkout.finish(worktree, "done")
        [left] = await repository.left()
        assert (left.settled, left.uncommitted, left.ahead, left.merged) == (True, 0, 1, False)
        repository.write({"later": "somebody's\n"}, worktree.directory)
        [left] = await repository.left()
        assert not left.settled
        assert left.uncommitted
        (worktree.directory / "later").unlink()
        (repository.folder / "on").touch()
        branch = await checkout.finish(worktree, "again")
    assert (branch.problem, branch.directory, branch.files) == ("", "", 1)
    assert "app.py" in repository.names(branch.name)


ENDED = """
import os
from pathlib import Path
import trio
from lok_core.process import open_children
from lok_core.worktrees import open_checkout

async def main():
    async with open_children() as children:
        checkout = await open_checkout(children, Path({root!r}), os.environ, Path({folder!r}))
        await checkout.add("one")

trio.run(main)
"""


def ended_as(program, env):
    return subprocess.run([sys.executable, "-c", program], env=env, check=False).returncode


@pytest.mark.slow
async def test_a_copy_that_was_only_being_made_holds_no_work(repository):
    repository.write({"mine": "m\n"})
    lost = repository.state / "worktrees/7.8.abcd/one/app.py"
    script = f'case "$*" in *"worktree add"*) "$git" "$@"; rm {lost}; kill -9 $PPID; exit 9;; esac'
    program = ENDED.format(root=str(repository.root), folder=str(lost.parent.parent))
    env = with_git(repository, script)
    assert ended_as(program, env) == -signal.SIGKILL
    [left] = await repository.left()
    assert (left.settled, left.uncommitted, left.ahead, left.merged) == (True, 0, 0, True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "deeds",
    [
        [("checkout", "-q", "--ignore-other-worktrees", "main"), edit, COMMIT],
        [edit, COMMIT, ("update-ref", "refs/heads/main", "HEAD")],
        [
            edit,
            COMMIT,
            edit,
            ("update-ref", "refs/heads/feature", "HEAD"),
            ("commit", "-q", "--allow-empty", "-m", "x"),
        ],
    ],
)
async def test_branches_of_the_user_that_an_agent_moved_are_told(repository, deeds):
    repository.git("branch", "feature")
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        for deed in deeds:
            repository.git(*deed, at=worktree.directory) if isinstance(deed, tuple) else deed(
                worktree.directory
            )
        branch = await checkout.finish(worktree, "done")
    name = "feature" if "feature" in str(deeds) else "main"
    assert branch.problem == f"commits were made on {name} too"


@pytest.mark.slow
async def test_a_branch_of_the_agents_own_that_adds_nothing_is_not_told(repository):
    async with repository.opened() as checkout:
        worktree = await checkout.add("one")
        edit(worktree.directory)
        repository.git(*COMMIT, at=worktree.directory)
        repository.git("branch", "wip", at=worktree.directory)
        branch = await checkout.finish(worktree, "done")
    assert branch.problem == ""


@pytest.mark.slow
async def test_what_only_the_agents_own_rules_ignore_keeps_the_copy_and_is_named(repository):
    async with repository.opened() as checkout:
        one, two = await checkout.add("one"), await checkout.add("two")
        for top in (one.directory, two.directory):
            repository.write({"app.py": "x\n", "x.pyc": "built", "docs/y.pyc": "built"}, top)
        repository.write({".gitignore": "*.pyc\nbuild/\n*.log\n", "code.log": "work"}, one.directory)
        repository.write({"sub/.gitignore": "*\n", "sub/code.py": "work"}, one.directory)
        kept, removed = await checkout.finish(one, "done"), await checkout.finish(two, "done")
    assert "ignored only by the agent's own .gitignore: " in kept.problem
    assert "code.log" in kept.problem
    assert "sub/" in kept.problem
    assert ".pyc" not in kept.problem
    assert kept.directory == str(one.directory)
    assert (removed.problem, removed.directory) == ("", "")
    assert (removed.ignored, removed.ignored_names) == (2, ("docs/y.pyc", "x.pyc"))


@pytest.mark.slow
async def test_what_is_ignored_since_the_agent_took_an_exception_away_keeps_the_copy(repository):
    repository.commit({".gitignore": "*.log\n!kept.log\n", "sub/.gitignore": "!*.log\n"})
    async with repository.opened() as checkout:
        one, two = await checkout.add("one"), await checkout.add("two")
        repository.write({".gitignore": "*.log\n", "kept.log": "work"}, one.directory)
        repository.write({"sub/other.log": "work"}, two.directory)
        (two.directory / "sub/.gitignore").unlink()
        kept = [await checkout.finish(copy, "done") for copy in (one, two)]
    assert "kept.log" in kept[0].problem
    assert "sub/" in kept[1].problem
    assert all(branch.directory for branch in kept)


async def test_a_repository_that_an_agent_declared_bare_is_finished_and_listed(repository):
    async with repository.opened() as checkout:
        worktree, other = await checkout.add("one"), await checkout.add("other")
        edit(worktree.directory)
        edit(other.directory)
        repository.git("config", "core.bare", "true")
        branch = await checkout.finish(worktree, "done")
        assert await checkout.conflicts([branch]) == ()
    assert (branch.problem, branch.files) == ("", 1)
    one, busy = await repository.left()
    assert (one.ahead, busy.uncommitted, one.repository) == (1, 1, str(repository.root))
