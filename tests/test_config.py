"""From the text of lok.toml to settings: strict, everything wrong at once, and nothing but clean errors."""

import math
import string
from contextlib import suppress
from typing import Literal

import pytest
from attrs import field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from lok_core.config import settings_of, with_built_in
from lok_core.config_layers import Layer, Merged, dotted, parsed, read_layer, read_layers
from lok_core.errors import ConfigError, ExitCode, PluginError
from lok_core.interfaces import Backend
from lok_core.models import CATEGORIES
from lok_core.settings import BUILT_IN, Settings
from lok_core.testing import ScriptedBackend
from lok_core.topics import category_of

RUST = b"""
[defaults]
parallel = true
timeout = 300
[backends.codex]
enabled = true
command = "codex"
args = ["exec", "--json", "-s", "read-only"]
[backends.gemini]
enabled = true
command = "npx"
args = ["@google/gemini-cli"]
skip_lines = 1
[backends.claude]
enabled = true
command = "claude"
model = "sonnet"
timeout = 600
[conductor]
max_rounds = 5
max_tokens = 4096
[tasks.hunt]
description = "Find bugs and code issues"
backends = ["codex"]
prompts = [
  { name = "n+1", prompt = "Search for N+1 query issues..." },
  { name = "dead-code", prompt = "Find unused code..." },
]
"""


@frozen
class Point:
    path: str
    where: dict[str, int] = field(factory=dict)


@frozen
class Config:
    command: str = "program"
    args: tuple[str, ...] = ()
    model: str | None = None
    env: dict[str, str] = field(factory=dict)
    skip_lines: int = 0
    weight: float = 1.0
    form: Literal["text", "json"] = "text"
    points: list[Point] = field(factory=list)
    folders: frozenset[str] = frozenset()

    def __attrs_post_init__(self):
        if self.skip_lines > 100:
            raise ValueError("skip_lines: 100 lines are enough")


@frozen
class Needs:
    command: str


class Program(ScriptedBackend):
    Config = Config


class Codex(Program):
    kind = "codex"


class Gemini(Program):
    kind = "gemini"


class Claude(Program):
    kind = "claude"


class Echo(ScriptedBackend):
    kind = "echo"


class Command(ScriptedBackend):
    kind = "command"
    Config = Needs
    needs_config = True


KINDS: dict[str, type[Backend]] = {one.kind: one for one in (Codex, Gemini, Claude, Echo, Command)}


def layer(text, origin="lok.toml"):
    return Layer(origin, parsed(text.encode() if isinstance(text, str) else text, origin))


def settings_from(*texts):
    return settings_of([layer(text, f"{number}.toml") for number, text in enumerate(texts, 1)], KINDS)


def problems(*texts):
    """What is wrong, without the name of the file where there is only one."""
    with pytest.raises(ConfigError) as caught:
        settings_from(*texts)
    assert caught.value.exit_code == ExitCode.USAGE
    told = list(caught.value.problems)
    assert caught.value.message == (
        told[0] if len(told) == 1 else f"{len(told)} mistakes in the configuration"
    )
    return [problem.removeprefix("1.toml: ") for problem in told] if len(texts) == 1 else told


def test_the_format_of_the_rust_tool_works_unchanged():
    made = settings_from(RUST)
    assert (made.parallel, made.timeout_s, made.max_rounds, made.max_tokens) == (True, 300, 5, 4096)
    assert made.notes == ()
    assert made.backends["codex"].config.args == ("exec", "--json", "-s", "read-only")
    assert made.backends["gemini"].config.skip_lines == 1
    claude = made.backends["claude"]
    assert (claude.kind, claude.table.timeout, claude.config.model) == ("claude", 600, "sonnet")
    assert [prompt.name for prompt in made.tasks["hunt"].prompts] == ["n+1", "dead-code"]


def test_an_empty_file_changes_nothing():
    made = settings_from("")
    assert made == Settings(merged=made.merged)


def test_a_timeout_of_zero_is_none():
    assert settings_from("[defaults]\ntimeout = 0").timeout_s == math.inf


def test_whole_numbers_may_stand_for_others():
    made = settings_from(
        '[backends.codex]\nweight = 2\ntimeout = 1\npoints = [{path = "a", where = {b = 1}}]'
    )
    assert isinstance(made.backends["codex"].config.weight, float)
    assert made.backends["codex"].config.points == [Point("a", {"b": 1})]


def test_a_second_instance_has_the_adapter_that_it_uses():
    made = settings_from('[backends.fast]\nuse = "codex"\nmodel = "small"')
    assert (made.backends["fast"].kind, made.backends["fast"].config.model) == ("codex", "small")


