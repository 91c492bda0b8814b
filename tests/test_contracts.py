"""The contracts of tasks, rules and renderers: kept by what is built in, broken by a mutant for each case."""

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve

from lok_core import (
    Backend,
    BackendError,
    Profile,
    Prompt,
    PromptTask,
    Renderer,
    Reply,
    Request,
    Rule,
    Task,
    Vote,
)
from lok_core.builtin import GithubRenderer, MarkdownRenderer, StrengthsRule
from lok_core.outcome import Failure
from lok_core.render_json import JsonRenderer
from lok_core.render_text import TextRenderer
from lok_core.testing import BackendContract, RendererContract, RuleContract, TaskContract
from lok_core.testing.cases import BACKEND, RENDERER, RULE, TASK

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "testing.md"
ECHO = ROOT / "plugins" / "lok-backend-echo" / "tests" / "test_echo.py"
WRONG = {}


class TestStrengths(RuleContract):
    @pytest.fixture
    def rule(self):
        return StrengthsRule()


class TestText(RendererContract):
    @pytest.fixture
    def renderer(self):
        return TextRenderer()


@pytest.mark.slow
class TestJson(RendererContract):
    @pytest.fixture
    def renderer(self):
        return JsonRenderer()


@pytest.mark.slow
class TestMarkdown(RendererContract):
    @pytest.fixture
    def renderer(self):
        return MarkdownRenderer()


@pytest.mark.slow
class TestGithub(RendererContract):
    @pytest.fixture
    def renderer(self):
        return GithubRenderer()


class Sound(PromptTask):
    name = "sound"
    description = "Asks what there is to ask"
    prompts = (Prompt("errors", "What is wrong?", "errors"), Prompt("slow", "What is slow?", "performance"))


class TestSound(TaskContract):
    @pytest.fixture
    def task(self):
        return Sound()


class Plain(Backend):
    """Starts its program by itself, and reads what it says after a head of its own."""

    kind = "plain"
    profile = Profile()
    known = (("_quota", "quota"), ("usage limit", "quota"), ("429", "rate_limit"), ("401", "auth"))

    def available(self, env):
        return shutil.which("plain", path=env["PATH"]) is not None

    async def query(self, request, run):
        try:
            finished = await run.command(["plain"], stdin=request.prompt.encode())
        except BackendError as error:
            raise BackendError(error.kind, error.message, "pip install plain") from None
        head, _, text = finished.stdout.decode(errors="replace").partition("plain says:\n")
        said = finished.stderr.decode(errors="replace") + head
        run.text(text)
        kinds = [kind for words, kind in self.known if words in said]
        if finished.returncode or kinds:
            raise BackendError(kinds[0] if kinds else "crashed", run.mask(said), "see `plain status`")
        if not text:
            raise BackendError("empty", "it said nothing")
        return Reply(text)


@pytest.mark.slow
class TestPlain(BackendContract):
    program = "plain"

    def says(self, answer):
        return f"plain says:\n{answer}"

    @pytest.fixture
    def backend(self):
        return Plain("plain", Plain.Config())


def wrong(kind, case):
    """Names the case that fails on a mutant."""

    def named(cls):
        WRONG[kind, case] = cls
        return cls

    return named


# Tasks


@wrong("task", "name-is-a-slug")
class Shouting(Sound):
    name = "SOUND!"


@wrong("task", "description-is-one-line")
class Rambling(Sound):
    description = "Asks\nwhat there is to ask"


@wrong("task", "prompts-are-sound")
class Twins(Sound):
    prompts = (Prompt("errors", "What is wrong?"), Prompt("errors", "What else?"))


class Asking(Task):
    """Asks by itself, one after the other."""

    name = "asking"
    description = "Asks what there is to ask"
    prompts = Sound.prompts

    def request(self, job, prompt):
        named = job.chosen[:1] or [info.name for info in job.backends()][:1]
        return Request(prompt.text, job.directory, backend=named[0], access="read", label=prompt.name)

    async def run(self, job):
        for prompt in self.prompts:
            if job.backends():
                await job.ask(self.request(job, prompt))


