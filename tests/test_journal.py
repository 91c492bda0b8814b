"""The journal of a run: what is on disk when, what is read back, and what is taken over from it."""

import json
import os
import stat
import time
from datetime import timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from lok_core import UsageError
from lok_core.cli import app
from lok_core.errors import ExitCode
from lok_core.journal import Journal, Recalled, turn_of
from lok_core.lok.resumed import check_resumable, resume
from lok_core.models import Message, Reply, Request, Tool, ToolCall, Turn
from lok_core.outcome import Answer, AskDetail, Failure, Report
from lok_core.report_json import converter
from lok_core.report_json import read as read_value
from lok_core.runs import continued, find, list_runs, of_others, prune, read
from lok_core.testing import run_lok
from lok_core.testing.sample_reports import sample_reports
from tests.test_modes import offering, opened

RUN = "17.42.0badcafe"
SECRET = "sk-0123456789abcdef"


def request(prompt="why?", backend="codex", **rest):
    return Request(prompt, Path("/code"), backend=backend, **rest)


def answer(text="because", asked=None):
    asked = asked or request()
    return Answer(asked, asked.backend, Reply(text), 1.5)


def failure(asked):
    return Failure(asked, asked.backend, "timeout", "no answer within 1 s", partial="half")


def new(state, run=RUN, mask=lambda text: text, recalled=None, warnings=None, **header):
    header = {
        "run": run,
        "method": "ask",
        "command": "ask",
        "arguments": {"prompt": "why?"},
        "directory": "/code",
        "started_at": "2026-01-01T00:00:00.000001+00:00",
        **header,
    }
    warn = (lambda text: None) if warnings is None else warnings.append
    return Journal(state / "runs" / f"{run}.jsonl", header, mask, warn, recalled)


def keep(state, *outcomes, run=RUN, report=None, **options):
    """The journal's file of a run with these outcomes; without a report one that was killed."""
    journal = new(state, run, **options)
    for number, outcome in enumerate(outcomes, 1):
        journal.request(number, outcome.request)
        journal.outcome(number, outcome)
    if report is not None:
        journal.finish(report)
    journal.close()
    return journal.path


def asked_report(*outcomes, **rest):
    return Report("ask", Path("/code"), outcomes, AskDetail("why?"), **rest)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


# What is on disk.


def test_nobody_else_can_read_it(tmp_path):
    path = keep(tmp_path, answer())
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700


def test_an_outcome_is_in_the_file_when_it_has_been_told(tmp_path):
    journal = new(tmp_path)
    journal.request(1, request())
    assert read(journal.path).answered == 0
    journal.outcome(1, answer())
    assert read(journal.path).answered == 1


def test_where_nothing_is_asked_there_is_no_file(tmp_path):
    journal = new(tmp_path)
    journal.note("nobody is there")
    journal.finish(asked_report())
    journal.close()
    assert not journal.path.exists()


def test_what_was_noted_before_is_written_with_the_first_request(tmp_path):
    journal = new(tmp_path)
    journal.note("early")
    journal.request(1, request())
    journal.note("late")
    assert read(journal.path).notes == ("early", "late")
    journal.close()


class Killed(BaseException):
    """Ends the process, as far as the journal can tell."""


def killed_at(number, write):
    """os.write that does not get to that call."""
    calls = iter(range(number))

    def until_then(*args):
        if next(calls, None) is None:
            raise Killed
        return write(*args)

    return until_then


@pytest.mark.parametrize("writes", range(4))
def test_one_that_goes_on_is_there_with_all_earlier_answers_or_not_at_all(tmp_path, monkeypatch, writes):
    first = recalled(tmp_path, answer("1", request("1")), answer("2", request("2")), run="1.1.aa")
    later = "2027-01-01T00:00:00+00:00"
    journal = new(tmp_path, "1.1.bb", recalled=first, started_at=later)
    monkeypatch.setattr("os.write", killed_at(writes, os.write))
    with pytest.raises(Killed):
        journal.request(1, request("1"))
    monkeypatch.undo()
    assert find(tmp_path, "last").run == ("1.1.bb" if writes == 3 else "1.1.aa")
    assert len(find(tmp_path, "last").recalled().answers) == 2
    journal.close()


