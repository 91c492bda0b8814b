"""Backends that are command lines, against real programs that a test scripts."""

import json
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from attrs import evolve
from cattrs import Converter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lok_core.command import CommandBackend, arguments
from lok_core.command_spec import CommandConfig, CommandSpec, ErrorPattern
from lok_core.command_table import CommandTable, TableBackend
from lok_core.engine import Engine, Limits
from lok_core.errors import BackendError
from lok_core.interfaces import Run
from lok_core.job import EngineJob
from lok_core.models import Finished, Profile, Request, Usage
from lok_core.outcome import Answer, Failure
from lok_core.panel import Panel
from lok_core.pick import Pick
from lok_core.process import open_children
from lok_core.programs import find_program
from lok_core.reading import Reading
from lok_core.sanitize import mask

CONVERTER = Converter(forbid_extra_keys=True)


def lines(*objects):
    return "".join(json.dumps(item) + "\n" for item in objects)


class Heard(Run):
    """A run that starts nothing and notes what it is told."""

    def __init__(self, folder=Path("/"), env=None):
        self.env, self.folder = env or {}, folder
        self.said, self.activities = [], []

    async def command(self, argv, **more):
        raise AssertionError("nothing is started")

    def progress(self, activity):
        self.activities.append(activity)

    def text(self, chunk):
        self.said.append(chunk)

    def mask(self, text):
        return text.replace("sk-secret-key", "***")


def read(spec, output, code=0, stderr=b"", size=None, request=None, reading=Reading, run=None):
    """The reply to an output that arrives in chunks of that size."""
    run = run or Heard()
    reader = reading(spec, request or Request("why?", Path("/")), run)
    output = output if isinstance(output, bytes) else output.encode()
    size = size or max(1, len(output))
    for begin in range(0, len(output), size):
        reader.feed(output[begin : begin + size])
    return reader.reply(Finished(code, b"", stderr))


def failed(*args, **more):
    with pytest.raises(BackendError) as caught:
        read(*args, **more)
    return caught.value


