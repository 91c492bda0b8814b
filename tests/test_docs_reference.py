"""Everything there is has a word on it, and what a word is on is there.

Each check is a function of what there is, so that a test can show that it fails where something was made up.
"""

import ast
import importlib
import inspect
import re
import runpy
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_type_hints

import click
import pytest
from attrs import NOTHING, Factory, fields

import lok_core
import lok_core.testing
from lok_core import config, hookspecs, settings
from lok_core.command_spec import Flag
from lok_core.command_table import CommandTable
from lok_core.config import with_built_in
from lok_core.config_strict import Amount, Count, Seconds
from lok_core.interfaces import Backend, NoConfig
from lok_core.lok import installed
from lok_core.trust import allowed
from tests.documents import ROOT, in_code, tables_of

DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
KINDS = installed({}).all(Backend)
KEYS = tables_of(REFERENCE / "configuration.md")
COMMANDS = runpy.run_path(str(DOCS / "commands.py"))

# --- names


def untold_names(names):
    """Public names that the page leaves out, and names on it that there are not."""
    told = re.findall(r"^- `([\w.]+)`$", (REFERENCE / "interfaces.md").read_text(), re.MULTILINE)
    return sorted(set(names) ^ set(told))


def undescribed(value):
    """What of a class or function has no docstring: itself, or its public methods."""
    own = [] if inspect.getdoc(value) else [value.__name__]
    inner = vars(value).items() if inspect.isclass(value) else ()
    methods = [one for name, one in inner if not name.startswith(("_", "test_")) and inspect.isroutine(one)]
    return own + [f"{value.__name__}.{one.__name__}" for one in methods if not inspect.getdoc(one)]


PUBLIC = [
    f"{module.__name__}.{name}"
    for module in (lok_core, lok_core.testing)
    for name in module.__all__
    if name != "__version__"
]


def test_every_public_name_is_told():
    assert untold_names(PUBLIC) == []


def test_a_public_name_without_a_word_is_noticed():
    assert untold_names([*PUBLIC, "lok_core.MadeUp"]) == ["lok_core.MadeUp"]
    assert untold_names(PUBLIC[1:]) == PUBLIC[:1]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_class_and_function_says_what_it_is(name):
    module, _, name = name.rpartition(".")
    value = getattr({one.__name__: one for one in (lok_core, lok_core.testing)}[module], name)
    if inspect.isclass(value) or inspect.isroutine(value):
        assert undescribed(value) == []


def test_a_class_without_a_word_is_noticed():
    class MadeUp:
        def method(self): ...

    assert undescribed(MadeUp) == ["MadeUp", "MadeUp.method"]


# --- hooks, kinds, categories, exit codes


def untold_hooks(names):
    return [name for name in names if f"### {name}()" not in (DOCS / "plugins.md").read_text()]


def test_every_hook_is_told():
    assert untold_hooks([name for name in vars(hookspecs) if name.startswith("lok_register")]) == []
    assert untold_hooks(["lok_register_made_up"])


def rows(page):
    """Everything between backticks in the first cells of the page's tables."""
    return {name for table in tables_of(page).values() for row in table for name in in_code(row[0])}


def test_every_failure_kind_is_told():
    kinds = rows(REFERENCE / "failures.md")
    assert kinds == set(lok_core.FAILURE_KINDS)
    assert set(lok_core.FAILURE_KINDS) <= rows(DOCS / "report.md")
    assert "made-up" not in kinds


def test_every_category_is_told():
    (told,) = (row for row in KEYS["Prompts"] if row[0] == "`category`")
    assert set(in_code(told[3])) == set(lok_core.CATEGORIES)
    assert set(lok_core.CATEGORIES) <= set(in_code((DOCS / "delegation.md").read_text()))


def test_every_exit_code_is_told():
    told = {
        row[1].strip("`"): row[0] for row in tables_of(REFERENCE / "exit-codes.md")["Exit codes"] if row[1]
    }
    assert told == {code.name: str(code.value) for code in lok_core.ExitCode}


@pytest.mark.parametrize("name", lok_core.schema("lok.report/1")["properties"])
def test_each_property_of_the_report_is_documented(name):
    assert f"`{name}`" in (DOCS / "report.md").read_text()


# --- lok.toml

