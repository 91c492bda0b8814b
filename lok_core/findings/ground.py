"""Does the evidence of a finding exist? Quote first, line second: models give right quotes and wrong numbers.

What the kinds of `Grounding` mean here:

- `exact`: the quote begins on a cited line, or no line was cited and it stands only once in the file;
  or there is no quote, and code that the finding names in back-ticks, rare in the file, stands there.
- `moved`: the quote stands at another line of the file, the nearest to the one cited; or what stands there is
  nearly the quote (lines left out without a mark or removed by a diff, a letter mistaken). The finding now
  names that place.
- `elsewhere`: not in that file, but in exactly one other.
- `ambiguous`: several places are equally good.
- `quote-missing`, `line-out-of-range`, `file-missing`: what was cited does not exist.
- `unlocated`: no file was cited.
- `unchecked`: the place exists, and nothing was said that proves it; `}` and `return` prove nothing.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from attrs import evolve, frozen
from rapidfuzz import fuzz, process
from rapidfuzz.distance import Levenshtein

from lok_core.findings.quote import (
    PROVING,
    Reading,
    Text,
    backward,
    collapse,
    forward,
    loose_readings,
    readings,
    weight,
)
from lok_core.findings.rank import area_of_path
from lok_core.findings.tree import SourceFile, Tree
from lok_core.models import Grounding
from lok_core.outcome import Finding, Location

NO_RENAMES: Mapping[str, str] = MappingProxyType({})
PLACED: frozenset[Grounding] = frozenset({"exact", "moved", "elsewhere", "unchecked"})
"""The kinds whose first location exists, and is the finding's as far as can be told."""

_ANYWHERE = 12  # the weight of a quote that is looked for in the whole directory
_SHORT = 2  # the weight of a quote that says anything
_RARE = 3  # lines of a file that may hold what a finding names
_NAMED_RANGE = 10  # lines; in a longer range any name stands somewhere
_SIMILAR = 90  # of 100; what is less is not looked at
_SIMILAR_LINES = 2000  # before and after the cited line
_SIMILAR_ROWS, _SIMILAR_QUOTE = 20, 2000  # rows and characters of a quote; for longer ones it takes too long
_TYPO = 5  # letters of a word of which one may be wrong
_REACH = 1000  # lines before and after the cited one that are searched first
_BLANK, _LEFT_OUT = 20, 500  # lines that a quote may take beside its own: blank ones, and those it leaves out
_CHOICES = 100  # places on the cited lines of which the best is taken
_SHOWN = 1000  # characters of source put into a finding
_SPAN = re.compile(r"`+([^`\n]{3,300})`+")
_TOKEN = re.compile(r"\w+|[^\w\s]")


@frozen
class _Match:
    """Where a quote stands (lines from 1, inclusive), how it was read, whether it takes whole lines."""

    file: SourceFile
    first: int
    last: int
    reading: Reading | None = None
    whole: bool = False


def ground(finding: Finding, tree: Tree, renames: Mapping[str, str] = NO_RENAMES) -> Finding:
    """The finding with what checking its evidence found, placed where that evidence is.

    Its first location is moved to the quote, its paths become those of existing files, and its quote gets the
    white space of the source if it is whole lines; nothing else of the source is told, it may be a secret.
    Further locations in files that do not exist are dropped, as is a first one that leaves the directory or
    names a folder; sources keep theirs.

    Args:
        renames: new path -> old path; a finding about the old path is one about the new.
    """
    further = _further(finding.locations[1:], tree, renames)
    cited = finding.locations[0] if finding.locations else None
    if cited is not None and (not cited.path or tree.is_directory(cited.path)):
        cited = None
    paths = () if cited is None else _resolved(cited.path, tree, renames)
    kind, match = _judge(finding, cited, [tree.file(path) for path in paths], further, tree)
    if kind == "exact" and match is not None and match.reading is not None and match.reading.partial:
        kind = "moved"
    if match is not None:
        place: Location | None = _place(match, cited if kind == "exact" else None)
    elif cited is not None and len(paths) == 1:
        place = _within(evolve(cited, path=paths[0]), tree.file(paths[0]))
    else:
        place = cited if cited is not None and _tellable(cited.path) else None
    locations = tuple(dict.fromkeys(one for one in (place, *further) if one is not None))
    area = finding.area
    if place is not None and (cited is None or place.path != cited.path):
        area = area_of_path(place.path)
    quote = finding.quote if match is None else _shown(finding, match)
    return evolve(finding, grounding=kind, locations=locations, quote=quote, area=area)


