"""What is trusted, and what a lok.toml may say that is not."""

import json
import os
from typing import ClassVar

import pytest

from lok_core.config import with_built_in
from lok_core.config_layers import Layer, parsed, read_layer
from lok_core.errors import ConfigError, UsageError
from lok_core.testing import ScriptedBackend
from lok_core.trust import Trust, allowed
from tests.test_config import RUST


class Codex(ScriptedBackend):
    kind = "codex"
    known_defaults: ClassVar = {"command": "codex", "args": ["exec", "--json", "-s", "read-only"]}


class Gemini(ScriptedBackend):
    kind = "gemini"
    known_defaults: ClassVar = {"command": "npx", "args": ["@google/gemini-cli"], "skip_lines": 1}


class Claude(ScriptedBackend):
    kind = "claude"
    known_defaults: ClassVar = {"command": "claude", "model": "sonnet", "timeout": 600}


class Command(ScriptedBackend):
    kind = "command"
    needs_config = True


KINDS = {one.kind: one for one in (Codex, Gemini, Claude, Command)}


def judged(text, below=""):
    """What counts of an untrusted text, and what waits."""
    layers = [Layer("user", parsed(below.encode(), "user"))] if below else []
    table = parsed(text if isinstance(text, bytes) else text.encode(), "f")
    return allowed(table, with_built_in(layers), KINDS)


def waiting(text, below=""):
    return judged(text, below)[1]


def test_the_file_of_the_rust_tool_counts_whole():
    kept, waits = judged(RUST)
    assert waits == []
    assert kept["backends"]["claude"] == {
        "enabled": True,
        "command": "claude",
        "model": "sonnet",
        "timeout": 600,
    }
    assert kept["tasks"]["hunt"]["backends"] == ["codex"]


@pytest.mark.parametrize(
    "text",
    [
        '[tasks.hunt]\ndescription = "x"\nbackends = ["claude"]\nprompts = [{name = "a", prompt = "b"}]',
        '[tasks.new]\nprompts = [{name = "a", prompt = "b"}]',
        "[defaults]\nparallel = false",
        "[defaults]\ntimeout = 300",
        "[defaults]\ntimeout = 1",
        "[conductor]\nmax_rounds = 5\nmax_tokens = 1",
        "[backends.codex]\nenabled = false",
        "[backends.codex]\nenabled = true",
        "[backends.codex]\ntimeout = 20.5",
        '[backends.claude]\nmodel = "sonnet"',
        "[backends.claude]\ntimeout = 600",
    ],
)
def test_what_does_no_harm_counts(text):
    kept, waits = judged(text)
    assert waits == []
    table = parsed(text.encode(), "f")
    for name, part in kept.items():
        for key, value in part.items():
            assert table[name][key] == value


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[defaults]\ntimeout = 301", "defaults.timeout"),
        ("[defaults]\ntimeout = 0", "defaults.timeout"),
        ("[defaults]\nzzz = 1", "defaults.zzz"),
        ("[conductor]\nmax_rounds = 6", "conductor.max_rounds"),
        ("[conductor]\nmax_tokens = 0", "conductor.max_tokens"),
        ("[conductor]\nbackend = 'x'", "conductor.backend"),
        ('[plugins]\ndisable = ["lok-backend-static"]', "plugins.disable"),
        ("[zzz]\na = 1", "zzz.a"),
        ("zzz = 1", "zzz"),
        ('[tasks.hunt]\nzzz = "x"', "tasks.hunt.zzz"),
        ("[backends.codex]\ntimeout = 301", "backends.codex.timeout"),
        ("[backends.codex]\ntimeout = 0", "backends.codex.timeout"),
        ("[backends.claude]\ntimeout = 601", "backends.claude.timeout"),
        ('[backends.codex]\ncommand = "sh"', "backends.codex.command"),
        ('[backends.codex]\nargs = ["exec"]', "backends.codex.args"),
        ('[backends.codex]\nextra_args = ["--yolo"]', "backends.codex.extra_args"),
        ('[backends.codex]\nmodel = "big"', "backends.codex.model"),
        ('[backends.claude]\nmodel = "opus"', "backends.claude.model"),
        ('[backends.claude]\napi_key_env = "HOME"', "backends.claude.api_key_env"),
        ('[backends.codex]\nenv = {PATH = "."}', "backends.codex.env"),
        ('[backends.codex]\nuse = "command"', "backends.codex.use"),
        ('[backends.codex]\nstrengths = ["auth"]', "backends.codex.strengths"),
        ("[backends.codex]\nconcurrency = 50", "backends.codex.concurrency"),
        ('[backends.codex]\nsecrets = ["HOME"]', "backends.codex.secrets"),
        ('[backends.codex]\npass_env = ["LD_PRELOAD"]', "backends.codex.pass_env"),
        ('[backends.mine]\nuse = "codex"', "backends.mine.use"),
        ('[backends.command]\ncommand = "sh"', "backends.command.command"),
    ],
)
def test_everything_else_waits(text, place):
    kept, waits = judged(text)
    assert waits == [place]
    assert not any(any(part.values()) for part in kept.values())


