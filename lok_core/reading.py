"""How a program's output becomes a reply, or the reason why there is none.

An exit code alone proves nothing: some programs exit 0 on failures, others 1 with a good answer. Success is
an allowed exit code, no failure in the output, and an answer that is not blank.
"""

from __future__ import annotations

import codecs
import json
import re
import signal
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lok_core.command_spec import COMMON_ERRORS, CommandSpec, ErrorPattern
from lok_core.errors import BackendError
from lok_core.interfaces import Run
from lok_core.known_failures import speaks_of_failure, texts_in, wording_of
from lok_core.models import LIMITED, FailureKind, Finished, Reply, Request, Usage
from lok_core.pick import as_text, condition_holds, documents, number_in, picked, usage_of
from lok_core.sanitize import clean_line

_MAX_BYTES = 256 * 2**20  # of one line, or of an answer: what never ends must not fill the memory
_NOISE_LINES = 200
_RECENT = 4  # events, of which one may tell why there is no answer
_TOLD_LINES = 2  # of plain text that may tell of a failure in place of an answer
_MAX_LINE = 4096  # characters of each
_LINE = 300  # characters of a program's output in a message
_SEARCHED = 64 * 1024  # characters of each stream that error patterns see, at its end
_PREFIX = re.compile(  # of an error message: "429 Error: you have"
    r"\W*(?:(?:\w*(?:[Ee]rror|[Ee]xception|[Ff]ailed)|[A-Z_]{3,}|\d{3})\W+)*(?:[Yy]ou(?:.ve| have)? )?"
)

_HINTS: dict[str, str] = {
    "auth": "log in to {program}, or check its API key",
    "quota": "the account has used up what it may: see its billing, or ask another model",
    "rate_limit": "wait a little, or ask less at once",
    "overloaded": "try again later, or ask another model",
    "timeout": "ask again, or ask for less at once",
    "network": "check the network, the proxy settings and the provider's address",
    "invalid": "check the model's name and the arguments",
    "refused": "ask in other words",
    "empty": "ask again, or ask another model",
    "truncated": "ask for less at once",
    "crashed": "run {program} by hand to see more",
}