PEM = "-----BEGIN KEY-----\nMIIabcdefghCoRe1234\nMIIzzzzzzzCoRe5678\n-----END KEY-----\n"
BROKEN = {
    "cut at the end": f"{'x' * 134} {{key}}",
    "cut in lines": "{key}",
    "at the edge of what is searched": f"{{key}} {'y' * (64 * 1024 - 13)}\nError: 401 unauthorized",
    "at the edge, in the line that tells": f"a: {{key}} quota exceeded{' ' * (64 * 1024 - 28)}",
    "at the end of a long line": f"{' ' * 4090} {{key}}",
    "in colours": "\x1b[31m{start}\x1b[0m{rest}",
    "broken by blanks": f"no {'  '}{{key}}",
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("form", ["text", "json", "jsonl"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize(
    "key", ["sk-abcdefghCoRe12345678", "abcd  efgh CoRe  ijkl", PEM], ids=["key", "blanks", "PEM"]
)
def test_no_message_tells_a_piece_of_a_key(how, form, stream, key):
    run = Heard()
    run.mask = lambda text: mask(text, [key])
    said = BROKEN[how].format(key=key, start=key[:3], rest=key[3:])
    told = {"stderr": said.encode()} if stream == "stderr" else {}
    failure = failed(CommandSpec("tool", format=form), said if not told else "", 3, run=run, **told)
    assert not [piece for piece in ("efgh", "CoRe", "5678", "ijkl") if piece in failure.message]


JSONL = CommandSpec("tool", format="jsonl", answer=Pick("text", {"type": "answer"}))


class House:
    """One backend in an engine, a HOME, a directory that requests are about."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder / "home")}
        self.directory = folder / "work"
        self.state = folder / "state"
        self.events = []
        self.is_trusted = False
        for made in (Path(self.env["HOME"]), self.directory, self.state):
            made.mkdir()

    @asynccontextmanager
    async def job(self, backend, **limits):
        panel = Panel({backend.name: backend}, {**self.env, "PATH": os.environ["PATH"]})
        if self.is_trusted:
            panel.trust(self.directory)
        async with open_children() as children:
            engine = Engine(panel, [], children, self.state, Limits(attempts=1, **limits), self.events.append)
            yield EngineJob(engine, self.directory)

    async def ask(self, backend, prompt="why?", access="none", limits=(), **more):
        async with self.job(backend, **dict(limits)) as job:
            return await job.ask(Request(prompt, self.directory, backend=backend.name, access=access, **more))

    async def check(self, backend):
        async with self.job(backend) as job:
            found = []

            async def work(run):
                found.append(await backend.check(run))

            from lok_core.engine import Attempt

            request = Request("-", self.directory, backend=backend.name)
            await job.engine.perform(Attempt(job.engine, request, backend, 0, work))
            return found[0]


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def backend(spec=None, config=None, **fields):
    """An adapter with that spec, as a plugin would write it."""

    class Adapter(CommandBackend):
        kind = "tool"

    Adapter.spec = spec or CommandSpec("tool", **fields)
    return Adapter("tool", config or CommandConfig())


def table(name="mine", **table):
    """A backend made of a table of lok.toml."""
    return TableBackend(name, CONVERTER.structure(table, CommandTable))


def text_of(outcome):
    assert isinstance(outcome, Answer), outcome
    return outcome.reply.text


def failure_of(outcome):
    assert isinstance(outcome, Failure), outcome
    return outcome


# Arguments


async def test_a_prompt_arrives_on_standard_input_and_the_output_is_the_answer(house, fake_cli):
    cli = fake_cli("tool", stdout="because\n")
    assert text_of(await house.ask(backend(args=("run",)), "why? äöü")) == "because"
    assert (cli.calls[0]["argv"], cli.calls[0]["stdin"]) == (["run"], "why? äöü")


@pytest.mark.parametrize(
    ("config", "argv"),
    [
        ({}, ["run", "--json", "-c", "a=1", "-c", "b=2", "-s", "ro"]),
        ({"model": "m-1"}, ["run", "--json", "-c", "a=1", "-c", "b=2", "-m", "m-1", "-s", "ro"]),
        ({"args": ("go", "-x")}, ["go", "-x", "--json", "-c", "a=1", "-c", "b=2", "-s", "ro"]),
        ({"args": ("--json",)}, ["--json", "-c", "a=1", "-c", "b=2", "-s", "ro"]),
        ({"args": ("--json=x",)}, ["--json=x", "-c", "a=1", "-c", "b=2", "-s", "ro"]),
        ({"args": ("-c", "b=7")}, ["-c", "b=7", "--json", "-c", "a=1", "-s", "ro"]),
        (
            {"args": ("-m", "own"), "model": "m"},
            ["-m", "own", "--json", "-c", "a=1", "-c", "b=2", "-s", "ro"],
        ),
        ({"args": ("-s", "rw", "go")}, ["go", "--json", "-c", "a=1", "-c", "b=2", "-s", "ro"]),
        ({"args": ("-s=rw", "-srw")}, ["--json", "-c", "a=1", "-c", "b=2", "-s", "ro"]),
        ({"args": ("--full", "x")}, ["x", "--json", "-c", "a=1", "-c", "b=2", "-s", "ro"]),
        ({"args": ("--box", "b", "x")}, ["x", "--json", "-c", "a=1", "-c", "b=2", "-s", "ro"]),
        ({"args": ("--tools", "A", "B", "-x")}, ["-x", "--json", "-c", "a=1", "-c", "b=2", "-s", "ro"]),
        (
            {"args": (), "extra_args": ("--full", "--json", "-")},
            ["-c", "a=1", "-c", "b=2", "-s", "ro", "--json", "-"],
        ),
    ],
    ids=str,
)
async def test_the_users_arguments_are_kept_and_lok_adds_what_is_absent(house, fake_cli, config, argv):
    cli = fake_cli("tool", stdout="ok")
    spec = CommandSpec(
        "tool",
        args=("run",),
        flags=(("--json",), ("-c", "a=1"), ("-c", "b=2"), ("-m", "{model}")),
        access={"none": (("-s", "ro"),)},
        forbidden=("--full", "--box=", "--tools..."),
    )
    text_of(await house.ask(backend(spec, CommandConfig(**config))))
    assert cli.calls[0]["argv"] == argv


@pytest.mark.parametrize(
    ("words", "added"),
    [
        ([], ["--off=a", "--off=b", "--set=k=v", "-x"]),
        (["--off", "b"], ["--off=a", "--set=k=v", "-x"]),
        (["--off=bb"], ["--off=a", "--off=b", "--set=k=v", "-x"]),
        (["--set", "k=w"], ["--off=a", "--off=b", "-x"]),
        (["--set", "other=w"], ["--off=a", "--off=b", "--set=k=v", "-x"]),
        (["-xy", "--offset=1"], ["--off=a", "--off=b", "--set=k=v", "-x"]),
        (["-x", "1"], ["--off=a", "--off=b", "--set=k=v"]),
    ],
    ids=str,
)
def test_a_flag_in_one_word_is_known_in_two_as_well(words, added):
    spec = CommandSpec("tool", flags=(("--off=a",), ("--off=b",), ("--set=k=v",), ("-x",)))
    assert arguments(spec, words, (), None, False) == [*words, *added]


@pytest.mark.parametrize("words", [["--tools", "bash"], ["--tools=bash"], ["--tools=none"], []], ids=str)
def test_a_flag_for_access_in_one_word_replaces_the_users_in_one_or_two(words):
    spec = CommandSpec("tool", access={"none": (("--tools=none",), ("--set=k=v",))})
    assert arguments(spec, (), [*words, "--set=j=w", "x"], "none", False) == [
        *("--tools=none", "--set=k=v", "--set=j=w", "x")
    ]


@pytest.mark.parametrize(("access", "flag"), [("none", "-none"), ("read", "-read"), ("write", "-read")])
async def test_the_highest_level_up_to_the_one_asked_for_counts(house, fake_cli, access, flag):
    cli = fake_cli("tool", stdout="ok")
    text_of(await house.ask(backend(access={"none": (("-none",),), "read": (("-read",),)}), access=access))
    assert cli.calls[0]["argv"] == [flag]


async def test_a_program_that_always_may_more_than_was_asked_for_is_not_started(house, fake_cli):
    cli = fake_cli("tool", stdout="ok")
    failure = failure_of(await house.ask(backend(access={"write": (("-w",),)}), access="read"))
    assert (failure.kind, failure.message) == ("invalid", "tool cannot be held to access 'read'")
    assert cli.calls == []


@pytest.mark.parametrize(("access", "place"), [("none", "state"), ("read", "work"), ("write", "work")])
async def test_the_program_works_in_the_directory_only_if_it_may_see_it(house, fake_cli, access, place):
    cli = fake_cli("tool", stdout="ok")
    text_of(await house.ask(backend(), access=access))
    assert Path(cli.calls[0]["cwd"]).is_relative_to(house.folder / place)


async def test_a_program_that_is_held_to_the_prompt_alone_never_sees_the_directory(house, fake_cli):
    cli = fake_cli("tool", stdout="fine")
    await house.ask(table("tool", command="tool", access={"none": [["--no-tools"]]}), access="read")
    assert Path(cli.calls[0]["cwd"]).is_relative_to(house.state)


async def test_a_program_that_follows_the_directory_is_started_in_a_trusted_one_only(house, fake_cli):
    cli = fake_cli("tool", stdout="fine")
    follows = backend(needs_trust=True)
    failure = failure_of(await house.ask(follows, access="read"))
    assert failure.kind == "unavailable"
    assert failure.message == (
        f"tool follows whatever configuration lies in the directory, and {house.directory} is not trusted"
    )
    assert failure.hint.startswith(f"`lok trust {house.directory}` if you trust what lies there")
    async with house.job(follows) as job:  # a plan tells the same
        job.planned = {}
        assert (
            failure_of(await job.ask(Request("why?", house.directory, backend="tool", access="read"))).kind
            == "unavailable"
        )
    assert cli.calls == []
    text_of(await house.ask(follows, access="none"))
    house.is_trusted = True
    text_of(await house.ask(follows, access="read"))
    places = [Path(call["cwd"]) for call in cli.calls]
    assert [place == house.directory for place in places] == [False, True]
    assert (await house.check(follows)).message.endswith("asked in trusted directories only")


async def test_what_a_program_would_replace_in_a_prompt_is_escaped(house, fake_cli):
    cli = fake_cli("tool", stdout="ok")
    text_of(await house.ask(backend(escapes={"${": "$${nothing}{"}, prompt="\n{prompt}"), "a ${cwd} $x"))
    assert cli.calls[0]["stdin"] == "\na $${nothing}{cwd} $x"


async def test_the_requests_model_counts_more_than_the_configured_one(house, fake_cli):
    cli = fake_cli("tool", stdout="ok")
    text_of(await house.ask(backend(config=CommandConfig(model="a"), flags=(("-m", "{model}"),)), model="b"))
    assert cli.calls[0]["argv"] == ["-m", "b"]


async def test_an_argument_that_needs_a_model_says_so(house, fake_cli):
    fake_cli("tool", stdout="ok")
    failure = failure_of(await house.ask(backend(args=("-m", "{model}"))))
    assert (failure.kind, failure.message) == ("invalid", "it needs a model")
    assert "[backends.tool]" in failure.hint


async def test_placeholders_are_filled_in_once(house, fake_cli):
    cli = fake_cli("tool", stdout="ok")
    args = ("{work_dir}", "{timeout_s}", "{out_file}", "{folder}/x", "{unknown}", "--p={prompt}")
    text_of(
        await house.ask(backend(args=args, stdin="null"), "the {model} of {folder}", limits={"timeout_s": 25})
    )
    work_dir, timeout, out, inside, *rest = cli.calls[0]["argv"]
    assert work_dir == str(house.directory)
    assert timeout in ("24", "25")
    assert Path(out).parent == Path(inside).parent
    assert rest == ["{unknown}", "--p=the {model} of {folder}"]
    assert cli.calls[0]["stdin"] == ""


@pytest.mark.parametrize(
    ("args", "prompt", "argv"),
    [
        (("-p", "{prompt}"), "say", ["-p", "say"]),
        (("-p", "{prompt}"), "--version", ["-p", " --version"]),
        (("--", "{prompt}"), "--version", ["--", "--version"]),
        (("--p={prompt}",), "--version", ["--p=--version"]),
    ],
)
async def test_a_prompt_in_the_arguments_never_becomes_a_flag(house, fake_cli, args, prompt, argv):
    cli = fake_cli("tool", stdout="ok")
    text_of(await house.ask(backend(args=args, stdin="null"), prompt))
    assert cli.calls[0]["argv"] == argv


async def test_a_prompt_is_not_mixed_with_other_text_in_an_argument(house, fake_cli):
    fake_cli("tool", stdout="ok")
    failure = failure_of(await house.ask(backend(args=("do {prompt}",))))
    assert (failure.kind, failure.hint) == ("invalid", "write {prompt} or --flag={prompt}")


async def test_a_prompt_that_no_argument_can_hold_is_too_large(house, fake_cli):
    fake_cli("tool", stdout="ok")
    failure = failure_of(await house.ask(backend(args=("--p={prompt}",)), "x" * 100_001))
    assert failure.kind == "too_large"
    assert "100001 bytes" in failure.message
    assert "{prompt_file}" in failure.hint


# What the program finds


@pytest.mark.parametrize("way", ["pipe", "file"])
async def test_a_large_prompt_arrives_whole(house, fake_cli, way):
    cli = fake_cli("tool", stdout="ok")
    text_of(await house.ask(backend(stdin=way), "0123456789" * 30_000))
    assert cli.calls[0]["stdin"] == "0123456789" * 30_000


SHOWS_INPUT = f"""#!{sys.executable} -IS
import os, stat, sys
print(stat.S_ISREG(os.fstat(0).st_mode), stat.S_ISFIFO(os.fstat(0).st_mode), sys.argv[1:], sys.stdin.read())
"""


@pytest.mark.parametrize(
    ("way", "shown"),
    [
        ("pipe", "False True ['a b', '$(x)'] why?"),
        ("file", "True False ['a b', '$(x)'] why?"),
        ("null", "False True ['a b', '$(x)'] "),
    ],
)
async def test_standard_input_is_a_pipe_or_a_file(house, fake_cli, way, shown):
    fake_cli("tool").path.write_text(SHOWS_INPUT)
    outcome = await house.ask(backend(stdin=way, args=("a b", "$(x)")))
    assert text_of(outcome) == shown


SHOWS_FILES = f"""#!{sys.executable} -IS
import json, os, sys
files = {{}}
for name in sys.argv[1:]:
    files[os.path.basename(name)] = [open(name).read(), oct(os.stat(name).st_mode & 0o777)]
print(json.dumps({{"files": files, "env": dict(os.environ)}}))
"""


async def test_files_are_private_and_hold_the_prompt_and_variables(house, fake_cli):
    fake_cli("tool").path.write_text(SHOWS_FILES)
    mine = table(
        command="tool",
        args=["{folder}/agent.md", "{folder}/sub/keys.json", "{prompt_file}"],
        stdin="null",
        prompt="Now:\n{prompt}",
        files={"agent.md": "tools: []\n---\n{prompt}", "sub/keys.json": '{"key": "{env:MY_TOOL_KEY}"}'},
        env={"TOOL_HOME": "{folder}/x", "TOKEN": "{env:MY_TOOL_KEY}"},
    )
    house.env["MY_TOOL_KEY"] = "abc"
    shown = json.loads(text_of(await house.ask(mine)))
    assert shown["files"] == {
        "agent.md": ["tools: []\n---\nNow:\nwhy?", "0o600"],
        "keys.json": ['{"key": "abc"}', "0o600"],
        "lok-prompt.txt": ["Now:\nwhy?", "0o600"],
    }
    assert shown["env"]["TOKEN"] == "abc"
    assert shown["env"]["TOOL_HOME"].endswith("/x")


async def test_a_variable_that_a_file_needs_and_nobody_set_is_named(house, fake_cli):
    cli = fake_cli("tool", stdout="ok")
    failure = failure_of(await house.ask(table(command="tool", files={"a": "{env:MY_TOOL_KEY}"})))
    assert (failure.kind, failure.message) == ("auth", "MY_TOOL_KEY is not set")
    assert cli.calls == []


def left_in(folder):
    """What is left in a folder that should be empty."""
    return os.listdir(folder)


async def test_a_private_home_is_empty_and_gone_afterwards(house, fake_cli):
    cli = fake_cli("tool", stdout="ok")
    files = {"home/.tool/settings.json": "{}"}
    text_of(await house.ask(backend(home="private", files=files)))
    seen = cli.calls[0]["env"]
    home = Path(seen["HOME"])
    assert home.is_relative_to(house.state)
    assert seen["XDG_CONFIG_HOME"] == str(home / ".config")
    assert not left_in(house.state)


async def test_the_users_variables_count_more_than_the_adapters(house, fake_cli):
    cli = fake_cli("tool", stdout="ok")
    text_of(
        await house.ask(backend(CommandSpec("tool", env={"A": "1", "B": "2"}), CommandConfig(env={"B": "3"})))
    )
    assert (cli.calls[0]["env"]["A"], cli.calls[0]["env"]["B"]) == ("1", "3")


# Finding the program


async def test_a_program_that_is_not_there_is_unavailable_with_the_command_that_installs_it(house):
    mine = backend(CommandSpec("no-such-tool", install="npm install -g no-such-tool"))
    assert not mine.available(house.env)
    failure = failure_of(await house.ask(mine))
    assert (failure.kind, failure.hint) == ("unavailable", "`npm install -g no-such-tool` installs it")


def test_a_program_is_there_if_its_path_leads_to_one(house, fake_cli):
    path = fake_cli("tool").path
    assert backend().available({"PATH": str(path.parent)})
    assert not backend().available({"PATH": "."})
    assert backend(config=CommandConfig(command=str(path))).available({})
    assert backend(config=CommandConfig(command="~/bin/tool")).available({"HOME": str(house.folder)})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no-such-tool", "no-such-tool is not on the PATH"),
        ("/no/such/tool", "/no/such/tool does not exist"),
        ("bin/tool", "bin/tool is a relative path"),
        ("tool --fast", "there is no program 'tool --fast'"),
        ("plain", "{folder}/plain is not executable"),
        ("{folder}/plain", "{folder}/plain is not executable"),
    ],
)
def test_a_program_that_cannot_be_found_is_told_why(tmp_path, name, message):
    (tmp_path / "plain").touch(0o600)
    with pytest.raises(BackendError) as caught:
        find_program(name.format(folder=tmp_path), {"PATH": str(tmp_path)})
    assert (caught.value.kind, caught.value.message) == ("unavailable", message.format(folder=tmp_path))


@pytest.fixture
def npm(house):
    """lok's own npm folder, and what installs a package there."""
    folder = house.folder / "npm"
    house.env["LOK_NPM_FOLDER"] = str(folder)

    def install(package, bin, *programs):
        home = folder / "node_modules" / package
        home.mkdir(parents=True)
        (home / "package.json").write_text(json.dumps({"name": package, "bin": bin}))
        (folder / "node_modules" / ".bin").mkdir(exist_ok=True)
        for program in programs:
            path = folder / "node_modules" / ".bin" / program
            path.write_text(f"#!{sys.executable} -IS\nimport sys; print({program!r}, *sys.argv[1:])\n")
            path.chmod(0o755)

    return install


PLANTED = "#!/bin/sh\necho planted\n"


def npx(*args):
    return backend(CommandSpec("tool", args=("run",)), CommandConfig(command="npx", args=args))


async def test_npx_itself_is_never_started(house, npm, fake_cli):
    called = fake_cli("npx", stdout="npx ran")
    npm("@x/tool-cli", {"tool": "t.js"}, "tool")
    for folder in (house.directory / "node_modules/.bin", house.directory / "node_modules/@x/tool-cli"):
        folder.mkdir(parents=True)
        (folder / "tool").write_text(PLANTED)
        (folder / "tool").chmod(0o755)
    assert text_of(await house.ask(npx("@x/tool-cli"), access="read")) == "tool run"
    assert called.calls == []


@pytest.mark.parametrize(
    ("bins", "args", "said"),
    [
        ({"tool": "a", "other": "b"}, ["@x/pkg"], "tool run"),
        ({"pkg": "a", "other": "b"}, ["-y", "@x/pkg@1.2"], "pkg run"),
        ({"other": "b"}, ["--yes", "@x/pkg@latest", "go", "-y"], "other go -y"),
        ("cli.js", ["@x/pkg"], "pkg run"),
        ({"tool": "a", "other": "b"}, ["-p", "@x/pkg", "other", "-z"], "other -z"),
        ({"tool": "a", "other": "b"}, ["--package=@x/pkg", "other"], "other run"),
    ],
    ids=str,
)
async def test_the_packages_metadata_names_its_program(house, npm, bins, args, said):
    npm("@x/pkg", bins, "tool", "pkg", "other")
    assert text_of(await house.ask(npx(*args))) == said


async def test_the_program_of_a_package_is_taken_from_the_path_first(house, npm, fake_cli):
    npm("@x/tool-cli", {"tool": "t.js"}, "tool")
    fake_cli("tool", stdout="the user's own")
    assert text_of(await house.ask(npx("@x/tool-cli"))) == "the user's own"


async def test_a_package_that_is_not_installed_is_unavailable_with_the_command_that_does(house, npm):
    mine = npx("-y", "@x/no-such@2")
    assert not mine.available(house.env)
    failure = failure_of(await house.ask(evolved(mine, "no-such")))
    assert failure.kind == "unavailable"
    assert failure.hint == f"`npm install --prefix {house.folder}/npm @x/no-such@2` installs it"


def evolved(mine, command):
    mine.spec = evolve(mine.spec, command=command)
    return mine


@pytest.mark.parametrize("args", [(), ("-y",), ("../evil",), ("github:x/y",), ("./x",), ("..",)], ids=str)
def test_what_is_no_package_is_not_looked_for(house, npm, args):
    with pytest.raises(BackendError, match="names no npm package"):
        npx(*args).program(house.env)


def test_a_table_may_say_npx_as_well(house, npm):
    npm("@x/pkg", {"pi": "a"}, "pi")
    mine = table(command="npx", args=["-y", "@x/pkg", "--mode", "text"])
    assert mine.program(house.env).endswith("/node_modules/.bin/pi")


@pytest.mark.parametrize("content", ["[]", "{}", "nope", '{"bin": 7}', '{"bin": {"../../x": "y"}}'])
def test_metadata_that_tells_nothing_leaves_the_adapters_name(house, npm, fake_cli, content):
    npm("tool-cli", {})
    (house.folder / "npm/node_modules/tool-cli/package.json").write_text(content)
    tool = fake_cli("tool").path
    assert npx("tool-cli").program({**house.env, "PATH": str(tool.parent)}) == str(tool)


# Reading


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.one_of(
            st.builds(
                lambda text: json.dumps({"type": "answer", "text": text}, ensure_ascii=False), st.text()
            ),
            st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"])),
        )
    ),
    st.data(),
)
def test_lines_may_arrive_in_any_pieces(texts, data):
    output = "\n".join(texts).encode()
    spec = evolve(JSONL, answer=Pick("text", {"type": "answer"}, "join"))

    def taken(cuts):
        reading = Reading(spec, Request("why?", Path("/")), Heard())
        for begin, end in zip([0, *cuts], [*cuts, len(output)], strict=True):
            reading.feed(output[begin:end])
        reading.end()
        return reading.parts

    cuts = sorted(data.draw(st.lists(st.integers(0, len(output)))))
    assert taken(cuts) == taken([])


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_character_may_be_cut_in_two(size):
    assert read(CommandSpec("tool"), "Zoë 🦊\n", size=size).text == "Zoë 🦊"
    assert read(JSONL, '{"type": "answer", "text": "Zoë 🦊"}', size=size).text == "Zoë 🦊"


@pytest.mark.slow
def test_a_line_of_fifty_megabytes_is_read():
    text = "x" * 50_000_000
    assert read(JSONL, lines({"type": "answer", "text": text}), size=65536).text == text


def test_output_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("lok_core.reading._MAX_BYTES", 2**20)
    reading = Reading(JSONL, Request("why?", Path("/")), Heard())
    for _ in range(16):
        reading.feed(b"x" * 65536)
    with pytest.raises(BackendError, match="more than 1 MiB"):
        reading.feed(b"x")


@pytest.mark.parametrize("noise", ["Loading...", "[1, 2]", "{broken", "[" * 20_000, "7", "\x00\xff"])
def test_lines_that_are_no_objects_are_passed_over(noise):
    assert read(JSONL, f"{noise}\n" + lines({"type": "answer", "text": "ok"})).text == "ok"


@pytest.mark.parametrize(
    "output",
    [
        '{"type": "answer", "text": "ok"}',
        '[{"type": "start"},\n {"type": "answer",\n "text": "ok"}]\n',
        'banner\n[info] starting\n[1]\n{\n  "type": "answer",\n  "text": "ok"\n}\nbye\n',
        '\ufeff{"type": "answer", "text": "ok"}',
        '{"type": "log"}\n{"type": "answer", "text": "ok"}\n',
    ],
)
def test_json_is_found_between_banners_and_in_arrays(output):
    assert read(evolve(JSONL, format="json"), output, size=5).text == "ok"


def test_of_several_answers_the_last_counts_even_if_it_is_blank():
    spoken = [{"type": "answer", "text": "let me look"}, {"type": "answer", "text": " "}]
    assert failed(JSONL, lines(*spoken)).kind == "empty"
    assert read(JSONL, lines(*reversed(spoken))).text == "let me look"


def test_answers_in_pieces_are_joined_and_told_as_they_come():
    run = Heard()
    spec = evolve(JSONL, answer=Pick("text", {"type": "answer"}, "join"))
    output = lines(*({"type": "answer", "text": text} for text in ("be", "cause")))
    assert read(spec, output, run=run).text == "because"
    assert run.said == ["be", "cause"]


def test_what_the_program_does_is_shown():
    run = Heard()
    doing = [{"type": "start"}, {"type": "tool"}, {"type": "tool"}, {"type": "answer", "text": "ok"}]
    read(JSONL, lines(*doing), run=run)
    assert run.activities == ["start", "tool"]


def test_text_is_told_as_it_comes_without_its_first_lines():
    run = Heard()
    spec = CommandSpec("tool", skip_lines=2)
    assert read(spec, "Loaded.\nReady.\nbecause\nof this\n", size=3, run=run).text == "because\nof this"
    assert "".join(run.said) == "because\nof this\n"


async def test_lines_are_skipped_as_configured_in_text_only(house, fake_cli):
    fake_cli("tool", stdout="Loaded cached credentials.\nbecause\n")
    config = CommandConfig(skip_lines=1)
    assert text_of(await house.ask(backend(config=config))) == "because"
    fake_cli("tool", stdout=lines({"type": "answer", "text": "one\ntwo"}))
    assert text_of(await house.ask(backend(JSONL, config))) == "one\ntwo"


def test_the_answer_may_be_a_part_of_the_text():
    spec = CommandSpec("tool", regex=r"(?s)Ready\n(.*?)\n+Tokens:")
    assert read(spec, "v1\nReady\nbecause\nof this\n\nTokens: 12 sent\n").text == "because\nof this"
    assert failed(spec, "v1\nlitellm.AuthenticationError: no\n").kind == "auth"


def test_session_model_and_usage_are_picked():
    spec = evolve(
        JSONL,
        session=Pick("id"),
        model=Pick("model"),
        usage={
            "input": Pick("tokens.in", pick="sum"),
            "output": Pick("tokens.out", pick="sum"),
            "cost": Pick("cost"),
        },
    )
    told = [
        {"type": "start", "id": "s-1", "model": "m-1"},
        {"type": "step", "tokens": {"in": 10, "out": 1}, "cost": 0.5},
        {"type": "step", "tokens": {"in": 20, "out": 2}, "cost": 0.75},
        {"type": "answer", "text": "ok"},
    ]
    reply = read(spec, lines(*told))
    assert (reply.session, reply.model) == ("s-1", "m-1")
    assert reply.usage == Usage(30, 3, None, 0.75)


def test_usage_that_nobody_tells_is_unknown():
    spec = evolve(JSONL, usage={"input": Pick("tokens.in")})
    assert read(spec, lines({"type": "answer", "text": "ok"})).usage == Usage()


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ("Tokens: 1,112 sent, 8 received. Cost: $0.02", Usage(1112, 8, None, 0.02)),
        ("Tokens: 75k sent, 8 received. Cost: $0.02", Usage(None, 8, None, 0.02)),
        ("nothing", Usage()),
    ],
)
def test_usage_may_be_found_in_text_but_rounded_numbers_are_unknown(said, usage):
    regex = r"Tokens: (?P<input>\S+) sent, (?P<output>\S+) received. Cost: (?P<cost>\S+)"
    assert read(CommandSpec("tool", usage_regex=regex), f"ok\n{said}\n").usage == usage
    assert read(CommandSpec("tool", usage_regex=regex), "ok\n", stderr=said.encode()).usage == usage


