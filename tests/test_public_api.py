"""The public names: what plugins and programs may rely on."""

import inspect
import subprocess
import sys

import pytest

import lok_core

NAMES = [
    *("AREAS", "CATEGORIES", "FAILURE_KINDS", "SEVERITIES", "__version__"),
    *("Access", "Area", "Category", "FailureKind", "Grounding", "Severity"),
    *("Backend", "Job", "NoConfig", "PromptTask", "Renderer", "Rule", "Run", "Task", "hookimpl"),
    *("BackendInfo", "Finished", "Health", "Message", "Profile", "Prompt", "Ranking", "Reply", "Request"),
    *("Tool", "ToolCall", "Turn", "Usage", "Vote"),
    *("Answer", "AskDetail", "Detail", "Event", "Failure", "Finding", "Gate", "GroundDetail"),
    *("Change", "changes", "Leaked", "Location", "Outcome", "Participant", "Screening", "shown"),
    *("Report", "Source", "TaskDetail", "View"),
    *("BackendError", "ConfigError", "ExitCode", "LokError", "NoBackendError", "PluginError"),
    *("UnknownNameError", "UsageError"),
    *(
        "Lok",
        "open_lok",
        "area_of_path",
        *("CommandBackend", "CommandConfig", "CommandSpec", "ErrorPattern", "Pick", "Reading"),
        *("KnownFailure", "recognised"),
        "clean",
        "clean_line",
        "mask",
        "mask_value",
        *("Section", "is_told", "question", "sections"),
        "schema",
    ),
]


def test_the_names_are_these():
    assert sorted(lok_core.__all__) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_there(name):
    assert getattr(lok_core, name) is not None
    assert name in dir(lok_core)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Bakcend"):
        lok_core.Bakcend  # noqa: B018


@pytest.mark.parametrize("name", [name for name in NAMES if inspect.isclass(getattr(lok_core, name))])
def test_each_class_says_what_it_is(name):
    assert inspect.getdoc(getattr(lok_core, name))


def parameters(function):
    return list(inspect.signature(function).parameters)


def test_the_signatures_that_plugins_implement():
    assert parameters(lok_core.Backend.__init__) == ["self", "name", "config"]
    assert parameters(lok_core.Backend.query) == ["self", "request", "run"]
    assert parameters(lok_core.Backend.converse) == ["self", "messages", "tools", "run"]
    assert parameters(lok_core.Backend.available) == ["self", "env"]
    assert parameters(lok_core.Backend.check) == ["self", "run"]
    assert parameters(lok_core.Backend.aclose) == ["self"]
    assert parameters(lok_core.Task.run) == ["self", "job"]
    assert parameters(lok_core.Rule.votes) == ["self", "request", "backends"]
    assert parameters(lok_core.Renderer.render) == ["self", "report", "view"]
    assert parameters(lok_core.Renderer.block) == ["self", "outcome", "view"]


def test_the_signatures_that_plugins_use():
    assert parameters(lok_core.Run.command) == [
        "self", "argv", "stdin", "cwd", "env", "on_stdout", "cap_bytes",
    ]  # fmt: skip
    assert parameters(lok_core.Run.progress) == ["self", "activity"]
    assert parameters(lok_core.Run.text) == ["self", "chunk"]
    assert parameters(lok_core.Job.ask) == ["self", "request"]
    assert parameters(lok_core.Job.ask_all) == ["self", "requests"]
    assert parameters(lok_core.Job.converse) == ["self", "backend", "messages", "tools"]
    assert parameters(lok_core.Job.recommend) == ["self", "request", "available_only"]
    assert parameters(lok_core.BackendError) == ["kind", "message", "hint", "retry_after_s"]


def test_values_cannot_be_changed():
    with pytest.raises(AttributeError):
        lok_core.Usage().input_tokens = 1


def test_importing_lok_core_loads_no_library():
    code = "import sys, lok_core; print({'trio', 'attrs', 'click', 'pluggy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_the_closed_lists_are_those_of_the_schemas():
    item = lok_core.schema("lok.findings/1")["properties"]["findings"]["items"]["properties"]
    report = lok_core.schema("lok.report/1")["$defs"]
    assert item["category"]["enum"] == report["finding"]["properties"]["category"]["enum"]
    assert tuple(item["category"]["enum"]) == lok_core.CATEGORIES
    assert tuple(item["severity"]["enum"]) == lok_core.SEVERITIES
    assert tuple(report["failure"]["properties"]["kind"]["enum"]) == lok_core.FAILURE_KINDS
    assert tuple(item["area"]["enum"]) == (*lok_core.AREAS, None)
