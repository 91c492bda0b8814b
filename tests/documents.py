"""The Markdown pages of this repository, taken apart: for the tests of what they say."""

import re
import shlex
from functools import cache
from itertools import pairwise
from pathlib import Path

import click
from attrs import frozen
from markdown_it import MarkdownIt

from lok_core.cli.app import lok as program
from lok_core.cli.task import task_command
from lok_core.errors import UnknownNameError

ROOT = Path(__file__).parent.parent
INDEX = ROOT / "docs/index.md"
PATTERNS = ("*.md", "docs/**/*.md", "plugins/*/README.md", "examples/*/README.md", "benchmarks/*.md")
PAGES = sorted(file for pattern in PATTERNS for file in ROOT.glob(pattern))

_OPERATORS = {"|", "||", "&&", ";", "&", "(", ")"}
_READER = MarkdownIt("commonmark").enable("table")


@frozen
class Block:
    """A fence: its language, what is in it, where, and what the comment right before it says.

    Such comments, which no reader sees: `runs`; `quotes FILE`; `file FILE` for what a reader shall write.
    """

    page: Path
    line: int
    language: str
    text: str
    mark: str

    @property
    def label(self):
        return f"{name_of(self.page)}:{self.line}"


def name_of(page):
    return str(page.relative_to(ROOT))


@cache
def tokens_of(page):
    """The page as markdown-it reads it."""
    return _READER.parse(page.read_text())


def blocks_of(page):
    """Every fence of the page, also in lists."""
    found, mark = [], ""
    for token in tokens_of(page):
        if token.type == "fence":
            found.append(Block(page, token.map[0] + 1, token.info.strip(), token.content, mark))
        comment = re.fullmatch(r"<!--(.*)-->\s*", token.content) if token.type == "html_block" else None
        mark = comment[1].strip() if comment else ""
    return found


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def links_of(page):
    """Where links and pictures of the page lead."""
    inline = [token for token in tokens_of(page) if token.type == "inline"]
    targets = [inner.attrGet("href") or inner.attrGet("src") for token in inline for inner in token.children]
    return [target for target in targets if target]


@cache
def anchors_of(page):
    """What `#...` may name, as git hosts and the site make it of headings."""
    tokens = tokens_of(page)
    found = set()
    for token, inner in pairwise(tokens):
        if token.type == "heading_open":
            text = "".join(one.content for one in inner.children)
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            number = sum(1 for one in found if re.fullmatch(re.escape(slug) + r"(-\d+)?", one))
            found.add(f"{slug}-{number}" if number else slug)
    return found


def tables_of(page):
    """The rows of the page's tables by the heading that they stand under: the text of each cell."""
    tables, heading, row = {}, "", []
    tokens = tokens_of(page)
    for token, inner in pairwise(tokens):
        if token.type == "heading_open":
            heading = inner.content
        elif token.type == "tr_open":
            row = []
        elif token.type in ("td_open", "th_open"):
            row.append(inner.content)
        elif token.type == "tr_close":
            tables.setdefault(heading, []).append(row)
    return {heading: rows[1:] for heading, rows in tables.items()}


def in_code(text):
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", text)


def commands(text):
    """The command lines in shell code that call lok: the words behind `lok`."""
    lines = text.replace("\\\n", " ").splitlines()
    if any(line.startswith("$ ") for line in lines):  # what is printed stands there as well
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    for line in lines:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words, simple = [*lexer, ";"], []
        for word in words:
            if word not in _OPERATORS:
                simple.append(word)
                continue
            while simple and (re.match(r"\w+=", simple[0]) or simple[0] in ("uv", "run", "time")):
                simple.pop(0)
            if simple[:1] == ["lok"]:
                cut = next((n for n, one in enumerate(simple) if one in ("<", ">", ">>", "<<")), None)
                yield simple[1:cut]
            simple = []


def parse(words, tasks=()):
    """Reads a command line as lok does, and runs nothing.

    Raises:
        click.ClickException, LokError: lok would refuse it.
    """
    with program.make_context("lok", list(words)) as ctx:
        command, rest = program, [*ctx._protected_args, *ctx.args]
        while isinstance(command, click.Group) and rest:
            if command is program and rest[0] in tasks:
                command, rest = task_command(rest[0], ""), rest[1:]
            else:
                _, command, rest = command.resolve_command(ctx, rest)
            if command is None:
                raise UnknownNameError("command", words[0], ())
            ctx = command.make_context(command.name, rest, parent=ctx)
            rest = [*ctx._protected_args, *ctx.args]
