"""Plugins that are really installed and load well, and fail, or overreach, once they are used."""

import pytest

pytestmark = pytest.mark.slow  # each runs lok as a process

FAULTY = {
    "lok-backend-stillborn": """
        class Stillborn(Backend):
            kind = "stillborn"
            def __init__(self, name, config):
                raise RuntimeError("cannot be made")
            async def query(self, request, run):
                return Reply("never")

        class Deserter(Stillborn):
            kind = "deserter"
            def __init__(self, name, config):
                raise SystemExit("gone already")

        @hookimpl
        def lok_register_backends():
            return [Stillborn, Deserter]
    """,
    "lok-backend-shy": """
        class Shy(Backend):
            kind = "shy"
            def available(self, env):
                raise KeyError("SHY_HOME")
            async def query(self, request, run):
                return Reply("never")

        @hookimpl
        def lok_register_backends():
            return [Shy]
    """,
    "lok-backend-fragile": """
        class Fragile(Backend):
            kind = "fragile"
            profile = Profile(asked_by_default=False)
            async def query(self, request, run):
                run.text("half a sent")
                raise ZeroDivisionError("in the plugin")
            async def aclose(self):
                raise RuntimeError("stuck")

        class Sloppy(Fragile):
            kind = "sloppy"
            async def query(self, request, run):
                return "only a text"

        class Leaver(Fragile):
            kind = "leaver"
            async def query(self, request, run):
                raise SystemExit(9)

        class Calm(Backend):
            kind = "calm"
            async def query(self, request, run):
                return Reply("calm says " + request.prompt)

        @hookimpl
        def lok_register_backends():
            return [Fragile, Sloppy, Leaver, Calm]
    """,
    "lok-render-torn": """
        class Torn(Renderer):
            name = "torn"
            suffix = ".torn"
            def render(self, report, view):
                yield "the first piece"
                raise ValueError("no second piece")

        class Void(Renderer):
            name = "void"
            suffix = ".void"
            def render(self, report, view):
                return None

        class Unmade(Void):
            name = "unmade"
            def __init__(self):
                raise RuntimeError("cannot be made")

        @hookimpl
        def lok_register_renderers():
            return [Torn, Void, Unmade]
    """,
    "lok-a-text": """
        class Text(Renderer):
            name = "text"
            suffix = ".txt"
            def render(self, report, view):
                yield "not lok's own text"

        @hookimpl
        def lok_register_renderers():
            return [Text]
    """,
    "lok-rule-furious": """
        from lok_core import Vote

        class Furious(Rule):
            name = "furious"
            def votes(self, request, backends):
                raise RuntimeError("no opinion")

        class Unmade(Furious):
            name = "unmade"
            def __init__(self):
                raise RuntimeError("cannot be made")

        class Weightless(Rule):
            name = "weightless"
            def votes(self, request, backends):
                return [Vote(backend.name, None, "mine") for backend in backends]

        @hookimpl
        def lok_register_rules():
            return [Furious, Unmade, Weightless]
    """,
    "lok-task-quitter": """
        class Quitter(Task):
            name = "quitter"
            description = "Gives up half way"
            async def run(self, job):
                await job.ask(Request("the first question", job.directory, backend="echo"))
                raise LookupError("lost the second one")

        class Stranger(Task):
            name = "stranger"
            description = "Asks somebody who is not there"
            async def run(self, job):
                await job.ask(Request("the first question", job.directory, backend="echo"))
                await job.ask(Request("the second one", job.directory, backend="gone"))

        class Speechless(Task):
            name = "speechless"
            description = "Has nothing to ask the second time"
            async def run(self, job):
                await job.ask(Request("the first question", job.directory, backend="echo"))
                await job.ask(Request(" ", job.directory, backend="echo"))

        class Leaver(Task):
            name = "leaver"
            description = "Leaves half way"
            async def run(self, job):
                await job.ask(Request("the first question", job.directory, backend="echo"))
                raise SystemExit(7)

        class Coward(Task):
            name = "coward"
            description = "Gives up before it asks anything"
            async def run(self, job):
                raise LookupError("lost the first one")

        class Unmade(Coward):
            name = "unmade"
            def __init__(self):
                raise RuntimeError("cannot be made")

        class Delegates(Task):
            name = "delegates"
            description = "Leaves the choice to the rules"
            async def run(self, job):
                await job.ask(Request("who is there?", job.directory))

        class Shadow(Quitter):
            name = "ask"
            description = "Pretends to be lok ask"

        @hookimpl
        def lok_register_tasks():
            return [Quitter, Stranger, Speechless, Leaver, Coward, Unmade, Delegates, Shadow]
    """,
}


@pytest.fixture(scope="module")
def faulty(new_house):
    house = new_house()
    for distribution, source in FAULTY.items():
        house.install(distribution, source)
    return house


