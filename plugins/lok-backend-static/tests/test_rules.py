"""The rules themselves: every one fires where it should, and not beside it."""

import re
import tomllib
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest
from lok_backend_static import rules
from lok_backend_static.analysers import AstGrep, Ruff
from lok_backend_static.files import language_of
from lok_backend_static.programs import find

from lok_core import CATEGORIES, SEVERITIES

FIXTURES = Path(__file__).parent / "fixtures"
LANGUAGES = ("c", "go", "java", "javascript", "php", "python", "ruby", "rust")
FILES = sorted(path for path in FIXTURES.glob("*/*") if path.is_file())
MARK = re.compile(r"\b(fires|near): *([\w-]+(?: *, *[\w-]+)*)")


def marks(path, kind):
    """The (line, rule) pairs that a file announces."""
    found = Counter()
    for number, line in enumerate(path.read_text().split("\n"), 1):
        for match in MARK.finditer(line):
            if match[1] == kind:
                found.update((number, rule.strip()) for rule in match[2].split(","))
    return found


@pytest.fixture
async def hits(make_run):
    """What ast-grep reports in all fixtures, from a single scan: (line, rule) pairs by path."""
    scan = await AstGrep(make_run(), {language_of(path.name) for path in FILES}).scan([str(f) for f in FILES])
    assert scan.failed == []
    found = {path: Counter() for path in FILES}
    for hit in scan.hits:
        found[Path(hit.path)][hit.line, hit.rule] += 1
    return found


@pytest.mark.slow
async def test_fixtures_fire_exactly_where_they_are_marked(hits):
    for path, found in hits.items():
        assert set(found) == set(marks(path, "fires")), path


@pytest.mark.slow
async def test_every_rule_fires_in_a_bad_fixture(hits):
    fired = {rule for found in hits.values() for _, rule in found}
    for language in LANGUAGES:
        assert set(rules.ast_grep_ids(language)) <= fired, language


@pytest.mark.slow
async def test_no_rule_fires_in_a_good_fixture(hits):
    good = {path: set(found) for path, found in hits.items() if path.name.startswith("good")}
    assert good == {path: set() for path in good}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_has_a_near_miss(language):
    near = {rule for path in FILES if path.name.startswith("good") for _, rule in marks(path, "near")}
    assert set(rules.ast_grep_ids(language)) <= near


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_says_what_it_is_about(language):
    text = rules.rule_file(language).read_text()
    for document in re.split(r"^---$", text, flags=re.MULTILINE):
        metadata = re.search(
            r"^metadata: *\{category: ([\w-]+), severity: (\w+), class: ([\w-]+)", document, re.M
        )
        assert metadata is not None, document[:200]
        assert metadata[1] in CATEGORIES
        assert metadata[2] in SEVERITIES
        assert re.search(r"^message: *\S", document, re.M)
        assert re.search(r"^note: *\S", document, re.M)


@pytest.mark.parametrize("language", LANGUAGES)
def test_ids_are_distinct(language):
    ids = list(rules.ast_grep_ids(language))
    assert len(ids) == len(set(ids)) >= 8


async def test_ruff_knows_every_code_of_the_table(make_run):
    run = make_run()
    known = await run.command([find("ruff", run.env), "rule", "--all", "--output-format", "json"])
    codes = set(re.findall(r'"code": ?"(\w+)"', known.stdout.decode()))
    assert set(rules.ruff_rules()) <= codes
    scan = await Ruff(run).scan([str(Path(__file__))])  # an unknown selector would make it fail
    assert scan.failed == []


def test_ruff_table_is_complete():
    table = tomllib.loads(files("lok_backend_static").joinpath("ruff-rules.toml").read_text())
    for code, entry in table.items():
        assert entry["category"] in CATEGORIES, code
        assert entry["severity"] in SEVERITIES, code
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry["class"]), code
        assert entry["why"], code
        assert set(entry) <= {"category", "severity", "class", "why", "tests"}, code
