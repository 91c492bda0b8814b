"""An answer made ready to be read: one kind of line end, no terminal codes, no runs that cost time."""

from __future__ import annotations

import re
from urllib.parse import unquote

from attrs import frozen

from lok_core.sanitize import clean

MAX_CHARACTERS = 1_000_000

_MAX_RUN = 79
_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u2060\u00ad"))
_SPACES = str.maketrans(
    {
        "\u00a0": " ",
        "\u202f": " ",
        "\u2007": " ",
        "\t": "    ",
        "\u2010": "-",
        "\u2011": "-",
        "\f": " ",
        "\v": " ",
    }
)
_RUN = re.compile(rf"([^\w\n])\1{{{_MAX_RUN},}}")
_ESCAPED = re.compile(r"\\([\[\]()#!<>|`*])|(?<=\w)\\(_)(?=\w)")
_LINK = re.compile(
    r"!?\[((?:[^\[\]\n]|\[[^\[\]\n]{0,80}\]){1,300})\]\(<?((?:[^()\n<>]|\([^()\n]{0,80}\)){1,500})>?\)"
)
_BLOB = re.compile(
    r"https?://[^\s)>\]\"'`]{1,200}?/(?:-/)?(?:blob|blame|tree|src/branch)/[^/\s]{1,100}/([^\s)>\]\"'`?]{1,300})"
)
_FILE_URL = re.compile(r"\b(?:file|vscode|cursor)://(?:file/)?(/[^\s)>\]\"'`]{1,300})")
_NAMED_WITH_LINE = re.compile(r"[\w\])]\.\w{1,10}[`*]{0,3}(?::\d|#L?\d| ?\(?lines? \d)", re.IGNORECASE)
_LINES_NAMED = re.compile(r"(?::\d[\d:-]{0,20}|#L\d[\w-]{0,20})(?=[`*]{0,3}$)")
_FILE_TARGET = re.compile(r"\.\w{1,10}(?:#L?\d[\w-]{0,20}|:\d[\d:-]{0,20})?$")
_TAIL_PATH = re.compile(r"(?:^|[\s`(])[\w.@~+-]{0,60}/[\w./@+:-]{1,300}$")
_OPEN_FOLDER = re.compile(r"(?:^|[\s`(\"*])(?:[\w.@~+-]{1,60}/){1,20}$")
_REST_NAME = re.compile(r"\s*(?:[\w.@+-]{1,60}/){0,10}[\w.@+-]{1,80}\.[a-z]\w{0,9}(?:\W|$)")
_REST_PATH = re.compile(r"\s*([\w.+-]{0,60}(?:\.\w{1,10})?(?::?\d[\d:-]{0,20})?)\s*$")
_COMPLETE = re.compile(r"\.[a-z]\w{0,9}(?::\d[\d:-]{0,20})?$")
_RECORD_TAG = re.compile(
    r"(</?(?:finding|issue|bug|problem|vulnerability|violation|defect|review_comment)(?:\s[^<>\n]{0,400})?>)",
    re.IGNORECASE,
)
_ADJACENT = re.compile(r"(?<=>)\s*(?=<[a-z][\w-]{1,30}>)")
_NOTE = re.compile(
    r"\s{0,3}\[(\^?\w{1,12})\]:?\s+(`?[\w./\\@+-]{1,200}\.\w{1,10}(?::\d[\d:-]{0,20}|#L\d[\w-]{0,20})`?)\s*$"
)
_REFERENCE = re.compile(r"\s?\[(\^?\w{1,12})\](?![(\[:])")
_LEVEL = re.compile(r"\b(?:critical|high|medium|low|info|p[0-4]|major|minor|nit|blocker)\b", re.IGNORECASE)
_FRAMED = re.compile(r"^\s*[│┃║](?: (?! )|(?=\s{2}|$))?([^│┃║\n]*?)\s*[│┃║]?\s*$")
_SPEAKER = re.compile(r"[•●⏺✦✻◆]\s")
_FENCE = re.compile(r"\s*(`{3,}|~{3,})\s*([\w+-]*)\s*$")
_PROSE_FENCES = ("", "markdown", "md", "text", "txt", "plain", "plaintext")


@frozen
class Text:
    """Lines ready to be read, and what was cut off before, in words for a user."""

    lines: tuple[str, ...]
    cut: tuple[str, ...] = ()


def normalise(raw: str) -> Text:
    """The lines of an answer, of at most `MAX_CHARACTERS`."""
    cut = []
    if len(raw) > MAX_CHARACTERS:
        raw = raw[:MAX_CHARACTERS]
        cut.append(f"only the first {MAX_CHARACTERS:,} characters of the answer were read")
    text = raw.translate(_INVISIBLE).replace("\r\n", "\n").replace("\r", "\n").translate(_SPACES)
    if "│" in text or "┃" in text:
        text = _unboxed(text)
    text = _RUN.sub(lambda run: run.group()[:_MAX_RUN], clean(text))
    if "</" in text:
        text = _RECORD_TAG.sub(r"\n\1\n", text)
        text = _ADJACENT.sub("\n", text) if _RECORD_TAG.search(text) else text
    lines = text.split("\n")
    return Text(tuple(unwrapped(_rejoined(_footnoted(lines)))), tuple(cut))