def test_what_was_killed_at_its_start_is_removed_with_the_old_ones(tmp_path):
    keep(tmp_path, answer())
    (tmp_path / "runs" / "1.1.bb.jsonl.new").write_text("{")
    assert prune(tmp_path, 0) == 2
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_lock_is_held_from_the_start(tmp_path):
    journal = new(tmp_path)
    journal.request(1, request())
    assert [path.name for path in journal.path.parent.iterdir()] == [journal.path.name]
    assert read(journal.path).running
    journal.close()


def test_a_file_that_is_there_is_never_written_to(tmp_path):
    path = keep(tmp_path, answer())
    before, warnings = path.read_bytes(), []
    keep(tmp_path, answer("another"), warnings=warnings)
    assert path.read_bytes() == before
    assert len(warnings) == 1


def test_a_folder_that_cannot_be_made_is_told_once_and_no_more(tmp_path):
    (tmp_path / "runs").write_text("a file")
    warnings = []
    journal = new(tmp_path, warnings=warnings)
    journal.request(1, request())
    journal.outcome(1, answer())
    journal.request(2, request("and?"))
    journal.finish(asked_report(answer()))
    (warning,) = warnings
    assert "cannot be written" in warning
    assert not journal.is_kept


def test_secrets_are_masked_in_all_but_the_prompt(tmp_path):
    asked = request(f"is {SECRET} right?")
    said = answer(f"no, {SECRET} is not", asked)
    report = asked_report(said, notes=(f"{SECRET} was seen",))
    path = keep(tmp_path, said, mask=lambda text: text.replace(SECRET, "***"), report=report)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    leaky = [line["kind"] for line in lines if SECRET in json.dumps(line)]
    assert leaky == ["request"]


def test_what_no_encoding_can_write_comes_back(tmp_path):
    text = "\ud800 \x00 \u2028 \n"
    past = read(keep(tmp_path, answer(text, request(text))))
    assert past.requests[1]["prompt"] == text
    assert past.outcomes[1]["outcome"]["reply"]["text"] == text


# What is read.


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A journal's bytes, those of its lines, and where to put a part of them."""
    folder = tmp_path_factory.mktemp("state")
    outcomes = [answer(f"number {number}", request(f"q{number} é")) for number in range(3)]
    content = keep(folder, *outcomes, failure(request("q3")), report=asked_report(*outcomes)).read_bytes()
    return content, folder / "runs" / "1.1.cut.jsonl"


@given(st.data())
def test_cut_off_at_any_byte_every_whole_line_is_read(whole, data):
    content, file = whole
    kept = content[: data.draw(st.integers(0, len(content)))]
    file.write_bytes(kept)
    past = read(file)
    lines = [json.loads(line) for line in kept.splitlines(keepends=True) if line.endswith(b"\n")]
    if not lines:
        assert past is None or past.requested == 0
        return
    assert past.requested >= sum(line["kind"] == "request" for line in lines)
    told = {line["number"]: line["outcome"] for line in lines if line["kind"] == "outcome"}
    assert told.items() <= {number: line["outcome"] for number, line in past.outcomes.items()}.items()


@given(st.lists(st.binary(max_size=30).map(lambda noise: noise.replace(b"\n", b"")), max_size=8))
def test_lines_that_are_no_journals_are_left_out(whole, noise):
    content, file = whole
    first, *rest = content.splitlines()
    file.write_bytes(b"\n".join([first, *noise, b'{"kind": "of the future"}', *rest, *noise]))
    past = read(file)
    assert (past.requested, past.answered, past.state) == (4, 3, "done")


@pytest.mark.parametrize("content", [b"", b"\n", b"[]", b"{}", b'{"kind": "run", "schema": "lok.journal/9"}'])
def test_what_is_no_journal_is_no_run(tmp_path, content):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "1.1.aa.jsonl").write_bytes(content)
    assert list_runs(tmp_path) == []
    with pytest.raises(UsageError, match="no journal"):
        find(tmp_path, "aa")


def odd(path, kind):
    """Something in that place that is no file."""
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"device": "/dev/zero", "dangling": "gone"}[kind])


@pytest.mark.parametrize("kind", ["fifo", "folder", "device", "dangling"])
def test_what_is_no_file_is_no_run(tmp_path, kind):
    keep(tmp_path, answer())
    odd(tmp_path / "runs" / "1.1.aa.jsonl", kind)
    assert [past.run for past in list_runs(tmp_path)] == [RUN]
    assert find(tmp_path, "last").run == RUN
    with pytest.raises(UsageError):
        read(tmp_path / "runs" / "1.1.aa.jsonl")
    assert prune(tmp_path, 0) == 1


