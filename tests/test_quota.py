"""When one may ask again, as programs say it."""

import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lok_core.clock import LONGEST_S, at_clock, lasting
from lok_core.quota import reset_after_s

TABLE = tomllib.loads((Path(__file__).parent / "data" / "reset_times.toml").read_text(encoding="utf-8"))
NOW = TABLE["now"]
PHRASES = [
    (phrase, seconds) for part in TABLE.values() if isinstance(part, dict) for phrase, seconds in part.items()
]


@pytest.fixture(autouse=True)
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", TABLE["zone"])
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("phrase", "seconds"), PHRASES)
def test_a_phrase_means(phrase, seconds):
    expected = None if seconds == -1 else pytest.approx(seconds)
    assert reset_after_s(phrase, NOW) == expected


@given(st.text(), st.floats(0, 4e9))
@example("resets at 0001-01-01 00:00 UTC", 0.0)
@example("resets at 9999-12-31 23:59 UTC", 4e9)
@example("resets 3pm (../../etc/passwd)", 0.0)
@example("resets 3pm (America/)", 0.0)
@example("try again in 999999999999 weeks", 0.0)
def test_whatever_is_said_the_result_is_bounded(text, now):
    for said in (text, f"try again in {text}", f"resets at {text}", f"Retry-After: {text}"):
        found = reset_after_s(said, now)
        assert found is None or 0 <= found <= LONGEST_S


@given(
    st.lists(
        st.sampled_from(["resets", "at", "3pm", "Oct", "5", "(UTC)", "in", "2h", ":", "-", "31", "2026"])
    )
)
def test_no_order_of_known_words_breaks_it(words):
    found = reset_after_s(" ".join(words), NOW)
    assert found is None or 0 <= found <= LONGEST_S


@given(st.from_regex(r"[a-qs-vx-z ]{0,20}[0-9]{1,12}(\.[0-9]{1,3})? ?(s|m|h|am|pm|days)?", fullmatch=True))
def test_a_number_that_nothing_announces_is_not_read(text):
    assert reset_after_s(text, NOW) is None


@given(st.integers(0, 7), st.integers(0, 23), st.integers(0, 59))
def test_a_duration_in_words_is_that_duration(days, hours, minutes):
    said = f"try again in {days} days {hours} hours {minutes} minutes"
    assert reset_after_s(said, NOW) == pytest.approx(86400 * days + 3600 * hours + 60 * minutes)


@given(st.integers(0, 23), st.integers(0, 59))
def test_a_clock_time_is_within_a_day(hour, minute):
    found = reset_after_s(f"resets at {hour}:{minute:02} UTC", NOW)
    assert found is not None
    assert found < 86400
    gone = (NOW + found) % 86400 - (3600 * hour + 60 * minute)
    assert found == 0 or gone == 0


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.5, "0.5 s"),
        (60, "60 s"),
        (600, "10 min"),
        (11_100, "3 h 5 min"),
        (7200, "2 h"),
        (190_000, "2 d 4 h"),
        (172_800, "2 d"),
        (float("inf"), "for ever"),
    ],
)
def test_a_duration_is_told(seconds, told):
    assert lasting(seconds) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (27, "in 27 s"),
        (2460, "at 15:41, in 41 min"),
        (36_000, "at Tue 01:00, in 10 h"),
        (600_000, "at Oct 12, 13:40, in 6 d 22 h"),
    ],
)
def test_a_moment_is_told_by_the_local_clock(seconds, told):
    assert at_clock(seconds, NOW) == told