def _judge(
    finding: Finding,
    cited: Location | None,
    cited_files: Sequence[SourceFile | None],
    further: Sequence[Location],
    tree: Tree,
) -> tuple[Grounding, _Match | None]:
    files = [file for file in cited_files if file is not None]
    line = None if cited is None else cited.line
    quote = readings(finding.quote)
    proving = [reading for reading in quote if reading.weight]
    if proving:
        found = _found_in(files, proving, loose_readings(finding.quote), cited)
        if found is not None:
            return found
        if len(files) == len(cited_files):  # else it may stand in the one that cannot be read
            other = _elsewhere(proving, files, further, line, tree)
            if other is not None:
                return "elsewhere", other
            similar = [match for file in files if (match := _similar(file, finding.quote, line))]
            if len(similar) == 1:
                return "moved", similar[0]
    if cited is None:
        return "unlocated", None
    if not cited_files:
        return "file-missing", None
    if not files:
        return "unchecked", None
    if quote and not any(_stands(file, _parts_of_lines(quote, 0)) for file in files):
        return "quote-missing", None
    if len(cited_files) > 1:
        return "ambiguous", None
    [file] = files
    if line is not None and line > len(file.lines):
        return "line-out-of-range", None
    at = _rare_at(finding, file, quote, cited)
    return ("unchecked" if at is None else "exact"), at


def _found_in(
    files: Sequence[SourceFile], proving: list[Reading], loose: list[Reading], cited: Location | None
) -> tuple[Grounding, _Match | None] | None:
    """Where the quote stands in the files that the citation may mean; None if it does not."""
    line = None
    if cited is not None and cited.line is not None:
        line = cited.line
        at = [match for file in files if (match := _best_at(file, proving, cited))]
        if at:
            return ("exact", at[0]) if len(at) == 1 and not _rivalled(at[0], proving) else ("ambiguous", None)
    kind: Grounding = "exact" if line is None else "moved"
    for some in (proving, loose):
        near = [match for file in files for match in _nearest(file, some, line)]
        if near:
            return (kind, near[0]) if len(near) == 1 else ("ambiguous", None)
        kind = "moved"
    return None


def _elsewhere(
    proving: list[Reading],
    files: Sequence[SourceFile],
    further: Sequence[Location],
    line: int | None,
    tree: Tree,
) -> _Match | None:
    """Where the quote stands in exactly one other file: of those that the finding names, else of all."""
    named = [file for one in further if (file := tree.file(one.path)) is not None and file not in files]
    for others, some in (
        (dict.fromkeys(named), proving),
        (tree.searchable, [one for one in proving if one.form == "collapsed" and one.weight >= _ANYWHERE]),
    ):
        for reading in some:
            holding = (file for file in others if file not in files and _stands(file, [reading]))
            found = list(islice(holding, 2))
            if found:
                near = _nearest(found[0], [reading], line)
                return near[0] if len(found) == len(near) == 1 else None
    return None


def _at(file: SourceFile, quote: Sequence[Reading], cited: Location) -> Iterator[_Match]:
    """The places where the quote begins on a cited line."""
    if cited.line is None:
        return
    end = max(cited.line, cited.end_line or 0)
    for reading in quote:
        room = 2 * reading.rows + (_LEFT_OUT if reading.gaps else _BLANK)
        text = file.part(reading.form, cited.line, end + room)
        for found in forward(text, reading, text.offset_of(cited.line), text.offset_of(end + 1)):
            yield _match(file, text, reading, found)


