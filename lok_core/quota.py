"""When a provider may be asked again, read from what programs print of a limit that is reached.

What was seen of codex, claude, gemini and their APIs is in `tests/data/reset_times.toml`. Nothing is guessed:
a number counts only right behind words that announce the time, what stands behind a clock time and is not
understood makes it unknown, and so is what would be more than `LONGEST_S` away.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from lok_core.clock import LONGEST_S

_MAX_TEXT = 20_000
_JUST_PAST_S = 3600.0
"""What was to be over an hour ago is over, whatever the clocks; what is longer past is of another day."""

_ANNOUNCED = re.compile(
    r"""\b(?:try(?:ing)?\ again|(?:please\ )?retry(?:ing)?|retry[-_ ]?(?:after|delay)
    |x-ratelimit-reset\w*|resets?|wait|regain\ access|resum\w+
    |available\ again(?!\ for)|available(?=\ at\ \d{1,2}(?::\d\d|\ ?[ap]\.?m))
    |renew(?:s|ed)?|refresh(?:es|ed)?|asked\ again)
    (?P<unit>[-_]?(?:after|in|at|delay|time|timestamp)?[-_]?(?:seconds|secs|ms|millis)?)\b
    (?P<colon>(?:["'\u2019]?\ ?[:=]\ ?["'\u2018\u201c]?)?)
    (?:[ ,:"'\u2018\u2019\u201c\u201d\u00b7\u2219\u2022]+
      |\b(?:in|after|at|on|for|about|around|approximately|again|daily|every\ day|until|from)\b
    ){0,6}""",
    re.IGNORECASE | re.VERBOSE,
)
_BAR = re.compile(r"\blimit reached ?\| ?(\d{10,13})\b", re.IGNORECASE)
_UNITS = {
    "ms": 0.001,
    "millisecond": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "w": 604800.0,
    "week": 604800.0,
}
_UNIT = (
    r"(?P<unit>milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)(?![a-z])"
)
_PART = re.compile(rf"(?:, ?|\ ?and )?\ ?(?P<count>\d{{1,12}}(?:\.\d{{1,9}})?)[ -]?{_UNIT}", re.IGNORECASE)
_ONE = re.compile(r"(?:an?|one) (?P<unit>second|minute|hour|day|week)\b", re.IGNORECASE)
_HMS = re.compile(r"(?P<hours>\d{1,3}):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d)(?![\w:])")
_OTHERWISE = re.compile(
    r"\d| ?(?:after|before(?! you| \w+ing)|since|of|from(?! now)|ago|per|an?|each|every)\b", re.IGNORECASE
)
"""Behind a duration: it is not counted from now ("5 hours after your first message"), or not all was read."""
_NUMBER = re.compile(r"(?P<number>\d{1,13}(?:\.\d{1,9})?)(?![\w.:/-]| of \d)")

_SPAN = re.compile(r"(?:\b|[_-])(?:in|for|wait(?! until))\b|delay|seconds|secs|ms$|milli", re.IGNORECASE)
_POINT = re.compile(r"(?:\b|_)(?:at|on|until)\b|[a-z]At\b")
"""What announces a duration, and what a moment."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_WEEKDAY = (
    r"(?:mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs?(?:day)?)?|fri(?:day)?|sat(?:urday)?"
    r"|sun(?:day)?)\b"
)
_DATES = tuple(
    re.compile(rf"(?:on )?{date}", re.IGNORECASE)
    for date in (
        r"(?P<year>\d{4})-(?P<number>\d\d)-(?P<day>\d\d)(?!\d)",
        rf"(?:{_WEEKDAY},? )?{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\w|:)(?:,? (?P<year>\d{{4}})\b)?",
        rf"(?:{_WEEKDAY},? )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)? {_MONTH}(?:,? (?P<year>\d{{4}})\b)?",
        rf"(?:this )?(?P<weekday>{_WEEKDAY})",
        r"(?P<near>today|tomorrow)\b",
    )
)
_BETWEEN = re.compile(r"T|,? ?(?:at )?", re.IGNORECASE)
_CLOCK = re.compile(
    r"(?:(?P<hour>\d{1,2})(?::(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d{1,9})?)?)?"
    r"(?: ?(?P<half>[ap])\.?m\b\.?)?|(?P<word>midnight|noon)\b)",
    re.IGNORECASE,
)
_GAP = re.compile(r",? ?(?:[-\u2013\u2014] )?")
_BRACKET = re.compile(r"\((?P<inside>[^()]{1,40})\)")
_LOCAL = re.compile(r"local|(?:your )?local time|your time(?: ?zone)?", re.IGNORECASE)
_ZONE = re.compile(
    r"[+-]\d\d(?::?\d\d)?(?!\d)|[A-Z][A-Za-z_]+/[\w+/-]+"
    r"|(?:UTC|GMT)(?:[+-]\d{1,2}(?::?\d\d)?)?(?!\w)|[A-Z]{1,5}\b"
    r"|(?i:(?:your )?local time|your time|(?:pacific|mountain|central|eastern)(?: standard| daylight)?"
    r"(?: time)?)\b"
)
_OFFSET = re.compile(r"(?:UTC|GMT)?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d\d))?")
_END = re.compile(
    r"""$|[.;:!?|"'\u2018\u2019\u201c\u201d)\]}<>`*\\\u00b7\u2219\u2022]|,?\ [/|\u00b7\u2219\u2022]
    |,?\ (?:or|and(?!\ \d)|to|if|but|you|unless|before|when|please|because|while|so|daily|every\ day)\b
    |,?\ \(?in\ (?:\d|an?\ )|,?\ \w+\ ?[:=]""",
    re.IGNORECASE | re.VERBOSE,
)
"""What may follow a moment; anything else could be a date or a zone that is not known here."""
_ZONES = {
    # Hours east of Greenwich. What has several meanings has the one in which these programs are used most.
    **dict.fromkeys(("UTC", "GMT", "Z", "WET"), 0.0),
    **dict.fromkeys(("BST", "CET", "WEST"), 1.0),
    **dict.fromkeys(("CEST", "EET", "SAST"), 2.0),
    **dict.fromkeys(("EEST", "MSK"), 3.0),
    **{
        "IST": 5.5,
        "ICT": 7.0,
        "WIB": 7.0,
        "SGT": 8.0,
        "HKT": 8.0,
        "JST": 9.0,
        "KST": 9.0,
        "AEST": 10.0,
        "AEDT": 11.0,
        "NZST": 12.0,
        "NZDT": 13.0,
    },
    **{"EDT": -4.0, "EST": -5.0, "CDT": -5.0, "CST": -6.0, "MDT": -6.0, "MST": -7.0, "PDT": -7.0},
    **{"PST": -8.0, "BRT": -3.0, "HST": -10.0},
}
_REGIONS = {
    "PT": "America/Los_Angeles",
    "MT": "America/Denver",
    "CT": "America/Chicago",
    "ET": "America/New_York",
}


def reset_after_s(text: str, now: float) -> float | None:
    """In how many seconds one may ask again, if the text says so; None if it does not.

    Args:
        text: what a program printed of the failure.
        now: seconds since 1970, UTC. A clock time without a zone is of the local one.
    """
    text = "\n".join(" ".join(line.split()) for line in text[:_MAX_TEXT].splitlines())
    ends = {found.start() for found in re.finditer("\n", text)}
    text = text.replace("\n", " ")  # a phrase may go on in the next line
    if (found := _BAR.search(text)) and (wait_s := _until(_epoch(found[1]), now)) is not None:
        return wait_s
    latest = None
    for announced in _ANNOUNCED.finditer(text):
        wait_s = _duration(text, announced)
        if wait_s is None:
            wait_s = _bare(text, announced, now)
        if wait_s is None:
            wait_s = _until(_moment(text, announced, ends, now), now)
        if wait_s is not None and 0 <= wait_s <= LONGEST_S:
            latest = wait_s if latest is None else max(latest, wait_s)
    return latest


def _duration(text: str, announced: re.Match[str]) -> float | None:
    """What `3 hours 5 minutes` or `1m30s` behind the announcement comes to."""
    at = announced.end()
    if _POINT.search(announced[0]):
        return None
    if _SPAN.search(announced[0]) and (clock := _HMS.match(text, at)):
        return 3600.0 * int(clock["hours"]) + 60 * int(clock["minutes"]) + int(clock["seconds"])
    total = unit_s = 0.0
    if one := _ONE.match(text, at):
        total, at = _UNITS[one["unit"].lower()], one.end()
        unit_s = total
    else:
        found = _PART.match(text, at)
        if found is None:
            return None
        while found is not None:
            unit = found["unit"].lower()
            unit_s = _UNITS[unit if unit in _UNITS else unit[:-1]]
            total, at = total + float(found["count"]) * unit_s, found.end()
            found = _PART.match(text, at)
    if text.startswith(" and a half", at):
        return total + unit_s / 2
    return None if _OTHERWISE.match(text, at) else total


def _bare(text: str, announced: re.Match[str], now: float) -> float | None:
    """A number without a unit behind a name and a colon, as headers and JSON have them."""
    found = _NUMBER.match(text, announced.end())
    if found is None or not announced["colon"]:
        return None
    number, unit = float(found["number"]), announced["unit"]
    if number >= 1e9:
        return _until(_epoch(found["number"]), now)
    if re.search(r"ms|milli", unit, re.IGNORECASE):
        return number / 1000
    # "retry: 2" counts attempts, "retryAfter" may be of milliseconds.
    header = announced[0].lower().startswith("x-ratelimit")
    told = re.search(r"sec", unit, re.IGNORECASE) or unit[:1] in ("-", "_") or unit.islower()
    return number if header or told else None


def _epoch(digits: str) -> float:
    number = float(digits)
    return number / 1000 if number >= 1e11 else number


def _until(moment: float | None, now: float) -> float | None:
    if moment is None or not -_JUST_PAST_S <= moment - now <= LONGEST_S:
        return None
    return max(moment - now, 0.0)


def _moment(text: str, announced: re.Match[str], ends: set[int], now: float) -> float | None:
    """The date, or the clock time, or both, behind the announcement, as seconds since 1970.

    Args:
        ends: where lines of the text end.
    """
    if _SPAN.search(announced[0]):
        return None
    date, at = _dated(text, announced.end())
    if date is not None and (between := _BETWEEN.match(text, at)):
        clock = _CLOCK.match(text, between.end())
    else:
        clock = _CLOCK.match(text, at)
    if clock is not None and not (clock["minute"] or clock["half"] or clock["word"]):
        clock = None  # a mere number
    if clock is not None:
        at = clock.end()
    elif date is None:
        return None
    zones: list[tzinfo | None] = []
    while True:
        gap = _GAP.match(text, at)
        begin = at if gap is None else gap.end()
        bracket = _BRACKET.match(text, begin)
        said, start, stop = (text, begin, -1) if bracket is None else (bracket["inside"], 0, bracket.end())
        zone, end = _zoned(said, start)
        if not zones and end > start:
            zones = [zone]
        elif date is None:
            date, end = _dated(said, start)
        else:
            end = start
        if end == start:
            break
        if bracket is not None and end != len(said):
            return None
        at = end if bracket is None else stop
    dated = date is not None and date.groupdict().get("day")
    if (clock is None and not dated) or not (_END.match(text, at) or (at in ends and text[at + 1] != "(")):
        return None
    if clock is not None and clock["second"] and date is None and "after" in announced[0].lower():
        return None  # a duration as well as a time
    try:
        return _resolved(date, clock, zones[0] if zones else None, now)
    except (ValueError, OverflowError, OSError):  # 31 February, 25:00, beyond what the system knows
        return None


def _dated(text: str, begin: int) -> tuple[re.Match[str] | None, int]:
    for pattern in _DATES:
        if found := pattern.match(text, begin):
            return found, found.end()
    return None, begin


def _zoned(text: str, begin: int) -> tuple[tzinfo | None, int]:
    """The zone (None for the local one), and where it ends: where it begins if it is none that is known."""
    found = _ZONE.match(text, begin) or _LOCAL.fullmatch(text, begin)
    if found is None:
        return None, begin
    name = found[0]
    if _LOCAL.fullmatch(name):
        return None, found.end()
    if offset := _OFFSET.fullmatch(name):
        shift = timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"] or 0))
        if shift >= timedelta(days=1):
            return None, begin
        return timezone(-shift if offset["sign"] == "-" else shift), found.end()
    name = _abbreviated(name)
    if name in _ZONES:
        return timezone(timedelta(hours=_ZONES[name])), found.end()
    name = _REGIONS.get(name, name)
    if "/" not in name:
        return None, begin
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name), found.end()
    except (KeyError, ValueError, OSError):  # none of that name here
        return None, begin


def _abbreviated(name: str) -> str:
    """`PDT` of "Pacific Daylight Time", `ET` of "Eastern"; others as they are."""
    first, *rest = name.upper().split()
    if first not in ("PACIFIC", "MOUNTAIN", "CENTRAL", "EASTERN"):
        return name
    return first[0] + "".join(word[0] for word in rest if word != "TIME") + "T"


def _resolved(
    date: re.Match[str] | None, clock: re.Match[str] | None, zone: tzinfo | None, now: float
) -> float:
    """Raises ValueError for what is no date or time."""
    here = datetime.fromtimestamp(now, UTC).astimezone(zone).replace(tzinfo=None)
    hour, minute, second = (0, 0, 0) if clock is None else _time(clock)
    told = {} if date is None else {name: value for name, value in date.groupdict().items() if value}

    def moment(day: datetime) -> float:
        return day.replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=zone).timestamp()

    if "day" in told:
        month = int(told["number"]) if "number" in told else 1 + _MONTHS.index(told["month"][:3].lower())
        number = int(told["day"])
        if "year" in told:
            return moment(datetime(int(told["year"]), month, number))
        this = moment(datetime(here.year, month, number))
        return this if this >= now - _JUST_PAST_S else moment(datetime(here.year + 1, month, number))
    if "weekday" in told:
        day = here + timedelta(days=(_DAYS.index(told["weekday"][:3].lower()) - here.weekday()) % 7)
        return moment(day) if moment(day) >= now - _JUST_PAST_S else moment(day + timedelta(days=7))
    if "near" in told:
        return moment(here + timedelta(days=told["near"].lower() == "tomorrow"))
    # A clock time alone: the next such moment. Around midnight one just past may be of the day before.
    days = (here + timedelta(days=shift) for shift in (-1, 0, 1))
    return next(at for at in map(moment, days) if at >= now - _JUST_PAST_S)


def _time(clock: re.Match[str]) -> tuple[int, int, int]:
    if clock["word"]:
        return (12 if clock["word"].lower() == "noon" else 0), 0, 0
    hour, half = int(clock["hour"]), (clock["half"] or "").lower()
    if half and not 1 <= hour <= 12:
        raise ValueError(f"{hour} {half}m is no time")
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour, int(clock["minute"] or 0), int(clock["second"] or 0)