WORDS = {
    # how the types of attrs classes are called in the tables
    bool: "boolean",
    str: "string",
    int: "whole number",
    Count: "whole number",
    Amount: "whole number",
    Seconds: "seconds",
    lok_core.Category: "category",
    lok_core.FailureKind: "[failure kind](failures.md)",
    lok_core.Pick: "[place](#places)",
    tuple[str, ...]: "list of strings",
    tuple[int, ...]: "list of whole numbers",
    tuple[lok_core.Category, ...]: "list of categories",
    tuple[Flag, ...]: "list of flags",
    tuple[lok_core.ErrorPattern, ...]: "list of [errors](#errors)",
    tuple[settings.PromptTable, ...]: "list of [prompts](#prompts)",
    tuple[Mapping[str, Any], ...]: "list of conditions",
    Mapping[str, str]: "table of strings",
    Mapping[str, Any]: "table",
    Mapping[lok_core.Access, tuple[Flag, ...]]: "table of flags",
    Mapping[Literal["input", "output", "cached", "cost"], lok_core.Pick]: "table of places",
}
SAME = {"where": "condition"}  # a table that has a name of its own


def typed(cls, name):
    """The type of a key as the tables write it."""
    kind = get_type_hints(cls, vars(importlib.import_module(cls.__module__)))[name]
    if type(None) in get_args(kind):
        (kind,) = (one for one in get_args(kind) if one is not type(None))
    if kind in WORDS:
        return SAME.get(name) or WORDS[kind]
    return ", ".join(f"`{one}`" for one in get_args(kind))


def shown(attribute):
    """The default of a key as the tables write it."""
    default = attribute.default
    if default is NOTHING:
        return "required"
    if isinstance(default, Factory):
        default = default.factory()
    if default is None:
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float):
        return f"`{default:g}`"
    if isinstance(default, str):
        return f'`"{default}"`'
    return f"`{list(default) if isinstance(default, tuple) else default}`"


def untold_keys(cls, heading, without=()):
    """Keys of a table that the page does not tell, or tells wrong; and told ones that there are not."""
    attributes = [one for one in fields(cls) if one.name not in without]
    there = {one.name: (typed(cls, one.name), shown(one)) for one in attributes}
    told = {row[0].strip("`"): (row[1], row[2]) for row in KEYS[heading]}
    return {name: (there.get(name), told.get(name)) for name in there.keys() ^ told.keys()} | {
        name: (there[name], told[name]) for name in there.keys() & told.keys() if there[name] != told[name]
    }


def names_of(cls):
    return {one.name for one in fields(cls)}