WRITES_USAGE = f"""#!{sys.executable} -IS
import sys
open(sys.argv[1], "w").write('{{"models": {{"a": {{"in": 3}}, "b": {{"in": 4}}}}, "cost": 0.5}}')
print("ok")
"""


async def test_usage_may_be_in_a_file(house, fake_cli):
    fake_cli("tool").path.write_text(WRITES_USAGE)
    usage = {"input": Pick("models.*.in", pick="sum"), "cost": Pick("cost")}
    mine = backend(args=("{out_file}",), usage_file="{out_file}", usage=usage)
    outcome = await house.ask(mine)
    assert text_of(outcome) == "ok"
    assert outcome.reply.usage == Usage(7, None, None, 0.5)
    fake_cli("tool", stdout="ok")
    outcome = await house.ask(mine)
    assert outcome.reply.usage == Usage()


# Verdicts


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("insufficient_quota: 429", "quota"),
        ("Error code: 401 - Incorrect API key", "auth"),
        ("429 Too Many Requests", "rate_limit"),
        ("503 The model is overloaded", "overloaded"),
        ("connect ECONNREFUSED 127.0.0.1:9", "network"),
        ("Connection refused", "network"),
        ("run timed out after 5s", "timeout"),
        ("404 model x not found", "invalid"),
        ("blocked by the content filter", "refused"),
        ("Segmentation fault", "crashed"),
    ],
)
def test_a_bad_exit_is_explained_by_what_was_said(said, kind):
    error = failed(CommandSpec("tool"), "", code=1, stderr=f"Starting\n{said}\n".encode())
    assert (error.kind, said in error.message) == (kind, True)
    assert not error.message.startswith("tool: ")  # whoever shows it says whose it is
    assert error.hint


