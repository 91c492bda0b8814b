"""Whether a directory is after a run what it was before."""

import os
import threading
import time

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lok_core import watch as module
from lok_core.outcome import Change
from lok_core.watch import Watch


async def changes_by(directory, change, activities=None, *, read=True, **bounds):
    """What a watch tells of what `change()` does; with `read`, only once it has read everything."""
    watch = Watch(directory, **bounds)
    await watch.begin()
    if read:
        await joined()
    else:
        watch.end()
        await joined()
        watch._hashes.clear()
    after_a_tick(directory)
    change()
    return {(one.kind, one.path) for one in await watch.changes(activities or {})}


async def joined():
    for thread in threading.enumerate():
        if thread.name == "lok-watch":
            await trio.to_thread.run_sync(thread.join)


def after_a_tick(directory):
    """Returns when the file system's clock has moved on, so that a change can be told by its time."""
    probe = directory.parent / f"{directory.name}.probe"
    probe.write_text("")
    first = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == first:
        probe.write_text("")


@pytest.fixture
def directory(tmp_path):
    made = tmp_path / "code"
    (made / "src").mkdir(parents=True)
    (made / "src" / "a.py").write_text("a = 1\n")
    (made / "b.py").write_text("b = 1\n")
    return made


async def test_nothing_changed(directory):
    assert await changes_by(directory, lambda: None) == set()


@pytest.mark.parametrize("read", [True, False])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda top: (top / "new.py").write_text(""), {("added", "new.py")}),
        (lambda top: (top / "b.py").write_text("longer than before"), {("changed", "b.py")}),
        (lambda top: (top / "b.py").write_text("b = 2\n"), {("changed", "b.py")}),
        (lambda top: (top / "b.py").unlink(), {("removed", "b.py")}),
        (lambda top: (top / "b.py").chmod(0o755), {("changed", "b.py")}),
        (
            lambda top: (top / "src" / "a.py").rename(top / "c.py"),
            {("removed", "src/a.py"), ("added", "c.py")},
        ),
        (lambda top: (top / "link").symlink_to("/etc/passwd"), {("added", "link")}),
        (lambda top: os.mkfifo(top / "pipe"), {("added", "pipe")}),
    ],
    ids=["added", "longer", "of the same length", "removed", "mode", "moved", "link", "pipe"],
)
async def test_what_was_changed_is_told(directory, change, told, read):
    assert await changes_by(directory, lambda: change(directory), read=read) == told


async def test_a_change_whose_time_was_set_back_is_told(directory):
    def change():
        before = (directory / "b.py").stat()
        (directory / "b.py").write_text("b = 2\n")
        os.utime(directory / "b.py", ns=(before.st_atime_ns, before.st_mtime_ns))

    assert await changes_by(directory, change) == {("changed", "b.py")}


async def test_a_file_that_was_only_touched_is_not_told(directory):
    assert await changes_by(directory, (directory / "b.py").touch) == set()


async def test_a_file_that_was_written_anew_as_it_was_is_not_told(directory):
    def change():
        (directory / "new").write_text("b = 1\n")
        (directory / "new").rename(directory / "b.py")

    assert await changes_by(directory, change) == set()


async def test_a_file_that_could_not_be_read_before_is_told_by_its_time(directory):
    assert await changes_by(directory, (directory / "b.py").touch, max_read=0) == {("changed", "b.py")}


async def test_of_git_only_what_runs_things_is_looked_at(directory):
    for name in ("hooks", "objects", "info"):
        (directory / ".git" / name).mkdir(parents=True)

    def change():
        for name in ("config", "HEAD", "index", "hooks/post-checkout", "objects/ab", "info/attributes"):
            (directory / ".git" / name).write_text("x")

    told = {
        ("added", f".git/{name}") for name in ("config", "HEAD", "hooks/post-checkout", "info/attributes")
    }
    assert await changes_by(directory, change) == told