def unwrapped(lines: list[str]) -> list[str]:
    """The lines without a fence around all of them and without an indentation that all of them share."""
    for _ in range(3):
        filled = [number for number, line in enumerate(lines) if line.strip()]
        if not filled:
            return []
        lines = lines[filled[0] : filled[-1] + 1]
        depth = min(len(line) - len(line.lstrip(" ")) for line in lines if line.strip())
        lines = [line[depth:] for line in lines] if depth else lines
        if _SPEAKER.match(lines[0]) and all(not line.strip() or line.startswith("  ") for line in lines[1:]):
            # A terminal's mark before all that was said, which is indented below it.
            lines[0] = f"  {lines[0][1:].lstrip()}"
            continue
        opening, closing = _FENCE.match(lines[0]), _FENCE.match(lines[-1])
        if (
            len(lines) < 3
            or not opening
            or not closing
            or closing[2]
            or opening[2].lower() not in _PROSE_FENCES
        ):
            break
        inner = sum(_FENCE.match(line) is not None for line in lines[1:-1])
        if inner % 2 or not closing[1].startswith(opening[1][:3]):
            break
        lines = lines[1:-1]
    return lines


def _unboxed(text: str) -> str:
    """The text without a frame drawn around all of it; tables drawn with the same characters keep theirs."""
    lines = text.split("\n")
    filled = [line for line in lines if line.strip()]
    framed = sum(_FRAMED.match(line) is not None for line in filled)
    if framed * 10 < len(filled) * 7:
        return text
    return "\n".join(_FRAMED.sub(r"\1", line) for line in lines)


def _footnoted(lines: list[str]) -> list[str]:
    """The lines with references to footnotes that hold a place (`[1]: src/a.py:3`) replaced by the place."""
    notes = {found[1]: found[2] for line in lines if (found := _NOTE.match(line))}
    if not notes:
        return lines
    return [
        line
        if _NOTE.match(line)
        else _REFERENCE.sub(lambda mark: f" ({notes[mark[1]]})" if mark[1] in notes else mark[0], line)
        for line in lines
        if not _NOTE.match(line)
    ]


def _rejoined(lines: list[str]) -> list[str]:
    """The lines with file names mended that a terminal broke at its right margin."""
    joined: list[str] = []
    for line in lines:
        last = joined[-1] if joined else ""
        if last.endswith("/") and _OPEN_FOLDER.search(last) and _REST_NAME.match(line):
            joined[-1] = last + line.strip()
            continue
        if len(last) >= 72 and "/" in last and _TAIL_PATH.search(last) and (rest := _REST_PATH.match(line)):
            whole = _TAIL_PATH.search(last + rest[1])
            if whole and _COMPLETE.search(whole.group()):
                joined[-1] = last + line.strip()
                continue
        joined.append(line)
    return joined


def plain(text: str) -> str:
    """Prose with Markdown links resolved to the place they lead to, comments and escapes removed."""
    if "<!--" in text:
        text = _uncommented(text)
    if "](" in text:
        text = _LINK.sub(_link, text)
    if "://" in text:
        text = _FILE_URL.sub(r"\1", _BLOB.sub(r"\1", text))
    return _ESCAPED.sub(r"\1\2", text) if "\\" in text else text


def _uncommented(text: str) -> str:
    kept, position = [], 0
    while (start := text.find("<!--", position)) >= 0 and (stop := text.find("-->", start)) >= 0:
        kept.append(text[position:start])
        position = stop + 3
    return "".join([*kept, text[position:]])


def _link(found: re.Match[str]) -> str:
    """What a link stands for: a file it leads to if that says more than its label, else the label."""
    label, target = found.group(1), found.group(2).split(' "')[0].strip()
    if found.group().startswith("!"):
        level = _LEVEL.search(label)
        return f"[{level[0]}]" if level else ""
    target = _FILE_URL.sub(r"\1", _BLOB.sub(r"\1", target))
    if (
        "://" in target
        or not _FILE_TARGET.search(target)
        or ("/" in label and _NAMED_WITH_LINE.search(label))
    ):
        return label
    lines = _LINES_NAMED.search(label)
    if lines and not _NAMED_WITH_LINE.search(target):
        target += lines[0]
    target = unquote(target)
    if re.match(r"/[A-Za-z]:/", target):
        target = target[1:]
    named = label.strip("`* ").replace("\\", "/").split("/")[-1].split(":")[0].split("#")[0]
    return f"`{target}`" if named and named in target else f"{label} (`{target}`)"
