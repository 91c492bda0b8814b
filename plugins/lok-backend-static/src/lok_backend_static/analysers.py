"""Runs ruff and ast-grep over a list of files, so that no file can decide what comes out.

Both print one JSON object a line, and nothing at all where there is nothing to report. To tell that from an
analyser which did not work, each call also gets a file of ours with a known fault, the canary.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from attrs import frozen

from lok_backend_static import rules
from lok_backend_static.programs import INSTALL, find
from lok_core import BackendError, Run

MAX_ARGUMENT_BYTES = 512 * 1024
"""Of all paths of a call; Linux and macOS allow 1 MiB and more for arguments and environment together."""
MAX_OUTPUT_BYTES = 64 << 20
MAX_FAILURES = 100


@frozen
class Hit:
    """What an analyser reported.

    Attributes:
        path: as given to the analyser.
        line, end_line: counted from 1, inclusive.
        rule: the analyser's own id.
        data: what else its rule says: for ast-grep its note and metadata.
    """

    path: str
    line: int
    end_line: int
    rule: str
    message: str
    data: dict[str, Any]


@frozen
class Scan:
    """The hits in a list of files, and which files the analyser failed on."""

    hits: list[Hit]
    failed: list[str]


class Analyser(ABC):
    """One analyser, ready to be called.

    Attributes:
        name: of the program.
        canary: the content of a file that must be reported.
    """

    name: ClassVar[str]
    canary: ClassVar[str]

    def __init__(self, run: Run, program: str | None = None) -> None:
        found = program or find(self.name, run.env)
        if found is None:
            raise BackendError("unavailable", f"{self.name} is not installed", hint=INSTALL)
        self._run = run
        self._program = found
        self._folder = run.folder / self.name
        self._folder.mkdir()
        self._canary = self._folder / "canary.py"
        self._canary.write_text(self.canary)

    @abstractmethod
    def reads(self, language: str) -> bool:
        """Whether it has rules for the language."""

    @abstractmethod
    def _options(self) -> Sequence[str]:
        """What stands between the program and the paths."""

    @abstractmethod
    def _hit(self, record: dict[str, Any]) -> Hit | None:
        """The hit that a line of the output tells; None if no rule of ours made it."""

    async def scan(self, paths: Sequence[str]) -> Scan:
        """What the analyser says about the files.

        A file on which it fails (deeply nested code can exhaust its stack) is looked for by halving the list,
        and left out.

        Raises:
            BackendError: it fails whatever it is given.
        """
        scan = Scan([], [])
        pending = _chunks(paths)
        failures = 0
        while pending:
            chunk = pending.pop()
            try:
                scan.hits.extend(await self._call(chunk))
            except BackendError:
                failures += 1
                if failures == 1:
                    await self._call([])
                if failures > MAX_FAILURES:
                    raise
                if len(chunk) == 1:
                    scan.failed.extend(chunk)
                else:
                    middle = len(chunk) // 2
                    pending += [chunk[middle:], chunk[:middle]]
        return scan

    async def _call(self, paths: Sequence[str]) -> list[Hit]:
        output = _Output(self.name)
        argv = [self._program, *self._options(), "--", str(self._canary), *paths]
        finished = await self._run.command(argv, cwd=self._folder, on_stdout=output.feed, cap_bytes=64 * 1024)
        if finished.returncode != 0:
            raise BackendError(
                "crashed", f"{self.name} ended with exit code {finished.returncode}{_last(finished.stderr)}"
            )
        try:
            hits = [hit for record in output.records() if (hit := self._hit(record))]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BackendError("protocol", f"{self.name} printed what is no report: {error!r}") from None
        own = str(self._canary)
        if not any(hit.path == own for hit in hits):
            raise BackendError(
                "protocol", f"{self.name} did not report the fault in its test file{_last(finished.stderr)}"
            )
        return [hit for hit in hits if hit.path != own]


class Ruff(Analyser):
    """ruff, with the codes of our table and no configuration but the command line."""

    name = "ruff"
    canary = "(\n"  # no Python: reported whatever is selected

    def reads(self, language: str) -> bool:
        return language == "python"

    def _options(self) -> Sequence[str]:
        return (
            "check",
            "--isolated",
            "--no-cache",
            "--exit-zero",
            "--ignore-noqa",
            "--no-fix",
            "--output-format=json-lines",
            "--per-file-ignores=__init__.py:F401",  # re-exports
            "--target-version=py314",  # with an older one, newer syntax is an error
            f"--select={','.join(rules.ruff_rules())}",
        )

    def _hit(self, record: dict[str, Any]) -> Hit:
        return Hit(
            path=record["filename"],
            line=record["location"]["row"],
            end_line=record["end_location"]["row"],
            rule=record["code"],
            message=record["message"],
            data={},
        )


_CANARY_RULE = """\
id: lok-canary
language: Python
severity: warning
message: canary
metadata: {class: canary}
rule: {pattern: lok_canary()}
"""


class AstGrep(Analyser):
    """ast-grep, with our rules for the languages that are there."""

    name = "ast-grep"
    canary = "lok_canary()\n"

    def __init__(self, run: Run, languages: Collection[str], program: str | None = None) -> None:
        super().__init__(run, program)
        self._config = rules.write_ast_grep_config(self._folder, languages, _CANARY_RULE)

    def reads(self, language: str) -> bool:
        return rules.rule_file(language).is_file()

    def _options(self) -> Sequence[str]:
        ignored = ("hidden", "dot", "exclude", "global", "parent", "vcs")
        unignored = [f"--no-ignore={kind}" for kind in ignored]
        return ("scan", f"--config={self._config}", "--json=stream", "--include-metadata", *unignored)

    def _hit(self, record: dict[str, Any]) -> Hit | None:
        span = record["range"]
        metadata = record.get("metadata")
        if not metadata:
            return None  # ast-grep's own, on comments that suppress nothing
        return Hit(
            path=record["file"],
            line=span["start"]["line"] + 1,
            end_line=span["end"]["line"] + 1,
            rule=rules.rule_id(record["ruleId"]),
            message=record["message"],
            data={"note": record.get("note") or "", **metadata},
        )


class _Output:
    """Takes an analyser's output in as it comes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._chunks: list[bytes] = []
        self._bytes = 0

    def feed(self, chunk: bytes) -> None:
        self._bytes += len(chunk)
        if self._bytes > MAX_OUTPUT_BYTES:
            raise BackendError("protocol", f"{self._name} printed more than {MAX_OUTPUT_BYTES >> 20} MiB")
        self._chunks.append(chunk)

    def records(self) -> list[Any]:
        return [json.loads(line) for line in b"".join(self._chunks).split(b"\n") if line]


def _chunks(paths: Sequence[str]) -> list[list[str]]:
    """The paths in as few lists as the operating system allows. The analysers use all cores by themselves."""
    chunks: list[list[str]] = []
    room = 0
    for path in paths:
        size = len(os.fsencode(path)) + 9  # its end and its pointer
        if not chunks or size > room:
            chunks.append([])
            room = MAX_ARGUMENT_BYTES
        chunks[-1].append(path)
        room -= size
    return chunks


def _last(stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").strip().splitlines()
    return f": {lines[-1][:300]}" if lines else ""
