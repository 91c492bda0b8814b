"""The real Gemini CLI through lok, against the fake provider."""

import json
import re

import pytest

from .provider_answers import Scripted
from .provider_formats import CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, Call

# Without a model gemini first asks a small one which of the others is to answer.
ROUTED = 2


DIRECTORY = re.compile(r"\n\nThe current directory is (.*); use absolute paths below it\.")


@pytest.fixture
def gemini(real):
    return real("gemini")


def asked(request):
    """The prompt without the line that tells the directory."""
    text, told, nothing = DIRECTORY.split(request.prompt)
    assert (bool(told), nothing) == (True, "")
    return text


def said_in(request):
    """All text of a conversation."""
    return "".join(part.get("text", "") for turn in request.body["contents"] for part in turn["parts"])


class TestAnswers:
    def test_an_answer_with_its_tokens_to_the_number(self, gemini, provider):
        reply = gemini.answer("Say hi")
        (request,) = provider.requests
        assert reply["text"] == f"FAKE-ANSWER from gemini model {request.model}"
        assert reply["model"] == request.model
        assert reply["usage"] == {
            "input_tokens": ROUTED * INPUT_TOKENS,
            "output_tokens": ROUTED * OUTPUT_TOKENS,
            "cached_tokens": ROUTED * CACHED_TOKENS,
            "cost_usd": None,
        }
        assert reply["session"]
        assert asked(request) == "Say hi"
        assert gemini.processes() == []

    @pytest.mark.parametrize(
        ("prompt", "sent"),
        [
            ("-x is this a flag?", "-x is this a flag?"),
            ("/help", "\n/help"),
            ("@hello.txt (a@b.com) @hell @Override", r"\@hello.txt (a@b.com) @hell @Override"),
            ("naïve 🚀 日本 !ls", "naïve 🚀 日本 !ls"),
        ],
    )
    def test_a_prompt_is_not_interpreted(self, gemini, provider, prompt, sent):
        gemini.answer(prompt)
        assert asked(provider.requests[0]) == sent

    def test_a_prompt_of_300_kb(self, gemini, provider):
        prompt = "0123456789abcdef" * 19200 + "[[say=all of it]]"
        assert gemini.answer(prompt)["text"] == "all of it"
        assert asked(provider.requests[0]) == prompt

    def test_control_characters_do_not_get_through(self, gemini):
        done = gemini.lok("ask", "-b", "gemini", "[[mode=nasty]]")
        assert done.code == 0
        assert not set(done.stdout) & set("\x1b\x00\x07\x08\u202e")
        assert "red" in done.stdout

    def test_reading_files_of_the_directory_and_no_others(self, gemini, provider):
        calls = [
            Call("read_file", {"file_path": str(gemini.code / "hello.txt")}),
            Call("grep_search", {"pattern": "from the"}),
            Call("read_file", {"file_path": "/etc/passwd"}),
        ]
        provider.script([*(Scripted(calls=(call,)) for call in calls), "done"])
        done = gemini.lok("ask", "-v", "-b", "gemini", "-f", "json", "look")
        assert done.report["outcomes"][0]["reply"]["text"] == "done"
        read, searched, outside = (record.results[-1] for record in provider.requests[1:])
        assert "hello from the file" in read
        assert "hello.txt" in searched
        assert "Path not in workspace" in outside
        assert set(provider.requests[0].tools) == {"read_file", "list_directory", "grep_search"}
        assert f"reading {gemini.code}/hello.txt" in done.stderr

    @pytest.mark.parametrize("command", [("hunt",), ("ask", "Read the files in the current directory.")])
    def test_a_model_that_follows_the_prompt_reads_the_files(self, gemini, provider, command):
        def script(request):
            # As a model does: it knows of the directory what the prompt says, and of the files what it lists.
            directory = DIRECTORY.search(said_in(request))[1]
            if not request.results:
                return Scripted(calls=(Call("list_directory", {"dir_path": directory}),))
            if len(request.results) == 1:
                (name,) = re.findall(r"\S+\.txt", request.results[-1])
                return Scripted(calls=(Call("read_file", {"file_path": f"{directory}/{name}"}),))
            return f"it says: {request.results[-1]}"

        provider.script(script)
        done = gemini.lok(command[0], "-b", "gemini", "-f", "json", *command[1:])
        for outcome in done.report["outcomes"]:
            assert "it says: hello from the file" in outcome["reply"]["text"]

    def test_names_outside_of_the_directory_are_not_listed(self, gemini, provider):
        calls = [Call("glob", {"pattern": "/etc/host*"}), Call("list_directory", {"dir_path": "/etc"})]
        provider.script([*(Scripted(calls=(call,)) for call in calls), "done"])
        gemini.answer("look")
        for request in provider.requests[1:]:
            assert "host" not in request.results[-1].replace("/etc/host*", "")

    def test_nothing_is_left_in_the_directory(self, gemini):
        gemini.answer("Say hi")
        assert [path.name for path in gemini.code.iterdir()] == ["hello.txt"]

    def test_the_users_settings_stay_as_they_are_and_in_force(self, gemini, provider):
        path = gemini.home / ".gemini" / "settings.json"
        own = {**json.loads(path.read_text()), "model": {"name": "gemini-own"}, "general": {"maxAttempts": 7}}
        path.write_text(json.dumps(own))
        gemini.answer("Say hi")
        assert json.loads(path.read_text()) == own
        assert provider.requests[0].model == "gemini-own"


class TestFailures:
    """What test_outcomes.py does not show."""

    def test_an_unknown_model_is_named(self, gemini):
        gemini.home.joinpath(".config", "lok").mkdir(parents=True)
        gemini.home.joinpath(".config", "lok", "lok.toml").write_text(
            '[backends.gemini]\nmodel = "no-such"\n'
        )
        failure = gemini.failure("Say hi")
        assert failure["kind"] == "invalid"
        assert "no-such" in failure["message"]

    def test_no_key_at_all(self, gemini):
        del gemini.env["GEMINI_API_KEY"], gemini.env["GOOGLE_GEMINI_BASE_URL"]
        (gemini.home / ".gemini" / "settings.json").unlink()
        failure = gemini.failure("Say hi")
        assert failure["kind"] == "auth"
        assert "GEMINI_API_KEY" in failure["hint"]

    def test_no_key_where_the_settings_select_one(self, gemini):
        del gemini.env["GEMINI_API_KEY"]
        failure = gemini.failure("Say hi")
        assert (failure["kind"], "GEMINI_API_KEY" in failure["message"]) == ("auth", True)
        assert "export GEMINI_API_KEY" in failure["hint"]
        assert doctor(gemini)["ready"] is False

    def test_another_address_without_settings(self, gemini):
        (gemini.home / ".gemini" / "settings.json").unlink()
        failure = gemini.failure("Say hi")
        assert failure["kind"] == "auth"
        assert "selectedType" in failure["hint"]
        found = doctor(gemini)
        assert (found["ready"], "selectedType" in found["hint"]) == (False, True)

    def test_a_prompt_that_is_too_long_is_not_sent(self, gemini, provider):
        assert gemini.failure("x" * (8 * 2**20 + 1))["kind"] == "too_large"
        assert provider.all_requests == []


def doctor(gemini):
    (found,) = [
        one for one in gemini.lok("doctor", "-f", "json").report["backends"] if one["name"] == "gemini"
    ]
    return found
