"""What the fake model says.

Its answer is `FAKE-ANSWER from <api> model <model>`. Markers in the user's text change what happens:

    [[mode=NAME]]   one of MODES; the last marker counts
    [[say=TEXT]]    the answer is TEXT
    [[json=VALUE]]  the answer is this JSON value, given as structured output where it was asked for

Where a request asks for structured output and nothing says otherwise, the answer is FINDINGS.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from .provider_errors import ERRORS
from .provider_formats import Answer, Asked, Call, Format, encode

MODES = (
    "ok",
    *ERRORS,
    "429-once",  # 429 with retry-after for the first request with this prompt, then ok
    "hang",  # not one byte
    "stall",  # headers, then silence
    "mute",  # headers and some text, then silence
    "midclose",  # headers and some text, then the connection is closed
    "reset",  # the same by a RST
    "drip",  # a complete answer, in DRIPS pieces DRIP_INTERVAL seconds apart
    "big",  # 5 MB of text, in BIG_LINES lines
    "nasty",  # NASTY: control characters
    "badutf8",  # text with bytes that are no UTF-8
    "empty",  # a complete answer without text
    "html",  # a page as of a captive portal, with status 200
    "refusal",  # a safety stop, without text
    "cutoff",  # some text, then the limit of tokens
    "tool",  # a call of the tool that reads hello.txt, then a text with what it gave
)

DRIPS = 20
DRIP_INTERVAL = 0.1
BIG_LINES = 200_000
NASTY = (
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]52;c;ZXZpbA==\x07 NUL:\x00 BEL:\x07 BS:\x08 CR:\rover "
    "C1:\x9b2J bidi:\u202etxt.exe\u202c \u2066isolate\u2069 end"
)
FINDINGS = {
    "findings": [
        {
            "title": "Fake finding",
            "explanation": "The fake provider reports this wherever findings are asked for.",
            "severity": "low",
            "category": "general",
            "file": "hello.txt",
            "line": 1,
            "end_line": None,
            "quote": "hello from the file",
            "rule": None,
            "area": None,
        }
    ]
}


@dataclass(frozen=True)
class Scripted:
    """An answer prescribed by a test. `data` is structured output; `calls` are tool calls after the text."""

    text: str = ""
    data: object = None
    calls: tuple[Call, ...] = ()
    mode: str = "ok"


def marked(said: str) -> Scripted:
    modes = re.findall(r"\[\[mode=([\w-]+)\]\]", said)
    texts = re.findall(r"\[\[say=(.*?)\]\]", said, re.DOTALL)
    _, found, rest = said.rpartition("[[json=")
    data = json.JSONDecoder().raw_decode(rest)[0] if found else None
    return Scripted(text=texts[-1] if texts else "", data=data, mode=modes[-1] if modes else "ok")


def answer(form: Format, asked: Asked, said: Scripted) -> Answer:
    """What the model says in a mode that is no error."""
    text = said.text or f"FAKE-ANSWER from {form.api} model {asked.model}"
    match said.mode:
        case "empty":
            return Answer()
        case "refusal":
            return Answer(stop="refusal")
        case "cutoff":
            return Answer([text, " and th"], stop="length")
        case "nasty":
            return Answer([text, " ", NASTY])
        case "badutf8":
            return Answer([text, " bad:\udcff\udcc3(:end"])
        case "big":
            # Every line differs: gemini takes repetition for a loop and hangs up.
            lines = [f"line {number:>9} of {BIG_LINES}\n" for number in range(BIG_LINES)]
            return Answer(["".join(lines[start : start + 2000]) for start in range(0, BIG_LINES, 2000)])
        case "drip":
            return Answer([f"{text} "] + [f"drip {number} " for number in range(1, DRIPS)])
        case "tool" if not asked.results:
            if call := form.file_call(asked.tools):
                return Answer(calls=[call])
            text = f"no tool for files among {', '.join(asked.tools) or 'none'}"
        case "tool":
            text = f"{text}; the tool said: {asked.results[-1]}"
    return _structured(asked, said) or Answer(re.findall(r"\S*\s*", text), said.calls)


def _structured(asked: Asked, said: Scripted) -> Answer | None:
    data = said.data
    if data is None and asked.schema and not said.text:
        data = FINDINGS
    if data is None or "StructuredOutput" in asked.called:
        return None
    if "StructuredOutput" in asked.tools:
        assert isinstance(data, Mapping)
        return Answer(calls=[Call("StructuredOutput", data)])
    return Answer([encode(data)], said.calls)