def test_a_bad_exit_without_a_word_tells_its_code_or_signal():
    assert failed(CommandSpec("tool"), "", code=3).message == "exit code 3"
    assert failed(CommandSpec("tool"), "", code=-9).message == "ended by SIGKILL"


def test_an_exit_code_may_be_allowed():
    assert read(CommandSpec("tool", ok_exit=(0, 2)), "ok", code=2).text == "ok"


def test_a_good_end_of_the_stream_counts_more_than_the_exit_code():
    class Done(Reading):
        def event(self, event):
            super().event(event)
            self.done = event.get("type") == "end"

    output = lines({"type": "answer", "text": "ok"}, {"type": "end"})
    assert read(JSONL, output, code=1, reading=Done).text == "ok"
    assert failed(JSONL, output, code=1).kind == "crashed"


def test_an_answer_may_speak_of_errors():
    output = lines({"type": "answer", "text": "a 401, insufficient_quota, rate limit"})
    assert "401" in read(JSONL, output, stderr=b"retry after 429\n").text


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [(b"", "empty"), (b"Reading keys\n", "empty"), (b"Error: Invalid API key\n", "auth")],
)
def test_a_blank_answer_is_none(stderr, kind):
    assert failed(CommandSpec("tool"), " \n", stderr=stderr).kind == kind
    assert failed(JSONL, "", stderr=stderr).kind == kind