def test_a_journal_of_a_later_lok_is_neither_listed_nor_the_last_run(tmp_path):
    keep(tmp_path, answer(), run="1.1.aa")
    header = {"kind": "run", "schema": "lok.journal/2", "started_at": "2027-01-01T00:00:00+00:00"}
    (tmp_path / "runs" / "1.1.bb.jsonl").write_text(json.dumps(header))
    assert find(tmp_path, "last").run == "1.1.aa"
    assert [past.run for past in list_runs(tmp_path)] == ["1.1.aa"]
    assert of_others(tmp_path) == ["bb"]


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59+00:00", "soon", None, 7])
def test_a_time_that_is_none_was_long_ago(tmp_path, when):
    past = read(keep(tmp_path, answer(), started_at=when))
    assert past.started_at.year == 1970
    assert past.started_at.astimezone(timezone(timedelta(hours=-14))).year < 1971


NODES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_characters="/.~"), max_size=8),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=8), values, max_size=3),
    max_leaves=5,
)


def places(value, path=()):
    """The way to every value within a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    key, *rest = path
    copy = value.copy()
    copy[key] = replaced(value[key], rest, new)
    return copy


@pytest.fixture(scope="module")
def damageable(tmp_path_factory):
    """Journals of a command line's runs, with a report and without one, and where it finds them."""
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "code").mkdir()
    (folder / "code" / "app.py").write_text("x = 1\n")
    env = {"HOME": str(folder), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    for args in (["ask", "-b", "echo", "why?"], ["hunt", "-b", "static", "--fail-on", "low"]):
        assert run_lok([*args, "-d", "code", "-f", "json"], env=env, cwd=folder).code == 0
    runs = folder / ".local" / "state" / "lok" / "runs"
    whole = [[json.loads(line) for line in path.read_text().splitlines()] for path in runs.iterdir()]
    for path in runs.iterdir():
        path.unlink()
    cut = [[line for line in lines if line["kind"] not in ("report", "end")] for lines in whole]
    return folder, runs, [*whole, *cut]


@pytest.mark.slow
@settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_no_damage_to_a_journal_is_an_internal_error(damageable, monkeypatch, data):
    folder, runs, journals = damageable
    lines = data.draw(st.sampled_from(journals))
    number = data.draw(st.integers(0, len(lines) - 1))
    place = data.draw(st.sampled_from(list(places(lines[number]))))
    damaged = [*lines]
    damaged[number] = replaced(lines[number], place, data.draw(NODES))
    for path in runs.iterdir():
        path.unlink()
    (runs / "1.1.aa.jsonl").write_text("".join(json.dumps(line) + "\n" for line in damaged))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    commands = [
        ["runs"],
        ["runs", "-f", "json"],
        ["show", "aa"],
        ["show", "aa", "-f", "json"],
        ["resume", "aa"],
    ]
    for command in commands:
        event(f"{command} {(code := app.run(command))}")
        assert code != ExitCode.INTERNAL, (command, number, place, damaged[number])
        os.chdir(folder)


@pytest.mark.parametrize("name", sorted(sample_reports()))
def test_a_report_comes_back_as_it_was(name):
    report = sample_reports()[name]
    value = json.loads(json.dumps(converter().unstructure(report)))
    assert read_value(value, Report) == report


def test_properties_that_a_later_lok_adds_are_left_out():
    value = converter().unstructure(sample_reports()["ask"]) | {"news": 1}
    assert read_value(value, Report) == sample_reports()["ask"]


@pytest.mark.parametrize("value", [None, [], {}, {"detail": {"mode": "unheard-of"}}, {"outcomes": [{}]}])
def test_what_is_no_report_is_a_value_error(value):
    with pytest.raises(ValueError, match="no Report"):
        read_value(value, Report)


# How a run went.


def test_a_run_without_a_report_was_killed(tmp_path):
    past = read(keep(tmp_path, answer()))
    assert (past.state, past.is_complete) == ("killed", False)


def test_a_run_whose_lok_is_alive_is_running(tmp_path):
    journal = new(tmp_path)
    journal.request(1, request())
    assert read(journal.path).state == "running"
    journal.close()
    assert read(journal.path).state == "killed"


def test_an_interrupted_run_is_not_complete(tmp_path):
    past = read(keep(tmp_path, answer(), report=asked_report(answer(), interrupted=True)))
    assert (past.state, past.is_complete) == ("interrupted", False)


def test_a_run_with_a_failure_is_not_complete(tmp_path):
    failed = failure(request())
    past = read(keep(tmp_path, answer(), failed, report=asked_report(answer(), failed)))
    assert (past.state, past.is_complete) == ("done", False)


def test_of_a_run_to_the_first_answer_nothing_more_is_wanted(tmp_path):
    failed = failure(request())
    report = asked_report(answer(), failed)
    arguments = {"prompt": "why?", "first": True}
    past = read(keep(tmp_path, answer(), failed, report=report, arguments=arguments))
    assert past.is_complete


def test_the_list_says_the_same_as_the_whole_journal(tmp_path):
    failed = failure(request())
    path = keep(tmp_path, answer(), failed, report=asked_report(answer(), failed, interrupted=True))
    (listed,), past = list_runs(tmp_path), read(path)
    for name in ("run", "state", "requested", "answered", "directory", "question"):
        assert getattr(listed, name) == getattr(past, name)


# Which run is meant.


@pytest.fixture
def three(tmp_path):
    for run, second in (("1.1.aaaa0001", 2), ("1.1.aaaa0002", 3), ("2.1.bbbb0001", 1)):
        keep(tmp_path, answer(), run=run, started_at=f"2026-01-01T00:00:0{second}.5+00:00")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("2.1.bbbb0001", "2.1.bbbb0001"),
        ("2.", "2.1.bbbb0001"),
        ("bbbb0001", "2.1.bbbb0001"),
        ("b", "2.1.bbbb0001"),
        ("aaaa0001", "1.1.aaaa0001"),
        ("last", "1.1.aaaa0002"),
    ],
)
def test_a_run_is_named_by_its_id_or_by_a_beginning(three, name, run):
    assert find(three, name).run == run


