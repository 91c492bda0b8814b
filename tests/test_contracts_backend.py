"""Each case of the backend contract fails on a backend that is wrong in just that way."""

import json
import os
import re
import subprocess
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from attrs import evolve, frozen

from lok_core import (
    Backend,
    BackendError,
    CommandBackend,
    CommandConfig,
    CommandSpec,
    Finished,
    Health,
    Pick,
    Profile,
    Reply,
    Turn,
)
from lok_core.testing.bench import PATIENCE_S, opened
from lok_core.testing.case import subject_of
from lok_core.testing.cases import BACKEND

CASES = {case.name: case for case in BACKEND}
EXAMPLE = '{"type": "begin"}\n{"type": "answer", "text": "{answer}"}\n{"type": "end"}\n'


class Tool(CommandBackend):
    """A backend that keeps the contract; its program speaks plain text."""

    kind = "tool"
    hangs = False
    profile = Profile(secrets=("TOOL_KEY",), access=("none", "read", "write"), output_schema=True)
    spec = CommandSpec("tool", flags=(("-m", "{model}"),), install="pip install tool")

    @classmethod
    def made(cls):
        return cls("tool", cls.Config())

    def spec_for(self, request, run):
        if request.output_schema is None:
            return self.spec
        return evolve(self.spec, flags=(*self.spec.flags, ("--schema", json.dumps(request.output_schema))))

    async def converse(self, messages, tools, run):
        return Turn("in app.py there is a function")


class JsonTool(Tool):
    """The same for a program that speaks JSON lines."""

    profile = evolve(Tool.profile, streams_progress=True, converses=True)
    spec = evolve(
        Tool.spec, args=("run",), format="jsonl", answer=Pick("text", {"type": "answer"}), example=EXAMPLE
    )


def output(finished, run):
    """The sound end of a query that reads plain text."""
    text = finished.stdout.decode(errors="replace").strip("\n")
    if finished.returncode:
        run.text(text)
        raise BackendError("crashed", run.mask(finished.stderr.decode(errors="replace")))
    if not text:
        raise BackendError("empty", "it said nothing")
    return Reply(text)


MUTANTS = {}


def wrong(cls):
    """A mutant, named like the case that fails on it."""
    MUTANTS[cls.case] = cls
    return cls


# What it says of itself


@wrong
class Misnamed(Tool):
    case = "name-is-a-slug"
    kind = "My Tool"


@wrong
class Nameless(Tool):
    case = "name-is-the-given-one"

    def __init__(self, name, config):
        super().__init__(self.kind, config)


@wrong
class Tolerant(Tool):
    case = "config-refuses-unknown-keys"
    Config = dict

    def __init__(self, name, config):
        super().__init__(name, CommandConfig())


@wrong
class Demanding(Tool):
    case = "config-has-defaults"

    @frozen(kw_only=True)
    class Config(CommandConfig):
        address: str

    @classmethod
    def made(cls):
        return cls("tool", cls.Config(address="localhost"))


@wrong
class Boastful(Tool):
    case = "profile-is-sound"
    profile = evolve(Tool.profile, strengths=("everything",))


@wrong
class Present(Tool):
    case = "available-tells-whether-the-program-is-there"

    def available(self, env):
        return True


@wrong
class Busy(Tool):
    case = "available-starts-nothing"

    def available(self, env):
        if not super().available(env):
            return False
        return subprocess.run([self.program(env), "--version"], input=b"", check=False).returncode == 0


@wrong
class Doubtful(Tool):
    case = "check-finds-the-program"

    async def check(self, run):
        return Health(ready=False, message="no")


@wrong
class Brittle(Tool):
    case = "check-copes-with-any-program"

    async def check(self, run):
        finished = await run.command([self.program(run.env), "--version"])
        if finished.returncode:
            raise ValueError("no version")
        return Health(ready=True)


@wrong
class Affirmative(Tool):
    case = "check-copes-with-any-program (by a Health)"

    async def check(self, run):
        return True


@wrong
class Indiscreet(Tool):
    case = "check-copes-with-any-program (without keys)"

    async def check(self, run):
        return Health(ready=True, message=f"the key is {run.env['TOOL_KEY']}")


