"""Text made safe: no control characters, no secrets, and nothing else changed."""

import unicodedata

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lok_core.sanitize import MIN_SECRET_LENGTH, clean, clean_line, mask, mask_value

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
