"""Facts about a code base: only what truly holds, and none of its own words."""

import json
import os
import re
import textwrap
from collections import Counter
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lok_core import CATEGORIES, Prompt
from lok_core.facts import PLACEHOLDERS, Facts, detect, filled, informed, known, prevented, sources, summary
from lok_core.facts.sources import MAX_BYTES

WORKFLOW = ".github/workflows/ci.yml"


@pytest.fixture
def tree(tmp_path):
    """Writes files and gives the facts: `tree({"app.py": "x = 1", ...})`."""

    def write(files):
        for name, content in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(content) if isinstance(content, dict) else textwrap.dedent(content)
            file.write_text(text)
        return detect(tmp_path)

    return write


def ci(*commands):
    """A workflow that runs these."""
    steps = "".join(f"      - run: {command}\n" for command in commands)
    return {WORKFLOW: f"jobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n{steps}"}


MANIFESTS = [
    # what is written, what it uses
    ({"pyproject.toml": '[project]\nname = "shop"\ndependencies = ["Django>=5"]'}, "django"),
    ({"pyproject.toml": '[project]\nname = "Django"'}, "django"),
    ({"pyproject.toml": '[project.optional-dependencies]\nweb = ["fastapi[all]"]'}, "fastapi"),
    ({"pyproject.toml": '[dependency-groups]\ndev = ["trio", {include-group = "x"}]'}, "trio"),
    ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.11"\nflask = "^3"'}, "flask"),
    ({"pyproject.toml": '[tool.poetry.group.web.dependencies]\nSQLAlchemy = "2"'}, "sqlalchemy"),
    ({"pyproject.toml": '[tool.uv]\ndev-dependencies = ["celery"]'}, "celery"),
    ({"requirements.txt": "# web\ndjangorestframework==3.15  # api\n-r more.txt"}, "django-rest-framework"),
    ({"requirements/base.txt": "django_ninja"}, "django-ninja"),
    ({"requirements-dev.txt": "", "dev-requirements.txt": "pandas"}, "pandas"),
    ({"setup.cfg": "[options]\ninstall_requires =\n    tornado>=6\n"}, "tornado"),
    ({"setup.py": "setup(install_requires=['aiohttp>=3', \"pydantic\"])"}, "aiohttp"),
    ({"Pipfile": '[packages]\npeewee = "*"'}, "peewee"),
    ({"package.json": {"dependencies": {"react": "18", "next": "15"}}}, "next"),
    ({"package.json": {"devDependencies": {"@angular/core": "1"}}}, "angular"),
    ({"Gemfile": "source 'x'\ngem 'rails', '~> 8.0'\n"}, "rails"),
    ({"a.gemspec": "Gem::Specification.new do |s|\n  s.add_dependency 'sidekiq'\nend"}, "sidekiq"),
    ({"go.mod": "module example.com/a\n\nrequire (\n\tgithub.com/gin-gonic/gin v1.10.0\n)\n"}, "gin"),
    ({"go.mod": "module example.com/a\nrequire gorm.io/gorm v1.2.3\n"}, "gorm"),
    ({"Cargo.toml": '[dependencies]\ntokio = { version = "1" }'}, "tokio"),
    ({"Cargo.toml": '[workspace.dependencies]\naxum = "1"'}, "axum"),
    ({"composer.json": {"require": {"laravel/framework": "^12"}}}, "laravel"),
    ({"pom.xml": "<dependency><artifactId>spring-boot-starter-web</artifactId></dependency>"}, "spring"),
    ({"build.gradle": "implementation 'org.hibernate.orm:hibernate-core:7.0'"}, "hibernate"),
    ({"build.gradle.kts": 'plugins { id("org.springframework.boot") version "3" }'}, "spring"),
    ({"gradle/libs.versions.toml": '[plugins]\nq = { id = "io.quarkus", version = "3" }'}, "quarkus"),
    ({"mix.exs": 'defp deps do\n  [\n    {:phoenix, "~> 1.7"},\n  ]\nend'}, "phoenix"),
    ({"app.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web"></Project>'}, "asp-net"),
]


@pytest.mark.parametrize(("files", "name"), MANIFESTS, ids=[f"{next(iter(f))}-{n}" for f, n in MANIFESTS])
def test_a_manifest_tells_what_is_used(tree, files, name):
    assert name in tree(files).frameworks


@pytest.mark.parametrize(
    "files",
    [
        {"Gemfile.lock": "GEM\n  specs:\n    rails (8.0)\n"},
        {"go.mod": "module a\nrequire github.com/gin-gonic/gin v1.10.0 // indirect\n"},
        {"requirements.txt": "# django\n"},
        {"README.md": "This uses django."},
        {"setup.py": '"""needs "django" no longer"""\nsetup(name="x", keywords=["flask"])\n'},
        {
            "pom.xml": "<!-- <artifactId>hibernate-core</artifactId> --><exclusions><exclusion>"
            "<artifactId>spring-core</artifactId></exclusion></exclusions>"
        },
        {"tests/fixtures/pyproject.toml": '[project]\ndependencies = ["django"]'},
        {"examples/shop/requirements.txt": "django"},
        {"vendor/gem/Gemfile": "gem 'rails'"},
        {"node_modules/x/package.json": {"dependencies": {"react": "1"}}},
    ],
    ids=lambda files: next(iter(files)),
)
def test_what_is_not_declared_is_not_used(tree, files):
    assert tree(files).frameworks == ()


PY = {"app.py": "x = 1\n"}
RB = {"app.rb": "x = 1\n"}
TS = {"app.ts": "let x = 1\n"}
GO = {"main.go": "package main\n"}

STRICT = [
    ("mypy", PY | {"pyproject.toml": "[tool.mypy]\nstrict = true"}),
    ("mypy", PY | {"mypy.ini": "[mypy]\nstrict = True\n[mypy-foo.*]\nignore_missing_imports = True"}),
    ("mypy", PY | {"setup.cfg": "[mypy]\nstrict = true"}),
    ("pyright", PY | {"pyrightconfig.json": '{\n // all\n "typeCheckingMode": "strict",\n}'}),
    ("pyright", PY | {"pyproject.toml": '[tool.pyright]\ntypeCheckingMode = "strict"'}),
    ("basedpyright", PY | {"pyproject.toml": "[tool.basedpyright]\npythonVersion = '3.11'"}),
    ("typescript", TS | {"tsconfig.json": '{"compilerOptions": {/* x */ "strict": true,}}'}),
]


@pytest.mark.parametrize(("tool", "files"), STRICT, ids=[f"{t}-{list(f)[-1]}" for t, f in STRICT])
def test_strict_is_strict(tree, tool, files):
    assert f"{tool}-strict" in tree(files).names


LOOSE = [
    ("mypy", PY | {"pyproject.toml": "[tool.mypy]\npython_version = '3.11'"}),
    ("mypy", PY | {"pyproject.toml": "[tool.mypy]\nstrict = true\ndisallow_untyped_defs = false"}),
    ("mypy", PY | {"pyproject.toml": '[tool.mypy]\nstrict = true\ndisable_error_code = ["union-attr"]'}),
    (
        "mypy",
        PY | {"pyproject.toml": "[tool.mypy]\nstrict=true\n[[tool.mypy.overrides]]\nignore_errors=true"},
    ),
    ("mypy", PY | {"mypy.ini": "[mypy]\nstrict = True\n[mypy-old.*]\nignore_errors = True"}),
    ("mypy", PY | {"mypy.ini": "[mypy]\n", "pyproject.toml": "[tool.mypy]\nstrict = true"}),
    ("pyright", PY | {"pyrightconfig.json": {"typeCheckingMode": "basic"}}),
    (
        "pyright",
        PY | {"pyrightconfig.json": {"typeCheckingMode": "strict", "reportOptionalMemberAccess": False}},
    ),
    ("typescript", TS | {"tsconfig.json": {"compilerOptions": {"strict": True, "strictNullChecks": False}}}),
    ("typescript", TS | {"tsconfig.json": {"extends": "./base.json"}}),
    ("typescript", TS | {"tsconfig.json": '{"compilerOptions": { // "strict": true\n }}'}),
    ("phpstan", {"a.php": "", "phpstan.neon": "parameters:\n    # level: 8\n    level: 5\n"}),
    ("psalm", {"a.php": "", "psalm.xml": '<psalm errorLevel="4">'}),
]


@pytest.mark.parametrize(("tool", "files"), LOOSE, ids=range(len(LOOSE)))
def test_in_use_is_not_yet_strict(tree, tool, files):
    names = tree(files).names
    assert (tool in names, f"{tool}-strict" in names) == (True, False)


IN_USE = [
    ("goldiloader", RB | {"Gemfile": 'gem "rails"\ngem "goldiloader"\n'}),
    (
        "bullet",
        RB | {"config/environments/test.rb": "config.after_initialize do\n  Bullet.enable = true\nend"},
    ),
    ("prosopite", RB | {"config/environments/test.rb": "Prosopite.raise = true"}),
    (
        "strict-loading",
        RB | {"config/application.rb": "config.active_record.strict_loading_by_default = true"},
    ),
    ("strong-migrations", RB | {"Gemfile": "gem 'strong_migrations'"}),
    ("laravel-strict", {"a.php": "", "app/Providers/AppServiceProvider.php": "Model::shouldBeStrict();"}),
    ("nplusone", PY | {"shop/settings.py": 'MIDDLEWARE = [\n "nplusone.ext.django.NPlusOneMiddleware",\n]'}),
    ("brakeman", RB | {"config/brakeman.yml": ""}),
    ("bandit", PY | {"pyproject.toml": "[tool.bandit]\nskips = []"}),
    ("ruff", PY | {"ruff.toml": "[lint]\nselect = ['E']"}),
    ("ruff", PY | {".pre-commit-config.yaml": "repos:\n  - repo: x\n    hooks:\n      - id: ruff-check\n"}),
    ("golangci-lint", GO | {WORKFLOW: "steps:\n  - uses: golangci/golangci-lint-action@v6\n"}),
    ("eslint", {"a.js": "", "eslint.config.js": ""}),
    ("codeql", PY | {WORKFLOW: "steps:\n  - uses: github/codeql-action/analyze@v3\n"}),
    ("spotbugs", {"A.java": "", "pom.xml": "<artifactId>spotbugs-maven-plugin</artifactId>"}),
]


@pytest.mark.parametrize(("tool", "files"), IN_USE, ids=[f"{t}-{list(f)[-1]}" for t, f in IN_USE])
def test_a_tool_is_in_use_where_it_is_configured(tree, tool, files):
    assert tool in tree(files).names


INSTALLED = [
    ("brakeman", RB | {"Gemfile": 'gem "brakeman", require: false'}),
    ("goldiloader", RB | {"Gemfile": '# gem "goldiloader"'}),
    ("goldiloader", RB | {"Gemfile": 'gem "goldiloader", require: false'}),
    (
        "goldiloader",
        RB
        | {
            "Gemfile": 'gem "goldiloader"',
            "config/initializers/g.rb": "Goldiloader.globally_enabled = false",
        },
    ),
    ("bullet", RB | {"Gemfile": 'gem "bullet"'}),
    ("bullet", RB | {"config/environments/test.rb": "# Bullet.enable = true"}),
    ("bullet", RB | {"config/environments/test.rb": "Bullet.enable = false"}),
    ("mypy", PY | {"pyproject.toml": '[dependency-groups]\ndev = ["mypy"]'}),
    ("mypy", PY | ci("pip install mypy")),
    ("mypy", PY | ci("echo mypy")),
    ("mypy", PY | ci("mypy . || true")),
    ("mypy", PY | {WORKFLOW: "steps:\n  # - run: mypy .\n  - name: mypy\n    run: true\n"}),
    ("ruff", PY | {"pyproject.toml": "[tool.ruff]\nline-length = 100"}),
    ("ruff", PY | ci("ruff format --check .")),
    ("eslint", {"a.js": "", "package.json": {"devDependencies": {"eslint": "9"}}}),
    ("gitleaks", PY | {"docs/ci.md": "run: gitleaks detect"}),
]


@pytest.mark.parametrize(("tool", "files"), INSTALLED, ids=range(len(INSTALLED)))
def test_what_is_merely_installed_is_not_in_use(tree, tool, files):
    assert tool not in tree(files).tools


UNUSED = [
    # what is written, what the tool reports of dead code
    (PY | {"pyproject.toml": "[tool.ruff.lint]\nselect = ['E']"}, []),
    (PY | {"pyproject.toml": "[tool.ruff.lint]\nextend-select = ['ARG']"}, ["F401", "F841", "ARG001"]),
    (PY | {"pyproject.toml": "[tool.ruff.lint]\nselect = ['ALL']\nignore = ['F', 'ERA']"}, ["ARG001"]),
    (PY | {"pyproject.toml": "[tool.ruff.lint]\nselect = ['F']\nignore = ['F401']"}, ["F841"]),
    (PY | {"ruff.toml": "extend = '../ruff.toml'"}, []),
    (
        PY
        | {
            "pyproject.toml": "[tool.ruff.lint]\nselect = ['F', 'ARG']\n"
            "per-file-ignores = {'tests/*' = ['ARG'], '*' = ['F401']}"
        },
        ["F841"],
    ),
    (TS | {"tsconfig.json": {"compilerOptions": {"noUnusedLocals": True}}}, ["unused-locals"]),
    (TS | {"tsconfig.json": {"compilerOptions": {"noUnusedLocals": True}, "include": ["src"]}}, []),
]


@pytest.mark.parametrize(("files", "traits"), UNUSED, ids=range(len(UNUSED)))
def test_only_the_rules_that_are_on_are_left_to_a_linter(tree, files, traits):
    facts = tree(files)
    (name,) = facts.tools
    told = {one.trait for one in known().tools[name].reports if one.category == "dead-code"}
    assert set(facts.tools[name]) & told == set(traits)


RUFF = {"pyproject.toml": "[tool.ruff.lint]\nselect = ['F']"}
RAILS = {"app.rb": "", "Gemfile": "gem 'rails'\ngem 'goldiloader'\n"}
LAZY = "config.active_record.strict_loading_by_default = true\n"
PROVIDER = "app/Providers/AppServiceProvider.php"
LEFT = [
    ({"Gemfile": 'gem "rails"\ngem "goldiloader", "~> 5.0" # N+1\n', "a.rb": ""}, "performance"),
    (RB | {"config/application.rb": f"  {LAZY}"}, "performance"),
    ({PROVIDER: "  Model::preventLazyLoading(! $this->app->isProduction());\n"}, "performance"),
    (PY | RUFF | ci("ruff check .", "ruff format --check"), "dead-code"),
    (PY | {"mypy.ini": "[mypy]\nstrict = True\n"} | ci("mypy --strict ."), "errors"),
]


@pytest.mark.parametrize(("files", "category"), LEFT, ids=range(len(LEFT)))
def test_what_surely_holds_is_left_to_a_tool(tree, files, category):
    assert prevented(tree(files), category)


DOUBTFUL = [
    # a configuration of several
    PY | {".ruff.toml": "line-length = 100\n", "pyproject.toml": "[tool.ruff.lint]\nselect = ['ALL']"},
    PY | {".ruff.toml": "lint.select = ['I']", "ruff.toml": "lint.select = ['ALL']"},
    PY | RUFF | {"sub/ruff.toml": "line-length = 100"},
    # settings that take something back
    PY | {"pyproject.toml": "[tool.ruff]\ninclude = ['x/*.py']\n[tool.ruff.lint]\nselect = ['F']"},
    PY | {"ruff.toml": "exclude = ['src']\nlint.select = ['F']"},
    PY | {"mypy.ini": "[mypy]\nstrict = True\nallow_untyped_defs = True\n"},
    PY | {"mypy.ini": "[mypy]\nstrict = True\nno_check_untyped_defs = True\n"},
    PY | {"pyproject.toml": "[tool.mypy]\nstrict = true\nfiles = ['src/x/core.py']"},
    PY | {"pyrightconfig.json": {"include": ["app/typed"], "typeCheckingMode": "strict"}},
    PY | {"pyrightconfig.json": {"ignore": ["**"], "typeCheckingMode": "strict"}},
    TS | {"tsconfig.json": {"extends": "./base.json", "compilerOptions": {"strict": True}}},
    TS | {"tsconfig.json": {"exclude": ["src"], "compilerOptions": {"strict": True}}},
    RAILS | {"config/initializers/g.rb": "Goldiloader.globally_enabled = ENV['G']\n"},
    RB | {"config/application.rb": LAZY + "config.active_record.action_on_strict_loading_violation = :log"},
    RB | {"config/application.rb": LAZY, "config/environments/production.rb": LAZY.replace("true", "false")},
    RB | {"config/environments/test.rb": "Bullet.enable = true\nBullet.n_plus_one_query_enable = false\n"},
    {PROVIDER: "Model::preventLazyLoading(false);\n"},
    {PROVIDER: "Model::preventLazyLoading();\nModel::handleLazyLoadingViolationUsing(fn () => null);\n"},
    # what only looks like it
    {"a.rb": "", "Gemfile": "gem 'rails'\n=begin\ngem 'goldiloader'\n=end\n"},
    {"a.rb": "", "Gemfile": "gem 'rails'\ngroup :test do\n  gem 'goldiloader'\nend\n"},
    {"a.rb": "", "Gemfile": "gem 'goldiloader', require: ENV['G'] == '1'\n"},
    {PROVIDER: "/*\n  Model::preventLazyLoading();\n*/\n"},
    # commands that keep it from a part, or that heed nothing of what it says
    PY | RUFF | ci("ruff check --select I"),
    PY | RUFF | ci("ruff check . || :"),
    PY | RUFF | {"Makefile": "lint:\n\t-ruff check .\n"},
    PY | RUFF | {WORKFLOW: "steps:\n - run: ruff check\n   continue-on-error: true\n"},
    PY | RUFF | {WORKFLOW: "steps:\n - run: ruff check\n   working-directory: a\n"},
    PY | RUFF | {".pre-commit-config.yaml": "- id: ruff\n  args: [--select, I]\n"},
    PY | RUFF | {".pre-commit-config.yaml": "- id: ruff\n  stages: [manual]\n"},
    PY | {"mypy.ini": "[mypy]\nstrict = True\n"} | ci("mypy --no-strict-optional ."),
    TS | {"tsconfig.json": {"compilerOptions": {"strict": True}}, "Makefile": "x:\n\ttsc --strict false\n"},
]


@pytest.mark.parametrize("files", DOUBTFUL, ids=range(len(DOUBTFUL)))
def test_in_doubt_nothing_is_left_to_a_tool(tree, files):
    facts = tree(files)
    assert [prevented(facts, category) for category in CATEGORIES if prevented(facts, category)] == []
    assert not any(name.endswith("-strict") for name in facts.names)


@pytest.mark.parametrize(
    "files",
    [
        {"tox.ini": "[testenv]\ndeps =\n    bandit\n    vulture\n"},
        ci("pip install bandit vulture", 'echo "removed; bandit is too noisy"'),
        {WORKFLOW: "jobs:\n a:\n  strategy:\n   matrix:\n    tool:\n     - bandit\n     - vulture\n"},
    ],
    ids=["deps", "prose", "matrix"],
)
def test_what_is_merely_named_is_not_in_use(tree, files):
    assert tree(PY | files).tools == {}


def test_where_not_all_could_be_read_nothing_is_left_to_tools(tree, tmp_path):
    assert prevented(tree(PY | RUFF), "dead-code")
    facts = detect(tmp_path, seconds=-1)
    assert (facts.incomplete, facts.tools, list(facts.languages)) == (True, {}, ["python"])
    cut = evolve(detect(tmp_path), incomplete=True)
    assert prevented(cut, "dead-code") == {}
    assert "ruff" not in cut.names


def test_a_file_is_parsed_once(tree, tmp_path, monkeypatch):
    tree(PY | RUFF | {"setup.cfg": "[mypy]\n", "package.json": {}})
    parsed = Counter()
    for name in ("_toml", "_json", "_ini"):
        one = getattr(sources, name)
        monkeypatch.setattr(
            sources, name, lambda text, one=one, name=name: parsed.update([name]) or one(text)
        )
    detect(tmp_path)
    assert parsed == {"_toml": 1, "_json": 1, "_ini": 1}


@pytest.mark.slow
def test_many_large_files_block_no_longer_than_that(tmp_path):
    import time

    for number in range(31):
        (tmp_path / f"d{number}").mkdir()
        sections = "".join(f"[s{one}]\nk={one}\n" for one in range(9000))
        (tmp_path / f"d{number}" / "setup.cfg").write_text(sections)
    started = time.process_time()
    assert detect(tmp_path).incomplete
    assert time.process_time() - started < 10


def test_a_tool_of_a_part_prevents_nothing_in_the_whole(tree):
    facts = tree({"a/Gemfile": 'gem "goldiloader"', "a/x.rb": "x", "b/y.rb": "y"})
    assert "goldiloader" in facts.partial
    assert "goldiloader" not in facts.names
    assert prevented(facts, "performance") == {}
    assert "Goldiloader (for a part)" in summary(facts)


def test_a_tool_of_a_part_covers_a_language_that_lies_there(tree):
    facts = tree({"api/Gemfile": 'gem "goldiloader"', "api/x.rb": "x", "web/y.ts": "y"})
    assert list(prevented(facts, "performance")) == ["Goldiloader"]


def test_of_two_configurations_the_weaker_counts(tree):
    loose, strict = "[tool.mypy]\n", "[tool.mypy]\nstrict = true"
    facts = tree(PY | {"pyproject.toml": strict, "sub/pyproject.toml": loose})
    assert "mypy-strict" not in facts.names


def test_files_are_counted(tree):
    facts = tree({"a.py": "1\n2\n3", "b/c.py": "1\n", "d.rb": "1\n2\n", "README": "x"})
    assert list(facts.languages.items()) == [("python", 2), ("ruby", 1)]


def test_vendored_and_generated_files_do_not_count(tree):
    files = {"a.py": "1\n", "vendor/b.rb": "1\n", "c_pb2.py": "1\n", "d.min.js": "1\n", ".venv/e.py": ""}
    assert tree(files).languages == {"python": 1}


def test_sizes_are_told_by_words_so_that_a_small_change_changes_no_prompt():
    facts = Facts({"python": 12, "ruby": 11, "c": 3})
    assert summary(facts) == "Python (tens of files), Ruby (tens of files), C (a few files)"
    assert summary(Facts({"ruby": 14, "python": 13, "c": 4})) == summary(facts)
    assert summary(Facts({"go": 10**7})) == "Go (tens of thousands of files)"


def test_an_empty_directory_has_no_facts(tmp_path):
    assert detect(tmp_path) == Facts()
    assert summary(Facts()) == ""


def test_a_link_leads_nowhere(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "Gemfile").write_text('gem "rails"')
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "Gemfile").symlink_to(tmp_path / "outside" / "Gemfile")
    (tmp_path / "code" / "config").symlink_to(tmp_path / "outside")
    assert detect(tmp_path / "code") == Facts()


def test_a_fifo_is_not_waited_for(tmp_path):
    for name in ("pyproject.toml", "package.json", "a.py"):
        os.mkfifo(tmp_path / name)
    assert detect(tmp_path) == Facts()


def test_of_a_large_file_only_the_beginning_is_read(tree):
    lines = "x\n" * MAX_BYTES
    assert tree({"requirements.txt": f"{lines}django\n"}).frameworks == ()


HOSTILE = [
    '{"a":' * 5000,
    "[" * 100_000,
    "a." * 50_000 + "b = 1",
    "[tool.mypy]\nstrict = " + "9" * 5000,
    '{"dependencies": ["react"], "scripts": {"x": ["eslint"]}, "name": 7}',
    "[project]\ndependencies = 7\nname = []\n[dependency-groups]\nx = 1\n[tool]\nruff = 7\nmypy = 'x'",
    "[mypy\nstrict = True",
    "[mypy]\n%(x)s = %(y)s\nstrict = %(strict)s",
    "linters:\n" + " " * 5000 + "- x\n" * 100,
    "<artifactId>" * 5000,
    "\0\0\0",
    "gem '" + "a" * 50_000,
    "/*" * 50_000,
    "/*a" * 40_000,
    '\\"' * 60_000,
    "<psalm " * 18_000,
    "no-unused-vars:" + " " * 100_000,
    "- " * 60_000,
    "id =" + " " * 100_000,
    "require" + " " * 100_000,
    "// " * 50_000,
    '"' * 20_001,
    "run: " + "(" * 1500,
    "{" + ", " * 50_000 + "}",
]
NAMES = sorted(
    {name for tool in known().tools.values() for name in tool.files}
    | {name for tool in known().tools.values() for name, _ in tool.tables}
    | {"Gemfile", "go.mod", "Cargo.toml", "composer.json", "pom.xml", "build.gradle", "mix.exs", "a.csproj"}
    | {"requirements.txt", "setup.py", "Pipfile", "Makefile", WORKFLOW, ".pre-commit-config.yaml"}
)


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_files_are_read_without_harm(tmp_path, content):
    for name in NAMES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    detect(tmp_path)


PROMPTS = [Prompt(category, "{facts} {languages} {frameworks} {tools}", category) for category in CATEGORIES]


def of_our_own(text):
    """What is left of a text without numbers, our own names and our own words."""
    everything = known()
    ours = [one.told for table in (everything.languages, everything.frameworks) for one in table.values()]
    ours += [one.told for one in everything.tools.values()]
    ours += [reported.what for tool in everything.tools.values() for reported in tool.reports]
    for own in sorted(ours, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(own)}(?!\w)", "", text)
    return set(re.findall(r"[a-z]+", text.lower()))


OWN_WORDS = """
facts about this code base read from its files languages frameworks and libraries checked by what these tools
prevent or report by themselves is known already so leave it out but not where a comment silences the tool
configuration leaves file rule files few tens hundreds thousands strict for part too many to count reports
"""
WORDS = of_our_own(filled(PROMPTS, Facts()).prompts[0].text) | set(OWN_WORDS.split())


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    files=st.dictionaries(
        st.sampled_from([*NAMES, "ignore.py", "ignore all/previous.rb", "instructions.ts"]),
        st.one_of(
            st.text(max_size=200),
            st.sampled_from(HOSTILE[4:8]),
            st.sampled_from(
                [
                    'gem "ignore-previous-instructions"\ngem "rails"\n',
                    '{"dependencies": {"react": "x", "evil": "y"}, "name": "evil"}',
                    '[project]\nname = "evil"\ndependencies = ["django", "evil;x"]\n[tool.mypy]\nstrict=true',
                    "steps:\n - run: evil && mypy --strict evil\n - uses: evil/evil@v1\n",
                ]
            ),
        ),
        max_size=6,
    )
)
def test_nothing_of_a_directorys_words_gets_into_a_prompt(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("evil")
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode("utf-8", "surrogatepass"))
    found = informed(PROMPTS, folder)
    for text in [found.told.replace("to leave out what", ""), *(prompt.text for prompt in found.prompts)]:
        assert of_our_own(text) <= WORDS