@wrong
class CuriousByFlag(Tool):
    case = "check-asks-no-model (by a flag)"

    async def check(self, run):
        await run.command([self.program(run.env), "-p", "ping"])
        return Health(ready=True)


@wrong
class Curious(Tool):
    case = "check-asks-no-model"

    async def check(self, run):
        await run.command([self.program(run.env)], stdin=b"are you there?")
        return Health(ready=True)


@wrong
class CuriousByArgument(Tool):
    case = "check-asks-no-model (in an argument)"
    spec = evolve(Tool.spec, args=("-p", "{prompt}"), stdin="null")

    async def check(self, run):
        await run.command([self.program(run.env), "-p", "are you there?"])
        return Health(ready=True)


@wrong
class Confident(Tool):
    case = "check-tells-of-a-missing-program"

    async def check(self, run):
        return Health(ready=True)


@wrong
class Hintless(Tool):
    case = "missing-program-has-a-hint"

    async def query(self, request, run):
        try:
            return await super().query(request, run)
        except BackendError as error:
            raise BackendError(error.kind, error.message) from None


@wrong
class Unclosable(Tool):
    case = "closes"

    async def aclose(self):
        self.session.close()


@wrong
class UnclosableUnused(Tool):
    case = "closes (without a request)"

    async def query(self, request, run):
        self.session = request
        return await super().query(request, run)

    async def aclose(self):
        assert self.session


# What arrives at the program


class Changing(Tool):
    """Changes the prompt on its way."""

    def changed(self, prompt):
        return prompt

    async def query(self, request, run):
        return await super().query(evolve(request, prompt=self.changed(request.prompt)), run)


@wrong
class Ascii(Changing):
    case = "prompt-with-unicode"

    def changed(self, prompt):
        return prompt.encode("ascii", "replace").decode()


@wrong
class Filling(Changing):
    case = "prompt-with-markup"

    def changed(self, prompt):
        return prompt.replace("{model}", "").replace("%%", "%")


@wrong
class OneLine(Changing):
    case = "prompt-with-lines"

    def changed(self, prompt):
        return " ".join(prompt.splitlines())


@wrong
class Stripping(Changing):
    case = "prompt-with-a-final-newline"

    def changed(self, prompt):
        return prompt.strip()


@wrong
class Printable(Changing):
    case = "prompt-with-unicode (control characters)"

    def changed(self, prompt):
        return "".join(c for c in prompt if c.isprintable() or c.isspace())


@wrong
class Twice(Changing):
    case = "prompt-with-unicode (once)"

    def changed(self, prompt):
        return f"{prompt}\n{prompt}"


@wrong
class Slashless(Changing):
    case = "prompt-with-markup (at its beginning)"

    def changed(self, prompt):
        return prompt.lstrip("/@#!")


@wrong
class Leading(Changing):
    case = "prompt-with-lines (blanks at its beginning)"

    def changed(self, prompt):
        return prompt.lstrip()


@wrong
class Trailing(Changing):
    case = "prompt-with-lines (blanks at its end)"

    def changed(self, prompt):
        return prompt.rstrip(" ")


@wrong
class Terminated(Changing):
    case = "prompt-with-nul"

    def changed(self, prompt):
        return prompt.partition("\0")[0]


@wrong
class Cutting(Changing):
    case = "prompt-of-300-kb"

    def changed(self, prompt):
        return prompt[:200_000]


@wrong
class Flagging(Tool):
    case = "prompt-with-a-leading-dash"

    async def query(self, request, run):
        return output(await run.command([self.program(run.env), request.prompt]), run)


@wrong
class OwnModel(Tool):
    case = "model-is-passed-on"

    async def query(self, request, run):
        return await super().query(evolve(request, model="my-own"), run)


@wrong
class Lost(Tool):
    case = "directory-is-passed-on"

    async def query(self, request, run):
        return await super().query(evolve(request, access="none"), run)


@wrong
class Shapeless(Tool):
    case = "schema-is-passed-on"

    def spec_for(self, request, run):
        return self.spec