def test_a_name_that_may_be_several_is_told_with_them(three):
    with pytest.raises(UsageError, match="may be 2 runs") as caught:
        find(three, "aaaa")
    assert "aaaa0001, aaaa0002" in caught.value.hint


def test_where_short_ids_collide_the_long_ones_are_named(tmp_path):
    for run in ("1.1.aa", "2.2.aa", "3.3.ab"):
        keep(tmp_path, answer(), run=run)
    with pytest.raises(UsageError, match="may be 2 runs") as caught:
        find(tmp_path, "aa")
    assert caught.value.hint == "name one of them: 1.1.aa, 2.2.aa"
    with pytest.raises(UsageError, match="may be 3 runs") as caught:
        find(tmp_path, "a")
    assert caught.value.hint == "name one of them: 1.1.aa, 2.2.aa, ab"
    assert find(tmp_path, "1.1.aa").run == "1.1.aa"


def test_the_newest_run_that_goes_on_is_found(tmp_path):
    for number, (run, before) in enumerate([("1.1.aa", ""), ("1.1.bb", "1.1.aa"), ("1.1.cc", "1.1.bb")]):
        keep(
            tmp_path, answer(), run=run, continues=before, started_at=f"2026-01-0{number + 1}T00:00:00+00:00"
        )
    assert [continued(tmp_path, find(tmp_path, one)) for one in ("aa", "bb", "cc")] == ["cc", "cc", ""]


def test_a_run_that_goes_on_with_itself_ends_the_search(tmp_path):
    path = keep(tmp_path, answer(), run="1.1.aa", continues="1.1.bb")
    keep(tmp_path, answer(), run="1.1.bb", continues="1.1.aa")
    assert continued(tmp_path, read(path)) in ("", "bb")


@pytest.mark.parametrize("name", ["c", "", "../x", "1.1.aaaa0001.jsonl"])
def test_a_name_that_is_none_is_told(three, name):
    with pytest.raises(UsageError, match="no run"):
        find(three, name)


def test_where_nothing_was_kept_the_last_run_is_none(tmp_path):
    with pytest.raises(UsageError, match="there is no run") as caught:
        find(tmp_path, "last")
    assert "none has been kept" in caught.value.hint