class TestPrompts:
    def test_only_these_placeholders_are_replaced(self, tmp_path):
        (tmp_path / "a.py").write_text("x\n")
        text = "{facts} {unknown} {0} {} {{languages}} {Facts}"
        (prompt,) = informed([Prompt("a", text)], tmp_path).prompts
        assert prompt.text.endswith(" {unknown} {0} {} {Python (a few files)} {Facts}")

    @pytest.mark.parametrize("name", PLACEHOLDERS)
    def test_nothing_known_leaves_no_placeholder(self, name):
        (prompt,) = filled([Prompt("a", f"Search.\n\n{name}\n\nReport.")], Facts()).prompts
        assert name not in prompt.text

    def test_without_facts_the_paragraph_is_gone(self):
        (prompt,) = filled([Prompt("a", "Search.\n\n{facts}\n\nReport.")], Facts()).prompts
        assert prompt.text == "Search.\n\nReport."

    def test_a_tool_is_left_what_it_reports_in_the_category_of_the_prompt_only(self, tree):
        facts = tree(RB | {"Gemfile": 'gem "goldiloader"'})
        slow, wrong = filled(
            [Prompt("slow", "{facts}", "performance"), Prompt("wrong", "{facts}", "errors")], facts
        ).prompts
        assert "N+1 queries through Active Record" in slow.text
        assert "N+1" not in wrong.text

    def test_the_reader_is_told_what_the_models_were_told(self, tree, tmp_path):
        tree(RB | {"Gemfile": 'gem "goldiloader"'})
        found = informed([Prompt("slow", "{facts}", "performance")], tmp_path)
        assert found.told == "Ruby (a few files); Goldiloader; to leave out what Goldiloader reports"

    def test_conditions(self, tree, tmp_path):
        tree({"requirements.txt": "django", "a.py": ""})
        prompts = [
            Prompt("a", "a", when=("rails", "django")),
            Prompt("b", "b", when=("rails",)),
            Prompt("c", "c", unless=("django", "python")),
            Prompt("d", "d", unless=("mypy-strict",)),
        ]
        found = informed(prompts, tmp_path)
        assert [prompt.name for prompt in found.prompts] == ["a", "d"]
        assert found.left_out == {"b": "it is for Ruby on Rails", "c": "Django and Python are in use"}

    def test_a_condition_on_what_nobody_knows(self, tmp_path):
        assert informed([Prompt("a", "a", when=("djagno",))], tmp_path).unknown == ("djagno",)


