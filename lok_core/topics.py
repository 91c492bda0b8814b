"""What a text is about, by its words: the vocabulary of the categories.

Words are whole words in their usual forms. A stem with all its endings is too loose ("author" would speak of
auth, "perform" of performance, "deadline" of dead code), so each entry says which endings it takes; a word
that means too many things ("token", "memory", "session") stands in phrases only. The longest entry at a place
counts: "dependency injection" is no injection.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from lok_core.details.smart import Topic
from lok_core.models import Category, Request

READ_LENGTH = 4_000
"""Characters that are looked at: what a text is about stands at its beginning; what follows is material."""

_FENCED = re.compile(r"(```|~~~).*?(?:\1|\Z)", re.DOTALL)
_OPTIONAL = re.compile(r"\((?:[^()]|\([^()]*\))*\)\?")
"""An optional part of an entry."""
_GAP = re.compile(r" (?!\?)")
_WORD = re.compile(r"n ?\+ ?1(?!\d)|[^\W_]+")

_ATTACKED: tuple[Category, ...] = ("injection", "auth", "secrets")
_ATTACKS = r"(?: (?:vulnerabilit(?:y|ies)|attacks?|exploits?|flaws?|weakness(?:es)?|holes?|bugs?|issues?))?"
"""What may follow a word of those categories and says nothing more: "injection vulnerabilities"."""

# One entry a line or between commas; a space stands for any gap between words ("clean-up", "dead_code").
_VOCABULARY: dict[Category, str] = {
    # Of equals the first counts, so what is more special comes first.
    "injection": r"""
        (?:(?:no ?sql|sql|command|shell|code|html|template|ldap|header|log|prompt) )?injections?
        inject(?:s|ed|able|ing)?, sqli, xss, xxe, ssti, crlf, cross site scripting, remote code execution, rce
        (?:path|directory) traversals?, un(?:escaped|saniti[sz]ed), saniti[sz](?:es?|ed|ing|ation)
        (?:html|input|output|shell|sql) escap(?:es?|ed|ing), input validation, untrusted (?:input|data)
    """,
    "auth": r"""
        auth, authn, authz, oauth2?, oidc, saml, sso, mfa, 2fa, jwts?, csrf, xsrf, idor, rbac, acls?
        (?:un)?authenticat(?:es?|ed|ing|ion|ors?), (?:un)?authori[sz](?:es?|ed|ing|ation|ations)
        log(?:in|ins|out|outs), sign (?:in|ins|out), permissions?, access (?:control|controls|rights)
        privileges?, privilege escalations?, (?:un)?privileged
        sessions? (?:tokens?|fixation|hijack(?:ing)?|cookies?|ids?|management|handling|expir(?:y|ation))
    """,
    "secrets": r"""
        secrets?, credentials?, passwords?, passphrases?, api ?keys?
        (?:private|encryption|signing|secret|access|ssh) keys?
        (?:access|api|bearer|refresh|secret|deploy|leaked|hard ?coded) tokens?
    """,
    "dead-code": r"""
        dead (?:code|functions?|methods?|class(?:es)?|branch(?:es)?|imports?|variables?|files?)
        unused, unreachable, unreferenced, uncalled, obsolete, superfluous, redundant
        never (?:used|called|read|run|imported|referenced), not (?:used|called|needed) any ?more
        no longer (?:used|called|needed), isn t used, (?:not|nowhere) (?:used|called)
        un(?:necessary|needed) (?:code|imports?|functions?|files?|variables?|dependenc(?:y|ies)|parameters?)
        clean ?ups?, clean(?:s|ed|ing) up, tidy(?:ing)? up, left ?overs?, commented out
    """,
    "performance": r"""
        n\+1, performance, performant, perf, slow(?:s|er|est|ly|ed|ing|ness)?, slow ?downs?
        speed(?:s|y|ing)?, speed ?ups?, fast(?:er|est)?, optimi[sz](?:es?|ed|ers?|ing|ations?)
        (?:in)?efficien(?:t|tly|cy|cies), latenc(?:y|ies), throughput, bottle ?necks?, quadratic
        exponential, time complexity, benchmark(?:s|ed|ing)?, profil(?:ing|ers?), cach(?:e|es|ed|ing)
        memoi[sz](?:es?|ed|ing|ation), memory (?:usage|use|consumption|footprint|bloat|leaks?|allocations?)
        leaks? memory, cpu (?:usage|time|load|bound), hot ?(?:paths?|spots?|loops?), nested loops?
        (?:inside|in) (?:a |the )?loops?, lazy loading, (?:start ?up|load|loading|response|run) times?
        tak(?:es?|ing) (?:(?:too|so|very) long|ages|forever), expensive, costly, lags?, laggy, sluggish
        (?:database|db|sql) (?:quer(?:y|ies)|calls?|round ?trips?), missing (?:index|indexes|indices)
        scalab(?:le|ility), o n 2, wast(?:es?|ed|ing) (?:of )?time, profile (?:the|this|it)
    """,
    "architecture": r"""
        (?:re)?architect(?:ed|ing|ures?|ural|urally), (?:re)?design(?:s|ed|ing)?
        (?:re)?structur(?:es?|ing|al), (?:re|un)?structured
        (?:de)?coupl(?:es?|ed|ing), cohesi(?:on|ve), modular(?:ity|i[sz](?:es?|ed|ing|ation))?
        module boundar(?:y|ies), layering, layered, layer(?:ing)? violations?, separation of concerns
        (?:circular|cyclic) (?:imports?|dependenc(?:y|ies)|references?)
        dependency (?:graphs?|injection|inversion|directions?|cycles?)
        inject(?:s|ed|ing)? dependenc(?:y|ies), micro ?services?, monolith(?:s|ic)?, trade ?offs?
        abstractions?, (?:class|type) hierarch(?:y|ies), code organi[sz]ation
    """,
    "patterns": r"""
        (?:anti ?)?patterns?, (?:code )?smell(?:s|y)?, refactor(?:s|ed|ings?)?, (?:un)?idiom(?:s|atic)?
        conventions?, (?:in)?consisten(?:t|tly|cy|cies), naming, (?:code|coding) (?:styles?|quality)
        style ?guides?, (?:de)?duplicat(?:es?|ed|ing|ions?), copy (?:and )?past(?:e|ed|ing), boiler ?plate
        readab(?:le|ility), maintainab(?:le|ility), lint(?:s|ing)?, best practices?, clean code
        simplif(?:y|ies|ied|ying|ication|ications), god (?:class(?:es)?|objects?)
        (?:long|large|big|huge) (?:functions?|methods?|class(?:es)?), magic numbers?, spaghetti(?: code)?
        cyclomatic complexity, technical debt, tech debt
    """,
    "security": r"""
        (?:in)?secur(?:e|ed|es|ing|ely|ity), vulnerab(?:le|ility|ilities), vulns?
        exploit(?:s|ed|ing|able|ation)?, attack(?:s|ed|ing|ers?)?, audit(?:s|ed|ing)?, harden(?:s|ed|ing)?
        crypto, cryptograph(?:y|ic|ically), (?:en|de)crypt(?:s|ed|ing|ion)?, (?:un)?encrypted, ciphers?, tls
        ssl, ssrf, cors, owasp, cves?, deseriali[sz](?:es?|ed|ing|ation), pen ?tests?, pen ?testing
        penetration tests?, threat models?, threat modell?ing, malicious, malware, back ?doors?
        (?:data|information) leaks?, buffer overflows?, memory safety
    """,
    "errors": r"""
        errors?, erroneous, bugs?, buggy, exceptions?, crash(?:es|ed|ing)?, swallow(?:s|ed|ing)?
        seg ?faults?, panics?, race conditions?, data races?, dead ?locks?, off by ones?, edge cases?
        (?:null|nil|none) (?:pointers?|dereferences?), infinite loops?, thread safe(?:ty)?, correctness
        undefined behaviou?r, unhandled, stack ?traces?, tracebacks?, (?:integer|stack) overflows?
        (?:resource|file|handle|connection) leaks?
    """,
}
_WEAK: dict[Category, str] = {
    # Say little: they count where no other word says more of something else.
    "performance": r"quer(?:y|ies), scales?",
    "patterns": r"complexity, styles?",
    "security": r"unsafe",
    "errors": r"""
        fail(?:s|ed|ing|ures?)?, wrong(?:ly)?, incorrect(?:ly)?, broken, breaks?, defects?
        leak(?:s|ed|ing)?, hang(?:s|ing)?, regressions?, mistakes?
    """,
}
_OTHER = r"""
    (?:regex|regexp|glob|file|search|match|url|path|date|format) patterns?, pattern match(?:es|ing)
    data structures?, tree structures?, audit (?:logs?|trails?|logging), style ?sheets?, css styles?
    (?:address|thread|memory) sanitizers?, security groups?, fast forward(?:s|ed)?, dead letters?
    exception to the rule, query (?:strings?|param(?:eter)?s?), (?:by|graphic|web) design, sql styles?
    structured (?:logs?|logging|outputs?|data|concurrency|text), duplicate keys?, error codes?
    exponential back ?off