@wrong
class Misleading(Tool):
    case = "plan-is-what-is-started"

    def planned(self, request, run):
        return ("tool", "--read-only")


@wrong
class MisleadingForReading(Tool):
    case = "plan-is-what-is-started (with any access)"

    def planned(self, request, run):
        return ("tool", "--safe") if request.access == "read" else super().planned(request, run)


@wrong
class Eager(Tool):
    case = "plan-is-what-is-started (and nothing else)"

    def planned(self, request, run):
        subprocess.run([self.program(run.env)], input=b"", check=False, env=dict(run.env))
        return super().planned(request, run)


# What becomes of an answer


@wrong
class Mute(Tool):
    case = "reply-comes-back"

    async def query(self, request, run):
        await super().query(request, run)
        return Reply("done")


@wrong
class Tidy(Tool):
    case = "answer-is-kept-whole"

    async def query(self, request, run):
        reply = await super().query(request, run)
        return evolve(reply, text="\n".join(line.strip() for line in reply.text.splitlines()))


class Retelling(Tool):
    """Changes the answer."""

    async def query(self, request, run):
        reply = await super().query(request, run)
        return evolve(reply, text=self.told(reply.text))


@wrong
class Announcing(Retelling):
    case = "answer-is-kept-whole (and no more)"

    def told(self, text):
        return f"tool says: {text}"


@wrong
class Unindented(Retelling):
    case = "answer-is-kept-whole (at its beginning)"

    def told(self, text):
        return text.strip()


@wrong
class Unblanked(Retelling):
    case = "answer-is-kept-whole (blanks in it)"

    def told(self, text):
        return re.sub(r"[ \t]+\n", "\n", text)


@wrong
class Dense(Retelling):
    case = "answer-is-kept-whole (empty lines)"

    def told(self, text):
        return re.sub(r"\n\n+", "\n\n", text)


@wrong
class Unfenced(Retelling):
    case = "answer-is-kept-whole (fences)"

    def told(self, text):
        return re.sub(r"^```\w*\n(.*)\n```$", r"\1", text, flags=re.DOTALL)


@wrong
class Splitting(Retelling):
    case = "answer-is-kept-whole (what ends no line)"

    def told(self, text):
        return "\n".join(text.splitlines())


@wrong
class Capped(Tool):
    case = "long-answer-is-whole"

    async def query(self, request, run):
        argv = [self.program(run.env)]
        return output(await run.command(argv, stdin=request.prompt.encode(), cap_bytes=1_000_000), run)


@wrong
class Nervous(Tool):
    case = "answer-about-errors"

    async def query(self, request, run):
        reply = await super().query(request, run)
        if "429" in reply.text or "quota" in reply.text:
            raise BackendError("quota", "the quota is used up")
        return reply


@wrong
class Hasty(Tool):
    case = "output-split-in-a-character"

    async def query(self, request, run):
        said = []
        argv = [self.program(run.env)]
        finished = await run.command(
            argv,
            stdin=request.prompt.encode(),
            on_stdout=lambda chunk: said.append(chunk.decode(errors="replace")),
        )
        return output(evolve(finished, stdout="".join(said).encode()), run)


class Events(JsonTool):
    """Reads JSON lines by itself."""

    async def query(self, request, run):
        said = []
        finished = await run.command(
            [self.program(run.env)],
            stdin=request.prompt.encode(),
            on_stdout=lambda chunk: self.take(chunk, said),
        )
        self.end(said)
        text = "".join(one if isinstance(one, str) else "" for one in said)
        return output(evolve(finished, stdout=text.encode()), run)

    def take(self, chunk, said):
        said.append(chunk)

    def end(self, said):
        lines = b"".join(said).decode(errors="replace").splitlines()
        said[:] = [event.get("text", "") for line in lines if (event := self.event(line))]

    def event(self, line):
        try:
            event = json.loads(line)
        except ValueError:
            return {}
        return event if isinstance(event, dict) else {}


@wrong
class ByChunk(Events):
    case = "output-split-in-an-object"

    def take(self, chunk, said):
        said += [self.event(line).get("text", "") for line in chunk.decode(errors="replace").splitlines()]

    def end(self, said):
        pass


