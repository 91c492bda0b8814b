"""What a directory is asked about by untrusted paths: found generously, never left."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lok_core.findings import tree as tree_module
from lok_core.findings.tree import Tree


@pytest.fixture
def repo(tmp_path):
    """A small repository, beside a file that must not be read."""
    root = tmp_path / "repo"
    for name in (
        "app/models.py",
        "app/views.py",
        "shop/views.py",
        "setup.py",
        "docs/Guide.md",
        ".git/config",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name}\n")
    (tmp_path / "outside.py").write_text("secret\n")
    return root


@pytest.mark.parametrize(
    "written",
    [
        "app/models.py",
        "./app/models.py",
        "app/../app/models.py",
        "app\\models.py",
        "models.py",
        "repo/app/models.py",
        "a/app/models.py",
        "/somewhere/else/repo/app/models.py",
        "C:\\work\\repo\\app\\models.py",
        "file:///srv/repo/app/models.py",
        "App/Models.PY",
    ],
)
def test_a_file_is_found_however_it_is_written(repo, written):
    assert Tree(repo).resolve(written) == ("app/models.py",)


def test_an_absolute_path_inside_is_a_path_of_the_directory(repo):
    assert Tree(repo).resolve(str(repo / "app" / "models.py")) == ("app/models.py",)


def test_the_directory_may_be_given_through_a_link(repo, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(repo)
    tree = Tree(link)
    assert tree.resolve(str(link / "setup.py")) == tree.resolve(str(repo / "setup.py")) == ("setup.py",)


@pytest.mark.parametrize(
    "written",
    [
        "../outside.py",
        "app/../../outside.py",
        "/etc/passwd",
        "~/outside.py",
        "outside.py",
        "",
        ".",
        "/",
        "app",
        "a\0b",
        "x" * 5000,
        "\udcff",
    ],
)
def test_what_leaves_the_directory_or_is_no_file_is_nothing(repo, written):
    assert Tree(repo).resolve(written) == ()


@pytest.mark.parametrize("written", [".git/config", ".GIT/config", "app/../.git/config", "link", "sub/.git"])
def test_the_files_of_version_control_are_never_opened(repo, written):
    (repo / "link").symlink_to(".git/config")
    for name in (".GIT/config", "sub/.git", ".hg/hgrc", ".svn/entries"):
        (repo / name).parent.mkdir(exist_ok=True)
        (repo / name).write_text("secret\n")
    tree = Tree(repo)
    for path in (written, ".hg/hgrc", ".svn/entries", str(repo / ".git" / "config")):
        assert tree.resolve(path) == ()
        assert tree.file(path) is None
    assert not tree.is_directory(".git")
    assert not any(path.startswith((".", "sub")) for path in tree.paths)


def test_an_absolute_path_outside_is_refused(repo, tmp_path):
    assert Tree(repo).resolve(str(tmp_path / "outside.py")) == ()


def test_a_link_that_leaves_the_directory_is_refused(repo, tmp_path):
    (repo / "leak.py").symlink_to(tmp_path / "outside.py")
    (repo / "away").symlink_to(tmp_path)
    tree = Tree(repo)
    assert tree.resolve("leak.py") == tree.resolve("away/outside.py") == ()
    assert tree.file("leak.py") is None
    assert "leak.py" not in tree.paths


def test_a_link_within_the_directory_is_the_file_it_leads_to(repo):
    (repo / "alias.py").symlink_to("app/models.py")
    assert Tree(repo).resolve("alias.py") == ("app/models.py",)


def test_a_short_path_may_mean_several_files(repo):
    assert Tree(repo).resolve("views.py") == ("app/views.py", "shop/views.py")


def test_a_name_at_the_top_is_not_what_a_longer_path_means(repo):
    assert Tree(repo).resolve("invented/setup.py") == ()
    assert Tree(repo).resolve("b/setup.py") == ("setup.py",)


def test_the_case_as_written_goes_first(repo):
    (repo / "app" / "Models.py").write_text("other\n")
    assert Tree(repo).resolve("repo/app/Models.py") == ("app/Models.py",)


def test_the_walk_is_sorted_and_leaves_out_what_is_not_the_projects(repo):
    (repo / "node_modules").mkdir()
    (repo / "node_modules" / "x.js").write_text("x")
    tree = Tree(repo)
    assert list(tree.paths) == ["app/models.py", "app/views.py", "docs/Guide.md", "setup.py", "shop/views.py"]
    assert tree.resolve("node_modules/x.js") == ("node_modules/x.js",)


def test_a_walk_without_end_finds_nothing_by_parts_of_a_path(repo, monkeypatch):
    monkeypatch.setattr(tree_module, "MAX_FILES", 2)
    tree = Tree(repo)
    assert tree.paths == ()
    assert tree.resolve("models.py") == ()
    assert tree.resolve("app/models.py") == ("app/models.py",)


def test_a_tree_too_large_to_be_searched_is_not(repo, monkeypatch):
    monkeypatch.setattr(tree_module, "MAX_SEARCHED", 20)
    assert Tree(repo).searchable == ()


def test_special_files_are_never_opened(repo):
    os.mkfifo(repo / "pipe.py")
    tree = Tree(repo)
    assert stat.S_ISFIFO((repo / "pipe.py").stat().st_mode)
    assert tree.resolve("pipe.py") == ()
    assert tree.file("pipe.py") is None


def test_a_binary_file_has_no_lines(repo):
    (repo / "image.png").write_bytes(b"\x89PNG\0\0\1")
    tree = Tree(repo)
    assert tree.resolve("image.png") == ("image.png",)
    assert tree.file("image.png") is None


def test_a_huge_file_has_no_lines(repo, monkeypatch):
    monkeypatch.setattr(tree_module, "MAX_BYTES", 5)
    assert Tree(repo).file("setup.py") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_has_no_lines(repo):
    (repo / "setup.py").chmod(0)
    assert Tree(repo).file("setup.py") is None


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"one", ["one"]),
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"one\rtwo\r", ["one", "two"]),
        (b"one\rtwo\nthree\n", ["one\rtwo", "three"]),
        (b"one\n\n\x0ctwo\n", ["one", "", "\x0ctwo"]),
        (b"\xef\xbb\xbfone\n", ["one"]),
        ("größe\u2028x\n".encode(), ["größe\u2028x"]),
        (b"gr\xf6\xdfe\n", ["größe"]),
    ],
)
def test_lines_are_those_of_git_and_of_editors(tmp_path, content, lines):
    (tmp_path / "file").write_bytes(content)
    file = Tree(tmp_path).file("file")
    assert file is not None
    assert file.lines == lines


def test_files_are_read_once(repo):
    tree = Tree(repo)
    before = tree.file("setup.py")
    (repo / "setup.py").write_text("changed")
    assert tree.file("setup.py") is before


@settings(deadline=None, derandomize=True)
@given(st.text(st.sampled_from("./\\~ab:C\0é%"), max_size=20))
def test_no_path_leaves_the_directory(tmp_path_factory, written):
    root = tmp_path_factory.getbasetemp() / "closed"
    (root / "inner" / "a").mkdir(parents=True, exist_ok=True)
    (root / "a").write_text("outside")
    (root / "inner" / "b").write_text("inside")
    for path in Tree(root / "inner").resolve(written):
        assert Path(os.path.realpath(root / "inner" / path)).is_relative_to(root / "inner")
