"""Findings as issues at GitHub, created by its command-line program `gh`.

An issue carries its finding's fingerprint and title in an HTML comment, by which later runs recognise it.
`gh` would ask git about its working directory, and git runs what the configuration there names; so it is
started elsewhere and told the repository, which is read from the address of the remote `origin` alone.

Facts about gh: https://cli.github.com/manual and `gh help environment`.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import trio
from attrs import define, evolve, field, frozen

from lok_core import history, telling
from lok_core import render_markdown as markdown
from lok_core.environment import child_environment, secret_values
from lok_core.errors import BackendError, UsageError
from lok_core.findings.baseline import Baseline, Entry
from lok_core.models import CATEGORIES, Category, Grounding, Profile
from lok_core.outcome import Finding, Report, Source
from lok_core.process import Children, open_children
from lok_core.sanitize import clean_line, mask

BODY_LENGTH = 65_536
"""Characters that GitHub accepts in an issue."""
TITLE_LENGTH = 256
"""The same for its title."""
ISSUES_READ = 1000
"""How many open issues are looked at, the newest first."""
NOT_FOUND: frozenset[Grounding] = frozenset({"quote-missing", "line-out-of-range", "file-missing"})
"""What is cited does not exist: no issue is made of that."""

_TIMEOUT_S = 120
_CAP_BYTES = 2**28  # a thousand issues of the greatest length
_PAUSE_S = 1.0  # between two issues, as GitHub's "Best practices for using the REST API" asks for
_SAID = 300  # characters of what gh says about a failure
_GITHUB = "github.com"
_TOKENS = ("GH_TOKEN", "GITHUB_TOKEN")
_ENTERPRISE_TOKENS = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
_NEEDED = ("GH_CONFIG_DIR", "GH_HOST", "DBUS_SESSION_BUS_ADDRESS")  # the last: where gh's keyring is
_MARK = re.compile(r"^<!-- lok:fingerprint (\S*) (\S+) (\S*) -->\s*$", re.MULTILINE)
_HOST = r"(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*)"
_PATH = r"(?P<owner>[A-Za-z0-9][\w-]*)/(?!\.{1,2}(?:\.git)?/?$)(?P<name>[\w.-]+?)(?:\.git)?/?"
_ADDRESSES = (
    re.compile(rf"(?:https?|ssh|git)://(?:[^@/\s]*@)?{_HOST}(?::\d+)?/+{_PATH}", re.ASCII | re.IGNORECASE),
    re.compile(rf"(?:[^@/:\s]+@)?{_HOST}:/*{_PATH}", re.ASCII),
)
_NAMED = re.compile(rf"(?:{_HOST}/)?{_PATH}", re.ASCII)
_SAME_HOST = {"ssh.github.com": _GITHUB, "www.github.com": _GITHUB}

_ELSEWHERE = "GH_REPO=OWNER/REPO names another repository"
_LOGIN = "`gh auth login` logs in, GH_TOKEN holds a token; `gh auth status` tells who you are"
_HINTS = (
    ("disabled issues", f"its settings switch them on; {_ELSEWHERE}"),
    ("rate limit", "wait an hour and run it again: what was created is recognised"),
    ("too quickly", "wait an hour and run it again: what was created is recognised"),
    ("auth login", _LOGIN),
    ("could not resolve to a repository", f"`gh auth status` tells who you are; {_ELSEWHERE}"),
    ("unknown flag", "a newer gh is needed"),
)


@frozen
class Repository:
    """Where issues go."""

    host: str
    owner: str
    name: str

    def __str__(self) -> str:
        path = f"{self.owner}/{self.name}"
        return path if self.host == _GITHUB else f"{self.host}/{path}"

    @classmethod
    def at(cls, address: str) -> Repository | None:
        """The repository that the address of a git remote names; None if it is none of a hosting site.

        Credentials in the address are left out.
        """
        for form in _ADDRESSES:
            if found := form.fullmatch(address):
                host = found["host"].lower()
                return cls(_SAME_HOST.get(host, host), found["owner"], found["name"])
        return None

    @classmethod
    def named(cls, text: str, host: str) -> Repository | None:
        """The repository of `[HOST/]OWNER/REPO` or of an address, as `GH_REPO` has it; None if it is neither.

        Args:
            host: where it is if the text does not say so.
        """
        if found := _NAMED.fullmatch(text):
            return cls((found["host"] or host).lower(), found["owner"], found["name"])
        return cls.at(text)


@frozen
class Draft:
    """An issue to be.

    Attributes:
        told: severity, place and title in one line, for a terminal.
    """

    title: str
    body: str
    told: str


@frozen
class Plan:
    """What would be done.

    Attributes:
        drafts: the issues to create.
        there: those that an open issue tells of already: one line each, and its number.
        partial: whether there may be more open issues than were looked at.
    """

    drafts: tuple[Draft, ...]
    there: tuple[tuple[str, int], ...]
    partial: bool


@frozen
class OpenIssue:
    """An open issue that lok created: its number, and what it tells about."""

    number: int
    entry: Entry

    @classmethod
    def read(cls, number: int, body: str) -> OpenIssue | None:
        """The issue, if its body says that it is lok's; the mark may stand anywhere, as people add to it."""
        if (mark := _MARK.search(body)) is None:
            return None
        category: Category = next((one for one in CATEGORIES if one == mark[2]), "general")
        return cls(number, Entry("", unquote(mark[3]), "info", category, "", unquote(mark[1])))

    def tells(self, finding: Finding) -> bool:
        """Whether it is about the finding, by the rule of the baseline: the same line, a similar title."""
        named = evolve(finding, title=_cut(finding.title))
        return Baseline((self.entry,)).marked([named])[0].known