def _best_at(file: SourceFile, quote: Sequence[Reading], cited: Location) -> _Match | None:
    found = list(islice(_at(file, quote, cited), _CHOICES))
    return next((match for match in found if match.whole), found[0] if found else None)


def _rivalled(match: _Match, quote: list[Reading]) -> bool:
    """Whether another line is the whole quote, of which the cited one here is a part or a free reading."""
    rank = quote.index(match.reading) if match.whole and match.reading is not None else len(quote)
    return _stands(match.file, [evolve(reading, weight=0) for reading in quote[:rank]])


def _nearest(file: SourceFile, quote: Sequence[Reading], line: int | None) -> list[_Match]:
    """The place nearest to the line where the first reading that stands anywhere does; two if equally near.

    Without a line, up to two places from the beginning.
    """
    for reading in quote:
        text = file.text(reading.form)
        if line is None:
            found = _places(file, reading, forward(text, reading, 0, len(text.blob)), 2)
        else:
            found = _around(file, reading, line)
        if found:
            return found
    return []


def _around(file: SourceFile, reading: Reading, line: int) -> list[_Match]:
    text, lines = file.text(reading.form), len(file.lines)
    offset = text.offset_of(line)
    reach = _REACH
    while True:  # most have not moved far, and the file may be huge
        first, last = text.offset_of(line - reach), text.offset_of(line + reach)
        before = _places(file, reading, backward(text, reading, offset, first), 1)
        after = _places(file, reading, forward(text, reading, offset, last), 1)
        if before or after or (line - reach <= 1 and line + reach > lines):
            break
        reach *= 8
    least = min((abs(match.first - line) for match in before + after), default=0)
    return [match for match in before + after if abs(match.first - line) == least]


def _places(file: SourceFile, reading: Reading, found: Iterator[tuple[int, int]], most: int) -> list[_Match]:
    """The first that begin on different lines."""
    places: dict[int, _Match] = {}
    for one in found:
        match = _match(file, file.text(reading.form), reading, one)
        places.setdefault(match.first, match)
        if len(places) == most:
            break
    return list(places.values())


def _stands(file: SourceFile, quote: Sequence[Reading]) -> bool:
    for reading in quote:
        text = file.text(reading.form)
        if reading.pieces[0] in text.blob and next(forward(text, reading, 0, len(text.blob)), None):
            return True
    return False


def _match(file: SourceFile, text: Text, reading: Reading, found: tuple[int, int]) -> _Match:
    first, last = text.line_at(found[0]), text.line_at(found[1] - 1)
    return _Match(file, first, last, reading, text.whole(*found))


def _similar(file: SourceFile, quote: str, line: int | None) -> _Match | None:
    """The one place near the line that differs from the quote by no more than slips of the pen."""
    rows = [row for row in map(collapse, quote.splitlines()) if row]
    wanted = " ".join(rows)
    if len(rows) > _SIMILAR_ROWS or len(wanted) > _SIMILAR_QUOTE or weight(wanted) < _ANYWHERE:
        return None
    start = max((line or 1) - 1 - _SIMILAR_LINES, 0)
    numbered = [
        (number, text)
        for number, row in enumerate(file.lines[start : start + 2 * _SIMILAR_LINES], start + 1)
        if len(row) < 2 * len(wanted) + 200 and (text := collapse(row))
    ]
    windows = {
        index: " ".join(text for _, text in numbered[index : index + len(rows)])
        for index in range(len(numbered) - len(rows) + 1)
    }
    close = process.extract(wanted, windows, scorer=fuzz.ratio, score_cutoff=_SIMILAR, limit=10)
    same = [index for text, _, index in close if _slips_only(wanted, text)]
    if len(same) != 1:
        return None
    return _Match(file, numbered[same[0]][0], numbered[same[0] + len(rows) - 1][0])