@wrong
class Strict(Events):
    case = "noise-between-events-is-skipped"

    def event(self, line):
        try:
            return json.loads(line)
        except ValueError:
            raise BackendError("protocol", f"this is no JSON: {line[:40]}") from None


@wrong
class OneAfterTheOther(Tool):
    case = "flood-on-standard-error"
    hangs = True

    async def query(self, request, run):
        async with started(self, run, stderr=subprocess.PIPE) as process:
            await write(process, request)
            said = b"".join([chunk async for chunk in process.stdout])
            errors = b"".join([chunk async for chunk in process.stderr])
        return output(Finished(process.returncode, said, errors), run)


@wrong
class Forgetful(Tool):
    case = "two-at-once"

    async def query(self, request, run):
        self.request = request
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        return await super().query(self.request, run)


@wrong
class Queueing(Tool):
    case = "two-at-once (by turns)"
    hangs = True

    def __init__(self, name, config):
        super().__init__(name, config)
        self.lock = trio.Lock()

    async def query(self, request, run):
        async with self.lock:
            return await super().query(request, run)


@wrong
class Mixing(Tool):
    case = "two-at-once (kept apart)"

    async def query(self, request, run):
        self.said = []
        argv = [self.program(run.env)]
        finished = await run.command(
            argv, stdin=request.prompt.encode(), on_stdout=lambda chunk: self.said.append(chunk)
        )
        return output(evolve(finished, stdout=b"".join(self.said)), run)


@wrong
class Remembering(Tool):
    case = "next-request-is-a-new-one"

    async def query(self, request, run):
        self.known = getattr(self, "known", {})
        if request.prompt not in self.known:
            self.known[request.prompt] = await super().query(request, run)
        return self.known[request.prompt]


@wrong
class Sticking(Tool):
    case = "next-request-is-a-new-one (with its own model)"
    asked = None

    async def query(self, request, run):
        self.asked = self.asked or request.model
        return await super().query(evolve(request, model=self.asked), run)


@wrong
class Speechless(JsonTool):
    case = "conversation-has-a-turn"

    async def converse(self, messages, tools, run):
        return await Backend.converse(self, messages, tools, run)


# What becomes of a failure


class Judging(Tool):
    """Looks at the end of the program by itself."""

    def judged(self, finished, run):
        return output(finished, run)

    async def query(self, request, run):
        argv = [self.program(run.env)]
        return self.judged(await run.command(argv, stdin=request.prompt.encode()), run)


@wrong
class Inventive(Judging):
    case = "nothing-said-is-a-failure"

    def judged(self, finished, run):
        return Reply(finished.stdout.decode(errors="replace").strip() or "(no answer)")


@wrong
class Blabbing(Judging):
    case = "standard-error-is-no-answer"

    def judged(self, finished, run):
        return output(evolve(finished, stdout=finished.stdout + finished.stderr), run)


@wrong
class FallingBack(Judging):
    case = "standard-error-is-no-answer (where there is none)"

    def judged(self, finished, run):
        return output(evolve(finished, stdout=finished.stdout or finished.stderr), run)


@wrong
class Lenient(Judging):
    case = "failing-exit-keeps-the-answer (with 1)"

    def judged(self, finished, run):
        return output(evolve(finished, returncode=finished.returncode if finished.returncode > 1 else 0), run)


@wrong
class Trusting(Judging):
    case = "failing-exit-keeps-the-answer"

    def judged(self, finished, run):
        return Reply(finished.stdout.decode(errors="replace"))


@wrong
class Dropping(Judging):
    case = "failing-exit-keeps-the-answer (but for what was said)"

    def judged(self, finished, run):
        if finished.returncode:
            raise BackendError("crashed", run.mask(finished.stderr.decode(errors="replace")))
        return output(finished, run)


@wrong
class Terse(Judging):
    case = "broken-program-tells-why"

    def judged(self, finished, run):
        if finished.returncode:
            raise BackendError("crashed", f"exit code {finished.returncode}")
        return output(finished, run)


