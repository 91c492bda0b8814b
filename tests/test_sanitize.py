"""Text made safe: no control characters, no secrets, and nothing else changed."""

import base64
import html
import json
import os
import re
import shlex
import subprocess
import unicodedata
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import frozen
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lok_core.models import Category, Reply, Request
from lok_core.outcome import Answer
from lok_core.sanitize import MIN_SECRET_LENGTH, ORDINARY_WORDS, clean, clean_line, mask, mask_value, masked

# The machine may be busy.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Rich in what matters: pieces of escape sequences, line ends of all kinds, lone surrogates.
hostile = st.lists(
    st.one_of(
        st.sampled_from(
            ["\x1b", "[", "]", "\x9b", "\x07", "\\", "0;", "31m", "\r", "\n", "\t", "\u202e", "\u2028"]
        ),
        st.characters(),
        st.text(max_size=5),
    ),
    max_size=40,
).map("".join)
# Without letters or signs that stand in a mask, so that no mask is a secret.
secret = st.text(alphabet="ABCDEFGH", min_size=1, max_size=24)


def unsafe(character):
    return (
        (unicodedata.category(character) == "Cc" and character not in "\n\t")
        or character in "\u2028\u2029\ufeff"
        or unicodedata.bidirectional(character)
        in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        or 0xD800 <= ord(character) <= 0xDFFF
        or 0xE0000 <= ord(character) <= 0xE007F
    )


@unhurried
@given(hostile)
def test_nothing_unsafe_is_left(text):
    assert not any(map(unsafe, clean(text)))


@unhurried
@given(hostile)
def test_what_is_clean_stays_as_it_is(text):
    assert clean(clean(text)) == clean(text)


@unhurried
@given(st.text(alphabet=st.characters().filter(lambda character: not unsafe(character))))
def test_harmless_text_is_not_changed(text):
    assert clean(text) == text


@unhurried
@given(hostile)
def test_a_line_is_one_line(text):
    line = clean_line(text)
    assert len(line.splitlines()) <= 1
    assert "\t" not in line
    assert not any(map(unsafe, line))


@unhurried
@given(hostile)
def test_clean_text_can_be_written_in_utf8(text):
    clean(text).encode()


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("a\x1b[2J\x1b[Hb", "ab"),
        ("\x1b]0;new title\x07text", "text"),
        ("\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1;2|data\x1b\\text", "text"),
        ("\x1b(B\x1b=text", "text"),
        ("\x1b", "\\x1b"),
        ("\x1b\x1b[0m[31m", "\\x1b[31m"),
        ("\x9b31m", "\\x9b31m"),
        ("progress 1\rprogress 2", "progress 1\\x0dprogress 2"),
        ("one\r\ntwo", "one\ntwo"),
        ("ab\x08\x7f\x00", "ab\\x08\\x7f\\x00"),
        ("user\u202enimda", "user\\u202enimda"),
        ("\ufeffstart", "\\ufeffstart"),
        ("a\u2028b", "a\\u2028b"),
        ("\udcff", "\\udcff"),
        ("\U000e0041", "\\U000e0041"),
        ("snow 雪, 😀, é, a\tb\nc", "snow 雪, 😀, é, a\tb\nc"),
    ],
)
def test_clean(text, cleaned):
    assert clean(text) == cleaned


def test_an_unfinished_escape_does_not_swallow_what_follows():
    text = "\x1b]0;" + "x" * 10_000
    assert clean(text).endswith("x" * 10_000)


@pytest.mark.parametrize(("text", "line"), [("a\nb", "a\\nb"), ("a\tb", "a b"), ("a\r\nb", "a\\nb")])
def test_clean_line(text, line):
    assert clean_line(text) == line


@unhurried
@given(st.text(alphabet="ABCDEFGH ", max_size=200), st.lists(secret, max_size=5))
def test_no_secret_is_left(text, secrets):
    masked = mask(text, secrets)
    assert not [one for one in secrets if len(one) >= MIN_SECRET_LENGTH and one in masked]


@unhurried
@given(st.text(max_size=50), st.text(max_size=50), secret.filter(lambda one: len(one) >= MIN_SECRET_LENGTH))
def test_what_surrounds_a_secret_stays(before, after, value):
    assume((before + value + after).replace(value, "") == before + after)
    assert mask(before + value + after, [value]) == before + mask_value(value) + after


@unhurried
@given(st.text(), st.lists(st.text(max_size=MIN_SECRET_LENGTH - 1)))
def test_short_values_are_left_alone(text, values):
    assert mask(text, values) == text


@unhurried
@given(st.text(min_size=MIN_SECRET_LENGTH))
def test_a_mask_shows_at_most_a_quarter(value):
    shown = mask_value(value).removesuffix(f"***({len(value)} characters)")
    assert value.startswith(shown)
    assert len(shown) <= len(value) / 4


def test_a_secret_within_another_leaves_no_tail():
    inner, outer = "abcdefgh", "abcdefghIJKLMNOPQ"
    assert mask(f"{outer} {inner}", [inner, outer]) == "abcd***(17 characters) ***(8 characters)"


# Secrets that are written as data.

