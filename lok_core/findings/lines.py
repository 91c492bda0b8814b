# ruff: noqa: RUF001 - full-width forms, dashes and signs are meant
"""What a single line of an answer is: heading, item, rule, fence, row, or the beginning of a paragraph."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lok_core.findings import cues
from lok_core.findings.heads import label_of
from lok_core.findings.places import places
from lok_core.findings.text import plain

FENCE = re.compile(r"(`{3,}|~{3,})\s{0,4}([^`\n]{0,300})$")
HEADING = re.compile(r"(#{1,6})\s+(\S.*?)\s*#*$")
RULE = re.compile(r"([-*_=─═━~#])(?:\s?\1){2,}$")
ITEM = re.compile(
    r"(?P<bullet>[-*+•◦▪‣·●○►▶➤→■□]|--|[–—])\s{1,4}(?=\S)|(?P<tight>--?)(?=\*\*)|(?P<dotted>・)\s*(?=\S)|\[(?P<square>\d{1,3})\]\s+(?=\S)|(?P<roman>[IVX]{1,5})\.\s+(?=\S)"
    r"|(?P<dot>\d{1,3})(?:[.、．](?=[\s*`\[]|[^\W\d])\s*|[.)）]\s+(?=\S))|[(（](?P<paren>\d{1,3})[)）]\s*(?=\S)"
    r"|(?P<circled>[①-⑳])\s*|(?P<letter>[a-hA-H])[.)]\s+(?=\S)"
)
BOX = re.compile(r"\[[ xX✓✔]\]\s+")
QUOTED = re.compile(r"(?:\s{0,3}>\s?)+")
BOLD_LINE = re.compile(r"(?:[^\w\s*]{1,3}\s?)?(\*\*|__)(?=\S)((?:(?!\1).){1,200})\1\s?([:：]?)\s*$")
BOLD_AND_PLACE = re.compile(r"(\*\*|__)(?=\S)(?:(?!\1).){1,120}\1\s?[(（](?P<place>[^()\n]{3,200})[)）]\s*$")
BADGES = re.compile(r"(?:`?\d{1,6}(?:-\d{1,6})?`?:?\s*)?(?:[_*]{1,2}[^_*`\n]{2,40}[_*]{1,2}\s*\|?\s*){1,4}")
LINE_BELOW = re.compile(
    r"(?:[-*+•]\s)?[*_`(\[]{0,3}(?:lines?\s|L(?=\d)|zeilen?\s|lignes?\s|第)?\d{1,6}(?:\s?[-–]\s?L?\d{1,6})?(?:行)?[*_`)\]]{0,3}\s?[:：—–-]",
    re.IGNORECASE,
)
DIFF = re.compile(r"diff --git |@@ -\d+")
DIFF_LINE = re.compile(r"[ +\-@\\]|(?:diff|index|new file|deleted file|similarity|rename|old mode|new mode) ")
GRADED = re.compile(
    r"(?:[-*]\s|\d{1,3}[.)]\s|#{1,6}\s)?\W{0,4}(?:critical|high|medium|low|info|p[0-4]|major|minor|blocker|warning|error)\b",
    re.IGNORECASE,
)
PROSE_INFO = ("", "text", "txt", "plain", "plaintext", "yaml", "yml")
BOLD_GAP = re.compile(r"^\*\*\s{1,20}(?=\S)")
TITLED = re.compile(
    r"\W{0,4}(?:\*\*|__|\[|\d{1,3}[.)]\s|(?:critical|high|medium|low|p[0-4])\b)", re.IGNORECASE
)
_FILE_LABEL = re.compile(r"\W*(?:file\W*)?", re.IGNORECASE)
_WORD = re.compile(r"\w")
SEPARATOR = re.compile(r"\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
TAG = re.compile(r"</?(?:details|p|div|br|hr|h[1-6]|blockquote|sub|sup|b|strong|em|i|table|tbody|thead|code|pre|ul|ol|kbd|a|span|img|picture|source)\b[^<>]{0,300}>", re.IGNORECASE)  # fmt: skip  # noqa: E501
SUMMARY = re.compile(r"<summary>(.{1,300}?)(?:</summary>|$)", re.IGNORECASE)
RECORD = re.compile(
    r"<(finding|issue|bug|problem|vulnerability|violation|defect|review_comment|comment|item)\b([^<>]{0,400})>\s*$",
    re.IGNORECASE,
)
LEAF = re.compile(r"<([a-zA-Z][\w-]{1,30})>\s*(.{0,2000}?)\s*(?:</\1>|$)")
LEAF_OPEN = re.compile(r"</?([a-zA-Z][\w-]{1,30})>\s*$")
ATTRIBUTE = re.compile(r"([\w-]{1,30})=[\"']([^\"'<>]{0,300})[\"']")
BOXES = str.maketrans("│┃║┆", "||||")
SIGNS = (*cues.SEVERITY_SIGNS, *cues.GOOD_SIGNS, *cues.OTHER_SIGNS)


def is_file(line: str) -> bool:
    """Whether a line is a file name without a line number, perhaps labelled, and nothing else."""
    spots = places(line)
    if not spots or spots[0].line is not None:
        return False
    before, behind = line[: spots[0].start], line[spots[0].stop :]
    return _FILE_LABEL.fullmatch(before) is not None and _WORD.search(behind) is None


def is_place(line: str) -> bool:
    """Whether a line is a file name with a line number and nothing else."""
    line = plain(line)
    spots = places(line)
    return (
        len(spots) == 1
        and spots[0].line is not None
        and not re.search(r"\w", line[: spots[0].start] + line[spots[0].stop :])
    )


def is_plain_title(line: str, below: str) -> bool:
    """Whether a short line without any mark is a heading: what it says, or the list below, tells so."""
    if (
        len(line) > 70
        or len(line.split()) > 8
        or not below
        or not line[0].isalpha()
        or line[-1] in ".,;!?。、"
    ):
        return False
    label = label_of(line)
    if places(line) or (label is not None and (label.value or label.role)):
        return False
    section = says_section(line)
    return bool(section or ITEM.match(below)) and (section or line[-1] in ":：" or line.isupper())


def starts_anew(line: str) -> bool:
    """Whether a line begins a paragraph of its own although no blank line stands before it."""
    if line.startswith(SIGNS):
        return True
    if line.startswith(("**", "__")):
        found = label_of(line)
        return found is not None or (
            bool(re.match(r"(\*\*|__)[^*_]{2,160}\1", line)) and not line.endswith(",")
        )
    found = label_of(line)
    return found is not None and found.role is not None and found.key[:1].isupper()


def says_section(line: str) -> bool:
    words = re.findall(r"[\w-]+", line.lower())
    return bool(words) and any(word in cues.SECTION_OF for word in words)


def looks_like_review(lines: Sequence[str]) -> bool:
    """Whether the lines of a fence are findings and no code: several entries with a place or a severity."""
    if lines and lines[0].count(",") >= 2 and is_header(lines[0].split(",")):
        return True
    entries = 0
    for line in lines[:400]:
        text = line.strip()
        if text[:1] in "-*[#123456789" and not text.startswith(("[" + "{", "#!")):
            label = label_of(ITEM.sub("", text, count=1)) if text[:1] in "-*" else None
            entries += (label is not None and label.role is not None) or bool(
                GRADED.match(text) and places(text)
            )
    return entries >= 2


def is_header(cells: list[str]) -> bool:
    known = sum(cell.strip("*` ").lower() in cues.ROLE_OF for cell in cells)
    return known >= 2 and known * 2 >= len(cells)


def cells(line: str) -> list[str]:
    """The cells of a row; a `|` in back-ticks or behind a backslash separates nothing."""
    line = line.strip().removeprefix("|")
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    if "`" in line or "\\|" in line:
        line = re.sub(
            r"`[^`\n]{1,400}`", lambda code: code.group().replace("|", "\x00"), line.replace("\\|", "\x00")
        )
    cells = [plain(re.sub(r"<br\s*/?>", "\n", cell)).replace("\x00", "|").strip() for cell in line.split("|")]
    return cells[:40]