def _slips_only(quote: str, source: str) -> bool:
    """Whether two words at most differ, by one letter each; signs and numbers may not: there the bugs are."""
    one, other = _TOKEN.findall(quote), _TOKEN.findall(source)
    if len(one) != len(other):
        return False
    different = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    return len(different) <= 2 and all(
        min(len(a), len(b)) >= _TYPO
        and weight(a) > 0 < weight(b)
        and re.sub(r"\D", "", a) == re.sub(r"\D", "", b)
        and Levenshtein.distance(a, b, score_cutoff=1) <= 1
        for a, b in different
    )


def _rare_at(finding: Finding, file: SourceFile, quote: Sequence[Reading], cited: Location) -> _Match | None:
    """What little proves a cited line: a short quote, or code named in back-ticks, that is rare in the file.

    From an analyser, which has read the line that it quotes, any quote that is a whole line.
    """
    if cited.line is None:
        return None
    if any(source.lead for source in finding.sources):
        at = next(_at(file, quote, cited), None)
        if at is not None:
            return at
    if (cited.end_line or 0) - cited.line >= _NAMED_RANGE:
        return None
    for reading in _parts_of_lines(quote, _SHORT):
        at = next(_at(file, [reading], cited), None)
        if at is not None and _is_rare(file, reading):
            return at
    for span in dict.fromkeys(_SPAN.findall(f"{finding.title}\n{finding.explanation}")):
        for reading in readings(span.strip().removesuffix("()"))[:1]:
            if (
                reading.weight >= PROVING
                and next(_at(file, [reading], cited), None)
                and _is_rare(file, reading)
            ):
                return _Match(file, cited.line, cited.line)
    return None


def _is_rare(file: SourceFile, reading: Reading) -> bool:
    text = file.text(reading.form)
    return len(_places(file, reading, forward(text, reading, 0, len(text.blob)), _RARE + 1)) <= _RARE


def _parts_of_lines(quote: Sequence[Reading], least: int) -> list[Reading]:
    """Readings that need not be whole lines, of those with this weight at least."""
    return [evolve(one, weight=max(one.weight, PROVING)) for one in quote if one.weight >= least]


def _further(locations: Sequence[Location], tree: Tree, renames: Mapping[str, str]) -> tuple[Location, ...]:
    kept = []
    for location in locations:
        paths = _resolved(location.path, tree, renames)
        if len(paths) == 1:
            file = tree.file(paths[0])
            known = _within(evolve(location, path=paths[0]), file)
            beyond = file is not None and (location.line or 0) > len(file.lines)
            kept.append(Location(known.path) if beyond else known)
    return tuple(kept)


def _resolved(path: str, tree: Tree, renames: Mapping[str, str]) -> tuple[str, ...]:
    found = tree.resolve(path)
    if found:
        return found
    return tuple(sorted(new for new, old in renames.items() if old == path and tree.resolve(new) == (new,)))


def _within(location: Location, file: SourceFile | None) -> Location:
    """The location with a range that ends where the file does."""
    if file is None or location.line is None or location.end_line is None or location.line > len(file.lines):
        return location
    end = min(location.end_line, len(file.lines))
    return evolve(location, end_line=end if end > location.line else None)


def _place(match: _Match, cited: Location | None) -> Location:
    """The place of the quote, up to the end of the range that was cited."""
    end = match.last
    if cited is not None and cited.end_line is not None:
        end = max(end, min(cited.end_line, len(match.file.lines)))
    return Location(match.file.path, match.first, end if end > match.first else None)


def _tellable(path: str) -> bool:
    """Whether a path that does not exist may be shown as one of the directory."""
    return (
        not path.startswith(("/", "~")) and ".." not in path.replace("\\", "/").split("/") and ":" not in path
    )


def _shown(finding: Finding, match: _Match) -> str:
    """The source at the place, without its common indentation, if only white space differs from the quote."""
    text = textwrap.dedent("\n".join(match.file.lines[match.first - 1 : match.last])).strip()
    return text if len(text) <= _SHOWN and collapse(text) == collapse(finding.quote) else finding.quote
