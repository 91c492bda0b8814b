"""What each program makes of what its provider does, and what lok says then: one table.

`test_outcomes.py` proves it with the real programs, and docs/provider-outcomes.md is made from it:
`python tests/e2e/outcomes.py > docs/provider-outcomes.md`.
"""

import sys
from collections.abc import Iterator
from typing import NamedTuple

NAMES = ("codex", "gemini", "claude", "claude-api")
APIS = {"codex": "openai", "gemini": "gemini", "claude": "anthropic", "claude-api": "anthropic"}


class Told(NamedTuple):
    """What lok tells of one backend.

    Attributes:
        kind: of the failure; empty for an answer.
        says: a part of the failure's message, or of the answer.
        attempts: how often lok asked.
        requests: how often the provider was asked, which says what the program tried by itself; None where
            that differs from run to run.
        after_s: the seconds to wait that are known.
        partial: whether what was said is kept; None where that differs from run to run.
    """

    kind: str = ""
    says: str = "FAKE-ANSWER from "
    attempts: int = 1
    requests: int | None = 1
    after_s: float | None = None
    partial: bool | None = False


class Outcome(NamedTuple):
    """One thing that a provider does.

    Attributes:
        mode: the mode of the fake provider, or `unreachable`.
        happens: the same in words.
        told: by backend.
    """

    mode: str
    happens: str
    told: dict[str, Told]


def _outcome(mode: str, happens: str, codex: Told, gemini: Told, claude: Told, api: Told) -> Outcome:
    return Outcome(mode, happens, dict(zip(NAMES, (codex, gemini, claude, api), strict=True)))