PI = evolve(
    JSONL,
    answer=Pick("message.content[type=text].text", {"type": "turn_end"}),
    fail_when=({"type": "turn_end", "message.stopReason": ["error", "aborted"]},),
    truncated_when=({"type": "turn_end", "message.stopReason": "length"},),
)


def turn(text, reason="stop", **more):
    content = [{"type": "text", "text": text}] if text else []
    return {"type": "turn_end", "message": {"content": content, "stopReason": reason, **more}}


def test_a_failure_that_the_output_tells_counts_whatever_the_exit_code():
    error = failed(PI, lines(turn("", "error", errorMessage="401: Incorrect API key provided")))
    assert (error.kind, error.message) == ("auth", "401: Incorrect API key provided")


def test_a_failure_that_an_answer_follows_was_got_over():
    assert read(PI, lines(turn("", "error", errorMessage="429"), turn("ok"))).text == "ok"
    assert failed(PI, lines(turn("ok"), turn("", "error", errorMessage="429"))).kind == "rate_limit"


def test_an_error_in_the_answers_place_is_no_answer():
    spec = evolve(
        JSONL,
        answer=Pick("text", {"type": "result"}),
        fail_when=({"type": "result", "finish": {"not": "completed"}},),
    )
    said = {"type": "result", "finish": "error", "text": "Incorrect API key provided"}
    assert failed(spec, lines(said)).kind == "auth"


