"""lok conduct: Claude's API as the conductor, and each real program in plain text."""

import json
import signal

import pytest

from lok_core.testing import FakeCli, LokResult, run_lok
from tests.test_cli_signals import left_of, running

from .provider import FakeProvider
from .provider_answers import Scripted
from .provider_formats import OUTPUT_TOKENS, Call

KEY = "sk-ant-api-test-key-9876"
TABLE = '[backends.{name}]\nuse = "command"\ncommand = "{name}"\n'


def asks(*questions):
    calls = tuple(Call("query_backend", {"backend": name, "prompt": prompt}) for name, prompt in questions)
    return Scripted(text="Let me ask.", calls=calls)


@pytest.fixture
def provider():
    with FakeProvider(lifetime=120) as running:
        yield running


@pytest.fixture
def conduct(provider, lok_env, tmp_path):
    """lok with the API as the conductor and the programs `one`, `other` and, which fails, `broken`."""
    for name in ("one", "other"):
        FakeCli.make(tmp_path / "bin", name, stdout=f"from {name}")
    FakeCli.make(tmp_path / "bin", "broken", stderr="oops", code=3)
    own = tmp_path / "own.toml"
    own.write_text("".join(TABLE.format(name=name) for name in ("one", "other", "broken")))
    env = {**lok_env, "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": provider.url}
    env["PATH"] = f"{tmp_path / 'bin'}:{env['PATH']}"

    def conduct(*args, settings="", start=run_lok):
        own.write_text(own.read_text() + settings)
        done = start(["conduct", "-c", own, "-f", "json", *args, "Fine?"], env=env, cwd=tmp_path)
        assert KEY not in done.stdout + done.stderr
        return done

    return conduct


@pytest.mark.slow
def test_two_rounds_of_calls_one_of_which_fails(conduct, provider):
    rounds = [asks(("one", "1?"), ("broken", "1?")), asks(("one", "2?"), ("other", "2?")), "It is fine."]
    provider.script(rounds)
    done = conduct("-b", "one,other,broken")
    assert done.code == 0
    detail = done.report["detail"]
    assert (detail["conductor"], detail["how"], detail["answer"]) == ("claude-api", "tools", "It is fine.")
    assert [[call["ok"] for call in one["calls"]] for one in detail["rounds"]] == [
        [True, False],
        [True, True],
    ]
    first, second, third = provider.requests
    assert first.tools == ("query_backend",)
    assert second.results == ("from one", "broken failed: crashed: oops (exit code 3)")
    blocks = second.body["messages"][2]["content"]
    assert [block["is_error"] for block in blocks] == [False, True]
    assert third.results == (
        "from one",
        "broken failed: crashed: oops (exit code 3)",
        "from one",
        "from other",
    )
    turns = [one for one in done.report["outcomes"] if one["backend"] == "claude-api"]
    assert [turn["reply"]["usage"]["output_tokens"] for turn in turns] == [OUTPUT_TOKENS] * 3
    assert [one["model"] for one in done.report["backends"] if one["name"] == "claude-api"] != [""]


@pytest.mark.slow
def test_an_overloaded_api_is_asked_again(conduct, provider):
    provider.script([asks(("one", "1?")), Scripted(mode="529"), "It is fine."])
    done = conduct("-b", "one")
    assert done.code == 0
    assert done.report["detail"]["answer"] == "It is fine."
    assert [one["attempts"] for one in done.report["outcomes"]] == [1, 1, 2]
    assert "claude-api [conductor]: " in done.stderr


@pytest.mark.slow
def test_in_the_last_round_the_api_is_told_to_call_no_tools(conduct, provider):
    provider.script([asks(("one", "1?")), asks(("one", "2?")), "That is all."])
    done = conduct("-b", "one", settings="[conductor]\nmax_rounds = 3\n")
    assert (done.report["detail"]["answer"], done.report["detail"]["bounded_by"]) == (
        "That is all.",
        "rounds",
    )
    *_, last = provider.requests
    assert last.body["tool_choice"] == {"type": "none"}
    assert last.tools == ("query_backend",)
    kinds = [block["type"] for block in last.body["messages"][-1]["content"]]
    assert kinds == ["tool_result", "text"]