def candidates(report: Report, *, everything: bool) -> tuple[list[Finding], int]:
    """The findings that may become issues, and how many do not since what they cite does not exist.

    Args:
        everything: whether the report was shown with all leads.
    """
    listed = telling.open_findings(report)
    if not everything:
        listed = telling.shown(listed)[0]
    found = [finding for finding in listed if finding.grounding not in NOT_FOUND]
    return found, len(listed) - len(found)


def draft(finding: Finding, version: str) -> Draft:
    """The issue about the finding. Its words are shown as words: see `render_markdown`."""
    place = telling.place(finding.locations[0]) if finding.locations else ""
    words = clean_line(finding.title.strip()) or f"{finding.category} problem" + f" in {place}" * bool(place)
    title = markdown.untriggered(_cut(words))[:TITLE_LENGTH]
    told = f"{finding.severity.upper()}  {f'{place}  ' if place else ''}{_cut(words)}"
    return Draft(title, _body(finding, version), told)


@define(eq=False)
class Tracker:
    """The issues of one repository; made by `open_tracker`."""

    repository: Repository
    mask: Callable[[str], str]
    _children: Children
    _env: Mapping[str, str]
    _pause_s: float = _PAUSE_S
    _created: int = field(init=False, default=0)

    async def plan(self, findings: Iterable[Finding], version: str) -> Plan:
        """What creating issues for the findings would come to; only looks.

        Raises:
            UsageError: gh cannot be used.
        """
        wanted = ("--state", "open", "--limit", str(ISSUES_READ), "--json", "number,body")
        listed = _listed(await self._gh("list", *wanted))
        read = (OpenIssue.read(number, body) for number, body in listed)
        issues = [issue for issue in read if issue is not None]
        drafts, there = [], []
        for finding in findings:
            made = draft(finding, version)
            number = next((issue.number for issue in issues if issue.tells(finding)), None)
            if number is None:
                drafts.append(made)
            else:
                there.append((made.told, number))
        return Plan(tuple(drafts), tuple(there), len(listed) >= ISSUES_READ)

    async def create(self, draft: Draft) -> str:
        """Creates the issue and gives its address.

        Raises:
            UsageError: gh cannot be used.
        """
        if self._created:
            await trio.sleep(self._pause_s)
        title = f"--title={self.mask(draft.title)}"
        said = await self._gh("create", title, "--body-file", "-", stdin=self.mask(draft.body))
        self._created += 1
        return clean_line((said.split() or [""])[-1])

    async def _gh(self, *words: str, stdin: str = "") -> str:
        """What `gh issue` printed."""
        at = self.repository
        argv = ["gh", "issue", words[0], "-R", f"{at.host}/{at.owner}/{at.name}", *words[1:]]
        given = stdin.encode(errors="replace")
        with trio.move_on_after(_TIMEOUT_S):
            try:
                done = await self._children.run(
                    argv, env=self._env, cwd="/", stdin=given, label="gh", cap_bytes=_CAP_BYTES
                )
            except BackendError as error:
                hint = "install it (https://cli.github.com), or leave --issues out"
                raise UsageError(f"gh cannot be started: {error.message}", hint) from error
            if done.returncode == 0:
                return done.stdout.decode(errors="replace")
            said = "; ".join(self.mask(done.stderr.decode(errors="replace")).split("\n"))
            said = clean_line(said.strip("; "))[:_SAID] or f"it says nothing (exit code {done.returncode})"
            hints = (hint for sign, hint in _HINTS if sign in said.lower())
            raise UsageError(
                f"gh issue {words[0]} failed: {said}", next(hints, "`gh auth status` tells more")
            )
        raise UsageError(f"gh issue {words[0]} took more than {_TIMEOUT_S} s", "try again later")


