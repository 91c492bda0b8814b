# ruff: noqa: RUF001 - full-width forms and dashes are meant
"""The forms in which lines are given, in any language: `:12`, `#L3-L9`, `(lines 4 and 7)`, `第47-66行`.

Every quantifier is bounded.
"""

from __future__ import annotations

import re

_MAX_LINE = 9_999_999
_N = r"[Ll]?(\d{1,7})(?!\d)"
_TO = (
    r"\s?(?:-{1,2}|[–—‑−~〜\uff5e]|\.\.|to|through|thru|until|bis|à|a|al|até|po|do|から|至|到|부터)"
    r"\s?(?:第|line |[Ll]|:)?"
)
_RANGE = rf"{_N}(?:{_TO}(\d{{1,7}})(?!\d))?(?!\.\d|[A-Za-z_])"
_WORD = (
    r"(?:lines?\b|line\(s\)|lns?\b|l\.|zeilen?\b|zeile\(n\)|z\.|lignes?\b|l[íi]neas?\b|rig(?:a|he)\b|linhas?\b|"
    r"строк\w{0,3}\b|lini[ai]\b|wiersz\w{0,3}\b|regels?\b|行号?|第|라인|줄)"
)
_OPEN = r"[\s,;:：(\[（【@—–|-]{0,4}"
_LEAD = (
    r"(?:(?:starting\s|beginning\s)?(?:at|on|around|near|approx\.?|about|from|in|see|ca\.|circa|bei|ab|"
    r"alle|alla|à la|"
    r"aux?|en|em|na|nas|dans|um|etwa|intorno alle|的|の|~|≈)\s?(?:the\s)?)?"
)
_MORE = re.compile(rf"\s?(?:,|、|，|;|/|&|\+|and|und|et|ed?|y|и|和|及|与|と|및)\s?(?:lines?\s|第)?{_N}(?:{_TO}(\d{{1,7}})(?!\d))?(?![.:]\d|[A-Za-z_(])")  # fmt: skip  # noqa: E501
_I = re.IGNORECASE
CLOSE = re.compile(r"[`*_\"'”’»」』]{0,5}[\])>】]?[`*_\"'”’]{0,4}")
AFTER = (
    re.compile(
        r"[:：][Ll]?(\d{1,7})(?:[-–—‑~][Ll]?(\d{1,7}))?(?::\d{1,5}(?:-\d{1,7})?)?(?![A-Za-z0-9_.]*[A-Za-z0-9_])"
    ),
    re.compile(r":[Ll]?(\d{1,7})(?::\d{1,5})?\s?(?:-|–|—|to)\s?[Ll]?(\d{1,7})(?::\d{1,5})?(?![A-Za-z0-9_])"),
    re.compile(r":(\d{1,7})()(?=\.\s|\.$|[^\w.])"),
    re.compile(r"#L?(\d{1,7})(?:C\d{1,5})?(?:\s?[-–:]\s?L?(\d{1,7})(?:C\d{1,5})?)?(?![A-Za-z0-9_])", _I),
    re.compile(r"†L?(\d{1,7})(?:\s?[-–]\s?L?(\d{1,7}))?", _I),
    re.compile(rf"{_OPEN}{_LEAD}{_WORD}\s?[#:：]?\s?{_RANGE}", _I),
    re.compile(
        rf"[\s(（\[,:-]{{0,3}}(?:的|の|在)?\s?第?\s?(\d{{1,7}})(?:{_TO}(\d{{1,7}}))?\s?(?:行|번째\s?줄|번\s?줄|줄|라인|행)"
    ),
    re.compile(r"[\s,:(\[（@-]{0,3}L(\d{1,7})(?:\s?[-–]\s?L?(\d{1,7}))?(?![A-Za-z0-9_])"),
    re.compile(r"\s?[(（\[]:?L?(\d{1,7})\s?[-–—]\s?L?(\d{1,7})\s?[)）\]]"),
    re.compile(r"\s?[(\[]:(\d{1,7})()[)\]]"),
    re.compile(r"\s?@\s?L?(\d{1,7})(?:\s?[-–]\s?L?(\d{1,7}))?(?![A-Za-z0-9_])"),
    re.compile(r":?\s(\d{1,7})\s?[-–]\s?(\d{1,7})(?=\s?(?:$|\n|[)|,;—–:]))"),
    re.compile(r"\s?:\s(\d{1,7})()(?=\s*(?:$|\n|[)|,;—–]))"),
)
BEFORE = re.compile(
    rf"(?:{_WORD}\s?#?{_RANGE}|\bL(\d{{1,7}})(?:-L?(\d{{1,7}}))?)\s?(?:of|in|from|von|der|in der datei|di|"
    r"de|du|del|da|do|dans|en|em|на|w|файла|of the|of file|in file|in the file|в|の|,|:|—|-)?\s?(?:the\s)?"
    r"(?:file\s|datei\s)?[`*\"'(\[“]{0,4}$",
    _I,
)
FAR = re.compile(rf"\b{_WORD}\s?[#:：]?\s?{_RANGE}", _I)
ALONE = (
    re.compile(rf"(?<![\w.]){_WORD}\s?[#:：]?\s?{_RANGE}", _I),
    re.compile(r"第\s?(\d{1,7})(?:\s?[-–~至到〜]\s?第?(\d{1,7}))?\s?行"),
    re.compile(
        r"(?<![\w.:])(\d{1,7})(?:\s?[-–~〜]\s?(\d{1,7}))?\s?(?:行目|번째\s?줄|번\s?줄|줄|行|행)(?!\w{0,2}[数数])"
    ),
    re.compile(r"(?<![\w.])L(\d{1,7})(?:\s?[-–]\s?L?(\d{1,7}))?(?![A-Za-z0-9_])"),
)
_BARE = re.compile(
    r"^\W{0,4}[Ll]?:?(\d{1,7})(?:\s?(?:-|–|—|to|~|bis|から|至|到|\.\.)\s?[Ll]?(\d{1,7}))?(?!\d)(?![.:]\d|\w)"
)


def lines_in(text: str, bare: bool = False) -> list[tuple[int, int | None]]:
    """Line ranges named without a file; `bare`: a text that begins with a mere number counts too."""
    spots = [(match.start(), match) for form in ALONE for match in form.finditer(text[:5000])]
    if bare and not spots and (match := _BARE.match(text)):
        spots = [(0, match)]
    ranges: list[tuple[int, int | None]] = []
    reached = 0
    for start, match in sorted(spots, key=lambda spot: (spot[0], -spot[1].end())):
        if start < reached:
            continue
        reached = match.end()
        found = line_range(match.group(1), match.group(2))
        if found and found not in ranges:
            ranges.append(found)
            for more in more_lines(text, match.end(), len(text))[0]:
                ranges.append(more)
    return ranges


def more_lines(text: str, position: int, limit: int) -> tuple[list[tuple[int, int | None]], int]:
    ranges: list[tuple[int, int | None]] = []
    while len(ranges) < 20 and (match := _MORE.match(text, position, limit)):
        found = line_range(match.group(1), match.group(2))
        if not found:
            break
        ranges.append(found)
        position = match.end()
    return ranges, position


def line_range(first: str | None, last: str | None) -> tuple[int, int | None] | None:
    line = int(first) if first else 0
    if not 0 < line <= _MAX_LINE:
        return None
    end = int(last) if last else line
    return line, end if line < end <= _MAX_LINE else None
