"""Names: what a participant calls itself, and its text without that."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator

from attrs import frozen

from lok_core.models import BackendInfo

_SHARED_KINDS = ("command",)
"""Kinds that are no product: many programs share them, and the word is one of everyday language."""

_NUMBER = r"v?\d{1,8}(?:\.\d{1,8}){0,3}[a-z]?"
_VERSION = (
    rf"(?:[\s_-]{{0,2}}{_NUMBER}(?:-\w{{1,20}}(?:\.\w{{1,20}}){{0,3}}){{0,6}}"
    r"(?: (?-i:[A-Z][a-z]{2,15})\b)?|[ -]?ai|\.(?:ai|com))?"
)
"""What stands behind a name: "GPT-5.1-codex", "Claude 3.5 Sonnet" for Claude, "ClaudeAI", "claude.ai"."""
_LETTER = r"[0-9A-Za-z\u00c0-\u024f]"
_WITHIN = rf"(?:{_LETTER}|_)"  # other scripts stand beside a name without a space
_BEGIN = (
    rf"(?:(?<!{_WITHIN})(?<!\.)|(?<=\.\.)|(?<=(?<!{_WITHIN})_)|(?<=(?<!{_WITHIN})__)|(?<=(?<!{_WITHIN})___))"
)
_END = rf"(?=_{{0,3}}(?!{_WITHIN}))"  # underscores may be emphasis
_INVISIBLE = re.compile(rf"(?<={_LETTER})[\u00ad\u200b-\u200f\u2060\ufeff]+(?={_LETTER})")
_LOOKS_LIKE = {
    **dict(zip("\u2010\u2011\u2019\u00a0\u202f\u3000", "--'   ", strict=True)),
    **dict(
        zip(
            "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u04bb\u04cf"
            "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0406\u0408\u0405"
            "\u03bf\u03b1\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a7",
            "aeopcyxijsdhlABEKMHOPCTXIJSoaABEZHIKMNOPTX",
            strict=True,
        )
    ),
}
"""Characters of other scripts, and the Latin ones that they are taken for."""
_FOLDED = str.maketrans(_LOOKS_LIKE) | {
    code: plain
    for code in (*range(0xFF01, 0xFF5F), *range(0x1D400, 0x1D800))
    if len(plain := unicodedata.normalize("NFKC", chr(code))) == 1
}
_MARK = r"[*_`\"'\u201c\u201d\u2018\u2019(\[]{0,4}"
_SPEAKER = r"\bI(?:\s+am|\s+was|['\u2019]m)\b"
_WORD_FOR_ONE = r"(?:\s{1,4}(?:ai|llm|model|assistant|agent|cli|language\s+model)){0,4}"

# "{name}" stands for what the participant calls itself. They are what can only be said of oneself, so that
# they hold even where the name is the subject: "As Google says, I ..." is none of them.
_SELF = (
    # As Claude, I ...; as Anthropic's model I ...; as an OpenAI model, my ...
    r"\bas\s+(?:an?\s+|the\s+)?{mark}{name}{mark}(?:['\u2019]s)?{kind}{mark}\s{{0,4}},?\s{{0,4}}"
    r"(?=(?:I|my|we|our)\b)",
    # I am Gemini; I'm a Google model
    r"{speaker}\s+(?:called\s+|named\s+|known\s+as\s+)?(?:an?\s+|the\s+)?{mark}{name}",
    # I was trained by Google; I'm a model made by Anthropic
    r"{speaker}[^.\n]{{0,60}}?\b(?:by|from|of|at)\s+{mark}{name}",
    r"\b(?:my\s+name\s+is|speaking\s+as|writing\s+as|signed(?:\s+by)?[:,]?|written\s+by:?)\s+{mark}{name}",
    # As an AI developed by Anthropic, I ...; being Claude, I ...; we at Anthropic
    r"\bas\s+an?\s[^.,\n]{{0,60}}?\b(?:by|from|of|at)\s+{mark}{name}(?={mark},?\s+(?:I|my|we|our)\b)",
    r"\bbeing\s+(?:an?\s+)?{mark}{name}{kind}(?={mark},?\s+(?:I|my|we|our)\b)",
    r"\b(?:we|us)\s+(?:here\s+)?at\s+{mark}{name}",
    r"\bI\s*\(\s*{mark}{name}(?={mark}\s*\))",
    r"(?:^|\n)[\s#>*_-]{{0,20}}(?:model|author|assistant|speaker|participant)[*_]{{0,3}}\s*:[\s*_`]{{0,4}}{name}",
    r"\bthis\s+is\s+{mark}{name}(?=\W{{0,4}}(?:[.,:;!\n\u2014\u2013]|speaking\b|here\b|$))",
    r"\bI,\s+{mark}{name}(?=\W{{0,4}},)",
    r"\b{name}(?={mark}\s+here\b)",
    # a signature: a line of its own behind a dash, or the last line of all
    r"(?:^|\n)[ \t>*_]{{0,20}}(?:\u2014|\u2013|--)[ \t]{{0,20}}{mark}{name}(?=[^\w\n]{{0,20}}(?:\n|$))",
    r"(?:^|\n)[ \t>*_-]{{0,20}}{mark}{name}(?=[^\w\n]{{0,20}}\s*$)",
    # a speaker's label, at the beginning of all
    r"^[\s#>*_\[]{{0,20}}{name}(?=[*_\])]{{0,4}}\s*(?::|\n))",
)


@frozen
class Names:
    """What the model behind a backend may call itself.

    Attributes:
        known: its maker's and product's names, and its model's: names wherever they stand.
        given: what may be a word of everyday language: what the user calls the backend ("fast"), or a model
            without a version ("default").
    """

    known: frozenset[str]
    given: frozenset[str]


def names_of(info: BackendInfo, models: Collection[str]) -> Names:
    """The names of the model behind a backend.

    Args:
        models: those that have answered for it.
    """
    clear = [model for model in models if re.search(r"[a-z].*\d|\d.*[a-z]|\w[-/]\w", model, re.IGNORECASE)]
    words = set(models) - set(clear)
    if info.kind in _SHARED_KINDS:  # nothing else tells what the program is
        return Names(_names(info.profile.aliases, [info.name], clear), _names(words))
    known = _names(info.profile.aliases, [info.kind], clear)
    folded = {name.casefold() for name in known}
    return Names(
        known, frozenset(name for name in _names([info.name], words) if name.casefold() not in folded)
    )


def _names(*names: Iterable[str]) -> frozenset[str]:
    return frozenset(name for some in names for name in some if re.search(r"\w", name))


class Pseudonym:
    """A letter instead of the names by which a participant calls itself.

    Where a name occurs in the topic it may be the subject of what is said, so only what can be said of
    oneself alone is replaced; likewise where the name is of the user's choosing. A name inside of a dotted
    word or a file name (`google.auth`, `CLAUDE.md`) is not one's own.
    """

    def __init__(self, letter: str, names: Names, topic: str) -> None:
        self._letter = letter
        self._patterns: list[re.Pattern[str]] = []
        if every := names.known | names.given:
            for pattern in _self_naming(_alternatives(every)):
                self._patterns.append(re.compile(pattern, re.IGNORECASE))
        plain = [name for name in names.known if not _is_in(topic, name)]
        if plain:
            self._patterns.append(re.compile(_whole(_alternatives(plain)), re.IGNORECASE))

    def hide(self, text: str) -> str:
        """The text with the letter where it named itself, however that is spelt."""
        text = _INVISIBLE.sub("", text)
        for pattern in self._patterns:
            kept, end = [], 0
            for found in pattern.finditer(text.translate(_FOLDED)):  # as long as the text itself
                kept += [text[end : found.start("name")], self._letter]
                end = found.end("name")
            text = "".join([*kept, text[end:]])
        return text


def _is_in(topic: str, name: str) -> bool:
    return re.search(_whole(_alternatives([name])), topic, re.IGNORECASE) is not None


def _alternatives(names: Iterable[str]) -> str:
    """Any of the names, the longest that fits, with its version."""
    ordered = sorted(names, key=lambda name: (-len(name), name))
    return f"(?P<name>(?:{'|'.join(_spelt(name) for name in ordered)}){_VERSION}){_END}"


def _spelt(name: str) -> str:
    """A name whose words may be joined otherwise, or have a version between them."""
    words = [re.escape(word) for word in re.split(r"[\s_-]+", name.strip()) if word]
    if len(words) == 1 and (parts := re.findall(r"[A-Z][a-z]+|[A-Z]{2,}$", name)) and "".join(parts) == name:
        return rf"(?:{words[0]}|(?-i:{'[ _-]?'.join(parts)}))"  # "Open AI"
    return rf"(?:[\s_-]{{0,2}}{_NUMBER})?[\s_-]{{0,2}}".join(words)


def _whole(names: str) -> str:
    """Not a part of a word, nor of a dotted one or a file name; a sentence may begin behind a full stop."""
    return rf"{_BEGIN}{names}(?!(?-i:\.[a-z_]))"


def _self_naming(names: str) -> Iterator[str]:
    for pattern in _SELF:
        yield pattern.format(name=names, mark=_MARK, speaker=_SPEAKER, kind=_WORD_FOR_ONE)