@asynccontextmanager
async def open_tracker(
    directory: Path, env: Mapping[str, str], mask: Callable[[str], str]
) -> AsyncIterator[Tracker]:
    """The issues of the repository that the directory belongs to, or that `GH_REPO` names.

    Args:
        env: lok's own environment; gh alone gets its tokens.
        mask: takes secrets out of text.

    Raises:
        UsageError: there is no such repository.
    """
    async with open_children() as children:
        if named := env.get("GH_REPO"):
            repository = Repository.named(named, env.get("GH_HOST") or _GITHUB)
        else:
            said = await history.ask_git(children, directory, env, "remote", "get-url", "origin")
            repository = Repository.at(said.decode(errors="replace").strip())
        if repository is None:  # the address is not told: it may hold a password
            whose = "GH_REPO" if named else f"the remote 'origin' of {directory}"
            raise UsageError(f"{whose} names no repository at GitHub", _ELSEWHERE)
        by_user = bool(named) or repository.host == env.get("GH_HOST")
        gh_env = _environment(env, repository.host, by_user=by_user)
        yield Tracker(repository, _masking(env, mask), children, gh_env)


def _environment(env: Mapping[str, str], host: str, *, by_user: bool) -> dict[str, str]:
    """What gh gets to see.

    gh sends the tokens for enterprise servers to any host that it is told, and the address of a remote may be
    a trap. Logins that gh has stored are per host.

    Args:
        by_user: whether the user has named the host.
    """
    tokens: tuple[str, ...] = ()
    if by_user:
        tokens = (*_TOKENS, *_ENTERPRISE_TOKENS)
    elif host == _GITHUB or host.endswith(".ghe.com"):
        tokens = _TOKENS
    return child_environment(env, Profile(secrets=tokens, env=_NEEDED), (), trusted=False)


def _masking(env: Mapping[str, str], mask_known: Callable[[str], str]) -> Callable[[str], str]:
    secrets = secret_values(env, [Profile(secrets=(*_TOKENS, *_ENTERPRISE_TOKENS))])
    return lambda text: mask(mask_known(text), secrets)


def _listed(said: str) -> list[tuple[int, str]]:
    """Number and body of each issue that gh listed."""
    try:
        listed: Any = json.loads(said)
        return [(int(issue["number"]), str(issue["body"])) for issue in listed]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise UsageError("gh issue list printed what is no list of issues", "try a newer gh") from error


def _body(finding: Finding, version: str) -> str:
    names = ", ".join(markdown.plain(name) for name in telling.backends(finding))
    agreement = f" ({finding.agreement} backends)" if finding.agreement > 1 else ""
    facts = [f"**{finding.severity}**", finding.category, telling.EVIDENCE[finding.grounding]]
    facts += [finding.area] * (finding.area != "source") + ["answer cut off"] * finding.incomplete
    parts = [f"{', '.join(facts)}; reported by {names}{agreement}.\n\n"]
    places = [markdown.code_span(telling.place(one)) for one in finding.locations[: markdown.SOURCES_SHOWN]]
    if places:
        parts.append(f"{places[0]}\n\n")
    if finding.quote.strip():
        parts.append(f"{markdown.code_block(finding.quote, markdown.QUOTE_LENGTH)}\n")
    parts.append(f"{markdown.prose(finding.explanation)}\n")
    if places[1:]:
        parts.append(f"See also {', '.join(places[1:])}.\n\n")
    kind = "an analyser" if all(source.lead for source in finding.sources) else "a language model"
    end = f"Reported by {kind} through lok {version}; nobody has judged it yet.\n\n{_mark(finding)}\n"
    head = "".join(parts)
    sources = [_words(source, finding) for source in finding.sources]
    told = markdown.fitting(sources, BODY_LENGTH - len(head) - len(end) - 100, "reports")
    return f"{head}### In their words\n\n{told}\n{end}"


def _words(source: Source, finding: Finding) -> str:
    """What one source says, without what the issue says anyway."""
    line = f"{markdown.source_line(source)}\n"
    if source.explanation.strip() == finding.explanation.strip():
        return line
    return line + textwrap.indent(f"\n{markdown.prose(source.explanation)}", "  ", lambda text: True)


def _mark(finding: Finding) -> str:
    """What later runs recognise the issue by; quoted, so that no text can end the comment."""
    fingerprint, title = (
        quote(text, safe="", errors="replace") for text in (finding.fingerprint, _cut(finding.title))
    )
    return f"<!-- lok:fingerprint {fingerprint} {finding.category} {title} -->"


def _cut(title: str) -> str:
    return title[: markdown.TITLE_LENGTH]
