"""What the documentation says is so."""

import re
from pathlib import Path

import pytest

import lok_core
from lok_core import hookspecs

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("plugins/*/README.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_the_example_backend_is_quoted_whole():
    source = (ROOT / "plugins/lok-backend-echo/src/lok_backend_echo.py").read_text()
    assert f"```python\n{source}```" in (ROOT / "docs/plugins.md").read_text()


def test_each_promise_of_security_is_tested():
    rows = re.findall(r"^\| (?!lok \||-)(.+) \| (.+) \|$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)
    assert len(rows) > 5
    for promise, proofs in rows:
        file = ""
        for named, test in re.findall(r"`(tests/[\w/]+\.py)?(?:::(\w+))?`", proofs):
            file = named or file
            source = (ROOT / file).read_text()
            assert f"def {test}(" in source if test else "def test_" in source, promise
        assert file, promise


@pytest.mark.parametrize("hook", [name for name in vars(hookspecs) if name.startswith("lok_register")])
def test_each_hook_is_documented(hook):
    assert f"### {hook}()" in (ROOT / "docs/plugins.md").read_text()


@pytest.mark.parametrize("kind", lok_core.FAILURE_KINDS)
def test_each_failure_kind_is_documented(kind):
    assert f"`{kind}`" in (ROOT / "docs/report.md").read_text()


@pytest.mark.parametrize("name", lok_core.schema("lok.report/1")["properties"])
def test_each_property_of_the_report_is_documented(name):
    assert f"`{name}`" in (ROOT / "docs/report.md").read_text()


def test_each_option_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    sources = [(ROOT / "lok_core" / "cli" / f"{name}.py").read_text() for name in ("options", "issues")]
    declared = re.findall(r'click.option\(\s*"(-[^"]+)"', "".join(sources))
    assert len(declared) == 27
    for option in declared:
        told = option.rpartition("/")[2]  # of --yes/--no the one that is not the default
        assert re.search(rf"`{told}\b", readme), option


def test_the_changelog_begins_with_this_version():
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first[1] == lok_core.__version__