@pytest.mark.parametrize(
    ("cls", "heading"),
    [
        (config.Defaults, "[defaults]"),
        (config.Conductor, "[conductor]"),
        (config.Plugins, "[plugins]"),
        (settings.BackendTable, "[backends.NAME]"),
        (settings.TaskTable, "[tasks.NAME]"),
        (settings.PromptTable, "Prompts"),
        (lok_core.CommandConfig, "Command lines"),
        (lok_core.Pick, "Places"),
        (lok_core.ErrorPattern, "Errors"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_every_key_is_told(cls, heading):
    assert untold_keys(cls, heading) == {}


def test_every_key_of_a_program_without_an_adapter_is_told():
    assert untold_keys(CommandTable, 'use = "command"', names_of(lok_core.CommandConfig)) == {}


@pytest.mark.parametrize("name", [name for name in KINDS if name != "command"])
def test_every_key_of_every_adapter_is_told(name):
    cls = KINDS[name].Config
    if cls in (NoConfig, lok_core.CommandConfig):
        assert name not in KEYS
    else:
        shared = names_of(lok_core.CommandConfig) if issubclass(cls, lok_core.CommandConfig) else set()
        changed = {one.name for one in fields(cls) if not one.inherited}
        assert untold_keys(cls, name, shared - changed) == {}


def test_a_key_without_a_word_is_noticed():
    assert untold_keys(settings.PromptTable, "[tasks.NAME]").keys() >= {"name", "description"}
    assert untold_keys(config.Conductor, "[conductor]", {"max_rounds"}).keys() == {"max_rounds"}


def counts(place, value, use=None):
    """Whether a file that nobody trusts may say so."""
    table = {place[-1]: value}
    if use:
        table["use"] = use
    for name in reversed(place[:-1]):
        table = {name: table}
    kept, _ = allowed(table, with_built_in([]), KINDS)
    for name in place:
        kept = kept.get(name, {}) if isinstance(kept, dict) else {}
    return kept != {}


def known(key):
    """An adapter and the value of that key which is its known default."""
    return next(
        (name, kind.known_defaults[key]) for name, kind in KINDS.items() if key in kind.known_defaults
    )


PLACES = {
    "[defaults]": ("defaults",),
    "[conductor]": ("conductor",),
    "[plugins]": ("plugins",),
    "[backends.NAME]": ("backends", "codex"),
    "Command lines": ("backends", "codex"),
    "claude": ("backends", "claude"),
    'use = "command"': ("backends", "mine"),
    "[tasks.NAME]": ("tasks", "hunt"),
}


@pytest.mark.parametrize("heading", PLACES)
def test_what_counts_untrusted_is_told(heading):
    use = "command" if heading == 'use = "command"' else None
    for key, _, _, untrusted, _ in KEYS[heading]:
        key, place = key.strip("`"), PLACES[heading]
        match untrusted:
            case "yes":
                assert counts((*place, key), False)
            case "no":
                assert not counts((*place, key), ["x"], use)
            case "lower":
                assert counts((*place, key), 1)
                assert key == "stall_timeout" or not counts((*place, key), 1_000_000)
            case "known":
                name, value = known(key)
                others = {"command": "args", "args": "command"}
                assert counts(("backends", name, key), value) or key in others
                assert not counts(("backends", name, key), "something else")
            case _:
                pytest.fail(f"{key}: {untrusted!r}")


# --- commands


def test_the_page_of_commands_is_what_the_program_says():
    page = (REFERENCE / "commands.md").read_text()
    assert page == COMMANDS["page"](), "uv run python docs/commands.py writes it"


def test_an_option_without_a_word_is_noticed(monkeypatch):
    from lok_core.cli.ask import ask

    before = COMMANDS["page"]()
    monkeypatch.setattr(ask, "params", [*ask.params, click.Option(["--made-up"], help="What it does.")])
    assert "| `--made-up TEXT` | What it does. |" in COMMANDS["page"]()
    assert COMMANDS["page"]() != before


def test_every_command_and_option_says_what_it_is():
    for path, command in COMMANDS["walked"]():
        assert command.help, path
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, (path, option.name)


def test_each_option_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    sources = [(ROOT / "lok_core" / "cli" / f"{name}.py").read_text() for name in ("options", "issues")]
    declared = re.findall(r'click.option\(\s*"(-[^"]+)"', "".join(sources))
    assert len(declared) >= 27
    for option in declared:
        told = option.rpartition("/")[2]  # of --yes/--no the one that is not the default
        assert re.search(rf"`{told}\b", readme), option


# --- the environment

SOURCES = [
    *(file for file in ROOT.glob("lok_core/**/*.py") if file.relative_to(ROOT).parts[1] != "testing"),
    *ROOT.glob("plugins/*/src/**/*.py"),
]


def read_variables(trees):
    """Names of environment variables that sources read: `env.get(NAME)`, `env[NAME]`, `NAME in env`."""
    constants = {
        node.targets[0].id: node.value.value
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    for tree in trees:
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=holder, attr="get" | "pop"), args=[key, *_]):
                    pass
                case ast.Subscript(value=holder, slice=key, ctx=ast.Load()):
                    pass
                case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[holder]):
                    pass
                case ast.Call(func=ast.Attribute(attr="getenv") as holder, args=[key, *_]):
                    pass
                case _:
                    continue
            match holder:
                case ast.Name(id=where) | ast.Attribute(attr=where) if "env" in where:
                    pass
                case _:
                    continue
            match key:
                case ast.Constant(value=str(name)):
                    yield name
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    yield constants.get(name, "")


def untold_variables(trees):
    told = rows(REFERENCE / "environment.md") | set(in_code((REFERENCE / "environment.md").read_text()))
    read = {
        name for name in read_variables(trees) if isinstance(name, str) and re.fullmatch(r"[A-Z_]{2,}", name)
    }
    declared = {name for kind in KINDS.values() for name in kind.profile.secrets}
    return sorted((read | declared) - told)


def test_every_environment_variable_is_told():
    sources = [file.read_text() for file in SOURCES]
    reading = [
        text
        for text in sources
        if re.search(r"env[ \w]*[.\[)]|in \w*env|^DISABLE|^[A-Z_]+ = \"", text, re.MULTILINE)
    ]
    assert untold_variables([ast.parse(text) for text in reading]) == []


@pytest.mark.parametrize(
    "source", ['os.environ.get("X_MADE_UP")', 'X = "X_MADE_UP"\nenv[X]', '"X_MADE_UP" in env']
)
def test_a_variable_without_a_word_is_noticed(source):
    assert untold_variables([ast.parse(source)]) == ["X_MADE_UP"]