@wrong
class Positive(Judging):
    case = "signalled-program-is-a-failure"

    def judged(self, finished, run):
        return output(evolve(finished, returncode=max(0, finished.returncode)), run)


class Recoding(Tool):
    """Calls one kind of failure by another name."""

    instead = ("", "")

    async def query(self, request, run):
        try:
            return await super().query(request, run)
        except BackendError as error:
            if error.kind == self.instead[0]:
                raise BackendError(self.instead[1], error.message, error.hint) from None
            raise


@wrong
class OutOfQuota(Recoding):
    case = "quota-with-a-failing-exit"
    instead = ("quota", "rate_limit")


@wrong
class QuotaAsAnswer(Judging):
    case = "quota-with-success"


@wrong
class Limited(Recoding):
    case = "rate-limit-is-told"
    instead = ("rate_limit", "crashed")


@wrong
class LoggedOut(Recoding):
    case = "missing-login-is-told"
    instead = ("auth", "network")


@wrong
class Decoding(Judging):
    case = "garbage-is-a-failure"

    def judged(self, finished, run):
        return output(evolve(finished, stdout=finished.stdout.decode().encode()), run)


@wrong
class Assuming(Events):
    case = "json-of-another-shape-is-a-failure"

    def event(self, line):
        try:
            return {"text": json.loads(line)["message"]["text"]} if "message" in line else {}
        except ValueError:
            return {}


@wrong
class Chatty(Judging):
    case = "failure-tells-no-secret"

    def judged(self, finished, run):
        if finished.returncode:
            raise BackendError("crashed", finished.stderr.decode(errors="replace")[:100])
        return output(finished, run)


# The life of the program


@asynccontextmanager
async def started(backend, run, **how):
    """A process of its own making."""
    how = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, **how}
    env = {**run.env, "TMPDIR": str(run.folder)}
    process = await trio.lowlevel.open_process([backend.program(run.env)], env=env, cwd=run.folder, **how)
    try:
        yield process
        await process.wait()
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    await stream.aclose()


async def write(process, request):
    await process.stdin.send_all(request.prompt.encode())
    await process.stdin.aclose()


@wrong
class Shielded(Tool):
    case = "cancellation-is-prompt"
    hangs = True

    async def query(self, request, run):
        argv = [self.program(run.env)]
        done = await trio.to_thread.run_sync(
            lambda: subprocess.run(
                argv, input=request.prompt.encode(), capture_output=True, env=dict(run.env)
            )
        )
        return Reply(done.stdout.decode())


@wrong
class LeaderOnly(Tool):
    case = "cancellation-ends-the-group"

    async def query(self, request, run):
        done = await trio.run_process(
            [self.program(run.env)], stdin=request.prompt.encode(), capture_stdout=True, env=dict(run.env)
        )
        return Reply(done.stdout.decode())


@wrong
class Silent(Judging):
    case = "cancellation-keeps-what-was-said"


@wrong
class OpenEnded(Tool):
    case = "standard-input-is-closed"
    hangs = True

    async def query(self, request, run):
        async with started(self, run) as process:
            await process.stdin.send_all(request.prompt.encode())
            return Reply((await process.stdout.receive_some()).decode())


@wrong
class Insistent(Tool):
    case = "input-that-is-not-read"

    async def query(self, request, run):
        async with started(self, run) as process:
            await write(process, request)
            return Reply(b"".join([chunk async for chunk in process.stdout]).decode())


@wrong
class Patient(Tool):
    case = "grandchild-that-holds-the-output"
    hangs = True

    async def query(self, request, run):
        async with started(self, run) as process:
            await write(process, request)
            return Reply(b"".join([chunk async for chunk in process.stdout]).decode())


@wrong
class Blocking(Tool):
    case = "query-blocks-nothing"

    async def query(self, request, run):
        reply = await super().query(request, run)
        time.sleep(1.2)  # noqa: ASYNC251 - it is wrong anyway
        return reply


# What is left, and who could see it


@wrong
class Littering(Tool):
    case = "directory-stays-as-it-was"

    async def query(self, request, run):
        (request.directory / ".tool-prompt").write_text(request.prompt)
        return await super().query(request, run)