class TestAsking(TaskContract):
    @pytest.fixture
    def task(self):
        return Asking()


@wrong("task", "asks-somebody")
class Choosy(Sound):
    async def run(self, job):
        await job.ask_all([one for one in self.requests(job) if one.backend == "codex"])


@wrong("task", "asks-about-the-directory")
class Astray(Asking):
    def request(self, job, prompt):
        return evolve(super().request(job, prompt), directory=Path("/"))


@wrong("task", "asks-whom-the-user-names")
class Wilful(Asking):
    def request(self, job, prompt):
        return evolve(super().request(job, prompt), backend=job.backends()[0].name)


@wrong("task", "one-failure-keeps-the-others")
class Discouraged(Asking):
    async def run(self, job):
        for prompt in self.prompts:
            if isinstance(await job.ask(self.request(job, prompt)), Failure):
                return


@wrong("task", "all-may-fail")
class Hopeful(Asking):
    async def run(self, job):
        outcomes = [await job.ask(self.request(job, prompt)) for prompt in self.prompts]
        job.note(next(one.reply.text for one in outcomes))


@wrong("task", "nobody-is-there")
class Expectant(Asking):
    async def run(self, job):
        for prompt in self.prompts:
            await job.ask(self.request(job, prompt))


@wrong("task", "asks-the-same-again")
class Exhausted(Asking):
    def __init__(self):
        self.prompts = iter(Asking.prompts)

    async def run(self, job):
        await super().run(job)


@wrong("task", "directory-stays-as-it-was")
class Noting(Asking):
    async def run(self, job):
        (job.directory / "notes.txt").write_text("asked")
        await super().run(job)


# Rules


class Fair(Rule):
    name = "fair"

    def votes(self, request, backends):
        return [Vote(info.name, 1.0, "it is there") for info in backends]


class TestFair(RuleContract):
    @pytest.fixture
    def rule(self):
        return Fair()


@wrong("rule", "name-is-a-slug")
class Nameless(Fair):
    name = ""


@wrong("rule", "any-request-is-judged")
class Narrow(Fair):
    def votes(self, request, backends):
        return super().votes(request, backends) if request.prompt.split()[1] else []


@wrong("rule", "votes-are-sound")
class Partisan(Fair):
    def votes(self, request, backends):
        return [Vote("mine", 1.0, "it is mine")] if backends else []


@wrong("rule", "same-request-same-votes")
class Fickle(Fair):
    def __init__(self):
        self.count = itertools.count()

    def votes(self, request, backends):
        return [Vote(info.name, float(next(self.count)), "it is its turn") for info in backends]


@wrong("rule", "order-does-not-count")
class FirstCome(Fair):
    def votes(self, request, backends):
        return super().votes(request, backends[:1])


@wrong("rule", "no-backends-no-votes")
class Stubborn(Fair):
    def votes(self, request, backends):
        return super().votes(request, backends) or [Vote("codex", 1.0, "it should be there")]


@wrong("rule", "arguments-stay-as-they-are")
class Greedy(Fair):
    def votes(self, request, backends):
        votes = []
        while backends:
            votes.append(Vote(backends.pop().name, 1.0, "it is there"))
        return votes


@wrong("rule", "nothing-is-printed")
class Loud(Fair):
    def votes(self, request, backends):
        print(request.category)  # noqa: T201 - it is wrong to
        return super().votes(request, backends)


# Renderers


class Counting(Renderer):
    name = "counting"
    suffix = ".txt"

    def render(self, report, view):
        yield f"{len(report.outcomes)} answers, {len(report.findings)} findings\n"


class TestCounting(RendererContract):
    @pytest.fixture
    def renderer(self):
        return Counting()


@wrong("renderer", "name-is-a-slug")
class Spaced(Counting):
    name = "my form"


@wrong("renderer", "suffix-has-a-dot")
class Dotless(Counting):
    suffix = "txt"


@wrong("renderer", "every-report-is-rendered")
class Optimistic(Counting):
    def render(self, report, view):
        yield f"{report.outcomes[0].reply.text.split()}\n"


