"""Recipes: tables that come with lok, and what a user's table makes of one."""

import pytest

from lok_core.cli.init import _tail as init_tail
from lok_core.command_arguments import arguments
from lok_core.command_table import TableBackend
from lok_core.config import settings_of, with_built_in
from lok_core.config_layers import Layer, parsed
from lok_core.errors import ConfigError, UnknownNameError
from lok_core.panel import Panel
from lok_core.recipe import recipe_names, recipe_table, recipe_text
from lok_core.testing import FakeCli, ScriptedBackend, run_lok
from lok_core.testing.contracts import BackendContract
from lok_core.trust import allowed

every_recipe = pytest.mark.parametrize("name", recipe_names())
NAMES = ["aider", "cline", "continue", "copilot", "droid", "kimi", "llm", "opencode", "pi", "qwen", "vibe"]
FOLLOWING = ("droid", "opencode", "qwen")
"""Programs that nothing keeps from following what lies in their directory."""
LEADING = ("aider", "qwen")
"""What these programs take for a command at the beginning of a prompt is none behind a newline."""


class Own(ScriptedBackend):
    kind = "own"


KINDS = {"command": TableBackend, "own": Own}


def layer(text, origin="mine"):
    return Layer(origin, parsed(text.encode(), origin))


def backend(name, text=""):
    """The backend that a table with that recipe, and the keys in the text, makes."""
    settings = settings_of([layer(f'[backends.{name}]\nuse = "recipe:{name}"\n{text}')], KINDS)
    return TableBackend(name, settings.backends[name].config)


def mistakes(*layers):
    with pytest.raises(ConfigError) as raised:
        settings_of(layers, KINDS)
    return raised.value.problems


def test_these_are_the_recipes():
    assert recipe_names() == NAMES


@every_recipe
def test_a_recipe_says_what_its_user_needs_to_know(name):
    made, table = backend(name), recipe_table(name)
    assert recipe_text(name).startswith("# ")
    for key in ("style", "install", "known_good", "strengths", "secrets", "access"):
        assert table[key] is not None, key
    assert made.profile.style
    assert made.profile.secrets
    assert set(made.profile.access) <= {"none", "read"}
    assert "none" in made.profile.access
    assert ("{answer}" in made.spec.example) or made.spec.format == "text"


@every_recipe
def test_a_recipe_as_it_is_printed_is_a_table_of_lok_toml(name):
    settings = settings_of([layer(recipe_text(name))], KINDS)
    assert TableBackend(name, settings.backends[name].config).spec == backend(name).spec


@every_recipe
def test_a_users_home_is_kept_since_the_login_is_in_it(name):
    assert backend(name).spec.home == "user"


@pytest.mark.parametrize("name", LEADING)
def test_a_prompt_that_would_be_a_command_is_disarmed(name):
    assert backend(name).spec.prompt == "\n{prompt}"


@every_recipe
def test_a_recipe_says_what_its_program_follows_in_a_directory(name):
    table, follows = recipe_table(name), backend(name).spec.needs_trust
    assert follows == (name in FOLLOWING)
    assert ("heeds" in table) == (name not in FOLLOWING and set(table["access"]) != {"none"})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("copilot", ["--available-tools", "bash", "view"]),
        ("copilot", ["--available-tools=bash"]),
        ("droid", ["--enabled-tools", "Execute"]),
        ("qwen", ["--approvalMode", "yolo"]),
        ("pi", ["-e", "x.ts"]),
        ("aider", ["--test", "--lint", "--message", "/run x"]),
        ("opencode", ["--agent", "mine"]),
    ],
    ids=str,
)
def test_what_would_allow_more_is_taken_out_of_the_users_arguments(name, words):
    spec = backend(name).spec
    held, extra = (arguments(spec, spec.args, own, "none", False) for own in ((), words))
    assert held == extra


def test_the_users_keys_lie_over_the_recipe():
    own = 'args = ["run", "--x"]\nmodel = "a/b"\nenv = { NEW = "1", OPENCODE_DISABLE_AUTOUPDATE = "0" }\n'
    made = backend("opencode", f"{own}access = {{ none = [['--agent', 'mine']] }}\n")
    env = recipe_table("opencode")["env"]
    assert made.config.args == ("run", "--x")
    assert made.config.model == "a/b"
    assert made.config.env == {**env, "NEW": "1", "OPENCODE_DISABLE_AUTOUPDATE": "0"}
    assert made.spec.access == {"none": (("--agent", "mine"),), "read": ()}
    assert made.spec.command == "opencode"


def test_keys_that_every_backend_has_are_kept_with_a_recipe():
    text = '[backends.x]\nuse = "recipe:pi"\ntimeout = 5\nstrengths = ["auth"]'
    settings = settings_of([layer(text)], KINDS)
    assert settings.backends["x"].kind == "command"
    assert settings.backends["x"].table.timeout == 5
    assert settings.backends["x"].table.strengths == ("auth",)
    assert settings.origin("backends", "x", "answer") == "recipe:pi"
    assert settings.origin("backends", "x", "timeout") == "mine"