@pytest.mark.slow
def test_an_api_that_fails_in_the_middle_leaves_what_was_answered(conduct, provider):
    provider.script([asks(("one", "1?")), Scripted(mode="401")])
    done = conduct("-b", "one")
    assert done.code == 3
    assert "claude-api, which conducts, failed in round 2" in done.report["inconclusive"]
    assert done.report["outcomes"][1]["reply"]["text"] == "from one"


@pytest.mark.slow
def test_ctrl_c_hangs_up_and_keeps_what_was_answered(conduct, provider):
    provider.script([asks(("one", "1?")), Scripted(mode="hang")])

    def interrupted(args, env, cwd):
        with running(args, env, cwd) as lok:
            provider.wait_for(lambda asked: asked.mode == "hang")
            lok.send(signal.SIGINT)
            code = lok.end()
            assert left_of(lok.pid) == []
        return LokResult(code, lok.stdout, lok.stderr)

    done = conduct("-b", "one", start=interrupted)
    assert done.code == 130
    assert [outcome["outcome"] for outcome in done.report["outcomes"]] == ["answer", "answer", "failure"]
    assert done.report["outcomes"][2]["kind"] == "cancelled"
    provider.wait_for(lambda asked: asked.hung_up)


def test_real_programs_are_asked_at_once_and_one_that_fails_is_told(real, provider):
    panel = real("codex", "gemini", "claude")

    def script(asked):
        if "query_backend" not in asked.tools:
            if asked.api == "anthropic":
                return Scripted(mode="401")
            for api in ("openai", "gemini"):  # neither is answered before both have asked, in each round
                mine = [one for one in provider.requests if one.api == asked.api]
                provider.wait_for(
                    lambda one, api=api: one.kind == "answer" and one.api == api, count=len(mine)
                )
            return f"from {asked.api}"
        if not asked.results:
            return asks(("codex", "1?"), ("gemini", "1?"), ("claude", "1?"))
        return asks(("codex", "2?"), ("gemini", "2?")) if len(asked.results) == 3 else "It is fine."

    provider.script(script)
    done = panel.lok("conduct", "-b", "codex,gemini,claude", "-f", "json", "Fine?")
    assert done.code == 0, done.stderr
    detail = done.report["detail"]
    assert (detail["conductor"], detail["answer"]) == ("claude-api", "It is fine.")
    first, second = detail["rounds"]
    assert [call["ok"] for call in first["calls"]] == [True, True, False]
    assert first["calls"][2]["why"].startswith("auth")
    assert all(call["ok"] for call in second["calls"])
    assert panel.processes() == []


@pytest.mark.parametrize("name", ["codex", "gemini", "claude"])
def test_each_real_program_conducts_in_plain_text(real, provider, name):
    program = real(name)
    FakeCli.make(program.home / "bin", "one", stdout="from one")
    (program.home / "own.toml").write_text(TABLE.format(name="one"))
    program.env["PATH"] = f"{program.home / 'bin'}:{program.env['PATH']}"
    action = json.dumps({"action": "query_backend", "backend": "one", "prompt": "Why?"})

    def script(asked):
        if "[result" in asked.prompt:
            assert "```\nfrom one\n```" in asked.prompt
            return json.dumps({"action": "answer", "text": "It is fine."})
        return f"I ask.\n```json\n{action}\n```"

    provider.script(script)
    args = ["-c", program.home / "own.toml", "--conductor", name, "-b", "one", "-f", "json"]
    done = program.lok("conduct", *args, "Fine?")
    assert done.code == 0, done.stderr
    detail = done.report["detail"]
    assert (detail["conductor"], detail["how"], detail["answer"]) == (name, "text", "It is fine.")
    assert detail["rounds"][0]["calls"][0]["ok"]
    assert detail["rounds"][0]["said"] == "I ask."
    assert program.processes() == []