WRITTEN = {
    "JSON": json.dumps,
    "JSON in any language": lambda text: json.dumps(text, ensure_ascii=False),
    "repr": repr,
    "shell": shlex.quote,
    "a URL's path": urllib.parse.quote,
    "a URL's query": urllib.parse.quote_plus,
    "a URL's part": lambda text: urllib.parse.quote(text, safe=""),
    "a terminal": clean,
    "a line of a terminal": clean_line,
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
@unhurried
@given(value=st.text(st.characters(codec="utf-8"), min_size=MIN_SECRET_LENGTH, max_size=30))
def test_a_secret_is_found_however_it_is_written(written, value):
    form = written(value)
    assume(len(form.strip("'\"")) >= MIN_SECRET_LENGTH and value.strip() not in ORDINARY_WORDS)
    assert form.strip("'\"") not in mask(f"before {form} after", [value])


def in_bash(form):
    return lambda text: subprocess.run(
        ["bash", "-c", f"LC_ALL=C.UTF-8; {form}"],
        env={"KEY": text, "PATH": os.environ["PATH"]},
        capture_output=True,
    ).stdout.decode()


KEY = "sk-1\"q'u\\o:t+e/é&=%<(co,re)>!*[]{}~#@$;|`?^-end"
ELSEWHERE = {
    "JSON of PHP": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON of Go": lambda text: (
        json.dumps(text, ensure_ascii=False)[1:-1]
        .replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
    ),
    "URL of JavaScript": lambda text: urllib.parse.quote(text, safe="!'()*~"),
    "URI of JavaScript": lambda text: urllib.parse.quote(text, safe=";,/?:@&=+$-_.!~*'()#"),
    "URL in lower case": lambda text: re.sub(
        "%..", lambda found: found[0].lower(), urllib.parse.quote(text, safe="")
    ),
    "bytes of Python": lambda text: repr(text.encode())[2:-1],
    "bytes of Python with a quote": lambda text: repr(b"'\"" + text.encode())[5:-1],
    "HTML": html.escape,
    "printf %q": in_bash('printf %q "$KEY"'),
    "white space around": lambda text: text.strip(),
}


@pytest.mark.parametrize("around", ["", "\n", " \t"], ids=["plain", "newline", "blanks"])
@pytest.mark.parametrize("written", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_secret_is_found_as_other_programs_write_it(written, around):
    shown = mask(f"before {written(KEY)} after", [around + KEY + around])
    assert shown == f"before {mask_value(around + KEY + around)} after"


def test_what_a_shell_makes_of_control_characters_is_found():
    key = "first'line\\\nof\ttwo"
    assert "line" not in mask(in_bash('printf %q "$KEY"')(key), [key])


@pytest.mark.parametrize("width", [64, 76])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n    "])
def test_a_secret_in_base64_of_several_lines_is_found(width, end):
    key = "".join(f"part{number}of/it" for number in range(20))
    code = base64.b64encode(f"user:{key}".encode()).decode()
    text = end.join(code[begin : begin + width] for begin in range(0, len(code), width))
    shown = mask(text, [key])
    assert mask_value(key) in shown
    assert len(shown) < 60


PEM = "-----BEGIN KEY-----\nMIIabcdefghCORE1234\nMIIzzzzzzzCORE5678\nab==\n-----END KEY-----\n"


def test_every_line_of_a_secret_is_one_but_not_what_says_what_it_is():
    for line in PEM.splitlines()[1:3]:
        assert mask(f"at {line}: bad", [PEM]) == f"at {mask_value(PEM)}: bad"
    for line in ("-----BEGIN KEY-----", "-----END KEY-----", "ab=="):
        assert mask(line, [PEM]) == line


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[31msk-\x1b[0mabcdefgh12345678",
        "sk-abcd\x1b]0;title\x07efgh12345678",
        "sk-\x1b(Babcdefgh12345678",
    ],
)
def test_a_secret_with_terminal_escapes_in_it_is_found(text):
    assert mask(f"a {text} \x1b[1mb\x1b[0m", ["sk-abcdefgh12345678"]) == "a sk-a***(19 characters) b"


def test_escapes_stay_where_they_hide_nothing():
    assert mask("\x1b[31mred\x1b[0m sk-abcdefgh", ["sk-abcdefgh"]) == "\x1b[31mred\x1b[0m ***(11 characters)"


@pytest.mark.parametrize("word", ["severity", "explanation", "critical", "performance"])
def test_an_ordinary_word_is_no_secret(word):
    assert mask(f'{{"{word}": 1}}', [word, "hushhush"]) == f'{{"{word}": 1}}'


@unhurried
@given(
    before=st.binary(max_size=9),
    value=st.text("ABCDEFGHIJ0123456789-_", min_size=12, max_size=40),
    after=st.binary(max_size=9),
)
def test_a_secret_within_what_is_encoded_in_base64_is_found(before, value, after):
    code = base64.b64encode(before + value.encode() + after).decode()
    shown = mask(code, [value])
    rest = shown.replace(mask_value(value), "")
    # All but the signs that it shares with its neighbours.
    assert len(code) - len(rest) >= len(value) * 4 // 3 - 3


# Values.


@frozen
class Sample:
    text: str
    word: Category
    parts: tuple[str, ...]
    words: tuple[Category, ...]
    data: Mapping[str, object]
    path: Path
    inner: object = None
    count: int | None = None


def hide(text):
    return mask(text, ["security", "hushhush"])


def test_every_text_of_a_value_is_masked_but_words_of_closed_lists_and_paths():
    data = {"hushhush": ["hushhush", {"a": "hushhush"}], "b": 1}
    inner = Sample("hushhush", "security", ("hushhush", "x"), ("security",), data, Path("/hushhush"), count=3)
    sample = Sample("a", "security", (), (), {}, Path("/"), inner)
    found = masked(sample, hide).inner
    secret = "***(8 characters)"
    assert (found.text, found.word, found.parts, found.words) == (
        secret,
        "security",
        (secret, "x"),
        ("security",),
    )
    assert found.data == {secret: [secret, {"a": secret}], "b": 1}
    assert (found.path, found.count) == (Path("/hushhush"), 3)


def test_what_holds_no_secret_is_the_same_object():
    answer = Answer(
        Request("why?", Path("/code"), category="security"), "codex", Reply("so", {"a": [1]}), 1.0
    )
    assert masked(answer, hide) is answer
