"""The real Codex CLI through lok, against the fake provider."""

import subprocess

import pytest

from .provider_answers import FINDINGS, Scripted
from .provider_formats import CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, Call


@pytest.fixture
def codex(real):
    return real("codex")


class TestAnswers:
    def test_an_answer_with_its_tokens_to_the_number(self, codex, provider):
        reply = codex.answer("Say hi")
        assert reply["text"] == "FAKE-ANSWER from openai model gpt-5.5"
        assert reply["usage"] == {
            "input_tokens": INPUT_TOKENS,
            "output_tokens": OUTPUT_TOKENS,
            "cached_tokens": CACHED_TOKENS,
            "cost_usd": None,
        }
        assert reply["session"]
        (request,) = provider.requests
        assert request.prompt == "Say hi"
        assert codex.processes() == []

    @pytest.mark.parametrize(
        "prompt", ["-x is this a flag?", "/init", "@hello.txt a@b.com $x", "naïve 🚀 日本\n"]
    )
    def test_a_prompt_arrives_word_for_word(self, codex, provider, prompt):
        codex.answer(prompt)
        assert provider.requests[0].prompt == prompt

    def test_a_prompt_of_300_kb(self, codex, provider):
        prompt = "0123456789abcdef" * 19200 + "[[say=all of it]]"
        assert codex.answer(prompt)["text"] == "all of it"
        assert provider.requests[0].prompt == prompt

    def test_control_characters_do_not_get_through(self, codex):
        done = codex.lok("ask", "-b", "codex", "[[mode=nasty]]")
        assert done.code == 0
        assert not set(done.stdout) & set("\x1b\x00\x07\x08\u202e")
        assert "red" in done.stdout

    def test_reading_a_file(self, codex, provider):
        reply = codex.answer("[[mode=tool]]")
        assert "hello from the file" in reply["text"]
        assert reply["usage"]["input_tokens"] == 2 * INPUT_TOKENS
        assert "exec_command" in provider.requests[0].tools
        assert "web_search" not in provider.requests[0].tools

    def test_what_is_read_is_shown(self, codex):
        done = codex.lok("ask", "-v", "-b", "codex", "[[mode=tool]]")
        assert "running cat hello.txt" in done.stderr

    def test_writing_is_refused(self, codex, provider):
        asked = iter([{"cmd": "touch planted.txt"}])

        def script(record):
            arguments = next(asked, None)
            return Scripted(calls=(Call("exec_command", arguments),)) if arguments else "done"

        provider.script(script)
        assert codex.answer("touch a file")["text"] == "done"
        assert "Read-only file system" in provider.requests[-1].results[0]
        assert [path.name for path in codex.code.iterdir()] == ["hello.txt"]

    def test_commands_see_the_directory_and_nothing_else_of_the_users(self, codex, provider, tmp_path):
        outside = codex.home / "outside.txt"
        outside.write_text("secret of the home\n")
        (tmp_path / "other.txt").write_text("secret in tmp\n")
        (codex.code / "link").symlink_to(outside)
        subprocess.run(["git", "init", "-q", codex.code], check=True, env=codex.env)
        commands = [
            f"cat link {outside} {tmp_path}/other.txt {codex.home}/.codex/config.toml; echo; cat hello.txt",
            "git status --short; rg -l 'from the file' .",
            f"exec 3<>/dev/tcp/{provider.url.removeprefix('http://').replace(':', '/')}",
        ]
        provider.script(
            [*(Scripted(calls=(Call("exec_command", {"cmd": each}),)) for each in commands), "ok"]
        )
        # Neither the user's own sandbox mode nor what the Rust tool's table says takes the profile's place.
        path = codex.home / ".codex" / "config.toml"
        path.write_text('sandbox_mode = "danger-full-access"\n' + path.read_text())
        (codex.code / "lok.toml").write_text(
            '[backends.codex]\ncommand = "codex"\nargs = ["exec", "--json", "-s", "read-only"]\n'
        )
        assert codex.answer("look around")["text"] == "ok"
        read, git, network = (request.results[-1] for request in provider.requests[1:])
        assert read.count("No such file or directory") == 4
        assert "hello from the file" in read
        assert "secret" not in read
        assert "?? hello.txt" in git
        assert "./hello.txt" in git
        assert "Operation not permitted" in network

    def test_a_script_in_place_of_codex_gives_no_answer_without_reading(self, codex, provider):
        script = codex.home / "shim"
        script.write_text('#!/bin/sh\nexec codex "$@"\n')
        script.chmod(0o755)
        codex.home.joinpath(".config", "lok").mkdir(parents=True)
        codex.home.joinpath(".config", "lok", "lok.toml").write_text(
            f'[backends.codex]\ncommand = "{script}"\n'
        )
        failure = codex.failure("[[mode=tool]]")
        assert failure["kind"] == "unavailable"
        assert "sandbox does not start" in failure["message"]
        assert "name the program itself" in failure["hint"]

    def test_a_hunt_leaves_no_process_behind(self, codex):
        # A snapshot of the shell would run this, and outlive codex.
        (codex.home / ".bash_profile").write_text("sleep 30\n")
        assert codex.lok("hunt", "-b", "codex", "-f", "json").report["leaked"] == []

    def test_findings_are_asked_for_by_schema(self, codex, provider):
        done = codex.lok("hunt", "-b", "codex", "-f", "json")
        assert done.code == 0, done.stderr
        assert provider.requests[0].schema["required"] == ["findings"]
        assert done.report["outcomes"][0]["reply"]["data"] == FINDINGS

    def test_arguments_of_the_rust_tools_table(self, codex, provider):
        config = codex.code / "lok.toml"
        config.write_text(
            '[backends.codex]\ncommand = "codex"\nargs = ["exec", "--json", "-s", "read-only"]\n'
        )
        assert codex.answer("Say hi")["text"].startswith("FAKE-ANSWER")


class TestFailures:
    """What test_outcomes.py does not show."""

    def test_an_unknown_model_is_named(self, codex):
        codex.home.joinpath(".config", "lok").mkdir(parents=True)
        codex.home.joinpath(".config", "lok", "lok.toml").write_text('[backends.codex]\nmodel = "no-such"\n')
        failure = codex.failure("Say hi")
        assert failure["kind"] == "invalid"
        assert "`no-such`" in failure["message"]

    def test_no_key_at_all(self, codex):
        del codex.env["CODEX_API_KEY"]
        failure = codex.failure("Say hi")
        assert failure["kind"] == "auth"
        assert "codex login" in failure["hint"]


def test_codex_itself_tries_again_after_429(codex, provider):
    codex.point_at(provider.url, codex_provider="openai")
    reply = codex.answer("Say hi [[mode=429-once]]")
    assert reply["text"].startswith("FAKE-ANSWER")
    assert [record.mode for record in provider.requests] == ["429", "ok"]