class Touching(Tool):
    """Keeps a file of its own at a place that is not its own."""

    def place(self, request, run):
        return request.directory

    async def query(self, request, run):
        file = self.place(request, run) / ".tool-prompt"
        file.write_text(request.prompt)
        reply = await super().query(request, run)
        file.unlink()
        return reply


@wrong
class Passing(Touching):
    case = "directory-stays-as-it-was (while it works)"


@wrong
class Permitting(Tool):
    case = "directory-stays-as-it-was (modes)"

    async def query(self, request, run):
        (request.directory / "app.py").chmod(0o777)
        return await super().query(request, run)


@wrong
class LeavingOnFailure(Touching):
    case = "nothing-is-left (of what fails)"

    def place(self, request, run):
        return Path(run.env["HOME"])


@wrong
class AtHome(Tool):
    case = "nothing-is-left (by making it)"

    def __init__(self, name, config):
        super().__init__(name, config)
        if name == "fresh":
            Path("~/.tool").expanduser().write_text("made")


@wrong
class Setting(Tool):
    case = "lok-stays-as-it-was"

    async def query(self, request, run):
        os.environ["TOOL_MODE"] = "quiet"
        return await super().query(request, run)


@wrong
class Unmasking(Tool):
    case = "lok-stays-as-it-was (its mask)"

    async def query(self, request, run):
        os.umask(0)
        return await super().query(request, run)


@wrong
class Inheriting(Tool):
    case = "program-sees-the-runs-variables"

    async def query(self, request, run):
        argv = [self.program(run.env)]
        return output(await run.command(argv, stdin=request.prompt.encode(), env=dict(os.environ)), run)


@wrong
class Telling(Tool):
    case = "access-none-stays-outside (and is not told)"

    def spec_for(self, request, run):
        return evolve(super().spec_for(request, run), args=("--add-dir", str(request.directory)))


@wrong
class ExposingForReading(Tool):
    case = "no-key-in-the-arguments (with any access)"

    def spec_for(self, request, run):
        spec = super().spec_for(request, run)
        return evolve(spec, args=("--key", run.env["TOOL_KEY"])) if request.access == "read" else spec


@wrong
class Hoarding(Tool):
    case = "nothing-is-left"

    async def query(self, request, run):
        with open(f"{run.env['HOME']}/.tool-history", "a") as history:  # noqa: ASYNC230 - it is wrong anyway
            history.write(request.prompt)
        return await super().query(request, run)


@wrong
class Inside(Tool):
    case = "access-none-stays-outside"

    async def query(self, request, run):
        return await super().query(evolve(request, access="read"), run)


@wrong
class Exposing(Tool):
    case = "no-key-in-the-arguments"

    def spec_for(self, request, run):
        return evolve(super().spec_for(request, run), args=("--key", run.env["TOOL_KEY"]))


def test_each_case_has_a_mutant():
    assert {name.partition(" (")[0] for name in MUTANTS} == set(CASES)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
async def test_a_case_fails_on_a_backend_that_is_wrong_in_just_that_way(name, tmp_path):
    mutant = MUTANTS[name]
    case = CASES[name.partition(" (")[0]]
    subject = subject_of(mutant.made())
    assert case.left_out(subject) == ""
    patience_s = 2.0 if mutant.hangs else PATIENCE_S
    async with opened(tmp_path / "bench", subject, patience_s) as bench:
        with pytest.raises(AssertionError) as caught:
            await case.check(bench)
        told = str(caught.value).partition("\nassert")[0]
    assert len(told) > 20  # a sentence, not the bare condition
    assert mutant.hangs or "timeout" not in told


RIGHT = [
    (name, kind)
    for name, case in CASES.items()
    for kind in (Tool, JsonTool)
    if not case.left_out(subject_of(kind.made()))
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), RIGHT)
async def test_every_case_holds_for_a_backend_that_is_right(name, kind, tmp_path):
    case, subject = CASES[name], subject_of(kind.made())
    async with opened(tmp_path / "bench", subject) as bench:
        await case.check(bench)