OUTCOMES = (
    _outcome("ok", "answers", Told(), Told(), Told(), Told()),
    _outcome(
        "big",
        "answers with 5 MB",
        Told("", "line    199999 of 200000\n"),
        Told("", "line    199999 of 200000\n"),
        Told("", "line    199999 of 200000\n"),
        Told("", "line    199999 of 200000\n"),
    ),
    _outcome(
        "401",
        "401, the key told in the message",
        Told("auth", "the key in CODEX_API_KEY"),
        Told("auth", "the key in GEMINI_API_KEY"),
        Told("auth", "Invalid API key"),
        Told("auth", "the key was not accepted"),
    ),
    _outcome(
        "bad-key",
        "what it really says of a wrong key (Google: 400)",
        Told("auth", "the key in CODEX_API_KEY"),
        Told("auth", "API key not valid"),
        Told("auth", "Invalid API key"),
        Told("auth", "the key was not accepted"),
    ),
    _outcome(
        "429",
        "429, every time, to be asked again in a second",
        Told("rate_limit", "429"),
        Told("rate_limit", "limits the rate", attempts=3, requests=3, after_s=1),
        Told("rate_limit", "per-minute rate limit", attempts=3, requests=3),
        Told("rate_limit", "per-minute rate limit", attempts=3, requests=3, after_s=1),
    ),
    _outcome(
        "429-once",
        "429 once, then answers",
        Told("rate_limit", "429"),
        Told(attempts=2, requests=2),
        Told(attempts=2, requests=2),
        Told(attempts=2, requests=2),
    ),
    _outcome(
        "quota",
        "the quota of the day or month is used up (429)",
        Told("quota", "Quota exceeded"),
        Told("quota", "daily quota"),
        Told("quota", "usage limits"),
        Told("quota", "usage limits"),
    ),
    _outcome(
        "credit",
        "no credit left (OpenAI, Google: 429; Anthropic: 400)",
        Told("quota", "Quota exceeded"),
        Told("quota", "daily quota"),
        Told("quota", "Credit balance"),
        Told("quota", "credit balance"),
    ),
    _outcome(
        "500",
        "500",
        Told("overloaded", "OpenAI is overloaded or has a fault"),
        Told("overloaded", "Google has a fault", attempts=3, requests=3),
        Told("overloaded", "500", attempts=3, requests=3),
        Told("overloaded", "Internal server error", attempts=3, requests=3),
    ),
    _outcome(
        "503",
        "503",
        Told("overloaded", "503"),
        Told("overloaded", "overloaded", attempts=3, requests=3),
        Told("overloaded", "503", attempts=3, requests=3),
        Told("overloaded", "Service unavailable", attempts=3, requests=3),
    ),
    _outcome(
        "529",
        "529",
        Told("overloaded", "overloaded"),
        Told("overloaded", "overloaded", attempts=3, requests=3),
        Told("overloaded", "529", attempts=3, requests=3),
        Told("overloaded", "Overloaded", attempts=3, requests=3),
    ),
    _outcome(
        "400",
        "400",
        Told("invalid", "Invalid value: 'fake'."),
        Told("invalid", "invalid argument"),
        Told("invalid", "not permitted"),
        Told("invalid", "not permitted"),
    ),
    _outcome(
        "404",
        "404, no such model",
        Told("invalid", "`m-404`"),
        Told("invalid", "no model m-404"),
        Told("invalid", "no model 'm-404'", requests=2),
        Told("invalid", "no model 'm-404'"),
    ),
    _outcome(
        "too-large",
        "the prompt is longer than the model's context",
        Told("too_large", "context"),
        Told("too_large", "token count"),
        Told("too_large", "too long"),
        Told("too_large", "too long"),
    ),
    _outcome(
        "unreachable",
        "nobody is at the address",
        Told("network", "connection to OpenAI failed", requests=0),
        Told("network", "connection to Google failed", attempts=3, requests=0),
        Told("network", "ConnectionRefused", attempts=3, requests=0),
        Told("network", "no connection to http://127.0.0.1:9", attempts=3, requests=0),
    ),
    _outcome(
        "hang",
        "sends no byte",
        *[Told("timeout", "no answer within")] * 4,
    ),
    _outcome(
        "stall",
        "sends headers, then nothing",
        *[Told("timeout", "no answer within")] * 4,
    ),
    _outcome(
        "mute",
        "sends some text, then nothing",
        Told("timeout", "no answer within"),
        *[Told("timeout", "no answer within", partial=True)] * 3,
    ),
    _outcome(
        "midclose",
        "closes the connection in mid-answer",
        Told("network", "connection to OpenAI failed"),
        Told("network", "connection to Google failed", attempts=3, requests=3, partial=True),
        Told("network", "ECONNRESET", attempts=3, requests=None, partial=None),
        Told("network", "peer closed connection", attempts=3, requests=3, partial=True),
    ),
    _outcome(
        "reset",
        "resets the connection in mid-answer",
        Told("network", "connection to OpenAI failed"),
        Told("network", "connection to Google failed", attempts=3, requests=3, partial=None),
        Told("network", "ECONNRESET", attempts=3, requests=None, partial=None),
        Told("network", "no connection to http://127.0.0.1", attempts=3, requests=3, partial=None),
    ),
    _outcome(
        "html",
        "a page with status 200, as of a captive portal",
        Told("network", "connection to OpenAI failed"),
        Told("network", "Incomplete JSON", attempts=3, requests=3),
        Told("protocol", "malformed", requests=2),
        Told("protocol", "sent no answer"),
    ),
    _outcome(
        "empty",
        "a complete answer without text",
        Told("empty", "said nothing"),
        Told("empty", "empty response"),
        Told("empty", "said nothing", requests=2),
        Told("empty", "said nothing"),
    ),
    _outcome(
        "refusal",
        "refuses",
        Told("refused", "refused to answer, and gave no reason"),
        Told("refused", "safety"),
        Told("refused", "Usage Policy"),
        Told("refused", "refused to answer"),
    ),
    _outcome(
        "cutoff",
        "stops at the limit of output tokens",
        Told("truncated", "max_output_tokens", partial=True),
        Told("", " and th"),
        Told("truncated", "cut off", requests=4, partial=True),
        Told("truncated", "cut off after 56 tokens", partial=True),
    ),
    _outcome(
        "badutf8",
        "bytes that are no UTF-8",
        Told("protocol", "UTF8"),
        Told("", "bad:\ufffd\ufffd(:end"),
        Told("", "bad:\ufffd\ufffd(:end"),
        Told("protocol", "utf-8", partial=True),
    ),
)


class Unknown(NamedTuple):
    """Something a program keeps to itself.

    Attributes:
        kept: what it does not tell.
        then: what lok says, or does, instead.
        proof: the test that shows it.
    """

    program: str
    kept: str
    then: str
    proof: str