def test_a_status_tells_the_kind_and_the_words_make_the_message():
    spec = evolve(JSONL, fail_when=({"type": "error"},))
    error = failed(spec, lines({"type": "error", "error": {"statusCode": 429, "message": "Slow\n  down"}}))
    assert (error.kind, error.message) == ("rate_limit", "Slow down")


def test_an_unexplained_failure_is_a_crash():
    spec = evolve(JSONL, fail_when=({"type": "error"},))
    assert failed(spec, lines({"type": "error", "what": "it broke"})).kind == "crashed"
    assert failed(spec, lines({"type": "error"})).message == "error"


def test_the_prompt_in_the_output_explains_nothing():
    echoed = lines({"role": "user", "content": "why insufficient_quota?"})
    assert failed(JSONL, echoed, code=1).kind == "crashed"
    told = lines({"type": "error", "message": "insufficient_quota"})
    assert failed(JSONL, echoed + told, code=1).kind == "quota"


def test_an_answer_that_was_cut_off_is_kept_as_partial():
    run = Heard()
    error = failed(PI, lines(turn("the first", "length")), run=run)
    assert (error.kind, "".join(run.said)) == ("truncated", "the first")
    assert read(PI, lines(turn("the first", "length"), turn("whole"))).text == "whole"


def test_an_answer_is_kept_when_an_adapter_had_not_told_it():
    class Quiet(Reading):
        def event(self, event):
            self.parts = [event["text"]]
            self.truncated = True

    run = Heard()
    assert failed(JSONL, lines({"text": "half of"}), reading=Quiet, run=run).kind == "truncated"
    assert run.said == ["half of"]


async def test_a_deadline_keeps_what_the_program_said(house, fake_cli):
    fake_cli("tool", stdout="half of it", hangs=True)
    failure = failure_of(await house.ask(backend(), limits={"timeout_s": 1}))
    assert (failure.kind, failure.partial) == ("timeout", "half of it")


async def test_one_that_is_interrupted_just_before_its_program_starts_is_cancelled(house, fake_cli):
    fake_cli("tool", stdout="an answer")

    class Adapter(CommandBackend):
        kind = "tool"
        spec = CommandSpec("tool")

        def spec_for(self, request, run):
            job.interrupt("ended by Ctrl-C")
            return self.spec

    async with house.job(Adapter("tool", CommandConfig())) as job:
        outcome = await job.ask(Request("why?", house.directory, backend="tool"))
    assert failure_of(outcome).kind == "cancelled"


def test_own_patterns_come_before_the_common_ones():
    errors = (
        ErrorPattern("Stopped: length", "truncated", "stderr", 3, "ask for less"),
        ErrorPattern("401", "quota", exit=4),
        ErrorPattern("401", "network", stream="stdout"),
    )
    spec = CommandSpec("tool", errors=errors)
    error = failed(spec, "half", code=3, stderr=b"Stopped: length\n")
    assert (error.kind, error.hint) == ("truncated", "ask for less")
    assert failed(spec, "", code=3, stderr=b"401\n").kind == "auth"
    assert failed(spec, "", code=4, stderr=b"401\n").kind == "quota"
    assert failed(spec, "401\n", code=1).kind == "network"


def test_messages_are_one_short_masked_line():
    said = f"Error 401 of sk-secret-key \x1b[31m{'x' * 500}\n".encode()
    message = failed(CommandSpec("/opt/bin/tool"), "", code=1, stderr=said).message
    assert message.startswith("Error 401 of *** xxx")
    assert (len(message), message[-1]) == (300, "…")


class Telling(Reading):
    def event(self, event):
        self.fail(event["message"], event.get("kind"), event.get("hint", ""))


def test_adapters_tell_failures_with_or_without_their_kind():
    error = failed(JSONL, lines({"message": "got a 429"}), reading=Telling)
    assert (error.kind, error.message) == ("rate_limit", "got a 429")
    told = {"message": "no", "kind": "refused", "hint": "be kind"}
    error = failed(JSONL, lines(told), reading=Telling)
    assert (error.kind, error.hint) == ("refused", "be kind")


def test_adapters_may_use_any_names_of_their_own():
    class Own(Reading):
        def __init__(self, *args):
            super().__init__(*args)
            self._said = self._ended = self._pending = self._noise = self._line = self._raise = 7

    assert read(JSONL, lines({"type": "answer", "text": "ok"}), reading=Own).text == "ok"


# Structured output

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"n": {"type": "integer", "default": 3}, "items": {"type": "array"}},
    "required": ["items"],
}
WITH_SCHEMA = Request("why?", Path("/"), output_schema=SCHEMA)


def test_an_answer_that_satisfies_the_schema_becomes_data():
    reply = read(CommandSpec("tool"), '{"items": []}\n', request=WITH_SCHEMA)
    assert (reply.data, reply.text) == ({"items": []}, '{"items": []}')


@pytest.mark.parametrize("text", ["[]", "prose", "{broken", '{"items": 7}', "{}"])
def test_an_answer_that_does_not_stays_text(text):
    reply = read(CommandSpec("tool"), text, request=WITH_SCHEMA)
    assert (reply.data, reply.text) == (None, text)


def test_data_that_the_program_gives_apart_is_checked_as_well():
    spec = evolve(JSONL, data=Pick("data"))
    reply = read(spec, lines({"data": {"items": [1]}}), request=WITH_SCHEMA)
    assert (reply.data, reply.text) == ({"items": [1]}, '{"items": [1]}')
    reply = read(spec, lines({"data": {"items": 1}}), request=WITH_SCHEMA)
    assert (reply.data, reply.text) == (None, '{"items": 1}')
    assert "items must be array" in reply.notes[0]


def test_without_a_schema_an_object_is_text():
    assert read(CommandSpec("tool"), '{"items": []}').data is None


def test_a_schema_that_is_none_does_not_cost_the_answer():
    request = Request("why?", Path("/"), output_schema={"type": "no-such"})
    reply = read(CommandSpec("tool"), "{}", request=request)
    assert (reply.text, reply.data) == ("{}", None)


# Checking


@pytest.mark.parametrize(
    ("said", "version", "good"),
    [
        ("tool 1.2.3 (abc)", "1.2.3", True),
        ("v1.20.0", "1.20.0", False),
        ("2.0.0-beta.1", "2.0.0-beta.1", True),
    ],
)
async def test_a_check_tells_path_and_version(house, fake_cli, said, version, good):
    cli = fake_cli("tool", stdout=f"{said}\n")
    health = await house.check(backend(known_good=("1.2", "2.0.0")))
    assert (health.ready, health.program) == (True, str(cli.path))
    assert (health.version, health.known_good) == (version, good)
    assert cli.calls[0]["argv"] == ["--version"]