"""
"""Phrases with a word of the vocabulary that say nothing of its category."""

_WEAK_WEIGHT = 0.5


def category_of(name: str, text: str) -> Category:
    """What a prompt is about that does not say so: by its name, else by the words of its text."""
    topic, *_ = topics(name)
    if topic.category == "general":
        topic, *_ = topics(text)
    return topic.category


def topics_of(request: Request) -> tuple[Topic, ...]:
    """What a request is about: its category, or what its prompt speaks of if that is `general`."""
    if request.category != "general":
        return (Topic(request.category),)
    return topics(request.prompt)


def topics(text: str) -> tuple[Topic, ...]:
    """The categories that a text speaks of, what most words speak of first; never empty."""
    strong: dict[Category, list[str]] = defaultdict(list)
    weak: dict[Category, list[str]] = defaultdict(list)
    for category, word, is_weak in _found(text):
        words = (weak if is_weak else strong)[category]
        if word not in words:
            words.append(word)
    found = [
        Topic(
            category,
            (*strong[category], *weak[category]),
            len(strong[category]) + _WEAK_WEIGHT * len(weak[category]),
        )
        for category in _VOCABULARY
        if strong[category] or (weak[category] and not any(strong.values()))
    ]
    return tuple(sorted(found, key=lambda topic: -topic.weight)) or (Topic("general"),)


def _found(text: str) -> Iterator[tuple[Category, str, bool]]:
    pattern, categories = _matcher()
    # Code is what a text is about something of; its words say nothing of what is asked.
    prose = _FENCED.sub(" ", text[:READ_LENGTH]).lower()
    words = " ".join(word.replace(" ", "") for word in _WORD.findall(prose))
    for match in pattern.finditer(words):
        known = categories[int((match.lastgroup or "")[1:])]
        if known is not None:
            yield known[0], match[0], known[1]


@cache
def _matcher() -> tuple[re.Pattern[str], list[tuple[Category, bool] | None]]:
    """One pattern for all entries, the longest phrases first, and what each of its groups means."""
    entries: list[tuple[str, tuple[Category, bool] | None]] = []
    for category, told in _VOCABULARY.items():
        entries += [(entry, (category, False)) for entry in _entries(told)]
    entries += [(entry, (category, True)) for category, told in _WEAK.items() for entry in _entries(told)]
    entries += [(entry, None) for entry in _entries(_OTHER)]
    entries.sort(key=lambda one: -len(_GAP.findall(_OPTIONAL.sub("", one[0]))))
    alternatives = "|".join(
        f"(?P<e{number}>{entry}{_ATTACKS if meaning and meaning[0] in _ATTACKED else ''})"
        for number, (entry, meaning) in enumerate(entries)
    )
    return re.compile(rf"(?<!\S)(?:{alternatives})(?!\S)"), [meaning for _, meaning in entries]


def _entries(told: str) -> list[str]:
    return [entry.strip() for line in told.split("\n") for entry in line.split(", ") if entry.strip()]
