"""The findings that a project knows already: marked when they are reported again, and no reason to fail.

The file is JSON with one entry a line, sorted by path, so that a diff shows what came and went::

    {
    "schema": "lok.baseline/1",
    "entries": [
    {"path": "app/db.py", "title": "...", "severity": "high", ..., "fingerprint": "lok1-..."}
    ]
    }

No source line is in it: a line that is worth a finding may hold a secret. Whether the line of an entry still
exists is therefore asked of the caller, who has the files (`Baseline.pruned`).
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import asdict, astuple, evolve, fields_dict, frozen

from lok_core.errors import UsageError
from lok_core.findings.wording import KNOWN, likeness, telling
from lok_core.models import CATEGORIES, SEVERITIES, Category, Severity
from lok_core.outcome import Finding

SCHEMA = "lok.baseline/1"

_HINT = "restore the file from version control, or delete it and run again with --update-baseline"
# What a diff would not show, or show in another order, and halves of characters, which no file can hold.
_UNSEEN = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


@frozen
class Entry:
    """A known finding.

    Attributes:
        path: of its place; empty if it has none.
        commit: where it was added to the baseline; may be empty.
        fingerprint: of the finding; several entries share one if their place has several problems.
    """

    path: str
    title: str
    severity: Severity
    category: Category
    commit: str
    fingerprint: str


@frozen
class Baseline:
    """The known findings; `Baseline()` knows none."""

    entries: tuple[Entry, ...] = ()

    @classmethod
    def read(cls, text: str) -> Baseline:
        """The baseline that `text` made, or a person edited.

        Raises:
            UsageError: it is none; the message says what is wrong where, the hint how to get one again.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            merging = re.search(r"^(<{7}|>{7}) ", text, re.MULTILINE)
            hint = "resolve the merge conflict; the entries of both sides may stay" if merging else _HINT
            raise UsageError(f"the baseline is not JSON: {error}", hint) from None
        if not isinstance(data, dict) or not isinstance(data.get("schema"), str):
            raise UsageError(f'the baseline is not an object with "schema": "{SCHEMA}"', _HINT)
        if data["schema"] != SCHEMA:
            raise UsageError(
                f"the baseline has the schema {data['schema']!r}, not {SCHEMA!r}",
                "use the version of lok that wrote it, or a newer one",
            )
        entries = data.get("entries")
        if not isinstance(entries, list):
            raise UsageError('the baseline has no list of "entries"', _HINT)
        return cls(_sorted(_entry(number, item) for number, item in enumerate(entries, 1)))

    def text(self) -> str:
        """The file's content, the same whatever the order in which findings were added."""
        lines = ",\n".join(json.dumps(asdict(entry), ensure_ascii=False) for entry in _sorted(self.entries))
        content = f'{{\n"schema": "{SCHEMA}",\n"entries": [\n{lines}\n]\n}}\n'
        return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", content)

    def marked(
        self, findings: Iterable[Finding], lookups: Mapping[str, Iterable[str]] | None = None
    ) -> list[Finding]:
        """The findings in their order, with `known` set.

        A finding is known if an entry has its fingerprint and a similar title: another problem at the same
        place is not.

        Args:
            lookups: of a fingerprint, the ones that it had before, when its file was called otherwise.
        """
        known = self._known()
        before = lookups or {}
        return [
            evolve(finding, known=any(_holds(known[one], finding) for one in _names(finding, before)))
            for finding in findings
        ]

    def updated(self, findings: Iterable[Finding], commit: str) -> Baseline:
        """With entries for the findings that have none under their present fingerprint; all others stay.

        A finding of a renamed file gets one, too, so that it is known when nobody can tell the old name.
        """
        known = self._known()
        for finding in findings:
            here = known[finding.fingerprint]
            if not _holds(here, finding):
                path = finding.locations[0].path if finding.locations else ""
                here.append(
                    Entry(
                        path,
                        finding.title,
                        finding.severity,
                        finding.category,
                        commit,
                        finding.fingerprint,
                    )
                )
        return Baseline(_sorted(entry for here in known.values() for entry in here))

    def pruned(self, exists: Callable[[Entry], bool]) -> Baseline:
        """Without the entries whose line is gone; that no model repeated a finding is no reason.

        Args:
            exists: whether the entry's fingerprint is still one of its file: of any of its lines, or of the
                entry's title, for a finding without a proven line.
        """
        return Baseline(tuple(entry for entry in self.entries if exists(entry)))

    def _known(self) -> defaultdict[str, list[Entry]]:
        known: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            known[entry.fingerprint].append(entry)
        return known


def _names(finding: Finding, before: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    return (finding.fingerprint, *before.get(finding.fingerprint, ()))


def _holds(entries: Iterable[Entry], finding: Finding) -> bool:
    """Whether one of the entries, all of the finding's line, speaks of its problem."""
    told = [telling(finding.title, finding.explanation, finding.category)]
    told += [telling(source.title, source.explanation, source.category) for source in finding.sources]
    return any(
        entry.title == finding.title
        or any(likeness(telling(entry.title, "", entry.category), one) >= KNOWN for one in told)
        for entry in entries
    )


def _sorted(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(set(entries), key=lambda entry: (entry.path, entry.fingerprint, astuple(entry))))


def _entry(number: int, item: Any) -> Entry:
    wanted = fields_dict(Entry)
    if not isinstance(item, dict):
        raise UsageError(f"entry {number} of the baseline is not an object", _HINT)
    if missing := [name for name in wanted if not isinstance(item.get(name), str)]:
        raise UsageError(f"entry {number} of the baseline has no text as its {' and '.join(missing)}", _HINT)
    if more := sorted(item.keys() - wanted.keys()):
        raise UsageError(f"entry {number} of the baseline has the unknown property {more[0]!r}", "remove it")
    for name, words in (("severity", SEVERITIES), ("category", CATEGORIES)):
        if item[name] not in words:
            raise UsageError(
                f"entry {number} of the baseline has the unknown {name} {item[name]!r}",
                f"one of {', '.join(words)}",
            )
    if not item["fingerprint"]:
        raise UsageError(f"entry {number} of the baseline has an empty fingerprint", _HINT)
    return Entry(**item)