class Reading:
    """What is known of one answer while its output arrives. Adapters override `event`.

    Attributes:
        parts: the texts of the answer; `say` adds one.
        data: the structured answer as the program gives it, not yet checked.
        failure: kind, message and hint of a failure that the output tells; the last one counts. See `fail`.
        retry_after_s: seconds after which the provider allows another attempt, if the output tells it.
        truncated: whether the output says that the answer was cut off.
        done: whether the output says that all went well; then the exit code does not matter.
    """

    def __init__(self, spec: CommandSpec, request: Request, run: Run) -> None:
        self.spec = spec
        self.request = request
        self.run = run
        self.program = Path(spec.command).name
        self.parts: list[str] = []
        self.data: Any = None
        self.usage = Usage()
        self.session: str | None = None
        self.model: str | None = None
        self.failure: tuple[FailureKind, str, str] | None = None
        self.retry_after_s: float | None = None
        self.truncated = False
        self.done = False
        # Two underscores, so that no name of an adapter's clashes.
        self.__picked: dict[str, Any] = {}
        self.__failing: Mapping[str, Any] | None = None
        self.__recent: deque[Mapping[str, Any]] = deque(maxlen=_RECENT)
        self.__said = False
        self.__ended = False
        self.__activity = ""
        self.__pending: list[bytes] = []
        self.__pending_size = 0
        self.__decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.__to_skip = spec.skip_lines
        self.__noise: deque[str] = deque(maxlen=_NOISE_LINES)

    def feed(self, chunk: bytes) -> None:
        """Takes a piece of standard output; pieces end anywhere, also inside a character."""
        if self.spec.format == "text":
            self.__text(self.__decoder.decode(chunk))
            return
        if self.spec.format == "jsonl":
            *lines, chunk = chunk.split(b"\n")
            for line in lines:
                self.__pending.append(line)
                self.__line(self.__taken())
        self.__pending.append(chunk)
        self.__limit(len(chunk))

    def event(self, event: Mapping[str, Any]) -> None:
        """Takes one JSON object of the output in; this one does what the spec says."""
        spec = self.spec
        failing = any(condition_holds(where, event) for where in spec.fail_when)
        cut = any(condition_holds(where, event) for where in spec.truncated_when)
        answer = None if spec.answer is None or failing else picked(spec.answer, [event])
        if answer is not None:
            assert spec.answer is not None
            if spec.answer.pick == "last" and self.parts:
                self.parts.clear()
                self.run.text("\n\n")
            self.say(as_text(answer))
        elif isinstance(event.get("type"), str):
            self.doing(event["type"])
        said = answer is not None and bool(as_text(answer).strip())
        self.__failing = event if failing else None if said else self.__failing
        self.truncated = cut or (self.truncated and not said)
        self.__pick_usage([event], {} if spec.usage_file else spec.usage)
        for name in ("data", "session", "model"):
            pick = getattr(spec, name)
            if pick is not None and (value := picked(pick, [event])) is not None:
                setattr(self, name, value if name == "data" else as_text(value))

    def say(self, text: str) -> None:
        """Adds to the answer, and to what a deadline would otherwise lose."""
        self.parts.append(text)
        self.__said = True
        self.run.text(text)

    def doing(self, activity: str) -> None:
        """Shows what the program is doing, once."""
        if activity != self.__activity:
            self.__activity = activity
            self.run.progress(activity)

    def fail(self, message: str, kind: FailureKind | None = None, hint: str = "") -> None:
        """Notes a failure that the output tells; without a kind, the spec's patterns say what it is."""
        if kind is None:
            known = self.__known([("both", message)], None)
            kind, hint = (known[0], hint or known[1]) if known else ("crashed", hint)
        self.failure = (kind, message, hint)

    def end(self) -> None:
        """Takes the end of standard output; called before `reply`."""
        if self.__ended:
            return
        self.__ended = True
        if self.spec.format == "text":
            self.__text(self.__decoder.decode(b"", final=True))
            return
        rest = self.__taken()
        if self.spec.format == "jsonl":
            self.__line(rest)
            return
        for value in documents(rest.decode(errors="replace")):
            if isinstance(value, str):
                self.__noise.append(self.run.mask(value)[:_MAX_LINE])
            else:
                self.__recent.append(value)
                self.event(value)

    def reply(self, finished: Finished) -> Reply:
        """The answer.

        Raises:
            BackendError: there is none; by `failure`, else by the spec's patterns, else by the exit code.
        """
        self.end()
        text = "".join(self.parts)
        if self.spec.format == "text":
            text = self.__matched(text).strip("\r\n")
        self.__judge(text, finished)
        self.__pick_usage(self.__usage_objects(), self.spec.usage if self.spec.usage_file else {})
        self.__match_usage(finished)
        data, notes = self.__structured(text)
        if self.data is not None and not text.strip():
            text = as_text(self.data)
        return Reply(text, data, self.usage, self.session, self.model, notes)

    def __judge(self, text: str, finished: Finished) -> None:
        """Raises what the output and the exit code amount to, if that is a failure."""
        code = finished.returncode
        if self.failure is not None:
            self.__raise(*self.failure)
        searched = self.__searched(finished)
        if self.__failing is not None:
            told = [self.run.mask(text) for text in texts_in(self.__failing)]
            known = self.__known([("stdout", "\n".join(told))], code) or self.__known(searched, code)
            self.__raise(known[0] if known else "crashed", wording_of(told), known[1] if known else "")
        if code not in self.spec.ok_exit and not self.done:
            how = f"exit code {code}" if code >= 0 else f"ended by {_signal_name(code)}"
            known = self.__known(searched, code)
            if not known and self.__recent and speaks_of_failure(self.__recent[-1]):
                searched = [("stdout", self.run.mask("\n".join(texts_in(self.__recent[-1]))))]
                known = self.__known(searched, code)
            if known:
                self.__raise(*_worded(known))
            last = _last_line(part for _, part in reversed(searched))
            self.__raise("crashed", f"{last[: _LINE // 2]} ({how})" if last else how, "")
        if told_instead := self.__told_instead(text, code):
            self.__raise(*told_instead)
        if not text.strip() and self.data is None:
            events = [self.run.mask("\n".join(texts_in(event))) for event in reversed(self.__recent)]
            # The spec's own patterns alone: an event may hold the prompt, which may speak of any error.
            known = self.__known(searched, code) or self.__known(
                [("stdout", text) for text in events], code, common=()
            )
            if known:
                self.__raise(*_worded(known))
            last = _last_line(text for stream, text in searched if stream == "stdout")
            why = f"it ended well but gave no answer: {last}" if last else "it ended well but said nothing"
            self.__raise("empty", why, "")
        if self.truncated:
            self.__raise("truncated", "the answer was cut off", "")

    def __told_instead(self, text: str, code: int) -> tuple[FailureKind, str, str] | None:
        """The failure that plain text tells of in place of an answer: one of its two lines at the most begins
        with a pattern of the spec's, or its only line with a quota that is used up."""
        text = text.strip()
        lines = text.splitlines()
        if self.spec.format != "text" or len(text) > _LINE or len(lines) > _TOLD_LINES:
            return None
        limits = [one for one in COMMON_ERRORS if one.kind == "quota"] if len(lines) == 1 else []
        for pattern in (*self.spec.errors, *limits):
            if pattern.stream == "stderr" or pattern.exit not in (None, code):
                continue
            for line in map(str.strip, lines):
                if any(re.match(pattern.match, told) for told in (line, _PREFIX.sub("", line, count=1))):
                    return pattern.kind, line, pattern.hint
        return None

    def __raise(self, kind: FailureKind, message: str, hint: str) -> None:
        text = "".join(self.parts)
        if text and not self.__said:
            self.run.text(text)
        message = self.run.mask(message)
        line = clean_line(self.run.mask(" ".join(message.split())))
        if len(line) > _LINE:
            line = f"{line[: _LINE - 1]}…"
        hint = hint or _HINTS.get(kind, "").format(program=self.program)
        after_s = self.retry_after_s
        if after_s is None and kind in LIMITED:
            after_s = _reset_after_s(message)
        raise BackendError(kind, line, hint, after_s)

    def __searched(self, finished: Finished) -> list[tuple[str, str]]:
        """What error patterns may look at, by stream. Of JSON only what is none: a prompt or an answer in it
        may speak of any error."""
        # Masked before it is cut, into streams and into lines: half a secret would be known to nobody.
        stderr = finished.stderr.decode(errors="replace")
        streams = (("stdout", self.__plain()), ("stderr", stderr))
        return [(stream, self.run.mask(text)[-_SEARCHED:]) for stream, text in streams]

    def __plain(self) -> str:
        """What standard output says that is no JSON."""
        return "\n".join([*self.__noise, "".join(self.parts) if self.spec.format == "text" else ""])

    def __known(
        self,
        searched: Sequence[tuple[str, str]],
        code: int | None,
        common: Sequence[ErrorPattern] = COMMON_ERRORS,
    ) -> tuple[FailureKind, str, str] | None:
        """Kind, hint and line of the first pattern that is found."""
        for pattern in (*self.spec.errors, *common):
            if pattern.exit is not None and pattern.exit != code:
                continue
            for stream, text in searched:
                if stream != "both" and pattern.stream not in (stream, "both"):
                    continue
                if found := re.search(pattern.match, text):
                    begin = text.rfind("\n", 0, found.start()) + 1
                    end = text.find("\n", found.end())
                    return pattern.kind, pattern.hint, text[begin : end if end >= 0 else None]
        return None

    def __text(self, text: str) -> None:
        while self.__to_skip and text:
            line, newline, text = text.partition("\n")
            self.__to_skip -= bool(newline)
            self.__noise.append(line)
        if text:
            self.say(text)
            self.__limit(len(text))

    def __line(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            value = json.loads(line.decode(errors="replace"))
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, Mapping):
            self.__recent.append(value)
            self.event(value)
        else:
            self.__noise.append(self.run.mask(line.decode(errors="replace"))[:_MAX_LINE])

    def __taken(self) -> bytes:
        taken = b"".join(self.__pending)
        self.__pending.clear()
        self.__pending_size = 0
        return taken

    def __limit(self, size: int) -> None:
        self.__pending_size += size
        if self.__pending_size > _MAX_BYTES:
            raise BackendError("protocol", f"it printed more than {_MAX_BYTES >> 20} MiB at once")

    def __matched(self, text: str) -> str:
        if not self.spec.regex:
            return text
        found = re.search(self.spec.regex, text)
        return "" if found is None else (found[1] if found.re.groups else found[0]) or ""

    def __pick_usage(self, objects: Sequence[Mapping[str, Any]], picks: Mapping[str, Any]) -> None:
        for name, pick in picks.items():
            self.__picked[name] = picked(pick, objects, self.__picked.get(name))
        if picks:
            self.usage = usage_of(self.__picked)

    def __usage_objects(self) -> list[Mapping[str, Any]]:
        if not self.spec.usage_file:
            return []
        try:
            with open(self.spec.usage_file, "rb") as file:
                value = json.loads(file.read(2**24))
        except (OSError, ValueError, RecursionError):
            return []
        return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, Mapping)]

    def __match_usage(self, finished: Finished) -> None:
        if not self.spec.usage_regex:
            return
        for text in (self.__plain(), finished.stderr.decode(errors="replace")):
            for found in re.finditer(self.spec.usage_regex, text):
                self.usage = usage_of({name: number_in(value) for name, value in found.groupdict().items()})

    def __structured(self, text: str) -> tuple[Mapping[str, Any] | None, tuple[str, ...]]:
        """The structured answer if it is what was asked for, and what to know of one that is not."""
        schema, data = self.request.output_schema, self.data
        if schema is None:
            return None, ()
        if data is None and text.lstrip().startswith("{"):
            try:
                data = json.loads(text)
            except (ValueError, RecursionError):
                return None, ()
        if data is None:
            return None, ()
        import fastjsonschema

        try:
            check = fastjsonschema.compile(dict(schema), use_default=False)
            check(data)
        except fastjsonschema.JsonSchemaException as error:
            why = clean_line(self.run.mask(str(error)))[:_LINE]
            return None, (f"the structured answer is not as asked for: {why}",)
        return (data, ()) if isinstance(data, Mapping) else (None, ())


def _worded(known: tuple[FailureKind, str, str]) -> tuple[FailureKind, str, str]:
    kind, hint, line = known
    return kind, line, hint


def _last_line(texts: Iterator[str]) -> str:
    lines = (line for text in texts for line in reversed(text.splitlines()) if line.strip())
    return next(lines, "")


def _reset_after_s(message: str) -> float | None:
    import time

    from lok_core.quota import reset_after_s  # few need it

    return reset_after_s(message, time.time())


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
