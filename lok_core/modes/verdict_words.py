"""The values of a verdict's form: what the words stand for."""

from __future__ import annotations

import re
from collections.abc import Collection

from lok_core.details.debate import Stance

MAX_SENTENCE = 600
"""Characters of a position or of evidence that are kept."""

_MAX_STANCE = 1000  # with its reason

# A choice that was not made, as the instructions have it.
_BLANK = re.compile(
    r"^[\s<\[({]{0,4}(?:"
    r"(?:agree|partly|disagree)\s*(?:[|/,]|\bor\b)\s*(?:or\s+)?(?:agree|partly|disagree)\b"
    r"|(?:yes|no)\s*(?:[|/]|\bor\b)\s*(?:yes|no)\b"
    r"|0\s*(?:-|\u2013|\.\.|to)\s*100\b"
    r"|none\s*\|\s*what\b"
    r"|(?:your\s+position\s+(?:now\s+)?in\s+)?one\s+sentence\W*$)"
    r"|^<[^<>]{0,200}>$|^\[[^\]]{0,200}\]$|^\.{3}$|^…$",
    re.IGNORECASE,
)
_ADVERB = (
    r"(?:(?:still|now|also|strongly|fully|completely|totally|entirely|wholly|firmly|respectfully) ){0,2}"
)
_IN_PART = r"(?:partly|partial(?:ly)?|in part|somewhat|mostly|largely)"
_WORDS: dict[Stance, str] = {
    "partly": rf"(?:[🟡⚠]\ufe0f? ?)?(?:i )?(?:{_IN_PART}(?: (?:dis)?agree(?:d|ment)?)?"
    rf"|{_ADVERB}(?:dis)?agree \(?{_IN_PART}\)?|mixed)",
    "disagree": rf"(?:[❌👎🔴] ?)?(?:i )?{_ADVERB}"
    r"(?:disagreed?|(?:do not|don['\u2019]t|cannot|can['\u2019]t|not) agree)",
    "agree": rf"(?:[✅👍🟢] ?)?(?:i )?{_ADVERB}agreed?(?: (?:fully|strongly|completely|entirely))?",
}
_STANCES: dict[Stance, re.Pattern[str]] = {
    stance: re.compile(
        rf"{words}(?:[.!]|(?P<reason>,.*| ?[-\u2013\u2014]{{1,2}} .*|[\u2013\u2014].*| ?\([^()]*\)\.?))?",
        re.IGNORECASE,
    )
    for stance, words in _WORDS.items()
}
# A reason with one of these may take back or narrow what it is given for.
_LIMITS = re.compile(
    r"""agree|concur|partly|partial|mixed|oppos|reject|dissent|den(?:y|ie)|doubt|object|differ|reserv|caveat
    |condition|limit|n['\u2019]t\b|[?%~=<>\[\]→☐☑☒✗✘❌👎]
    |\b(?:not?|never|none|nor|neither|nothing|nobody|nowhere|cannot|cant|dont|without|hardly|barely|false|zero|nil
    |null|wrong|incorrect|invalid|undecided|unsure|unclear|but|yet|except(?:ing|ion|ions)?|excluding|exclud\w*|only
    |just|unless|until|if|when|where|while|whereas|though|although|albeit|however|nevertheless|nonetheless
    |otherwise|instead|rather|despite|save|apart|aside|besides|beyond|minus|less|provided|providing|assuming
    |suppos\w*|insofar|inasmuch|depend\w*|mostly|most|mainly|largely|broadly|generally|basically|essentially
    |somewhat|some|sort|kind|part|parts|half|partway|degree|extent|principle|maybe|perhaps|possibly|probably
    |tentative\w*|would|could|might|may|previous\w*|former\w*|earlier|before|was|were|had|used|once|longer|anymore
    |last|round|initially|originally|now|changed?|withdr\w*|retract\w*|revok\w*|correct(?:ion|ed)
    |nicht|kein\w*|aber|nur|au(?:ß|ss)er|teil\w*|mais|pas|sauf|pero|salvo|excepto)\b
    |^\W*[\d\W]+$""",
    re.IGNORECASE | re.VERBOSE,
)
_TAKES_BACK = re.compile(
    r"\bi (?:now |still |hereby )?"
    r"(?:disagree|withdraw|retract|revoke|no longer agree|do(?: not|n['\u2019]t) agree)\b"
    r"|\b(?:correction|erratum|scratch that|strike that|take (?:it|that|this|them) back|on second thought)",
    re.IGNORECASE,
)
_LEVELS = {"very high": 95, "certain": 95, "very low": 5, "high": 80, "medium": 50, "moderate": 50, "low": 20}
_N = r"(?:\d{1,9}(?:[.,]\d{1,9})?|[.,]\d{1,9})"
_NUMBER = re.compile(
    rf"(?<![\w.,-])(?P<first>{_N}) ?%?(?: ?(?P<between>[-\u2013/]|to\b|out of\b|of\b)"
    rf" ?(?P<second>{_N}))?(?!\w)"
)
_NONE = re.compile(
    r"^\W*(?:none|nothing|nil|no|n/?a|not applicable)\b(?!\W{1,4}(?:but|except|other than|besides)\b)"
    r"(?: new)?(?: evidence)?(?P<rest>\W.*)?$|^\W*$",
    re.IGNORECASE | re.DOTALL,
)
# Words that tell of the others and of being convinced. Where no other is left, nothing new was named.
_SOCIAL = """
a about above across additional adequate after again against agree agreed agreeing agreement agrees all
along already also alternative am an and answer answers any are argued argues argument arguments as aside
at available basis be because become been before behalf being better both bring but by came can case cases
changed clear clearly closer collective collectively come common compelling compromise compromising
concede conceded concession confidence consensus convinced convinces convincing correct credible debate
debater debaters decided defer deference deferring described detail details did discussion do does each
earlier enough everybody everyone evidence existing expert expertise experts explained explanation
explanations fact facts fair false find finding findings fine follow followed following for found four
fully further given good group had harmony has have having here how i identified in info information into
is it its join joined just kein keine keinen keiner knowledge known knows largely last learned learnt
least less logic logical made majority make makes many matches material me merit merits mind mine more
most mostly much my n na necessary needed neue neuen neues new nicht nichts nil no none nope nor not
nothing now null number of offered official old on one ones opinion opinions original other others our
outnumbered outvoted overwhelming own panel participant participants peace per persuaded persuades
persuasive plausible point pointed points position positions presented prevailing previous previously
prior provided quite reach reached reaching really reason reasonable reasoned reasoning reasons
reconsidered reference relevant required resolve respect rest right round said sake same say says see seem
seemed seems several share shared shown significant similar simply since smarter so solid some sound
sources specific stated status stay still strength strong stronger strongly substantial sufficiently sway
swayed than that the their them there these they think this those three to too toward towards trust
trusted trusting trusts two unanimity unanimous unchanged undefined unity unspecified us use valid very
view views was way we weight well went were what which while who with without won word wording words would
wrote yet you your
"""