async def test_what_runs_things_in_submodules_and_worktrees_is_looked_at(directory):
    watched = [
        ".git/commondir",
        ".git/modules/a/b/config",
        ".git/modules/a/b/hooks/pre-commit",
        ".git/modules/a/b/hooks/HEAD",
        ".git/modules/a/b/modules/c/config",
        ".git/worktrees/w/commondir",
        ".git/worktrees/w/config.worktree",
        ".git/worktrees/w/gitdir",
    ]
    left_out = [".git/modules/a/b/objects/ab", ".git/modules/a/b/index", ".git/worktrees/w/index"]
    for name in [*watched, *left_out]:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
    for name in ("modules/a/b", "modules/a/b/modules/c", "worktrees/w"):
        (directory / ".git" / name / "HEAD").touch()

    def change():
        for name in [*watched, *left_out]:
            (directory / name).write_text("x")

    assert await changes_by(directory, change) == {("added", name) for name in watched}


async def test_a_link_is_not_followed(directory, tmp_path):
    (tmp_path / "outside").mkdir()
    (directory / "out").symlink_to(tmp_path / "outside")
    (directory / "loop").symlink_to(directory)
    change = (tmp_path / "outside" / "file").touch
    assert await changes_by(directory, change) == set()


async def test_a_link_that_leads_elsewhere_now_is_told(directory):
    (directory / "link").symlink_to("b.py")

    def change():
        (directory / "link").unlink()
        (directory / "link").symlink_to("c.py")

    assert await changes_by(directory, change) == {("changed", "link")}


async def test_a_pipe_holds_nobody_up(directory):
    os.mkfifo(directory / "pipe")
    assert await changes_by(directory, (directory / "pipe").touch) == {("changed", "pipe")}


async def test_a_file_that_became_a_pipe_holds_nobody_up(directory):
    def change():
        (directory / "b.py").unlink()
        os.mkfifo(directory / "b.py")

    assert await changes_by(directory, change) == {("changed", "b.py")}


async def test_what_lok_writes_itself_is_left_out(directory):
    own = directory / "state"
    own.mkdir()
    assert await changes_by(directory, (own / "journal").touch, own=(own,)) == set()


async def test_a_file_that_is_gone_with_its_folder_is_told(directory):
    def change():
        (directory / "src" / "a.py").unlink()
        (directory / "src").rmdir()

    assert await changes_by(directory, change) == {("removed", "src/a.py")}


async def test_a_directory_that_is_gone_is_told_file_by_file(directory):
    change = lambda: directory.rename(directory.parent / "elsewhere")  # noqa: E731
    assert await changes_by(directory, change) == {("removed", "b.py"), ("removed", "src/a.py")}


@pytest.mark.skipif(os.getuid() == 0, reason="root can read every folder")
async def test_a_folder_that_cannot_be_read_is_left_out(directory):
    try:
        assert await changes_by(directory, lambda: (directory / "src").chmod(0)) == set()
    finally:
        (directory / "src").chmod(0o755)


@pytest.mark.parametrize("bounds", [{"max_entries": 1}, {"max_seconds": 0.0}], ids=["entries", "seconds"])
async def test_a_directory_that_is_too_large_is_noted_once(directory, bounds):
    watch = Watch(directory, **bounds)
    await watch.begin()
    (directory / "new").touch()
    assert await watch.changes({}) == ()
    [note] = watch.notes
    assert note.startswith("nobody has looked whether files were changed during the run: ")


async def test_a_directory_that_was_filled_meanwhile_is_noted(directory):
    def change():
        for number in range(20):
            (directory / str(number)).touch()

    watch = Watch(directory, max_entries=3)
    await watch.begin()
    change()
    assert await watch.changes({}) == ()
    assert "holds more than" in watch.notes[0]


async def test_very_many_changes_are_cut_and_counted(directory, monkeypatch):
    monkeypatch.setattr(module, "MAX_CHANGES", 3)
    watch = Watch(directory)
    await watch.begin()
    for number in range(5):
        (directory / f"new{number}").touch()
    assert [change.path for change in await watch.changes({})] == ["new0", "new1", "new2"]
    assert watch.notes == ["5 files were changed during the run; the first 3 are told"]


async def test_names_of_any_bytes_are_told(directory):
    names = [os.fsdecode(name) for name in (b"caf\xe9", b"new\nline", b"\x1b[31mred", b"-rf", "雪".encode())]

    def change():
        for name in names:
            (directory / name).touch()

    assert await changes_by(directory, change) == {("added", name) for name in names}


