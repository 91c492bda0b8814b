"""Reports that hold everything a renderer must cope with, hostile text above all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import evolve

from lok_core.models import (
    AREAS,
    CATEGORIES,
    FAILURE_KINDS,
    SEVERITIES,
    Category,
    Grounding,
    Reply,
    Request,
    Severity,
    Usage,
)
from lok_core.outcome import (
    Answer,
    AskDetail,
    Change,
    Failure,
    Finding,
    Gate,
    Leaked,
    Location,
    Outcome,
    Participant,
    Report,
    Source,
    TaskDetail,
)
from lok_core.testing.sample_modes import mode_details

HOSTILE_TEXTS: dict[str, str] = {
    "script": "</script><script>alert(1)</script><img src=x onerror=alert(2)><svg/onload=alert(3)>",
    "html": "--><!-- </pre></details></table><b style='color:red'>bold</b> &lt;b&gt; &#x3c;i&#x3e; \" ' &",
    "template": "{{ 7 * 7 }} ${7 * 7} <%= 7 %> {% raw %}",
    "terminal": "\x1b[31mred\x1b[0m \x1b[2J\x1b]0;owned\x07 \x9b2J \x1b]8;;http://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07 and \x90tmux;\x1b\x1b]52;c;cm0gLXJmIH4=\x07\x1b\\",
    "bidi": "if admin \u202e\u2066// only admins\u2069 \u2066begin\u2069 \u200fright \U000e0041tag \ufeffbom",
    "command": "::error file=app.py,line=1::owned\n::stop-commands::x\n  ::warning::w\r::notice::n",
    "old command": "##[error]owned\n##[set-env name=PATH]/evil\n##vso[task.setvariable variable=a]b",
    "encoded command": "%0A::error::owned %0a%0D::debug::d%25 100%, 1:2,3",
    "mentions": "@octocat and @github/security, cc @here mail me@evil.example",
    "references": "fixes #123, GH-1, octo/repo#7, octo@a5c3785ed8d6a35868bc169f07e40e889087fd2e, a5c3785",
    "links": "[text](http://evil.example) ![x](//evil.example/p) <http://evil.example> [a]: //evil.example",
    "autolinks": "http://evil.example/a?b=1 https://e.example www.evil.example ftp://e.example mailto:a@b.de",
    "markup": "# head\n\n- [ ] list\n1. one\n+ two\n\n> quote\n\n    code\n\ntext\n---\ntext\n===\n***\n",
    "emphasis": "***bold*** __b__ ~~gone~~ $math$ $$x$$ [^1] :tada: <!-- x --> > [!WARNING]\\\nend  \nhere",
    "table": "a | b | c\n|---|---|---|\n| 1 \\| 2 | \\\\| |",
    "code spans": "`a` ``b`` ``` ````` ` \\` end`",
    "fences": "```python\nprint(1)\n```\n~~~\n````\nstill\n    indented",
    "backslashes": "C:\\temp\\ \\n \\` \\[ \\<b> \\\\",
    "controls": "nul \x00 bell \x07 back \x08\x08 del \x7f vt \x0b ff \x0c nel \x85 ls \u2028 ps \u2029",
    "surrogates": "\ud800 alone \udfff and \udcff; not a character: \ufffe \uffff",
    "lines": "one\r\ntwo\rthree\n\n\nfour\n",
    "unicode": "第47行 \u00e9 e\u0301 \U0001f600 \u200bzero\u200dwidth \u00a0nbsp \u3000wide",
    "blank": " \t ",
    "long": "very long " * 4_000,
    "long word": "x" * 20_000,
}
"""What a model, a file name or a lok.toml may say, by what is bad about it."""

HERE = Path("/project")

_ODD_PATHS = (
    "a folder/with spaces.py",
    "100%.py",
    "%2e%2e/%0A.py",
    "c#/file#L10.cs",
    "what?.py",
    "a&b=c;d,e.py",
    "src/\u00e9t\u00e9/\u65e5\u672c\u8a9e \U0001f600.py",
    "new\nline\r.py",
    "\x1b[31mred\x1b[0m\u202e.py",
    "\udcff\udcfe.py",
    "::error::.py",
    "a:b/c:d.py",
    "<script>alert(5)</script>.html",
    "`tick``s`.md",
    "[link](http:/evil.example).md",
    "@octocat/#1.md",
    "pipe|d.py",
    "C:\\src\\app.py",
    "C:/src/app.py",
    "..\\up.py",
    "\\\\server\\share\\a.py",
    "../outside.py",
    "a/../../outside.py",
    "./here/./app.py",
    "/etc/passwd",
    "file:///etc/passwd",
    "http://evil.example/a.py",
    "//evil.example/a.py",
    "-rf",
    "con.py",
    "tests//double.py",
    "",
)


def sample_reports() -> dict[str, Report]:
    """Reports by what they are a sample of: a renderer that copes with these copes with most.

    Among them is one without findings, one of `lok ask`, every mode, grounding, severity, category, area and
    kind of failure, and one in which every free text is one of `HOSTILE_TEXTS`. All values are fixed.
    """
    return {
        "empty": _task(_answer()),
        "unanswered": _task(*_failures()),
        "unread": _task(
            evolve(_answer("See app.py:3, lib/a.py."), findings=0, unparsed_locations=2),
            evolve(_answer("Nothing to report."), findings=0, clean=True),
        ),
        "ask": _ask(),
        "values": _task(_answer(), findings=_values()),
        "panel": _panel(),
        "standing": _standing(),
        "leads": _task(_answer(backend="static"), findings=_leads()),
        "paths": _task(_answer(), findings=_odd_paths()),
        "hostile": _hostile(),
        "interrupted": _interrupted(),
        "fallback": _fallback(),
        "many": _task(_answer(), findings=_many()),
        **_modes(),
    }


def _request(label: str = "errors", category: Category = "errors") -> Request:
    return Request(f"Search for {label}.", HERE, backend="codex", label=label, category=category)


def _answer(text: str = "", *, backend: str = "codex", label: str = "errors") -> Answer:
    data: dict[str, Any] | None = None if text else {"findings": []}
    return Answer(_request(label), backend, Reply(text, data=data), duration_s=2.5)


def _failures() -> list[Failure]:
    return [
        Failure(
            _request(kind), "codex", kind, f"failed by {kind}", hint="try again", duration_s=1.0, attempts=2
        )
        for kind in FAILURE_KINDS
    ]


def _source(backend: str = "codex", label: str = "errors", **rest: Any) -> Source:
    values = Source(backend, label, "Told so", "Because it is so.", "medium", "errors")
    return evolve(values, **rest)


def _finding(title: str = "Division by zero", **rest: Any) -> Finding:
    """A finding of codex at app.py:3, with what differs from that."""
    plain = Finding(
        title,
        "`count` may be 0 when the list is empty.\n\nReturn early.",
        "medium",
        "errors",
        (Location("app.py", 3),),
        (_source(title=title),),
        quote="    return total / count",
        grounding="exact",
        fingerprint="lok1-0123456789abcdef",
    )
    return evolve(plain, **rest)


_BACKENDS = (
    Participant("claude", "claude", "lok-backend-claude", "0.1.0", "opus"),
    Participant("codex", "codex", "lok-backend-codex", "0.1.0", "gpt-5"),
    Participant("gemini", "gemini", "lok-backend-gemini", "0.1.0"),
    Participant("static", "static", "lok-backend-static", "0.1.0"),
)


def _report(command: str, *outcomes: Outcome, **rest: Any) -> Report:
    plain = Report(
        command,
        HERE,
        outcomes,
        TaskDetail(command, "Find bugs", ("errors", "n+1")),
        backends=_BACKENDS,
        usage=Usage(1200, 300, None, None),
        started_at="2025-01-01T00:00:00+00:00",
        duration_s=12.5,
        run="7.1.abc",
        lok_version="0.1.0",
    )
    return evolve(plain, **rest)


def _task(*outcomes: Outcome, findings: list[Finding] | None = None, **rest: Any) -> Report:
    return _report("hunt", *outcomes, findings=tuple(findings or ()), **rest)


def _ask() -> Report:
    said = [_answer(text, label="") for text in HOSTILE_TEXTS.values()]
    failed = Failure(_request(""), "gemini", "timeout", "no answer within 300 s", partial="It is beca")
    return _report("ask", *said, failed, detail=AskDetail("Why is it slow?"))


def _modes() -> dict[str, Report]:
    """The modes in which several backends work together; every free text is hostile."""
    mixed = "".join(f"{text[:200]}\n" for text in HOSTILE_TEXTS.values())
    said = (
        _answer(mixed, label="round 1"),
        _answer(mixed, label="summary"),
        Failure(_request("round 1"), "gemini", "timeout", "no answer within 300 s", partial="It is beca"),
    )
    return {
        mode: _report(mode, *said, detail=detail, inconclusive=mixed if mode == "debate" else "")
        for mode, detail in mode_details(mixed).items()
    }


def _values() -> list[Finding]:
    """Each severity, category, area and grounding at least once."""
    groundings: tuple[Grounding, ...] = (
        *("unchecked", "exact", "moved", "elsewhere", "quote-missing"),
        *("line-out-of-range", "file-missing", "ambiguous", "unlocated"),
    )
    found = [
        _finding(f"A {severity} problem", severity=severity, fingerprint=f"lok1-s{severity}")
        for severity in SEVERITIES
    ]
    found += [_finding(f"About {category}", category=category, fingerprint="") for category in CATEGORIES]
    found += [_finding(f"In {area}", area=area, locations=(Location(f"{area}/app.py", 9),)) for area in AREAS]
    for grounding in groundings:
        locations = () if grounding == "unlocated" else (Location("app.py", 12, 14),)
        found.append(_finding(f"Evidence {grounding}", grounding=grounding, locations=locations))
    found.append(_finding("A file, no line", locations=(Location("app.py"),)))
    found.append(_finding("One line as a range", locations=(Location("app.py", 5, 5),)))
    found.append(_finding("Impossible range", locations=(Location("app.py", 9, 4),)))
    found.append(_finding("Impossible line", locations=(Location("app.py", 0),)))
    found.append(_finding("Huge line", locations=(Location("app.py", 10**12, 10**13),)))
    found.append(_finding("No explanation, no quote", explanation="", quote=""))
    found.append(_finding("", explanation="A finding without a title."))
    return found


def _panel() -> Report:
    """Three backends: one thing that all report, one that each tells with another place, two at one line."""
    told = (
        _source("codex", model="gpt-5", quote="return total / count", place=Location("app.py", 3)),
        _source("gemini", title="ZeroDivisionError possible", severity="high", place=Location("app.py", 5)),
        _source("claude", "n+1", model="opus", explanation="An empty list.", category="patterns"),
        _source("static", rule="PLR0912", lead=True),
    )
    places = (Location("app.py", 3, 4), Location("lib/a.py", 10, 12), Location("lib/b.py"))
    return _task(
        *(_answer(backend=backend) for backend in ("codex", "gemini", "claude", "static")),
        findings=[
            _finding(sources=told[:3], severity="high", locations=places),
            _finding("All four", sources=told, locations=places[1:], grounding="moved"),
            _finding("Total is never reset"),
        ],
    )


def _standing() -> Report:
    """What the baseline knows and what the code asks not to see, under a gate."""
    return _task(
        _answer(),
        findings=[
            _finding("New", severity="critical", fingerprint="lok1-1"),
            _finding("Known", severity="critical", known=True, fingerprint="lok1-2"),
            _finding("Suppressed", suppressed="checked by the caller", fingerprint="lok1-3"),
            _finding("Suppressed without a reason", suppressed="", fingerprint="lok1-4"),
            _finding("Both", known=True, suppressed="tested elsewhere", fingerprint="lok1-5"),
            _finding("Cut off", incomplete=True, sources=(_source(incomplete=True),), fingerprint="lok1-6"),
        ],
        gate=Gate("high", quorum=2, only_grounded=True),
        baseline="lok-baseline.json",
    )


def _leads() -> list[Finding]:
    """More leads of two prompts than a person is shown at once."""
    return [
        _finding(
            f"{rule} seen",
            sources=(_source("static", label, rule=rule, lead=True),),
            locations=(Location("app.py", line),),
            severity="low",
            fingerprint=f"lok1-{label}{line}",
        )
        for label in ("errors", "n+1")
        for line, rule in enumerate(["S608"] * 6 + ["E722", "B006", ""], start=1)
    ]


def _odd_paths() -> list[Finding]:
    found = [
        _finding(f"In path {number}", locations=(Location(path, 3, 4),), fingerprint=f"lok1-p{number}")
        for number, path in enumerate(_ODD_PATHS)
    ]
    every = tuple(Location(path, 1) for path in ("app.py", *_ODD_PATHS))
    return [*found, _finding("In all of them", locations=every)]


def _hostile() -> Report:
    """Every free text is hostile, in turn."""
    failures = [
        Failure(_request(text[:200]), "codex", "crashed", text, hint=text, partial=text, detail=text)
        for text in HOSTILE_TEXTS.values()
    ]
    told = list(HOSTILE_TEXTS.values())
    severities: list[Severity] = [SEVERITIES[number % len(SEVERITIES)] for number in range(len(told))]
    found = [
        _finding(
            text,
            explanation=f"{text}\n\n{text}",
            severity=severity,
            quote=text,
            sources=(
                _source("codex", text, title=text, explanation=text, model=text, rule=text, quote=text),
                _source("gemini", place=Location(text, 1)),
            ),
            locations=() if number % 3 == 0 else (Location("app.py", number), Location(text[:300], 2)),
            fingerprint=text[:200],
            suppressed=text if number % 3 == 2 else None,
        )
        for number, (text, severity) in enumerate(zip(told, severities, strict=True))
    ]
    mixed = "".join(text[:200] for text in told)
    return _task(
        Answer(_request(), "codex", Reply(mixed, notes=tuple(told)), duration_s=1.0),
        *failures,
        findings=found,
        directory=HERE / mixed[:100].replace("\x00", ""),
        detail=TaskDetail("hunt", mixed, tuple(told)),
        backends=(Participant("codex", "codex", "lok-backend-codex", mixed, mixed), *_BACKENDS[2:]),
        baseline=mixed,
        notes=tuple(told),
        degraded=tuple(told),
        leaked=tuple(Leaked(4711, text, text) for text in told),
        changed=tuple(Change(text[:300], "added", text[:100]) for text in told),
    )


def _interrupted() -> Report:
    return _task(
        _answer("I found nothing so fa"),
        Failure(_request("n+1"), "gemini", "cancelled", "ended by Ctrl-C", partial="The loop in app.py"),
        findings=[_finding(incomplete=True)],
        interrupted=True,
        leaked=(Leaked(4711, "sleep 1000", "n+1"),),
        changed=(Change("src/app.py", "changed", "codex"), Change("notes.md", "removed")),
        notes=("no language model was asked",),
        degraded=("gemini is not available: not logged in",),
    )


def _fallback() -> Report:
    """One backend that went on to another, and what a cap has kept from being asked."""
    when = "used up; may be asked again at 15:04, in 41 min"
    return _task(
        Failure(_request(), "codex", "quota", when, hint="see the billing", retry_after_s=2460.0, attempts=1),
        evolve(_answer("Nothing to report.", backend="gemini"), instead_of="codex", findings=0, clean=True),
        Failure(_request("n+1"), "codex", "cancelled", "not started: --max-calls 2 is reached"),
        findings=[],
        degraded=(
            "--max-calls 2: 1 request was not started",
            "gemini answered in the place of codex (codex: quota)",
        ),
        notes=("codex failed (quota); gemini is asked instead",),
    )


def _many() -> list[Finding]:
    """So many that a comment cannot hold them."""
    return [
        _finding(
            f"Problem {number}",
            explanation="Each of these is told at some length. " * 10,
            locations=(Location(f"pkg/module_{number % 20}.py", number),),
            fingerprint=f"lok1-{number:016x}",
        )
        for number in range(1, 401)
    ]