def test_strengths_and_concurrency_are_taken():
    table = settings_from('[backends.codex]\nstrengths = ["auth"]\nconcurrency = 2').backends["codex"].table
    assert (table.strengths, table.concurrency) == (("auth",), 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("default = 1", "default: no such table; did you mean 'defaults'?"),
        ("zzz = 1", "zzz: no such table; there are backends, conductor, defaults, plugins, tasks"),
        ("defaults = 1", "defaults: expected a table, not 1"),
        ("backends = []", "backends: expected a table, not a list"),
        ("backends.codex = true", "backends.codex: expected a table, not true"),
        ("tasks.hunt = 2.5", "tasks.hunt: expected a table, not 2.5"),
        ("[defaults]\nparalel = true", "defaults.paralel: no such key; did you mean 'parallel'?"),
        ("[defaults]\nzzz = 1", "defaults.zzz: no such key; there are parallel, timeout"),
        ('[defaults]\nparallel = "false"', "defaults.parallel: expected true or false, not 'false'"),
        ("[defaults]\nparallel = 1", "defaults.parallel: expected true or false, not 1"),
        ('[defaults]\ntimeout = "300"', "defaults.timeout: expected a number, not '300'"),
        ("[defaults]\ntimeout = true", "defaults.timeout: expected a number, not true"),
        ("[defaults]\ntimeout = -1", "defaults.timeout: expected at least 0, not -1"),
        ("[defaults]\ntimeout = inf", "defaults.timeout: expected a finite number, not inf"),
        ("[defaults]\ntimeout = nan", "defaults.timeout: expected a finite number, not nan"),
        ("[conductor]\nmax_rounds = 1.5", "conductor.max_rounds: expected a whole number, not 1.5"),
        ("[conductor]\nmax_tokens = -4", "conductor.max_tokens: expected at least 0, not -4"),
        ('[plugins]\ndisable = "static"', "plugins.disable: expected a list, not 'static'"),
        ("[plugins]\ndisable = [{}]", "plugins.disable[0]: expected a string, not a table"),
        ('[backends.codex]\ncomand = "x"', "backends.codex.comand: no such key; did you mean 'command'?"),
        ("[backends.codex]\nenbled = true", "backends.codex.enbled: no such key; did you mean 'enabled'?"),
        ("[backends.codex]\ncommand = 7", "backends.codex.command: expected a string, not 7"),
        (
            "[backends.codex]\ncommand = 2020-01-01",
            "backends.codex.command: expected a string, not 2020-01-01",
        ),
        ('[backends.codex]\nargs = "exec"', "backends.codex.args: expected a list, not 'exec'"),
        ("[backends.codex]\nargs = [1]", "backends.codex.args[0]: expected a string, not 1"),
        ('[backends.codex]\nfolders = "ab"', "backends.codex.folders: expected a list, not 'ab'"),
        ("[backends.codex]\nenv = []", "backends.codex.env: expected a table, not a list"),
        ("[backends.codex.env]\nA = 1", "backends.codex.env.A: expected a string, not 1"),
        ("[backends.codex]\nskip_lines = 1.0", "backends.codex.skip_lines: expected a whole number, not 1"),
        ("[backends.codex]\nskip_lines = 101", "backends.codex: skip_lines: 100 lines are enough"),
        (
            '[backends.codex]\nform = "jsn"',
            "backends.codex.form: 'jsn' is none of its values; did you mean 'json'?",
        ),
        ("[backends.codex]\nform = 1", "backends.codex.form: 1 is none of its values; there are json, text"),
        ("[[backends.codex.points]]", "backends.codex.points[0].path: it is missing"),
        (
            '[[backends.codex.points]]\npath = "a"\nwere = {}',
            "backends.codex.points[0].were: no such key; did you mean 'where'?",
        ),
        (
            '[backends.codex]\nstrengths = ["perfomance"]',
            "backends.codex.strengths[0]: 'perfomance' is none of its values; did you mean 'performance'?",
        ),
        ("[backends.codex]\nconcurrency = 0", "backends.codex.concurrency: expected at least 1, not 0"),
        ("[backends.x]\nuse = 3", "backends.x.use: expected a string, not 3"),
        ('[backends.x]\nuse = "command"', "backends.x.command: it is missing"),
        (
            "[backends.echo]\nmodle = 1",
            "backends.echo.modle: no such key; there are concurrency, enabled, pass_env, secrets, "
            "stall_timeout, strengths, timeout, use",
        ),
        (
            "[backends.all]",
            "backends.all: no name; one is made of letters, digits and . _ + -, such as my-own",
        ),
        (
            '[tasks."-x"]',
            "tasks.-x: no name; one is made of letters, digits and . _ + -, such as my-own",
        ),
        (
            '[backends."a b"]',
            'backends."a b": no name; one is made of letters, digits and . _ + -, such as my-own',
        ),
        ("[tasks.t]\nprompts = []", "tasks.t.prompts: a task asks at least one prompt"),
        ('[tasks.t]\nprompts = [{name = "a"}]', "tasks.t.prompts[0].prompt: it is missing"),
        ('[tasks.t]\nprompts = [{name = "a", prompt = " "}]', "tasks.t.prompts[0].prompt: it is empty"),
        (
            '[tasks.t]\nprompts = [{name = "a\\nb", prompt = "p"}]',
            "tasks.t.prompts[0].name: a name is one line of text",
        ),
        (
            '[tasks.t]\nprompts = [{name = "a", prompt = "p"}, {name = "a", prompt = "q"}]',
            "tasks.t.prompts[1].name: 'a' is the name of an earlier prompt",
        ),
    ],
)
def test_each_mistake_is_told_with_its_place(text, told):
    assert problems(text) == [told]