async def test_cancelling_does_not_wait_for_a_walk(directory):
    with trio.CancelScope() as scope:
        scope.cancel()
        await Watch(directory).begin()

    assert scope.cancelled_caught


async def test_byte_code_that_python_keeps_of_lok_is_left_out(directory, monkeypatch):
    kept = directory / "__pycache__" / "a.pyc"
    kept.parent.mkdir()
    monkeypatch.setattr(module.__spec__, "cached", str(kept))

    def change():
        kept.touch()
        (kept.parent / "other.pyc").touch()

    assert await changes_by(directory, change) == {("added", "__pycache__/other.pyc")}


# Who did it.


async def named(directory, path, **activities):
    watch = Watch(directory)
    await watch.begin()
    with (directory / path).open("a") as file:
        file.write("changed")
    told = await watch.changes({name: set(said) for name, said in activities.items()})
    return {change.path: change.backend for change in told}[path]


@pytest.mark.parametrize(
    "said",
    [
        "edits src/a.py",
        "edits ./src/a.py",
        "runs sed -i s/a/b/ 'src/a.py'",
        "src/a.py",
        "edits {top}/src/a.py",
    ],
)
async def test_who_names_the_file_is_named(directory, said):
    assert (
        await named(directory, "src/a.py", codex=[said.format(top=directory)], gemini=["reads b"]) == "codex"
    )


@pytest.mark.parametrize(
    "said",
    [
        "edits a.py",
        "edits other/src/a.py",
        "edits /elsewhere/src/a.py",
        "edits ../src/a.py",
        "edits src/a.python",
        "edits src/a.py/b",
        "edits src/a.py.orig",
        "edits mysrc/a.py",
        "edits src/b.py",
    ],
)
async def test_who_names_another_file_is_not_named(directory, said):
    assert await named(directory, "src/a.py", codex=[said]) == ""


async def test_where_two_name_the_file_nobody_is_named(directory):
    assert await named(directory, "src/a.py", codex=["edits src/a.py"], gemini=["reads src/a.py"]) == ""


async def test_a_name_without_a_folder_counts_if_no_other_file_has_it(directory):
    assert await named(directory, "b.py", codex=["edits b.py"]) == "codex"
    (directory / "src" / "b.py").touch()
    assert await named(directory, "b.py", codex=["edits b.py"]) == ""
    assert await named(directory, "b.py", codex=[f"edits {directory}/b.py"]) == "codex"


@pytest.mark.parametrize("path", ["x", "Makefile", "a.", "total"])
async def test_a_name_that_may_be_any_word_counts_only_alone(directory, path):
    for said in (
        f"grep -r {path} src/a.py",
        f"runs {path} b",
        f"thinks of {path}",
        f"sed -i s/a/{path}/ b.py",
    ):
        assert await named(directory, path, codex=[said]) == ""
    for said in (f"edits {path}", f"edits ./{path}", path, f"writes '{path}'", f"runs rm {directory}/{path}"):
        assert await named(directory, path, codex=[said]) == "codex"


@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
@given(path=st.text(min_size=1, max_size=20), said=st.text(max_size=60))
def test_whatever_is_said_names_a_file_or_not(path, said, tmp_path_factory):
    named_by = module._naming(tmp_path_factory.getbasetemp(), {"codex": {said}}, [path])
    assert named_by(path) in ("", "codex")
    if path not in said:
        assert named_by(path) == ""


def test_what_is_told_accuses_nobody():
    assert Change("a.py", "changed").told == "changed during the run: a.py"
    assert (
        Change("src/a.py", "removed", "codex").told
        == "removed during the run: src/a.py (by you, or by codex, whose tool events name it)"
    )


@pytest.mark.slow
async def test_fifty_thousand_files_take_a_moment(tmp_path):
    for number in range(500):
        folder = tmp_path / "code" / str(number)
        folder.mkdir(parents=True)
        for name in range(100):
            (folder / str(name)).touch()
    begin = time.monotonic()
    watch = Watch(tmp_path / "code")
    await watch.begin()
    (tmp_path / "code" / "7" / "7").write_text("x")
    if not watch.notes:  # else the machine is very busy, and it was given up
        assert await watch.changes({}) == (Change("7/7", "changed"),)
    assert time.monotonic() - begin < 30