@wrong("renderer", "every-view-is-rendered")
class Wide(Counting):
    def render(self, report, view):
        yield f"{'=' * (view.width - 40)}{1 // max(0, view.width - 40)}\n"


@wrong("renderer", "output-ends-with-a-newline")
class Endless(Counting):
    def render(self, report, view):
        yield "a report"


@wrong("renderer", "nothing-unsafe-gets-through")
class Credulous(Counting):
    def render(self, report, view):
        yield from (finding.title.encode(errors="replace").decode() for finding in report.findings)
        yield "\n"


@wrong("renderer", "output-is-utf-8")
class Verbatim(Counting):
    def render(self, report, view):
        yield from (f"{finding.title!s}\n" for finding in report.findings)
        yield "\n"


@wrong("renderer", "same-report-same-text")
class Numbered(Counting):
    numbers = itertools.count()

    def render(self, report, view):
        yield f"report {next(self.numbers)}\n"


@wrong("renderer", "nothing-is-printed")
class Printing(Counting):
    def render(self, report, view):
        print(report.command)  # noqa: T201 - it is wrong to
        return ["\n"]


@wrong("renderer", "blocks-are-texts")
class Blocky(Counting):
    def block(self, outcome, view):
        return None


ALL = {"task": TASK, "rule": RULE, "renderer": RENDERER}


@pytest.mark.parametrize("kind", ALL)
def test_each_case_has_a_mutant(kind):
    assert {name for one, name in WRONG if one == kind} == {case.name for case in ALL[kind]}


@pytest.mark.parametrize(("kind", "name"), WRONG, ids=" ".join)
async def test_a_case_fails_on_what_is_wrong_in_just_that_way(kind, name):
    (case,) = [case for case in ALL[kind] if case.name == name]

    async def check(subject):
        done = case.check(subject)
        if done is not None:
            await done

    with pytest.raises(AssertionError) as caught:
        await check(WRONG[kind, name]())
    assert len(str(caught.value).partition("\nassert")[0]) > 20  # a sentence, not the bare condition


@pytest.mark.parametrize("cases", [BACKEND, TASK, RULE, RENDERER], ids=["backend", *ALL])
def test_each_case_has_a_name_of_its_own_and_a_sentence(cases):
    assert len({case.name for case in cases}) == len(cases)
    assert all(case.promise.endswith(".") for case in cases)


@pytest.mark.parametrize("kind", ["Backends", *(f"{kind.title()}s" for kind in ALL)])
def test_the_table_of_the_documentation_is_that_of_the_code(kind):
    cases = ALL.get(kind.lower().removesuffix("s"), BACKEND)
    section = DOCS.read_text().partition(f"### {kind}\n")[2].partition("\n### ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    holds = [[case.holds_for] if cases is BACKEND else [] for case in cases]
    assert rows == [
        [f"`{case.name}`", case.promise, *words] for case, words in zip(cases, holds, strict=True)
    ]


def test_the_documentation_quotes_the_test_file_of_echo():
    assert ECHO.read_text() in DOCS.read_text()


def test_the_documentation_counts_the_cases():
    text = DOCS.read_text()
    for name, cases in {"backend": BACKEND, **ALL}.items():
        assert f"| `{name}` | {len(cases)} cases" in text


def run_pytest(folder, source, *options):
    """pytest as the author of a plugin runs it, in a folder without settings."""
    (folder / "test_mine.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", *options, "test_mine.py"]
    env = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_plugins_test_file_needs_no_setting(tmp_path):
    done = run_pytest(tmp_path, ECHO.read_text(), "--strict-markers", "-k", "name or reply")
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


@pytest.mark.slow
def test_a_failing_case_says_what_has_to_be_mended(tmp_path):
    source = ECHO.read_text().replace("return Echo(", "Echo.kind = 'My Echo'\n        return Echo(")
    done = run_pytest(tmp_path, source, "-k", "slug")
    assert done.returncode == 1
    assert "kind is 'My Echo'; it must be a name such as 'my-tool'" in done.stdout