def test_what_the_user_set_is_changed_downwards_only():
    below = "[defaults]\ntimeout = 100\n[backends.claude]\ntimeout = 50\n[conductor]\nmax_rounds = 0"
    assert waiting("[defaults]\ntimeout = 200", below) == ["defaults.timeout"]
    assert waiting("[defaults]\ntimeout = 99", below) == []
    assert waiting("[backends.claude]\ntimeout = 51", below) == ["backends.claude.timeout"]
    assert waiting("[backends.claude]\ntimeout = 600", below) == ["backends.claude.timeout"]
    assert waiting("[backends.codex]\ntimeout = 101", below) == ["backends.codex.timeout"]
    assert waiting("[conductor]\nmax_rounds = 1000", below) == []


def test_what_the_user_switched_off_stays_off():
    assert waiting("[backends.codex]\nenabled = true", "[backends.codex]\nenabled = false") == [
        "backends.codex.enabled"
    ]


def test_the_users_own_program_is_not_mixed_with_known_defaults():
    below = '[backends.codex]\ncommand = "/opt/wrapper"'
    assert waiting('[backends.codex]\nargs = ["exec", "--json", "-s", "read-only"]', below) == [
        "backends.codex.args"
    ]
    text = '[backends.gemini]\ncommand = "sh"\nargs = ["@google/gemini-cli"]\nskip_lines = 1'
    assert waiting(text) == ["backends.gemini.command", "backends.gemini.args"]


def test_known_defaults_are_those_of_the_adapter_in_use():
    below = '[backends.codex]\nuse = "claude"'
    assert waiting('[backends.codex]\ncommand = "codex"', below) == ["backends.codex.command"]


def test_what_is_so_already_does_not_wait():
    below = '[backends.codex]\ncommand = "mine"\nmodel = "big"\n[plugins]\ndisable = ["x"]'
    assert judged(below, below) == ({"backends": {"codex": {}}, "plugins": {}}, [])


def test_a_table_for_what_is_not_installed_is_emptied():
    assert judged('[backends.zzz]\ncommand = "sh"') == ({"backends": {"zzz": {}}}, [])


def test_a_mistake_passes_to_be_told():
    text = 'defaults = 1\nbackends.codex = 2\ntasks.hunt = []\nconductor.max_rounds = "5"'
    kept, waits = judged(text)
    assert (kept, waits) == (parsed(text.encode(), "f"), [])


# What is kept of it.


@pytest.fixture
def trust(tmp_path):
    return Trust.read(tmp_path / "state" / "trust.json")


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / "inner").mkdir(parents=True)
    (folder / "lok.toml").write_text("[defaults]\ntimeout = 1000")
    return folder


def again(trust):
    return Trust.read(trust.file)


def test_nothing_is_trusted_at_first(trust, project):
    assert not trust.counts(read_layer(project / "lok.toml", found=True))
    assert trust.covering(project) == ""


def test_a_file_that_was_named_counts(trust, project):
    assert trust.counts(read_layer(project / "lok.toml"))


def test_a_directory_stands_for_its_file_and_what_lies_below(trust, project):
    (project / "inner" / "lok.toml").write_text("# inner")
    files = [project / "lok.toml", project / "inner" / "lok.toml"]
    assert trust.add_directory(project) == (files, [])
    kept = again(trust)
    assert kept.counts(read_layer(project / "lok.toml", found=True))
    assert kept.counts(read_layer(project / "inner" / "lok.toml", found=True))
    assert kept.covering(project / "inner") == os.path.realpath(project)
    assert kept.covering(project.parent) == ""


def test_a_neighbour_with_a_longer_name_is_not_covered(trust, project):
    trust.add_directory(project)
    neighbour = project.with_name("project-2")
    neighbour.mkdir()
    assert trust.covering(neighbour) == ""


def test_a_link_out_of_a_trusted_directory_is_not_covered(trust, project, tmp_path):
    (tmp_path / "hostile").mkdir()
    (project / "link").symlink_to(tmp_path / "hostile")
    trust.add_directory(project)
    assert trust.covering(project / "link") == ""