def test_an_own_program_of_a_recipes_name_has_nothing_of_the_recipe():
    settings = settings_of([layer('[backends.pi]\nuse = "command"\ncommand = "sh"')], KINDS)
    assert settings.backends["pi"].config.flags == ()


def test_the_last_layer_that_says_so_decides_on_the_recipe():
    layers = [layer('[backends.x]\nuse = "recipe:pi"'), layer('[backends.x]\nuse = "own"')]
    assert settings_of(layers, KINDS).backends["x"].kind == "own"


def test_an_unknown_recipe_is_told_with_the_nearest_and_all_there_are():
    (problem,) = mistakes(layer('[backends.x]\nuse = "recipe:opncode"'))
    assert problem == (
        f"mine: backends.x.use: no such recipe; did you mean 'recipe:opencode'? there are {', '.join(NAMES)}"
    )


@pytest.mark.parametrize("use", ["recipe:", "recipe:../x", "recipe:pi.toml", "recipe:PI"])
def test_what_is_no_recipe_is_told(use):
    (problem,) = mistakes(layer(f'[backends.x]\nuse = "{use}"'))
    assert "no such recipe" in problem


def test_a_mistake_is_told_with_the_file_and_the_key_of_the_user():
    files = [layer('[backends.pi]\nuse = "recipe:pi"'), layer("[backends.pi]\nstdinn = 1", "other")]
    (problem,) = mistakes(*files)
    assert problem.startswith("other: backends.pi.stdinn: no such key; did you mean 'stdin'?")


def test_a_recipe_that_nobody_knows_is_not_read():
    with pytest.raises(UnknownNameError):
        recipe_text("../recipe")


# Trust.


def judged(text, below=""):
    layers = [layer(below)] if below else []
    return allowed(parsed(text.encode(), "f"), with_built_in(layers), KINDS)


def test_nobody_but_the_user_brings_in_a_recipe():
    kept, waits = judged('[backends.pi]\nuse = "recipe:pi"')
    assert (kept, waits) == ({}, ["backends.pi.use"])


def test_a_recipe_in_use_is_changed_downwards_only():
    below = '[backends.pi]\nuse = "recipe:pi"\ntimeout = 60'
    kept, waits = judged("[backends.pi]\nenabled = false\ntimeout = 30", below)
    assert (kept, waits) == ({"backends": {"pi": {"enabled": False, "timeout": 30}}}, [])
    for text in (
        'command = "sh"',
        "access = {}",
        'env = { A = "b" }',
        'use = "recipe:aider"',
        "retries = false",
    ):
        assert judged(f"[backends.pi]\n{text}", below)[1], text


def test_what_the_recipe_says_already_does_not_wait():
    assert judged('[backends.pi]\ncommand = "pi"', '[backends.pi]\nuse = "recipe:pi"')[1] == []


# Commands.


@pytest.mark.slow
def test_the_recipes_are_listed_with_their_programs(lok_env, tmp_path):
    pi = FakeCli.make(tmp_path / "bin", "pi")
    done = run_lok(["backends", "recipes"], env={**lok_env, "PATH": str(tmp_path / "bin")})
    assert (done.code, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines()[: len(NAMES)]]
    assert [row[0] for row in rows] == NAMES
    assert rows[NAMES.index("pi")][1:3] == ["pi", str(pi.path)]
    assert "cn" in rows[NAMES.index("continue")]
    assert all("tested" in row for row in rows)


@pytest.mark.slow
def test_a_recipe_is_printed_as_it_is(lok_env):
    for name in ("pi", "recipe:pi"):
        done = run_lok(["backends", "recipes", name], env=lok_env)
        assert (done.code, done.stdout) == (0, recipe_text("pi"))
    done = run_lok(["backends", "recipes", "opncode"], env=lok_env)
    assert done.code == 2
    assert "opencode" in done.stderr


@pytest.mark.slow
def test_init_and_doctor_tell_of_programs_that_are_there(lok_env, tmp_path):
    FakeCli.make(tmp_path / "bin", "opencode")
    env = {**lok_env, "PATH": f"{tmp_path / 'bin'}:{lok_env['PATH']}"}
    said = run_lok(["doctor"], env=env, cwd=tmp_path)
    assert "note: opencode could be asked as well; `lok backends recipes` tells how\n" in said.stderr
    assert run_lok(["init", tmp_path], env=env).code == 0
    written = (tmp_path / "lok.toml").read_text()
    assert '\n[backends.opencode]\nuse = "recipe:opencode"\n' in written
    assert '\n# [backends.pi]\n# use = "recipe:pi"\n' in written
    said = run_lok(["doctor", "-f", "json"], env=env, cwd=tmp_path)
    assert "could be asked as well" not in said.stderr
    (found,) = [one for one in said.report["backends"] if one["name"] == "opencode"]
    assert found["program"] == str(tmp_path / "bin/opencode")


def test_init_offers_a_second_model_of_a_backend_that_has_one():
    plain, pi = ScriptedBackend("a", []), backend("pi")
    assert 'use = "pi"\n# model' in init_tail(Panel({"a": plain, "pi": pi}, {}))


@pytest.mark.slow
class TestRecipes(BackendContract):
    @pytest.fixture(params=NAMES)
    def backend(self, request):
        return backend(request.param)
