# ruff: noqa: RUF001 - full-width forms, dashes and signs are meant
"""What the beginning of a heading, item or line says: label, number, severity, and what is left as title."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache

from attrs import frozen

from lok_core.findings import cues
from lok_core.findings.places import CACHED, Place, places
from lok_core.models import Category, Severity

_LABEL = re.compile(
    r"(?:[^\w\s*_`\[(（【<#]{1,4}\s?)?(?P<bold>\*\*|__|\*|【)?(?P<key>[\w#][^*:：`\n|。【】]{0,48}?)"
    r"(?:(?P<inner>[:：])\s?(?P<close1>\*\*|__|\*(?!\*))|(?P<close2>\*\*|__|\*|】)\s?[:：]?|[:：](?=[\s`*【\[\"'“「]|[^\x00-\x7f]|$))\s*(?P<value>.*)",
    re.DOTALL,
)
_COLON_BEHIND = re.compile(r"(?:\*\*|__|\*)\s?[:：]")
_COLON = re.compile(r"[:：](?:\*\*|__|\*)?(?=[\s`*]|[^\x00-\x7f]|$)")
_BOUNDARY = re.compile(r".*(?:[.;|,·•\n)(（）—–。；，、]|\s\s|\*\*|__|\s-)", re.DOTALL)
_MAX_FIELDS = 6000
_MAX_HEAD = 1500
_PAREN_TAIL = re.compile(r"\s?[(（][^()（）]{0,40}[)）]$")


@frozen
class Label:
    """`key: value` at the start of a line; `role` of cues.LABELS or None for a key that is not known."""

    role: str | None
    key: str
    value: str
    bold: bool


@lru_cache(maxsize=CACHED)
def label_of(line: str) -> Label | None:
    """The label that a line begins with, if any: `**Key:** value`, `Key: value`, `【键】value`."""
    found = _LABEL.match(line)
    if found is None:
        return None
    key = found["key"].strip()
    bold = found["bold"] is not None
    if bold and not (found["inner"] or found["close2"]):
        # "*Location: x*": the emphasis spans the value too; only for what cannot be the start of a title.
        if role_of(key) not in ("location", "file", "line", "severity", "category"):
            return None
        return Label(role_of(key), key, found["value"].strip().rstrip("*_").rstrip(), bold)
    titled = found["close2"] and not found["inner"] and found["bold"] != "【"
    if titled and not _COLON_BEHIND.match(line, found.end("key")):
        return None  # "**Title** text": no colon behind the bold, unlike "**Key**: value"
    if len(key.split()) > 6:
        return None
    return Label(role_of(key), key, found["value"].strip(), bold)


def role_of(key: str) -> str | None:
    """The role of a label or column, by its words alone."""
    key = " ".join(key.lower().strip(" *_`:：").split())
    return cues.ROLE_OF.get(key) or cues.ROLE_OF.get(_PAREN_TAIL.sub("", key))


def fields_in(text: str) -> list[Label]:
    """The labelled parts of a text: one per line, or several on one line.

    The part before the first label is left out.
    """
    text = text[:_MAX_FIELDS]
    found = list(_labels(text))
    labels: list[Label] = []
    for index, (key, _, stop) in enumerate(found):
        end = found[index + 1][1] if index + 1 < len(found) else len(text)
        value = text[stop:end].strip().rstrip("|").rstrip("*_ ,;|—–-").strip()
        labels.append(Label(role_of(key), key, value, False))
    return labels


def before_fields(text: str) -> str:
    """The part of a text before its first label."""
    first = next(_labels(text[:_MAX_FIELDS]), None)
    return text[: first[1]] if first else text


def _labels(text: str) -> Iterator[tuple[str, int, int]]:
    """Every known label within a text: key, where it starts, where its value starts."""
    last = 0
    for colon in _COLON.finditer(text):
        window = text[max(last, colon.start() - 50) : colon.start()].rstrip("*_ ")
        cut = _BOUNDARY.match(window)
        starts_text = colon.start() <= 50 and last == 0
        if cut is None and not starts_text and colon.start() - last > 50:
            continue
        key = window[cut.end() :] if cut else window
        for name in (key, key.rsplit("/", 1)[-1]) if cut or starts_text or last else ():
            name = name.strip(" *_`-")
            if role_of(name) and (len(name) > 2 or not name.isascii()):
                yield name, text.rindex(name, 0, colon.start()), colon.end()
                last = colon.end()
                break


_NUMBER = re.compile(
    r"^\s*(?:\d\ufe0f?\u20e3\s*|\[?#?(?P<n>\d{1,3}(?:\.\d{1,3}){0,3})\]?(?:[.)、:：．]|\s[-–—]|\s|$)\s*[-–—]?\s*|[（(](?P<p>\d{1,3})[）)]\s*"
    r"|[一二三四五六七八九十]{1,3}、\s*)"
)
_ID = re.compile(
    r"^\s*\[?(?!(?:md[245]|sha-?\d+|s3|ec2|h2|k8s|v8|utf-?8|tls-?1|http-?2|ipv[46]|x-?509)\b)(?P<id>(?:finding|issue|bug|problem|comment|item|vulnerability|vuln|defect|concern|befund|fehler|"
    r"problème|constat|hallazgo|problema|achado|bug-?nr|问题|缺陷|发现|指摘|問題|이슈|문제|발견|проблема|замечание)\s?(?:no\.?|nr\.?|n°|№)?\s?[#:]?\s?"
    r"(?:[A-Z]{1,3}-?)?\d{1,3}|[A-Z][A-Z0-9]{0,9}-[A-Z]{0,4}-?\d{1,4}|[A-Z]{1,2}\d{1,3}(?=[\].):：\s—–-]))\]?\s*(?:[.):：—–-]{1,2}\s*)?",
    re.IGNORECASE,
)
_SEV_WORDS = "|".join(sorted((re.escape(word) for word in cues.SEVERITY_OF), key=len, reverse=True))
_TAIL_WORDS = (
    r"(?:[\s-](?:severity|priority|risk|issue|impact|level|priorität|prioridad|priorité|bug|risiko|severidad|"
    r"gravedad))?|优先级|级|度|危"
)
_SEV_PREFIX = re.compile(
    rf"^\s*(?:[\[(（【]\s?(?:severity|priority)?[:\s]{{0,2}}(?P<a>{_SEV_WORDS})(?:{_TAIL_WORDS})(?:\s?[-/|,]\s?[\w\s-]{{1,30}})?[\])）】]\s?[:：—–-]{{0,2}}"
    rf"|(?P<b>{_SEV_WORDS})(?:\s?[-/–]\s?(?:{_SEV_WORDS}))?(?:{_TAIL_WORDS})(?:\s?\([^()]{{1,30}}\))?\s?(?:[:：|―—–,]|\.(?=\s)|\s-\s|\*\*\s?[:：—–-]|\*\*(?=\s)))\s*",
    re.IGNORECASE,
)
# "HIGH `a.py:3`: ..."; in small letters it would be a word of a sentence.
_SHOUTED = re.compile(r"(?P<a>CRITICAL|HIGH|MEDIUM|LOW|INFO|BLOCKER|MAJOR|MINOR)\s+(?=\S)")
_SEV_TAG = re.compile(
    rf"[\[(（【`]\s?(?:(?:severity|priority|schweregrad|sev|risk|priorität|严重程度|重要度)\s?[:：]\s?)?(?P<a>{_SEV_WORDS})(?:{_TAIL_WORDS})(?:\s?[-/|,]\s?[\w\s-]{{1,30}})?\s?[\])）】`]",
    re.IGNORECASE,
)
_SEV_NAMES = ("everity", "riority", "chwere", "ravi", "raved", "everidad", "严重", "重要", "심각")
_SEV_FIELD = re.compile(
    rf"\s*[-–—|(,\[]*\s?\*{{0,2}}(?:severity|priority|schweregrad|gravité|gravità|severidad|gravedad|严重程度|重要度|심각도)\*{{0,2}}\s?[:：=]\*{{0,2}}\s?\*{{0,2}}"
    rf"(?P<a>{_SEV_WORDS})\*{{0,2}}[)\]]?",
    re.IGNORECASE,
)
_SEV_SUFFIX = re.compile(
    rf"\s(?:[-–—|:]|\*\*)\s?\*{{0,2}}(?P<a>{_SEV_WORDS})(?:{_TAIL_WORDS})\*{{0,2}}\s*$", re.IGNORECASE
)
_SEV_ANY = re.compile(rf"(?<!\w)(?P<a>{_SEV_WORDS})(?!\w)", re.IGNORECASE)
LINE_LEAD = re.compile(
    r"[*_`(\[]{0,3}(?:(?:lines?|ln|zeilen?|lignes?|l[íi]neas?|rig(?:a|he)|linhas?|строк\w)\s?|L)?\d{1,6}(?:\s?(?:[-–—]|to|bis|à|a)\s?L?\d{1,6})?"
    r"[*_`)\]]{0,3}\s?(?:[:：—–]|\s-)[*_]{0,2}\s*(?=\S)",
    re.IGNORECASE,
)
_END_LEVEL = re.compile(r"(?:^|[.,;—–(\s])\s?(?P<a>P[0-4])[.)]?\s*$")
_BADGE = re.compile(r"^[\s*_]*(?P<sign>[^\x00-\x7f\w\s（【「『]{1,3})\ufe0f?\s*")


_TITLE_WORD = re.compile(r"[^\W\d_][\w'’+/-]*")
_CATEGORY_WORD = re.compile(r"[\w+-]+")
_JOINT = re.compile(r"[-/&+]")


@frozen
class Head:
    """What a heading or the first line of an item says.

    Attributes:
        title: what is left without number, severity, signs and the place at either end.
        number: whether it carries a running number; `id`: whether it carries an id of a finding.
        places: all places named in it.
        lead: whether it begins with a place.
        place_only: whether it says nothing but places (and a count).
        good: whether it begins with a sign or word of praise.
    """

    title: str
    severity: Severity | None
    category: Category | None
    number: bool
    id: str
    places: tuple[Place, ...]
    lead: bool
    place_only: bool
    good: bool

    @cached_property
    def words(self) -> list[str]:
        return _TITLE_WORD.findall(self.title.lower())

    @cached_property
    def generic(self) -> bool:
        """Whether the title only says where something belongs ("2. High severity security issues")."""
        words = self.words
        if not words:
            return True
        return all(is_generic(word) or all(map(is_generic, _JOINT.split(word))) for word in words)


def is_generic(word: str) -> bool:
    """Whether a word says where something belongs and nothing about a problem."""
    return not word or word in cues.GENERIC or word in cues.CATEGORY_OF or _cjk_generic(word)


def _cjk_generic(word: str) -> bool:
    return (
        not word.isascii()
        and len(word) <= 8
        and any(word.endswith(key) or word.startswith(key) for key in _CJK)
    )


_CJK = tuple(key for key in (*cues.SECTION_OF, *cues.SEVERITY_OF) if ord(key[0]) > 0x2E80)
_CJK_SEVERITIES = tuple((word, severity) for word, severity in cues.SEVERITY_OF.items() if word in _CJK)


def severity_in(text: str) -> Severity | None:
    """The severity that a field or cell names, by its first known word or sign."""
    if (alone := text.strip("*_` ")) in cues.SEVERITY_CELLS:
        return cues.SEVERITY_CELLS[alone]
    for sign, severity in cues.SEVERITY_SIGNS.items():
        if sign in text[:60]:
            word = _first_severity(text[:60])
            return word or severity
    return _first_severity(text[:60])


def _first_severity(text: str) -> Severity | None:
    found = _SEV_ANY.search(text)
    if found:
        return cues.SEVERITY_OF[found["a"].lower()]
    if text.isascii():
        return None
    return next((severity for word, severity in _CJK_SEVERITIES if word in text), None)


def category_in(text: str) -> Category | None:
    for word in _CATEGORY_WORD.findall(text.lower()[:120]):
        if word in cues.CATEGORY_OF:
            return cues.CATEGORY_OF[word]
    return None


@lru_cache(maxsize=CACHED)
def read_head(text: str) -> Head:
    """Takes a heading, or the first words of an item or paragraph, apart."""
    rest = text[:_MAX_HEAD].strip()
    good = rest.lstrip("*_ ").startswith(cues.GOOD_SIGNS)
    severity: Severity | None = None
    category: Category | None = None
    identifier, number = "", False
    for _ in range(6):
        before = rest
        rest = rest.lstrip("*_ ")
        if (badge := _BADGE.match(rest)) and not badge["sign"][0].isalnum():
            for sign, level in cues.SEVERITY_SIGNS.items():
                if sign in badge["sign"]:
                    severity = severity or level
            good = good or badge["sign"].startswith(cues.GOOD_SIGNS)
            rest = rest[badge.end() :]
        if found := _SEV_PREFIX.match(rest) or _SHOUTED.match(rest):
            severity = _spoken(found) or severity
            rest = rest[found.end() :]
        elif found := _ID.match(rest):
            word = found["id"].upper()
            spoken = cues.SEVERITY_OF.get(word.lower())
            severity = severity or spoken
            identifier = identifier or found["id"]
            rest = rest[found.end() :]
        elif (found := _NUMBER.match(rest)) and not number:
            number = True
            rest = rest[found.end() :]
        elif found := _TAGGED.match(rest):
            category = category_in(found.group(1))
            if not category:
                break
            rest = rest[found.end() :]
        if rest == before:
            break
    if found := LINE_LEAD.match(rest):
        rest = rest[found.end() :]
    if any(name in rest for name in _SEV_NAMES) and (found := _SEV_FIELD.search(rest)):
        severity = severity or _spoken(found)
        rest = rest[: found.start()] + rest[found.end() :]
    elif found := _SEV_TAG.search(rest):
        severity = severity or _spoken(found)
        rest = (rest[: found.start()] + " " + rest[found.end() :]).strip()
    elif found := _SEV_SUFFIX.search(rest) or _END_LEVEL.search(rest):
        severity = severity or _spoken(found)
        rest = rest[: found.start()]
    if severity is None and any(sign in rest for sign in cues.SEVERITY_SIGNS):
        severity = next(level for sign, level in cues.SEVERITY_SIGNS.items() if sign in rest)
    spots = places(rest)
    lead = bool(spots) and not _WORD.search(rest[: spots[0].start].replace("File", "").replace("In ", ""))
    title = _without_places(rest, spots)
    good = good or bool(cues.GOOD_ITEM.match(title.translate(_UNMARKED)))
    outside = "".join(rest[one:other] for one, other in zip([0, *(spot.stop for spot in spots)], [*(spot.start for spot in spots), len(rest)], strict=True))  # fmt: skip  # noqa: E501
    place_only = bool(spots) and not _LETTER.search(_AROUND.sub("", outside))
    return Head(title, severity, category, number, identifier, spots, lead, place_only, good)


def _spoken(found: re.Match[str]) -> Severity | None:
    word = found["a"] or (found.groupdict().get("b") or "")
    return cues.SEVERITY_OF.get(word.lower())


_WORD = re.compile(r"\w")
_LETTER = re.compile(r"[^\W\d]")
_AROUND = re.compile(r"\b(?:file|in|and|F|und|et|e|y)\b", re.IGNORECASE)
_TAGGED = re.compile(r"[\[【(]([\w\s/+-]{2,40})[\]】)]\s*[:：—–-]?\s*")
_UNMARKED = str.maketrans("", "", "*_`")
_TOWARDS_PLACE = re.compile(
    r"[\s(（\[【—–@:|,-]*(?:\b(?:in|at|file|see|from|of|dans|en|bei|F)\b[:\s]*)?[`*\"'(\[【\s]*$"
)
_FROM_PLACE = re.compile(r"[`*_\"'”)\]】）】>\s]*(?P<mark>[:：—–|,-]*)\s*")
_BOLD_MARK = re.compile(r"\*\*|__(?=\W|$)|(?<!\w)__")


def _without_places(text: str, spots: tuple[Place, ...]) -> str:
    """The title without the places that open or close it."""
    for spot in reversed(spots):
        tail = text[spot.stop :]
        if not _WORD.search(tail):
            text = _without_tail(text[: spot.start])
        elif not _WORD.search(text[: spot.start]):
            opened = _FROM_PLACE.match(tail)
            if opened is not None and (spot.line or opened["mark"]):
                text = tail[opened.end() :]
    return bare(text)


def _without_tail(text: str) -> str:
    """A text without the marks and the small word that lead to a place behind it."""
    found = _TOWARDS_PLACE.search(text, max(0, len(text) - 40))
    return text[: found.start()] if found else text


def bare(text: str) -> str:
    """Text without bold marks and without separators at its ends."""
    text = _BOLD_MARK.sub("", text)
    text = text.strip(" \t\n*_:：—–|,;，、-")
    if text.count("`") % 2:
        text = text.strip("`")
    return text.strip()