async def test_a_check_knows_nothing_of_versions_that_nobody_tested(house, fake_cli):
    fake_cli("tool", stdout="tool 1.2\n")
    assert (await house.check(backend())).known_good is None
    fake_cli("tool", stderr="unknown option\n", code=2)
    health = await house.check(backend())
    assert (health.ready, health.version, health.known_good) == (True, None, None)


@pytest.mark.parametrize(("code", "known_good"), [(127, ()), (126, ()), (1, ("1",))])
async def test_a_program_that_cannot_be_started_is_not_ready(house, fake_cli, code, known_good):
    cli = fake_cli("tool", stderr="Trace:\nnode: not found\n", code=code)
    health = await house.check(backend(known_good=known_good, install="pip install it"))
    assert (health.ready, health.program) == (False, str(cli.path))
    assert health.message == f"exit code {code} on --version: node: not found"
    assert health.hint == "`pip install it` installs it anew"


async def test_a_check_does_not_wait_for_ever(house, fake_cli, monkeypatch):
    monkeypatch.setattr("lok_core.command._VERSION_S", 0.5)
    fake_cli("tool", hangs=True)
    health = await house.check(backend())
    assert (health.ready, health.message) == (False, "did not tell its version within 0.5 s")
    assert "--version` hangs" in health.hint


async def test_a_check_tells_what_is_missing(house, fake_cli):
    health = await house.check(backend(CommandSpec("no-such-tool", install="pip install it")))
    assert (health.ready, health.hint) == (False, "`pip install it` installs it")
    fake_cli("tool", stdout="1.2")
    health = await house.check(table(command="tool", files={"a": "{env:MY_TOOL_KEY}"}))
    assert (health.ready, health.message) == (False, "MY_TOOL_KEY is not set")


# Tables


def test_a_table_makes_a_backend_with_its_profile():
    mine = table(
        command="tool",
        format="jsonl",
        answer={"path": "text"},
        access={"none": [["--no-tools"]], "read": [["--tools", "read"]]},
        files={"a": "{env:B_KEY}"},
        env={"X": "{env:A_KEY}"},
        secrets=["C_KEY"],
    )
    assert mine.profile == Profile(
        secrets=("A_KEY", "B_KEY", "C_KEY"),
        access=("none", "read"),
        streams_progress=True,
        heeds=mine.profile.heeds,
    )
    assert mine.profile.heeds  # lok knows no flag with which it would follow nothing of the directory
    assert not table(command="tool", access={"none": [["--no-tools"]]}).profile.heeds
    assert table(command="tool", heeds=["one thing"]).profile.heeds == ("one thing",)
    assert not table(command="tool", access={"read": []}, needs_trust=True).profile.heeds
    assert TableBackend.needs_config
    assert not CommandBackend.needs_config


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"answer": {"path": "a..b"}}, "is no path"),
        ({"answer": {"path": "a", "where": {"b": {"is": 1}}}}, "exists, empty and not"),
        ({"usage": {"input": {"path": ""}}}, "is no path"),
        ({"fail_when": [{"a..b": 1}]}, "is no path"),
        ({"regex": "("}, "is no regular expression"),
        ({"errors": [{"match": "(", "kind": "auth"}]}, "is no regular expression"),
        ({"files": {"../x": ""}}, "does not lie in the private folder"),
        ({"files": {"/x": ""}}, "does not lie in the private folder"),
        ({"format": "json"}, "answer is missing"),
        ({"prompt": "hello"}, "has no {prompt} in it"),
    ],
    ids=str,
)
def test_a_table_with_a_mistake_is_refused(wrong, message):
    defaults = CommandTable(command="tool")
    with pytest.raises(ExceptionGroup) as raised:
        evolve(defaults, **{name: structured(name, value) for name, value in wrong.items()})
    (problem,) = raised.value.exceptions
    assert message in str(problem)


def structured(name, value):
    if name in ("answer",):
        return CONVERTER.structure(value, Pick)
    if name == "usage":
        return {key: CONVERTER.structure(pick, Pick) for key, pick in value.items()}
    if name == "errors":
        return tuple(CONVERTER.structure(pattern, ErrorPattern) for pattern in value)
    return tuple(value) if isinstance(value, list) else value


LLM = {
    "command": "llm",
    "args": ["--json", "-n"],
    "flags": [["-m", "{model}"]],
    "model": "fm",
    "format": "json",
    "answer": {"path": "response"},
    "model_pick": {"path": "model"},
    "session": {"path": "id"},
    "usage": {"input": {"path": "input_tokens"}, "output": {"path": "output_tokens"}},
    "truncated_when": [{"response_json.choices.0.finish_reason": "length"}],
    "fail_when": [{"response_json.choices.0.finish_reason": "content_filter"}],
    "errors": [{"match": "content_filter", "kind": "refused"}],
    "secrets": ["OPENAI_API_KEY"],
    "install": "pip install llm",
}


def llm_output(text, reason="stop"):
    told = {
        "id": "01m8",
        "model": "fm",
        "response": text,
        "input_tokens": 19,
        "output_tokens": 8,
        "response_json": {"choices": [{"finish_reason": reason}]},
    }
    return json.dumps([told], indent=2)


async def test_llm_as_a_table(house, fake_cli):
    cli = fake_cli("llm", stdout=llm_output("because"), stderr="Token usage: 19 input, 8 output\n")
    outcome = await house.ask(table("llm", **LLM), access="read")
    assert text_of(outcome) == "because"
    assert (outcome.reply.usage, outcome.reply.session, outcome.reply.model) == (Usage(19, 8), "01m8", "fm")
    assert (cli.calls[0]["argv"], cli.calls[0]["stdin"]) == (["--json", "-n", "-m", "fm"], "why?")


@pytest.mark.parametrize(
    ("cli", "kind"),
    [
        ({"stdout": llm_output("")}, "empty"),
        ({"stdout": llm_output("half", "length")}, "truncated"),
        ({"stdout": llm_output("", "content_filter")}, "refused"),
        ({"stderr": "Error: Error code: 401 - Incorrect API key provided\n", "code": 1}, "auth"),
        ({"stderr": "Error: Connection error.\n", "code": 1}, "network"),
    ],
    ids=str,
)
async def test_failures_of_llm(house, fake_cli, cli, kind):
    fake_cli("llm", **cli)
    assert failure_of(await house.ask(table("llm", **LLM))).kind == kind


PI_TABLE = {
    "command": "pi",
    "args": ["--mode", "json", "--no-session"],
    "flags": [["--model", "{model}"]],
    "access": {"none": [["--no-tools"]], "read": [["--tools", "read,grep,find,ls"]]},
    "format": "jsonl",
    "answer": {"path": "message.content[type=text].text", "where": {"type": "turn_end"}},
    "model_pick": {"path": "message.model", "where": {"type": "turn_end"}},
    "usage": {
        "input": {"path": "message.usage.input", "where": {"type": "turn_end"}, "pick": "sum"},
        "output": {"path": "message.usage.output", "where": {"type": "turn_end"}, "pick": "sum"},
        "cost": {"path": "message.usage.cost.total", "where": {"type": "turn_end"}, "pick": "sum"},
    },
    "fail_when": [{"type": "turn_end", "message.stopReason": ["error", "aborted"]}],
    "truncated_when": [{"type": "turn_end", "message.stopReason": "length"}],
    "secrets": ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"],
}