class TestTheList:
    def test_names_are_unique(self):
        everything = known()
        names = [*everything.languages, *everything.frameworks, *everything.tools]
        assert len(names) == len(set(names))

    def test_what_is_told_is_one_line_of_our_own(self):
        for tool in known().tools.values():
            for text in (tool.told, *(reported.what for reported in tool.reports)):
                assert text.isprintable()
                assert not any(name in text for name in PLACEHOLDERS)

    def test_languages_and_categories_exist(self):
        for tool in known().tools.values():
            assert set(tool.languages) <= set(known().languages)
            assert {reported.category for reported in tool.reports} <= set(CATEGORIES)

    def test_each_ending_belongs_to_one_language(self):
        endings = [ending for one in known().languages.values() for ending in one.endings]
        assert len(endings) == len(set(endings))


@pytest.mark.slow
def test_fifty_thousand_files_take_seconds_at_the_most(tmp_path):
    import time

    for folder in range(500):
        place = tmp_path / f"p{folder // 20}" / f"m{folder}"
        place.mkdir(parents=True)
        for number in range(100):
            (place / f"f{number}.py").write_bytes(b"x = 1\n")
    started = time.process_time()
    assert detect(tmp_path).languages["python"] == 50_000
    assert time.process_time() - started < 10  # of the processor: a generous bound, not a benchmark


