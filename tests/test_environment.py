"""Which variables a backend's processes get to see."""

import pytest

from lok_core.environment import child_environment, depth, refuse_recursion, secret_values
from lok_core.errors import BackendError
from lok_core.models import Profile

CODEX = Profile(secrets=("OPENAI_API_KEY",), env=("CODEX_", "OPENAI_"))
OTHERS = ("GEMINI_API_KEY", "GOOGLE_", "ANTHROPIC_")


def passes(name, *, trusted, profile=CODEX, others=OTHERS):
    return child_environment({name: "/value"}, profile, others, trusted=trusted).get(name) == "/value"


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "HOME",
        "USER",
        "SHELL",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "TZ",
        "TERM",
        "TMPDIR",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "HTTP_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "no_proxy",
        "FTP_PROXY",
        "socks_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "NODE_EXTRA_CA_CERTS",
        "LOK_DISABLE_PLUGINS",
        "LOK_RUN_ID",
    ],
)
@pytest.mark.parametrize("trusted", [False, True])
def test_what_any_program_needs_passes(name, trusted):
    assert passes(name, trusted=trusted)


@pytest.mark.parametrize(
    "name",
    [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "NODE_OPTIONS",
        "BASH_ENV",
        "GIT_SSH_COMMAND",
        "GIT_CONFIG_COUNT",
        "EDITOR",
        "PATHS",
        "HOMEPAGE",
        "TERMINAL",
        "SSL_CERTIFICATE",
        "MY_TOKEN",
        "path",
        "",
    ],
)
def test_everything_else_passes_in_a_trusted_directory_only(name):
    assert not passes(name, trusted=False)
    assert passes(name, trusted=True)


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_BASE_URL", "CODEX_HOME"])
def test_what_the_backend_declares_passes(name, trusted):
    assert passes(name, trusted=trusted)


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("name", ["GEMINI_API_KEY", "GOOGLE_API_KEY", "ANTHROPIC_API_KEY"])
def test_secrets_of_other_backends_are_withheld(name, trusted):
    assert not passes(name, trusted=trusted)


@pytest.mark.parametrize("trusted", [False, True])
def test_own_declaration_wins_over_that_of_another(trusted):
    gemini = Profile(secrets=("GEMINI_API_KEY",), env=("GOOGLE_",))
    assert passes("GOOGLE_API_KEY", trusted=trusted, profile=gemini, others=("GOOGLE_",))


def test_a_declared_name_is_no_prefix():
    assert not passes("OPENAI", trusted=False)
    assert not passes("GEMINI_API_KEY_FILE", trusted=False, profile=Profile(secrets=("GEMINI_API_KEY",)))
    assert passes("GEMINI_API_KEY_FILE", trusted=True)


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("name", ["CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT"])
def test_marks_of_a_nested_run_are_removed_even_if_declared(name, trusted):
    assert not passes(name, trusted=trusted, profile=Profile(env=("CLAUDE_", "CLAUDECODE")))


@pytest.mark.parametrize(
    ("value", "level"), [(None, 0), ("0", 0), ("1", 1), ("7", 7), ("", 0), ("many", 0), ("-1", 0)]
)
def test_depth_is_counted_up_for_the_children(value, level):
    env = {} if value is None else {"LOK_DEPTH": value}
    assert depth(env) == level
    assert child_environment(env, CODEX, (), trusted=False)["LOK_DEPTH"] == str(level + 1)


def test_what_git_says_of_the_callers_repository_is_withheld():
    env = {"GIT_DIR": "/code/.git", "GIT_INDEX_FILE": "index", "GIT_PREFIX": "a/", "GIT_SSH": "ssh"}
    child = child_environment({"PATH": "/bin", **env}, Profile(env=("GIT_",)), (), trusted=True)
    assert [name for name in child if name.startswith("GIT_")] == ["GIT_SSH"]


def test_the_first_lok_may_ask():
    refuse_recursion({})


def test_a_lok_within_a_lok_may_not_ask():
    child = child_environment({}, CODEX, (), trusted=False)
    with pytest.raises(BackendError, match="started by a backend") as caught:
        refuse_recursion(child)
    assert caught.value.kind == "invalid"
    assert "LOK_DEPTH" in caught.value.hint


def test_the_environment_itself_is_left_alone():
    env = {"PATH": "/bin", "EDITOR": "vi"}
    child_environment(env, CODEX, OTHERS, trusted=False)
    assert env == {"PATH": "/bin", "EDITOR": "vi"}


def test_secret_values_are_those_that_any_backend_declares():
    env = {
        "OPENAI_API_KEY": "one",
        "GOOGLE_API_KEY": "two",
        "GOOGLE_X": "three",
        "CODEX_HOME": "/home",
        "TERM": "x",
    }
    profiles = [CODEX, Profile(secrets=("GOOGLE_",))]
    assert secret_values(env, profiles) == {"one", "two", "three"}


def test_the_search_path_has_no_entry_that_means_the_working_directory():
    child = child_environment({"PATH": "bin:/usr/bin::.:/bin:"}, CODEX, OTHERS, trusted=True)
    assert child["PATH"] == "/usr/bin:/bin"