def test_the_list_begins_with_the_newest(three):
    assert [past.short for past in list_runs(three)] == ["aaaa0002", "aaaa0001", "bbbb0001"]


def test_old_runs_are_removed_and_no_others(three):
    os.utime(three / "runs" / "1.1.aaaa0001.jsonl", (0, 0))
    assert prune(three, 86_400) == 1
    assert [past.short for past in list_runs(three)] == ["aaaa0002", "bbbb0001"]
    assert prune(three, 0) == 2


def test_a_run_that_goes_on_is_never_removed(tmp_path):
    journal = new(tmp_path)
    journal.request(1, request())
    os.utime(journal.path, (0, 0))
    assert prune(tmp_path, 0) == 0
    journal.close()
    assert prune(tmp_path, 0) == 1


def test_a_file_that_was_just_made_is_not_removed(tmp_path):
    (tmp_path / "runs").mkdir()
    fresh = tmp_path / "runs" / "1.1.aa.jsonl"
    fresh.touch()
    assert prune(tmp_path, 0) == 0
    os.utime(fresh, (time.time() - 3600,) * 2)
    assert prune(tmp_path, 0) == 1


# What is taken over.


def recalled(tmp_path, *outcomes, **options):
    return read(keep(tmp_path, *outcomes, **options)).recalled()


def test_an_answer_is_given_once(tmp_path):
    known = recalled(tmp_path, answer())
    assert known.take(request()) == answer()
    assert known.take(request()) is None
    assert known.taken == 1


def test_of_the_same_request_asked_twice_each_has_its_own_answer(tmp_path):
    known = recalled(tmp_path, answer("first"), answer("second"))
    assert [known.take(request()).reply.text for _ in range(2)] == ["first", "second"]


def test_a_failure_is_no_answer(tmp_path):
    assert recalled(tmp_path, failure(request())).take(request()) is None


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "why not?"},
        {"backend": "gemini"},
        {"label": "errors"},
        {"access": "read"},
        {"model": "large"},
        {"category": "errors"},
    ],
)
def test_the_answer_to_another_request_is_none(tmp_path, other):
    assert recalled(tmp_path, answer()).take(request(**other)) is None


def kept_with(tmp_path, model, asked=None):
    """What a run recalls whose backend was configured with that model."""
    journal = new(tmp_path)
    journal.models = {"codex": model} if model else {}
    journal.request(1, asked or request())
    journal.outcome(
        1, answer(asked=asked), **({} if asked is None else {"turn": turn_of(TURN, MESSAGES, TOOLS)})
    )
    journal.close()
    return read(journal.path).recalled()


@pytest.mark.parametrize("then", ["small", None])
@pytest.mark.parametrize("now", ["small", "large", None])
def test_an_answer_of_another_configured_model_is_none(tmp_path, then, now):
    known = kept_with(tmp_path, then)
    known.models = {"codex": now} if now else {}
    assert (known.take(request()) is None) == (then != now)


@pytest.mark.parametrize("now", ["small", "large"])
def test_a_turn_of_another_configured_model_is_none(tmp_path, now):
    known = kept_with(tmp_path, "small", request())
    known.models = {"codex": now}
    assert (known.take_turn(request(), MESSAGES, TOOLS) is None) == (now == "large")


def test_a_model_of_the_request_counts_more_than_a_configured_one(tmp_path):
    asked = request(model="own")
    journal = new(tmp_path)
    journal.models = {"codex": "small"}
    journal.request(1, asked)
    journal.outcome(1, answer(asked=asked))
    journal.close()
    known = read(journal.path).recalled()
    known.models = {"codex": "large"}
    assert known.take(asked) is not None


def test_a_journal_that_does_not_name_the_model_is_enough(tmp_path):
    path = keep(tmp_path, answer())
    path.write_text(path.read_text().replace('"asked_model": null, ', ""))
    known = read(path).recalled()
    known.models = {"codex": "large"}
    assert known.take(request()) == answer()


def test_a_run_that_goes_on_takes_over_what_the_one_before_had(tmp_path):
    first = recalled(tmp_path, answer("one", request("1")), answer("two", request("2")), run="1.1.aa")
    journal = new(tmp_path, "1.1.bb", recalled=first)
    journal.request(1, request("1"))
    journal.outcome(1, first.take(request("1")), recalled=True)
    journal.close()
    again = read(journal.path).recalled()
    assert again.run == "1.1.bb"
    assert [again.take(request(word)).reply.text for word in "12"] == ["one", "two"]
    assert again.take(request("1")) is None