def pi_turn(text, reason="stop", **more):
    usage = {"input": 1231, "output": 8, "cost": {"total": 0.25}}
    return turn(text, reason, model="fm", usage=usage, **more)


async def test_pi_as_a_table(house, fake_cli):
    said = [{"type": "message", "role": "user", "text": "429?"}, pi_turn("looking"), pi_turn("because")]
    cli = fake_cli("pi", stdout=lines(*said, {"type": "agent_settled"}))
    outcome = await house.ask(table("pi", **PI_TABLE), access="read")
    assert text_of(outcome) == "because"
    assert outcome.reply.usage == Usage(2462, 16, None, 0.5)
    assert cli.calls[0]["argv"] == ["--mode", "json", "--no-session", "--tools", "read,grep,find,ls"]


async def test_failures_of_pi_that_exits_with_0(house, fake_cli):
    fake_cli("pi", stdout=lines(pi_turn("", "error", errorMessage='401: {"message":"Incorrect API key"}')))
    failure = failure_of(await house.ask(table("pi", **PI_TABLE)))
    assert (failure.kind, failure.message) == ("auth", '401: {"message":"Incorrect API key"}')
    fake_cli("pi", stdout=lines(pi_turn("")))
    assert failure_of(await house.ask(table("pi", **PI_TABLE))).kind == "empty"


KIMI = {
    "command": "kimi",
    "stdin": "null",
    "files": {"agent.md": "---\nname: ro\ntools: [Read, Grep, Glob]\n---\n{prompt}"},
    "args": [
        "--agent-file",
        "{folder}/agent.md",
        "--output-format",
        "stream-json",
        "--prompt=Answer the request in your system prompt",
    ],
    "env": {"KIMI_MODEL_API_KEY": "{env:KIMI_MODEL_API_KEY}", "KIMI_CODE_NO_AUTO_UPDATE": "1"},
    "home": "private",
    "format": "jsonl",
    "answer": {"path": "content", "where": {"role": "assistant"}},
    "errors": [{"match": r"provider\.api_error: 429 .*quota", "kind": "quota", "stream": "stderr"}],
}


async def test_kimi_as_a_table(house, fake_cli):
    said = [
        {"role": "meta", "type": "system.version", "version": "2.1.0"},
        {"role": "assistant", "tool_calls": [{}]},
        {"role": "tool", "content": "rate limit"},
        {"role": "assistant", "content": "because"},
        {"role": "meta", "type": "session.resume_hint"},
    ]
    cli = fake_cli("kimi", stdout=lines(*said))
    house.env["KIMI_MODEL_API_KEY"] = "sk-fake"
    outcome = await house.ask(table("kimi", **KIMI), "why? " * 60_000, access="read")
    assert text_of(outcome) == "because"
    assert outcome.reply.usage == Usage()
    assert cli.calls[0]["env"]["KIMI_MODEL_API_KEY"] == "sk-fake"
    fake_cli("kimi", stdout=lines(said[0]), stderr="provider.api_error: 429 over the quota\n", code=1)
    assert failure_of(await house.ask(table("kimi", **KIMI))).kind == "quota"


@pytest.mark.parametrize(
    "said",
    [
        "You exceeded your current quota, please check your plan and billing details.\n",
        "Error: You've exhausted your daily quota.",
        "429 RESOURCE_EXHAUSTED: Quota exceeded for metric requests",
        "[API Error: insufficient_quota]",
    ],
)
def test_a_quota_message_in_place_of_an_answer_is_no_answer(said):
    run = Heard()
    with pytest.raises(BackendError) as error:
        read(CommandSpec("x"), said, run=run)
    assert (error.value.kind, error.value.message) == ("quota", said.strip())
    assert "".join(run.said) == said


@pytest.mark.parametrize(
    "said",
    [
        "It raises BillingError when the API says 'Quota exceeded'.",
        "You exceeded your current quota\nis what the provider says when there is no credit left.",
        f"Quota exceeded: {'it means a lot. ' * 30}",
    ],
)
def test_an_answer_that_speaks_of_quota_is_an_answer(said):
    assert read(CommandSpec("x"), said).text == said


def test_an_output_without_an_answer_is_told():
    spec = CommandSpec("x", format="jsonl", answer=Pick("said"))
    with pytest.raises(BackendError) as error:
        read(spec, 'warming up\n{"said": "all the')
    assert error.value.kind == "empty"
    assert error.value.message == 'it ended well but gave no answer: {"said": "all the'


OWN_WORDS = (ErrorPattern("(?i)plan is over", "quota", hint="buy more"),)


@pytest.mark.parametrize("said", ["Plan is over until May.", "Error: plan is over", "Sorry\nPlan is over\n"])
def test_a_pattern_of_the_spec_that_begins_a_short_output_makes_it_a_failure(said):
    error = failed(CommandSpec("tool", errors=OWN_WORDS), said)
    assert (error.kind, error.hint) == ("quota", "buy more")


@pytest.mark.parametrize("said", ["It asks whether the plan is over.", "a\nb\nPlan is over."])
def test_an_answer_that_speaks_of_a_pattern_of_the_spec_is_an_answer(said):
    assert read(CommandSpec("tool", errors=OWN_WORDS), said).text == said


def test_an_event_without_an_answer_is_explained_by_the_patterns_of_the_spec():
    notice = lines({"type": "notice", "text": "your plan is over"}, {"type": "end"})
    error = failed(evolve(JSONL, errors=OWN_WORDS), notice)
    assert (error.kind, error.message) == ("quota", "your plan is over")
    answer = lines({"type": "answer", "text": "the plan is over"})
    assert read(evolve(JSONL, errors=OWN_WORDS), notice + answer).text == "the plan is over"


def test_usage_that_is_no_count_is_unknown():
    spec = evolve(JSONL, usage={"input": Pick("n"), "output": Pick("m")})
    said = '{"type": "answer", "text": "ok", "n": -1, "m": 1e999}\n'
    assert read(spec, said).usage == Usage()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"flags": ("-m", "{model}")}, "a flag of flags is '-m'; write"),
        ({"flags": "-m {model}"}, "flags is '-m {model}'; write"),
        ({"access": {"read": ("--safe",)}}, "a flag of access\\['read'\\] is '--safe'"),
        ({"args": "run"}, "args is 'run'"),
        ({"usage": {"in": Pick("n")}}, "usage has the key 'in'; there are input, output, cached, cost"),
    ],
    ids=["flag", "flags", "access", "args", "usage"],
)
def test_a_slip_in_a_spec_is_told_when_it_is_made(wrong, message):
    with pytest.raises(ValueError, match=message):
        CommandSpec("tool", **wrong)


def test_a_kind_that_there_is_not_is_told_when_the_pattern_is_made():
    with pytest.raises(ValueError, match="'limit' is no kind; there are unavailable, "):
        ErrorPattern("over", "limit")