def test_a_long_value_is_cut_short():
    (told,) = problems(f'[defaults]\ntimeout = "{"x" * 1000}"')
    assert told.endswith("xxx...")
    assert len(told) < 120


def test_all_mistakes_are_told_at_once_each_with_its_file():
    told = problems(
        '[defaults]\ntimeout = "1"\n[backends.codex]\nargs = 1', "[backends.codex]\nzzz = 1\nmodel = 2"
    )
    assert [line.partition(":")[0] for line in told] == ["1.toml", "1.toml", "2.toml", "2.toml"]


def test_a_missing_key_is_told_with_the_file_of_its_table():
    (told,) = problems("", '[backends.mine]\nuse = "command"')
    assert told == "2.toml: backends.mine.command: it is missing"


def test_a_table_for_what_is_not_installed_is_a_hint():
    made = settings_from("[backends.codxe]\nanything = 1\n[backends.zzz]\n[backends.off]\nenabled = false")
    assert made.backends == {}
    assert made.notes == (
        "1.toml: [backends.codxe] is left out, as no adapter 'codxe' is installed; did you mean 'codex'?",
        "1.toml: [backends.zzz] is left out, as no adapter 'zzz' is installed; pip install lok-backend-zzz",
    )


def test_nobody_is_told_to_install_what_an_untrusted_file_names():
    (note,) = settings_of([layer("[backends.zzz]", "a.toml")], KINDS, ["a.toml"]).notes
    assert note == "a.toml: [backends.zzz] is left out, as no adapter 'zzz' is installed"


def test_a_useless_config_class_is_the_plugins_fault():
    @frozen
    class Strange:
        when: complex = 0j

    class Odd(ScriptedBackend):
        kind = "odd"
        Config = Strange

    with pytest.raises(PluginError, match="the Config of the backend 'odd' cannot be used") as caught:
        settings_of([layer("[backends.odd]\nwhen = 1")], {"odd": Odd})
    assert "fault of the plugin" in caught.value.hint


# Layers.


def test_a_later_layer_wins_key_by_key():
    made = settings_from(
        '[backends.codex]\nmodel = "a"\nargs = ["x", "y"]\nenv = {A = "1"}\n[defaults]\ntimeout = 5',
        '[backends.codex]\nargs = ["z"]\nenv = {B = "2"}',
    )
    config = made.backends["codex"].config
    assert (config.model, config.args, config.env) == ("a", ("z",), {"A": "1", "B": "2"})
    assert made.origin("backends", "codex", "model") == "1.toml"
    assert made.origin("backends", "codex", "args") == "2.toml"
    assert made.origin("backends", "codex", "env", "B") == "2.toml"
    assert made.origin("defaults", "timeout") == "1.toml"
    assert made.origin("defaults", "parallel") == BUILT_IN
    assert made.origin("backends", "codex", "timeout") == BUILT_IN


def test_a_value_replaces_a_table_and_the_other_way_round():
    merged = Merged()
    merged.add({"a": {"b": 1}, "c": 2}, "first")
    merged.add({"a": 3, "c": {"d": 4}}, "second")
    assert merged.table == {"a": 3, "c": {"d": 4}}
    assert (merged.origin(["a", "b"]), merged.origin(["c", "d"]), merged.get("a", "b")) == (
        "second",
        "second",
        None,
    )


def test_merging_leaves_the_layers_alone():
    first, second = layer("[a.b]\nc = 1"), layer("[a.b]\nc = 2")
    merged = with_built_in([first, second])
    assert merged.get("a", "b", "c") == 2
    assert first.table == {"a": {"b": {"c": 1}}}