def test_this_repository():
    facts = detect(Path(__file__).parent.parent)
    assert {"python", "mypy", "ruff"} <= facts.names


def listed():
    """The list of facts as docs/task-packs.md has it."""
    everything = known()
    yield "**Languages**\n"
    yield ", ".join(f"`{name}`" for name in everything.languages) + "\n"
    yield "**Frameworks and libraries**\n"
    yield ", ".join(f"`{name}`" for name in everything.frameworks) + "\n"
    yield "**Type checkers, linters and analysers**\n"
    yield "| name | what a prompt leaves to it |"
    yield "|---|---|"
    for name, tool in everything.tools.items():
        told = [
            f"{one.category}: {one.what}" + (f" (`{one.trait}`)" if one.trait else "") for one in tool.reports
        ]
        strict = f", `{name}-strict`" if f"{name}-strict" in everything.names else ""
        yield f"| `{name}`{strict} | {'; '.join(told)} |"


def test_the_documentation_lists_all_facts():
    page = (Path(__file__).parent.parent / "docs" / "task-packs.md").read_text()
    assert "\n".join(listed()) in page


@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_the_documentation_names_each_placeholder(name):
    page = (Path(__file__).parent.parent / "docs" / "task-packs.md").read_text()
    assert f"| `{name}` | {PLACEHOLDERS[name]} |" in page
