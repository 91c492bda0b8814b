"""What makes two findings of two runs the same."""

import re

import pytest
from attrs import evolve

from lok_core.findings.fingerprint import fingerprint, under
from lok_core.findings.ground import ground
from lok_core.findings.tree import Tree
from lok_core.outcome import Finding, Location, Source

CODE = """\
import os


def run(command):
    os.system(command)


def again(command):
    os.system(command)
"""


def finding(path="app.py", line=5, title="a problem", quote=""):
    source = Source("codex", "shell", title, "", "high", "injection")
    return Finding(title, "", "high", "injection", (Location(path, line),), (source,), quote=quote)


def made(directory, code, reported, path="app.py"):
    (directory / path).write_text(code)
    tree = Tree(directory)
    return fingerprint(ground(reported, tree), tree)


@pytest.fixture
def before(tmp_path):
    return made(tmp_path, CODE, finding())


def test_it_is_a_version_and_hexadecimal_digits(before):
    assert re.fullmatch(r"lok1-[0-9a-f]{24}", before)


def test_a_line_further_down_is_the_same_finding(tmp_path, before):
    assert made(tmp_path, "# new\n\n" + CODE, finding(line=7)) == before


def test_another_indentation_is_the_same_finding(tmp_path, before):
    indented = CODE.replace("    os", "\tif command:\n\t\tos")
    assert made(tmp_path, indented, finding(line=6)) == before


def test_the_models_words_do_not_matter(tmp_path, before):
    other = evolve(
        finding(title="other words", quote="os.system(command)"), category="security", severity="low"
    )
    assert made(tmp_path, CODE, other) == before


def test_a_wrong_line_number_does_not_matter_where_the_quote_is_right(tmp_path, before):
    assert made(tmp_path, CODE, finding(line=3, quote="os.system(command)")) == before


def test_equal_lines_are_told_apart(tmp_path, before):
    assert made(tmp_path, CODE, finding(line=9)) != before


def test_equal_lines_in_two_files_are_told_apart(tmp_path, before):
    assert made(tmp_path, CODE, finding("other.py"), "other.py") != before


def test_a_changed_line_is_another_finding(tmp_path, before):
    assert made(tmp_path, CODE.replace("os.system", "subprocess.run"), finding()) != before


def test_a_blank_line_stands_for_the_code_below(tmp_path):
    assert made(tmp_path, CODE, finding(line=2)) == made(tmp_path, CODE, finding(line=4))


def test_what_has_no_evidence_is_known_by_path_and_title(tmp_path):
    one, other = (made(tmp_path, CODE, finding("gone.py", line)) for line in (3, 30))
    assert one == other
    assert one != made(tmp_path, CODE, finding("gone.py", title="another problem"))
    assert one != made(tmp_path, CODE, finding("lost.py"))


def test_without_a_place_it_is_known_by_its_title(tmp_path):
    nowhere = evolve(finding(title="No tests"), locations=())
    assert made(tmp_path, CODE, nowhere) == made(tmp_path, "", evolve(nowhere, title="no  tests"))


def test_a_renamed_file_is_looked_up_by_its_old_path_too(tmp_path, before):
    (tmp_path / "new.py").write_text(CODE)
    tree = Tree(tmp_path)
    found = ground(finding("new.py"), tree)
    assert fingerprint(found, tree) != before
    assert under(found, tree, ["app.py", "gone.py"])[0] == before
