"""A last look at a text that names places and in which nothing was recognised: what repeats itself?

Reviews tell one problem like the other. Where no word says what is meant, the blocks of one shape that name
places in the code are the problems: this needs no vocabulary, and works in any language and for any title.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from attrs import evolve, frozen

from lok_core.findings.blocks import Block
from lok_core.findings.candidates import Candidate, Context, context_of, own_parts
from lok_core.findings.heads import read_head
from lok_core.findings.parts import is_trace, parts_of
from lok_core.findings.places import places

LEAST = 2
"""How many blocks have to name places; one may do so by chance."""
_TEXT = 2000  # characters of a block that are looked at
_WORDS = 4  # that a problem takes at least to be told


@frozen
class _Shaped:
    """A block with what it says itself, without the sections and items below it."""

    block: Block
    context: Context
    text: str

    @property
    def is_located(self) -> bool:
        return any(place.line for place in places(self.text)) and not any(
            map(is_trace, self.text.split("\n"))
        )


def by_shape(blocks: Sequence[Block]) -> list[Candidate]:
    """The blocks of the shape of which most name places; none if no shape has two of them.

    What stands below praise, or beside the point, counts only where nothing else names places.
    """
    shapes: dict[tuple[str, int], list[_Shaped]] = defaultdict(list)
    for shape, found in _walk(blocks, Context(), 0):
        if len(found.text.split()) >= _WORDS:
            shapes[shape].append(found)
    for unwanted in (("praise", "skip", "soft"), ("praise", "soft"), ()):
        best: list[_Shaped] = []
        for members in shapes.values():
            wanted = [one for one in members if one.context.mood not in unwanted]
            located = [one for one in wanted if one.is_located]
            if len(located) * 2 >= len(wanted) and len(located) > len(best):
                best = located
        if len(best) >= LEAST:
            return [_candidate(one) for one in best]
    return []


def _candidate(found: _Shaped) -> Candidate:
    block = found.block
    parts = parts_of(block.children) if block.kind == "section" else own_parts(block)
    text = block.first if block.kind == "section" else block.text
    return Candidate(
        block.kind, read_head(block.first), text, evolve(found.context, mood="problem"), parts, 1.0
    )


def _walk(blocks: Sequence[Block], context: Context, depth: int) -> Iterator[tuple[tuple[str, int], _Shaped]]:
    for block in blocks:
        if block.kind == "section":
            yield ("section", block.level), _Shaped(block, context, _own_text(block))
        elif block.kind in ("item", "para"):
            yield (block.kind, depth), _Shaped(block, context, _own_text(block))
        if block.children:
            inner = context_of(block, read_head(block.first), context)
            yield from _walk(block.children, inner, depth + (block.kind == "item"))


def _own_text(block: Block) -> str:
    """What it says before the first section or item of its own kind begins."""
    lines = [block.text]
    for child in block.children:
        if child.kind == block.kind or (block.kind == "section" and child.kind == "section"):
            break
        lines += [child.text, *(item.text for item in child.children if child.kind == "item")]
    return "\n".join(lines)[:_TEXT]