MATRIX = "test_outcomes.py"
UNKNOWN = (
    Unknown("codex", "when it may be asked again after 429", "`rate_limit` without a time", MATRIX),
    Unknown(
        "codex",
        "how often it tries by itself with OpenAI's own provider (no knob)",
        "its `Reconnecting... 2/5` as progress; lok does not try again on top",
        "test_outcomes.py::test_what_codex_tries_by_itself",
    ),
    Unknown("codex", "the text of an answer before it is complete", "nothing is kept at a deadline", MATRIX),
    Unknown(
        "codex", "that the model refused, and why", "`refused` where a turn ends without a message", MATRIX
    ),
    Unknown("codex", "a page in place of the provider", "`network`: the stream ended too early", MATRIX),
    Unknown("codex", "the model that answered, the cost", "both are unknown in the report", "test_codex.py"),
    Unknown(
        "gemini",
        "that an answer was cut off at the limit of tokens",
        "an answer: it looks like a whole one",
        MATRIX,
    ),
    Unknown("gemini", "a page in place of the provider", "`network`, after three attempts", MATRIX),
    Unknown("gemini", "a quota of a day from one of a month", "`quota`, in gemini's words", MATRIX),
    Unknown(
        "gemini",
        "that it was ended by a signal (its exit code is 0)",
        "`protocol` where the last event is missing",
        "plugins/lok-backend-gemini/tests",
    ),
    Unknown("gemini", "the cost", "it is unknown in the report", "test_gemini.py"),
    Unknown("claude", "`retry-after` of a 429 with a key", "lok waits 1 s, then 2 s", MATRIX),
    Unknown(
        "claude",
        "that its provider is silent after the headers (no deadline of its own)",
        "`timeout` at lok's deadline, with what was said",
        MATRIX,
    ),
    Unknown(
        "claude",
        "that it asked again by itself after an empty, malformed or cut off answer",
        "nothing: only the provider sees it",
        MATRIX,
    ),
    Unknown("claude-api", "the cost", "it is unknown in the report", "test_claude_api.py"),
)

_HEAD = """# What a provider does, and what lok says

Made by `tests/e2e/outcomes.py`; `tests/e2e/test_outcomes.py` proves every cell with the real programs (codex
0.169, gemini 0.61, claude 2.1.197) and a provider on this machine that fails on demand.

A cell is the kind of the failure, or **answer**. Beside it: how often lok asked, where more than once; how
often the provider was asked, where that is more (what the program tries by itself); *wait known* where lok
knows how long to wait; *text kept* where what was said before the end is in the failure. No message holds a
key or the prompt.

codex is asked here by a provider of the user's own without retries. With OpenAI's it tries by itself for up
to half a minute, and lok does not.

| the provider | codex | gemini | claude | claude-api |
| --- | --- | --- | --- | --- |
"""
_UNKNOWN_HEAD = """
## What a program does not let us know

| program | what it keeps to itself | what lok says then | shown by |
| --- | --- | --- | --- |
"""
_TAIL = """
## A time to wait

- gemini tells the seconds that Google allows ("Suggested retry after"), the API its `retry-after`, and claude
  with a subscription when its limit is reset (`rate_limit_event`). These are exact.
- What else messages say of a time ("resets 2:41am (UTC)", "try again in 20s") is read from the words.
- claude's `api_retry` and codex's `Reconnecting...` are shown as progress.
"""


def page() -> str:
    """docs/provider-outcomes.md."""
    return "".join([_HEAD, *_rows(), _UNKNOWN_HEAD, *_unknown_rows(), _TAIL])


def _rows() -> Iterator[str]:
    for outcome in OUTCOMES:
        cells = (_cell(outcome.told[name]) for name in NAMES)
        yield f"| {outcome.happens} | {' | '.join(cells)} |\n"


def _unknown_rows() -> Iterator[str]:
    for one in UNKNOWN:
        yield f"| {one.program} | {one.kept} | {one.then} | `{one.proof}` |\n"


def _cell(told: Told) -> str:
    notes = []
    if told.attempts > 1:
        notes.append(f"asked {told.attempts} times")
    if told.requests is None or told.requests > told.attempts:
        count = f"{told.requests}" if told.requests else "more"
        notes.append(f"provider: {count}")
    if told.after_s is not None:
        notes.append("wait known")
    if told.partial is not False:
        notes.append("text kept" if told.partial else "text may be kept")
    head = f"`{told.kind}`" if told.kind else "**answer**"
    return f"{head}; {', '.join(notes)}" if notes else head


if __name__ == "__main__":
    sys.stdout.write(page())