def test_layers_are_read_in_the_order_in_which_they_count(tmp_path):
    files = [tmp_path / name for name in ("user.toml", "lok.toml", "given.toml")]
    for number, file in enumerate(files):
        file.write_text(f"[defaults]\ntimeout = {number}")
    layers = read_layers(*files)
    assert [one.path for one in layers] == files
    assert [one.found for one in layers] == [False, True, False]
    assert layers[0].digest != layers[1].digest


def test_a_file_is_read_once_and_not_as_a_found_one_if_it_was_named(tmp_path):
    file = tmp_path / "lok.toml"
    file.write_text("")
    (tmp_path / "link.toml").symlink_to(file)
    for user, given_file in ((file, None), (None, file), (tmp_path / "link.toml", None)):
        assert [one.found for one in read_layers(user, file, given_file)] == [False]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a = ", "no valid TOML: invalid value (at end of document)"),
        (b"x = 1\n\ny = =\n", "no valid TOML: invalid value (at line 3, column 5)"),
        (b"a = 1\n\n# \xff", "line 3 is not UTF-8"),
        (b"a = " + b"9" * 5000, "no valid TOML: exceeds the limit"),
        (b"a = 0x" + b"f" * 5000, "a: the number is too large"),
        (b"a = 9223372036854775808", "a: the number is too large"),
        (b"a = [{b = 9223372036854775808}]", "a[0].b: the number is too large"),
        (b"a = " + b"[" * 50 + b"]" * 50, "a[0][0]... is nested too deeply"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "nested too deeply"),
        (b".".join([b"a"] * 100) + b" = 1", "a.a.a... is nested too deeply"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
def test_what_is_no_configuration_is_told(content, told):
    with pytest.raises(ConfigError) as caught:
        parsed(content, "f")
    (problem,) = caught.value.problems
    assert problem.startswith(f"f: {told}")


def test_a_byte_order_mark_is_no_mistake():
    assert parsed(b"\xef\xbb\xbfa = 1", "f") == {"a": 1}


def test_a_file_that_is_too_large_is_told(tmp_path):
    file = tmp_path / "lok.toml"
    file.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigError, match="too large for a configuration"):
        read_layer(file)


@pytest.mark.parametrize(("name", "why"), [("none.toml", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_told(tmp_path, name, why):
    with pytest.raises(ConfigError, match=f"cannot be read: {why}"):
        read_layer(tmp_path / name)


def test_a_place_is_written_as_in_toml():
    assert dotted(["a", 0, "b-c_1", "d.e", "n+1"]) == 'a[0].b-c_1."d.e"."n+1"'


# Whatever is in a file, the end is settings or a clean error.

WORDS = """
defaults conductor plugins backends tasks codex gemini echo command mine hunt use enabled timeout args env
model prompts name prompt category description disable strengths concurrency parallel points
"""
KEYS = st.sampled_from(WORDS.split()) | st.text(max_size=4)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["codex", "command", "performance"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
TREES = st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4) | VALUES, max_size=4)


def settle(make):
    """Settings, or an error for a person."""
    with suppress(ConfigError):
        assert isinstance(make(), Settings)


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(TREES, TREES)
def test_any_tree_gives_settings_or_a_clean_error(one, other):
    settle(lambda: settings_of([Layer("a", one), Layer("b", other)], KINDS))


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(st.data())
def test_any_change_of_bytes_gives_settings_or_a_clean_error(data):
    content = bytearray(RUST)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        some = st.binary(max_size=2) | st.sampled_from([b"[", b'"', b"\n", b"=", b"}", b"0", b"-"])
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(some)
    settle(lambda: settings_of([Layer("a", parsed(bytes(content), "a"))], KINDS))


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(string.printable, max_size=60).map(str.encode))
def test_any_bytes_give_settings_or_a_clean_error(content):
    settle(lambda: settings_of([Layer("a", parsed(content, "a"))], KINDS))


# What a prompt is about.


@pytest.mark.parametrize(
    ("name", "text", "category"),
    [
        ("n+1", "Search for N+1 query issues...", "performance"),
        ("dead-code", "Find unused code...", "dead-code"),
        ("perf", "anything", "performance"),
        ("sql-injection", "", "injection"),
        ("auth", "", "auth"),
        ("my-secrets", "slow slow slow", "secrets"),
        ("first", "Find swallowed errors and other bugs", "errors"),
        ("first", "Which author wrote this?", "general"),
        ("first", "Is the coupling of the modules too tight?", "architecture"),
        ("first", "", "general"),
        *((category, "", category) for category in CATEGORIES),
    ],
)
def test_a_category_follows_from_the_name_and_then_from_the_words(name, text, category):
    assert category_of(name, text) == category
