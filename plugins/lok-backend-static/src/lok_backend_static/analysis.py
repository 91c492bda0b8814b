"""One analysis of a directory: the walk, both analysers and the secrets scan, at the same time."""

from __future__ import annotations

import codecs
import io
import os
import threading
import tokenize
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import trio
from attrs import frozen

from lok_backend_static import rules
from lok_backend_static.analysers import Analyser, AstGrep, Hit, Ruff
from lok_backend_static.files import SUFFIXES, File, Tree, area_of, read, walk, words
from lok_backend_static.leads import SYNTAX, Lead, finished, from_secret
from lok_backend_static.secrets import Secret, find_secrets
from lok_core import BackendError, Run

T = TypeVar("T")

_UTF16 = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

MAX_PER_FILE = 2000
"""Hits of one analyser in a file; more come from generated or hostile text."""

# Read by nobody as text, or texts in which nobody keeps a credential.
_UNREAD = words(
    ".png .jpg .jpeg .gif .ico .webp .bmp .tif .tiff .avif .woff .woff2 .ttf .otf .eot .mp3 .mp4 .webm .ogg "
    ".wav .zip .gz .bz2 .xz .zst .7z .tar .whl .egg .jar .war .pdf .mo .po .pot .pyc .so .o .a .dll .exe "
    ".class .sqlite3 .svg .css .scss .less"
)


@frozen
class Analysis:
    """What is known about a directory.

    Attributes:
        leads: ranked, of all categories.
        notes: what was not looked at, and why.
    """

    leads: Sequence[Lead]
    notes: tuple[str, ...]

    def findings(self, category: str) -> list[dict[str, Any]]:
        """The leads of a category as `lok.findings/1` has them."""
        return [lead.as_finding() for lead in self.leads if lead.category == category]


async def analyse(directory: Path, run: Run) -> Analysis:
    """Analyses what the directory holds.

    Raises:
        BackendError: an analyser is missing, failed, or said nothing where it had to say something.
    """
    if not await trio.Path(directory).is_dir():
        raise BackendError("invalid", f"{directory} is no directory")
    tree = await _in_thread(walk, directory)
    work = _Work(run, tree)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work.read_all, nursery)
            work.start(nursery, {file.path: file for file in tree.files if file.language})
    except ExceptionGroup as group:
        known, unknown = group.split(BackendError)
        if known is None or unknown is not None:
            raise
        error: BaseException = known
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
    return await _in_thread(work.analysis)


class _Work:
    """The analysis under way."""

    def __init__(self, run: Run, tree: Tree) -> None:
        self._run = run
        self._tree = tree
        self._ruff = Ruff(run)
        self._ast_grep = AstGrep(run, {file.language for file in tree.files if file.language})
        self._hits: list[tuple[File, Analyser, Hit]] = []
        self._failed: Counter[str] = Counter()
        self._secrets: dict[str, Sequence[Secret]] = {}

    def start(self, nursery: trio.Nursery, paths: dict[str, File]) -> None:
        """Starts both analysers on the paths, which stand for the files."""
        for analyser in (self._ruff, self._ast_grep):
            mine = {path: file for path, file in paths.items() if analyser.reads(file.language)}
            if mine:
                nursery.start_soon(self._scan, analyser, mine)

    async def _scan(self, analyser: Analyser, files: dict[str, File]) -> None:
        self._run.progress(f"{analyser.name}: {len(files)} files")
        scan = await analyser.scan(list(files))
        # A directory whose path is not UTF-8 comes back as JSON can say it.
        printed = {os.fsencode(path).decode(errors="replace"): file for path, file in files.items()}
        per_file: Counter[str] = Counter()
        for hit in scan.hits:
            per_file[hit.path] += 1
            if per_file[hit.path] <= MAX_PER_FILE:
                self._hits.append((printed[hit.path], analyser, hit))
            else:
                self._tree.left_out[f"leads beyond the first {MAX_PER_FILE} of a file"] += 1
        self._failed[analyser.name] += len(scan.failed)

    async def read_all(self, nursery: trio.Nursery) -> None:
        """Looks for secrets, and has copies analysed of the files that the analysers would pass over."""
        self._run.progress(f"secrets: {len(self._tree.files)} files")
        unfit = await _in_thread(self._read_all)
        if unfit:
            self.start(nursery, await _in_thread(_copy, unfit, self._run.folder / "copies"))

    def _read_all(self, stop: threading.Event) -> list[File]:
        unfit: list[File] = []
        for file in self._tree.files:
            if stop.is_set():
                break
            if os.path.splitext(file.name)[1].lower() in _UNREAD:
                continue
            content = read(file.path)
            if content is None:
                self._tree.left_out["unreadable files"] += 1
            elif file.language or b"\0" not in (content := _without_bom(content))[:8192]:
                content = _without_bom(content)
                found = find_secrets(file.name, content, area_of(file.name, content))
                if found:
                    self._secrets[file.name] = found
                if file.language and _is_unfit(file, content):
                    unfit.append(file)
        return unfit

    def analysis(self, stop: threading.Event) -> Analysis:
        """What has come together."""
        files = {file.name: file for file in self._tree.files}
        leads: list[Lead] = []
        for name, found in self._secrets.items():
            leads += [from_secret(files[name], secret) for secret in found]
        broken: set[str] = set()
        for file, analyser, hit in sorted(self._hits, key=lambda found: (found[0].name, found[2].line)):
            if hit.rule == "invalid-syntax":
                if file.name in broken:
                    continue  # one mistake makes many messages
                broken.add(file.name)
            leads.append(_lead(file, analyser, hit))
        return Analysis(finished(leads, self._secrets), self._notes())

    def _notes(self) -> tuple[str, ...]:
        left_out = Counter(self._tree.left_out)
        for name, number in self._failed.items():
            left_out[f"files on which {name} failed"] += number
        counts = [f"{number} {what}" for what, number in sorted(left_out.items()) if number]
        notes = [f"not looked at: {', '.join(counts)}"] if counts else []
        if not any(file.language for file in self._tree.files):
            notes.append("no source code in a language that there are rules for")
        return tuple(notes)