def test_an_answer_that_this_lok_cannot_read_is_asked_again(tmp_path):
    line = {"request": {"backend": "codex", "prompt": "why?"}, "outcome": {"outcome": "answer", "reply": 7}}
    known = Recalled("1.1.aa", [line | {"request": {**line["request"], **_rest()}}])
    assert known.take(request()) is None
    assert known.taken == 0


def _rest():
    return {"label": "", "access": "none", "model": None, "category": "general", "directory": "/code"}


MESSAGES = [Message("user", "find bugs")]
TOOLS = [Tool("query_backend", "asks", {"type": "object"})]
TURN = Turn("let me see", (ToolCall("1", "query_backend", {"backend": "codex", "prompt": "?"}),))


def test_a_turn_is_taken_over_where_the_conversation_is_the_same(tmp_path):
    journal = new(tmp_path)
    journal.request(1, request())
    journal.outcome(1, answer("as told"), turn=turn_of(TURN, MESSAGES, TOOLS))
    journal.close()
    past = read(journal.path)
    assert past.recalled().take_turn(request(), MESSAGES, TOOLS) == (TURN, answer("as told"))
    assert past.recalled().take_turn(request(), [*MESSAGES, Message("user", "go on")], TOOLS) is None
    assert past.recalled().take_turn(request(), MESSAGES, []) is None
    assert past.recalled().take(request()) is None


def past_of(tmp_path, **header):
    return read(keep(tmp_path, answer(), **header))


def test_what_agents_have_written_cannot_be_asked_for_again(tmp_path):
    past = past_of(tmp_path, method="spawn", arguments={"task": "t", "write": True}, directory=str(tmp_path))
    with pytest.raises(UsageError) as caught:
        check_resumable(past)
    assert "lok spawn --list" in caught.value.hint


def test_a_directory_that_is_gone_is_told(tmp_path):
    with pytest.raises(UsageError, match="is gone"):
        check_resumable(past_of(tmp_path, directory=str(tmp_path / "gone")))


def test_a_method_that_is_none_is_not_called(tmp_path):
    with pytest.raises(UsageError, match="knows no 'interrupt'"):
        check_resumable(past_of(tmp_path, method="interrupt", directory=str(tmp_path)))


# Through an open lok.


async def test_each_command_of_one_lok_has_its_own_journal(tmp_path):
    async with opened(tmp_path, offering("codex")) as lok:
        reports = [await lok.ask(prompt, tmp_path) for prompt in ("one", "two", "three")]
    runs = [report.run for report in reports]
    assert runs == [lok.run, f"{lok.run}-2", f"{lok.run}-3"]
    assert {past.run: past.question for past in list_runs(tmp_path / "state")} == dict(
        zip(runs, ["one", "two", "three"], strict=True)
    )


async def test_who_asks_nobody_leaves_no_journal(tmp_path):
    async with opened(tmp_path, offering("codex")) as lok:
        await lok.suggest("find bugs", tmp_path)
    assert list_runs(tmp_path / "state") == []


async def test_a_run_that_nobody_can_answer_leaves_no_journal(tmp_path):
    async with opened(tmp_path) as lok:
        with pytest.raises(Exception, match="no backend"):
            await lok.ask("why?", tmp_path)
    assert list_runs(tmp_path / "state") == []


@pytest.mark.parametrize(("now", "taken"), [("small", 1), ("large", 0)])
async def test_what_another_model_of_lok_toml_answered_is_asked_again(tmp_path, now, taken):
    def configured(model):
        offered = offering("codex")
        made = offered.__init__

        def init(self, name, config):
            made(self, name, config)
            self.config = SimpleNamespace(model=model)

        offered.__init__ = init
        return offered

    async with opened(tmp_path, configured("small")) as lok:
        await lok.ask("why?", tmp_path)
    (past,) = [read(one.path) for one in list_runs(tmp_path / "state")]
    async with opened(tmp_path, configured(now)) as lok:
        report = await resume(lok, past)
    assert report.notes[0].startswith("1 answer was taken over" if taken else "0 answers were taken over")