def is_blank_form(value: str) -> bool:
    """Whether it stands as the instructions have it, with nothing chosen."""
    return _BLANK.match(re.sub(r"[*_`~]", "", value)) is not None


def stance_of(value: str) -> Stance:
    """What the value says if it is nothing but a stance, and perhaps a reason for it; else `unread`."""
    text = " ".join(value.split())
    if len(text) > _MAX_STANCE:
        return "unread"
    for stance, words in _STANCES.items():
        found = words.fullmatch(text)
        if found is not None:
            reason = found["reason"] or ""
            taken_back = limits(reason) if stance == "agree" else re.search(r"\bagree", reason, re.IGNORECASE)
            return "unread" if reason and taken_back and stance != "partly" else stance
    return "unread"


def limits(words: str) -> bool:
    """Whether the words hold another stance, a negation or a limitation."""
    return _LIMITS.search(words) is not None


def takes_back(line: str) -> bool:
    """Whether a line below a verdict says that it does not hold."""
    return _TAKES_BACK.search(line) is not None


def confidence(value: str) -> int | None:
    """Per cent, of any scale that says so itself: 80, 80%, 0.8, 8/10, "high"."""
    if is_blank_form(value):
        return None
    found = _NUMBER.search(value)
    if found is None:
        return _LEVELS.get(" ".join(re.findall(r"\w+", value.casefold())))
    number, second = _per_cent(found["first"]), found["second"]
    if second and found["between"] in ("/", "of", "out of"):
        whole = float(second.replace(",", "."))
        number = 100 * float(found["first"].replace(",", ".")) / whole if whole else 0.0
    elif second:
        number = (number + _per_cent(second)) / 2
    return max(0, min(100, round(number)))


def _per_cent(number: str) -> float:
    """A number with a point that is 1 at the most is a fraction of 1."""
    value = float(number.replace(",", "."))
    return 100 * value if not number.isdigit() and value <= 1 else value


def yes_or_no(value: str) -> bool | None:
    """Whether the value begins with a yes, or a change; None if it does not say."""
    if is_blank_form(value):
        return None
    found = re.match(
        r"\W*(?:(?P<no>no|none|not|false|unchanged|never)|"
        r"(?P<yes>yes|true|changed|i\s+changed|part(?:ly|ially)|somewhat|slightly|a\s+little))\b",
        value,
        re.IGNORECASE,
    )
    return None if found is None else found["yes"] is not None


def evidence(value: str, letters: Collection[str]) -> str:
    """The new evidence that is named; empty where only the others are, or that they convinced."""
    told = sentence(value)
    none = _NONE.match(told)
    if none is not None and not (none["rest"] or "").strip(" \t.,;:!-\u2013\u2014"):
        return ""
    if none is not None:
        told = (none["rest"] or "").strip(" \t.,;:!-\u2013\u2014")
    ours = [letter.casefold() for letter in letters]
    social = {*_SOCIAL.split(), *ours, "s", "re", "ve", "m", "t"}
    words = re.findall(r"\w+", told.casefold())
    return told if not social.issuperset(words) else ""


def sentence(value: str) -> str:
    """The words, without the emphasis around them, and of a bearable length."""
    text = " ".join(value.split())
    for mark in ("**", "__", "`", "*", "_", '"'):
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark):
            text = text[len(mark) : -len(mark)].strip()
        elif text.endswith(mark) and text.count(mark) % 2:
            text = text[: -len(mark)].rstrip()
    if is_blank_form(text):
        return ""
    return text if len(text) <= MAX_SENTENCE else f"{text[:MAX_SENTENCE]} [cut off]"