def _lead(file: File, analyser: Analyser, hit: Hit) -> Lead:
    title = " ".join(hit.message.split("\n", 1)[0].split())
    if isinstance(analyser, AstGrep):
        return Lead(
            file=file,
            line=hit.line,
            end_line=hit.end_line,
            rule=hit.rule,
            weakness=hit.data["class"],
            title=title,
            explanation=hit.data["note"],
            severity=hit.data["severity"],
            category=hit.data["category"],
            tests=hit.data.get("tests", True),
        )
    if hit.rule == "invalid-syntax":
        return Lead(
            file=file,
            line=hit.line,
            end_line=hit.end_line,
            rule=hit.rule,
            weakness=SYNTAX,
            title=title,
            explanation="The file does not parse, so it cannot run, and other rules see little of it.",
            severity="high",
            category="errors",
            tests=False,
            any_newline=True,
        )
    rule = rules.ruff_rules()[hit.rule]
    return Lead(
        file=file,
        line=hit.line,
        end_line=hit.end_line,
        rule=hit.rule,
        weakness=rule.weakness,
        title=title,
        explanation=rule.why,
        severity=rule.severity,
        category=rule.category,
        tests=rule.tests,
        any_newline=True,
    )


def _is_unfit(file: File, content: bytes) -> bool:
    """Whether an analyser would pass over the file, or over parts of it."""
    if b"ast-grep-ignore" in content or os.path.splitext(file.name)[1] not in SUFFIXES:
        return True
    if b"\0" in content:
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return True
    return False


def _without_bom(content: bytes) -> bytes:
    """The content in UTF-8 if a byte order mark says that it is in UTF-16 or UTF-32."""
    # UTF-32 first: its mark begins with that of UTF-16.
    for mark, encoding in ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), *_UTF16):
        if content.startswith(mark):
            return content.decode(encoding, errors="replace").encode()
    return content


def _copy(files: Sequence[File], folder: Path, stop: threading.Event) -> dict[str, File]:
    """Writes copies that the analysers read in full; returns which file each path stands for.

    Lines keep their numbers. Nothing in the target may switch a rule off, least of all a comment.
    """
    folder.mkdir()
    copies: dict[str, File] = {}
    for number, file in enumerate(files):
        content = read(file.path)
        if content is None or stop.is_set():
            continue
        copy = folder / f"{number}{os.path.splitext(file.name)[1].lower()}"
        copy.write_bytes(_decoded(file, content).replace("ast-grep-ignore", "ast_grep_ignore").encode())
        copies[str(copy)] = file
    return copies


def _decoded(file: File, content: bytes) -> str:
    """The text in the encoding that it declares, else in UTF-8, else byte by byte."""
    content = _without_bom(content)
    encoding = "utf-8"
    if file.language == "python":
        with suppress(SyntaxError):
            encoding = tokenize.detect_encoding(io.BytesIO(content).readline)[0]
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return content.decode("latin-1")


async def _in_thread(work: Callable[..., T], *args: object) -> T:
    """What the function returns, called in a thread with a further argument: an event set on cancellation."""
    stop = threading.Event()
    try:
        return await trio.to_thread.run_sync(lambda: work(*args, stop), abandon_on_cancel=True)
    finally:
        stop.set()
