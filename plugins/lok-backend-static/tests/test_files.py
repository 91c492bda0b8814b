"""The walk: what is looked at."""

import os
import threading

import pytest
from lok_backend_static.files import MAX_BYTES, area_of, read, walk


def names(directory, **options):
    return [file.name for file in walk(directory, threading.Event(), **options).files]


def make(directory, *paths, text="x = 1\n"):
    for path in paths:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)


def test_files_come_in_the_order_of_their_names(tmp_path):
    make(tmp_path, "b.py", "a/z.py", "a.py", "c/d/e.go")
    assert names(tmp_path) == ["a.py", "a/z.py", "b.py", "c/d/e.go"]


def test_folders_of_tools_and_installed_packages_are_skipped(tmp_path):
    make(
        tmp_path,
        "a.py",
        ".git/x.py",
        "node_modules/x.js",
        ".venv/lib/x.py",
        "p/__pycache__/x.py",
        "x.egg-info/y.py",
    )
    assert names(tmp_path) == ["a.py"]


def test_gitignore_leaves_out_what_it_names(tmp_path):
    make(tmp_path, "a.py", "a.log", "build/b.py", "c/build/d.py")
    (tmp_path / ".gitignore").write_text("*.log\n/build/\n")
    assert names(tmp_path) == [".gitignore", "a.py", "c/build/d.py"]


def test_gitignore_calls_back_what_it_negates(tmp_path):
    make(tmp_path, "a.gen.py", "keep.gen.py")
    (tmp_path / ".gitignore").write_text("*.gen.py\n!keep.gen.py\n")
    assert names(tmp_path) == [".gitignore", "keep.gen.py"]


def test_nested_gitignore_overrides_the_one_above(tmp_path):
    make(tmp_path, "a/x.txt", "a/y.py", "b/x.txt", "b/y.py")
    (tmp_path / ".gitignore").write_text("*.txt\n")
    (tmp_path / "a" / ".gitignore").write_text("!x.txt\n/y.py\n")
    assert names(tmp_path) == [".gitignore", "a/.gitignore", "a/x.txt", "b/y.py"]


def test_gitignore_of_the_repository_counts_in_a_folder_of_it(tmp_path):
    make(tmp_path, "src/a.py", "src/out/b.py", ".git/HEAD")
    (tmp_path / ".gitignore").write_text("/src/out/\n")
    assert names(tmp_path / "src") == ["a.py"]


def test_an_ignored_folder_is_looked_at_when_asked_for(tmp_path):
    make(tmp_path, "out/a.py", ".git/HEAD")
    (tmp_path / ".gitignore").write_text("*\n")
    assert names(tmp_path / "out") == ["a.py"]


def test_ignored_source_files_are_counted(tmp_path):
    make(tmp_path, "a.py", "b.py")
    (tmp_path / ".gitignore").write_text("*\n")
    tree = walk(tmp_path, threading.Event())
    assert tree.files == []
    assert tree.left_out["source files named in .gitignore"] == 2


def test_gitignore_patterns_that_would_take_for_ever_are_passed_over(tmp_path):
    make(tmp_path, "a" * 200 + ".py")
    (tmp_path / ".gitignore").write_text("*a" * 60 + "b\n")
    assert len(names(tmp_path)) == 2


@pytest.mark.parametrize("content", [b"\xff\xfe\x00[", b"[z-a]\n[\n!\n\\\n", b"!" * 1000])
def test_broken_gitignore_is_harmless(tmp_path, content):
    make(tmp_path, "a.py")
    (tmp_path / ".gitignore").write_bytes(content)
    assert "a.py" in names(tmp_path)


def test_links_are_not_followed(tmp_path):
    make(tmp_path, "outside/secret.py", "project/a.py")
    (tmp_path / "project" / "loop").symlink_to(tmp_path / "project")
    (tmp_path / "project" / "out").symlink_to(tmp_path / "outside")
    (tmp_path / "project" / "file.py").symlink_to(tmp_path / "outside" / "secret.py")
    assert names(tmp_path / "project") == ["a.py"]


def test_a_linked_gitignore_is_not_read(tmp_path):
    make(tmp_path, "rules", text="*\n")
    make(tmp_path, "project/a.py")
    (tmp_path / "project" / ".gitignore").symlink_to(tmp_path / "rules")
    assert names(tmp_path / "project") == ["a.py"]


def test_large_and_special_files_are_counted(tmp_path):
    make(tmp_path, "a.py")
    os.mkfifo(tmp_path / "fifo.py")
    with (tmp_path / "big.py").open("wb") as file:
        file.truncate(1 << 30)
    tree = walk(tmp_path, threading.Event())
    assert [file.name for file in tree.files] == ["a.py"]
    assert tree.left_out == {"special files": 1, f"files over {MAX_BYTES >> 20} MiB": 1}


def test_a_folder_that_cannot_be_read_is_counted(tmp_path):
    # A name too long for the system call is out of reach for root as well.
    make(tmp_path, "a.py")
    deep = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 240, dir_fd=deep)
        inner = os.open("d" * 240, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = inner
    os.close(deep)
    tree = walk(tmp_path, threading.Event())
    assert [file.name for file in tree.files] == ["a.py"]
    assert tree.left_out == {"unreadable folders": 1}


def test_names_that_are_no_text_are_counted(tmp_path):
    make(tmp_path, "a.py")
    with open(os.path.join(os.fsencode(tmp_path), b"\xff.py"), "w") as file:
        file.write("x\n")
    tree = walk(tmp_path, threading.Event())
    assert [file.name for file in tree.files] == ["a.py"]
    assert tree.left_out == {"names that are not valid UTF-8": 1}


def test_the_number_of_files_is_bounded(tmp_path):
    make(tmp_path, "a.py", "b.py", "c.py")
    tree = walk(tmp_path, threading.Event(), max_files=2)
    assert len(tree.files) == 2
    assert tree.left_out == {"files beyond the first 2": 1}


def test_a_walk_that_is_stopped_ends(tmp_path):
    make(tmp_path, "a.py")
    stop = threading.Event()
    stop.set()
    assert walk(tmp_path, stop).files == []


def test_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert read(str(tmp_path / "fifo")) is None


@pytest.mark.parametrize(
    ("name", "head", "area"),
    [
        ("app/models.py", b"", "source"),
        ("tests/x.py", b"", "tests"),
        ("app/test_models.py", b"", "tests"),
        ("pkg/server_test.go", b"", "tests"),
        ("src/a.spec.ts", b"", "tests"),
        ("src/main/java/OrderTest.java", b"", "tests"),
        ("latest/contest.py", b"", "source"),
        ("vendor/lib/x.php", b"", "vendored"),
        ("third_party/tests/x.py", b"", "vendored"),
        ("api_pb2.py", b"", "generated"),
        ("static/app.min.js", b"", "generated"),
        ("x.go", b"// Code generated by stringer. DO NOT EDIT.\n", "generated"),
        ("x.py", b"x = 1\n" * 50 + b"# @generated\n", "source"),
    ],
)
def test_areas(name, head, area):
    assert area_of(name, head) == area


def test_a_gitignore_that_would_never_be_done_is_passed_over(tmp_path):
    part = "a" * 60
    (tmp_path / part / part / part).mkdir(parents=True)
    (tmp_path / part / part / part / "c.py").write_text("x = 1\n")
    (tmp_path / ".gitignore").write_text("*a*a*/*a*a*/*a*a*/b\n")
    assert [file.name for file in walk(tmp_path, threading.Event()).files if file.language] == [
        f"{part}/{part}/{part}/c.py"
    ]