def test_packages_and_hidden_folders_are_not_looked_through(trust, project):
    for name in ("node_modules", ".git"):
        (project / name).mkdir()
        (project / name / "lok.toml").write_text("")
    assert trust.add_directory(project) == ([project / "lok.toml"], [])


def test_a_changed_file_does_not_count(trust, project):
    trust.add_directory(project)
    file = project / "lok.toml"
    file.write_text("[defaults]\ntimeout = 1001")
    assert not again(trust).counts(read_layer(file, found=True))
    assert again(trust).changed(os.path.realpath(file))


def test_a_file_that_has_gone_has_changed(trust, project):
    trust.add_file(project / "lok.toml")
    (project / "lok.toml").unlink()
    assert trust.changed(os.path.realpath(project / "lok.toml"))


def test_a_file_alone_does_not_stand_for_its_directory(trust, project):
    trust.add_file(project / "lok.toml")
    assert again(trust).counts(read_layer(project / "lok.toml", found=True))
    assert again(trust).covering(project) == ""


def test_revoking_takes_back_what_lies_below(trust, project, tmp_path):
    trust.add_directory(project)
    trust.add_directory(project / "inner")
    gone = again(trust).revoke(project)
    assert gone == sorted(
        os.path.realpath(path) for path in (project, project / "inner", project / "lok.toml")
    )
    assert again(trust).covering(project / "inner") == ""
    assert again(trust).revoke(tmp_path) == []


def test_a_file_that_is_a_link_out_of_the_directory_is_not_trusted(trust, project, tmp_path):
    (tmp_path / "other.toml").write_text("# other")
    link = project / "inner" / "lok.toml"
    link.symlink_to(tmp_path / "other.toml")
    assert trust.add_directory(project) == ([project / "lok.toml"], [link])
    assert not again(trust).counts(read_layer(link, found=True))
    assert trust.add_directory(project / "inner") == ([], [link])


def test_a_file_that_is_a_link_within_the_directory_is_trusted(trust, project):
    link = project / "inner" / "lok.toml"
    link.symlink_to(project / "lok.toml")
    assert trust.add_directory(project)[1] == []
    assert again(trust).counts(read_layer(link, found=True))


def test_revoking_takes_back_a_file_that_is_a_link(trust, project, tmp_path):
    (tmp_path / "other.toml").write_text("# other")
    link = project / "inner" / "lok.toml"
    link.symlink_to(tmp_path / "other.toml")
    trust.add_file(link)
    assert again(trust).revoke(project / "inner") == [os.path.realpath(tmp_path / "other.toml")]
    assert not again(trust).counts(read_layer(link, found=True))


def test_a_fifo_is_not_waited_for(trust, project):
    os.mkfifo(project / "inner" / "lok.toml")
    with pytest.raises(ConfigError, match="cannot be read: it is no regular file"):
        trust.add_directory(project)
    trust.add_file(project / "lok.toml")
    (project / "lok.toml").unlink()
    os.mkfifo(project / "lok.toml")
    assert trust.changed(os.path.realpath(project / "lok.toml"))


def test_only_the_user_can_read_it(trust, project):
    trust.add_directory(project)
    assert trust.file.stat().st_mode & 0o777 == 0o600
    assert trust.file.parent.stat().st_mode & 0o777 == 0o700
    assert os.listdir(trust.file.parent) == ["trust.json"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"files": [], "directories": []}', '{"files": {}}', "\x80"]
)
def test_a_damaged_state_is_told(trust, content):
    trust.file.parent.mkdir()
    trust.file.write_text(content, encoding="latin-1")
    with pytest.raises(UsageError, match="is damaged") as caught:
        again(trust)
    assert "remove it" in caught.value.hint


def test_a_state_that_cannot_be_read_is_told(trust):
    trust.file.mkdir(parents=True)
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        again(trust)


def test_a_state_folder_that_cannot_be_used_is_told(tmp_path, project):
    (tmp_path / "state").write_text("a file")
    with pytest.raises(UsageError, match=r"the state folder .* cannot be used") as caught:
        Trust.read(tmp_path / "state" / "trust.json").add_directory(project)
    assert "XDG_STATE_HOME" in caught.value.hint


def test_a_file_that_cannot_be_read_is_not_trusted(trust, tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        trust.add_file(tmp_path / "none")
    assert trust.files == {}


def test_paths_of_any_bytes_are_kept(trust, tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    trust.add_directory(folder)
    assert again(trust).covering(folder)
    assert json.loads(trust.file.read_text())["directories"]