class TestFaultyBackends:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("stillborn", "RuntimeError: cannot be made"),
            ("deserter", "SystemExit: gone already"),
            ("shy", "available() raised KeyError: 'SHY_HOME'"),
        ],
    )
    def test_backends_says_what_is_wrong(self, faulty, name, reason):
        done = faulty.said("backends")
        assert done.code == 0
        (told,) = [line.split(maxsplit=2) for line in done.stdout.splitlines() if line.startswith(f"{name} ")]
        assert (told[1], reason in told[2]) == ("broken", True)

    def test_others_are_asked(self, faulty):
        done = faulty.said("ask", "hi")
        assert (done.code, done.stdout) == (0, "=== CALM ===\ncalm says hi\n\n")

    def test_asking_one_that_cannot_be_made_is_an_error(self, faulty):
        done = faulty.lok("ask", "-b", "stillborn,echo", "hi")
        assert (done.code, done.stdout) == (2, "")
        assert "error: the backend 'stillborn' is broken" in done.stderr
        assert "cannot be made" in done.stderr

    @pytest.fixture
    def asked(self, faulty):
        """Those that fail while they answer, and one that does not."""
        return faulty.said("ask", "-b", "fragile,sloppy,leaver,echo", "-f", "json", "hi")

    def test_one_that_raises_takes_nothing_from_the_others(self, asked):
        assert (asked.code, asked.report["outcomes"][-1]["reply"]["text"]) == (0, "hi")
        assert "Traceback" not in asked.stderr

    def test_what_it_raised_is_in_the_report_with_what_it_had_said(self, asked):
        fragile = asked.report["outcomes"][0]
        assert (fragile["kind"], fragile["partial"]) == ("plugin", "half a sent")
        assert "lok_backend_fragile raised ZeroDivisionError: in the plugin" in fragile["message"]

    def test_answer_that_is_no_reply_is_a_fault(self, asked):
        sloppy = asked.report["outcomes"][1]
        assert (sloppy["kind"], "str instead of a Reply" in sloppy["message"]) == ("plugin", True)

    def test_exiting_is_a_fault(self, asked):
        leaver = asked.report["outcomes"][2]
        assert (leaver["kind"], "raised SystemExit: 9" in leaver["message"]) == ("plugin", True)

    def test_nobody_else_asked_means_no_answer(self, faulty):
        done = faulty.lok("ask", "-b", "fragile", "hi", "-v")
        assert done.code == 3
        assert "half a sent" in done.stdout
        assert "lok_backend_fragile.py" in done.stderr
        assert "fragile did not close: RuntimeError('stuck')" in done.stderr


class TestFaultyRenderers:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("torn", "ValueError: no second piece"),
            pytest.param("void", "TypeError: ", marks=pytest.mark.slow),
        ],
    )
    def test_report_is_shown_as_text(self, faulty, name, reason):
        done = faulty.lok("ask", "-b", "echo", "-f", name, "hi")
        assert (done.code, done.stdout) == (4, "=== ECHO ===\nhi\n\n")
        assert f"error: the format '{name}' of lok-render-torn failed: {reason}" in done.stderr

    def test_report_is_written_as_text(self, faulty):
        done = faulty.lok("ask", "-b", "echo", "-f", "torn", "-o", "report.torn", "hi")
        assert (done.code, done.stdout) == (4, "")
        assert (faulty.folder / "report.torn").read_text() == "=== ECHO ===\nhi\n\n"

    def test_one_that_cannot_be_made_is_an_error_before_anything_is_asked(self, faulty):
        done = faulty.lok("ask", "-b", "echo", "-f", "unmade", "hi")
        assert (done.code, done.stdout) == (2, "")
        reason = "'unmade' of lok-render-torn cannot be made: RuntimeError: cannot be made"
        assert f"error: the renderer {reason}\nhint: this is a fault of the plugin" in done.stderr

    def test_text_stays_that_of_lok(self, faulty):
        done = faulty.said("ask", "hi")
        assert done.stdout == "=== CALM ===\ncalm says hi\n\n"
        assert "lok's own is used; LOK_DISABLE_PLUGINS=lok-a-text silences this" in done.stderr


class TestFaultyTasks:
    def test_what_was_answered_is_shown(self, faulty):
        done = faulty.said("quitter", "code")
        assert (done.code, "the first question" in done.stdout) == (4, True)
        assert "the task quitter broke off: LookupError: lost the second one" in done.stderr

    def test_place_where_it_broke_off_is_told(self, faulty):
        assert "lok_task_quitter.py:" in faulty.said("quitter", "code").stderr

    @pytest.mark.parametrize(
        ("task", "reason"),
        [
            ("stranger", "no backend named 'gone'"),
            ("speechless", "a request needs a prompt"),
            ("leaver", "SystemExit: 7"),
        ],
    )
    def test_report_says_it_is_incomplete(self, faulty, task, reason):
        report = faulty.lok(task, "code", "-f", "json").report
        assert [outcome["reply"]["text"] for outcome in report["outcomes"]] == ["the first question"]
        assert report["interrupted"]
        assert f"the task {task} broke off: " in report["notes"][0]
        assert reason in report["notes"][0]

    def test_reason_is_told_even_quietly(self, faulty):
        done = faulty.lok("coward", "code", "-q")
        assert (done.code, "LookupError: lost the first one" in done.stderr) == (4, True)

    def test_one_that_cannot_be_made_is_an_error(self, faulty):
        done = faulty.lok("unmade", "code")
        assert (done.code, done.stdout) == (2, "")
        reason = "'unmade' of lok-task-quitter cannot be made: RuntimeError: cannot be made"
        assert f"error: the task {reason}\nhint: this is a fault of the plugin" in done.stderr

    def test_built_in_command_is_not_shadowed(self, faulty):
        assert faulty.said("ask", "hi").stdout == "=== CALM ===\ncalm says hi\n\n"
        assert "Pretends" not in faulty.said("--help").stdout
        assert faulty.said("--help").stdout.count("\n  ask ") == 1


def test_rules_that_fail_have_no_say(faulty):
    done = faulty.lok("delegates", "code")
    assert (done.code, "calm says who is there?" in done.stdout) == (0, True)
