"""How well merging tells one problem from two, and how its time grows.

    python benchmarks/merging.py

Prints precision and recall of joining the pairs of tellings in merging-pairs.txt, then the CPU seconds, the
best of three runs, for 1,000 to 10,000 findings in several shapes. Exits with 1 when 10,000 take 3 s or more.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, cast

from lok_core.findings.merge import merged
from lok_core.models import CATEGORIES, Category
from lok_core.outcome import Finding, Location, Source

PAIRS = Path(__file__).with_name("merging-pairs.txt")
BOUND_S = 3.0
SIZES = (1_000, 2_000, 5_000, 10_000)


class Pair(NamedTuple):
    """Two tellings, so many lines apart (None: without places), and whether they are of one problem."""

    same: bool
    apart: int | None
    one: str
    other: str


def told(text: str, backend: str, label: str, place: Location | None) -> Finding:
    """A finding as extracted and grounded, of "category|title|explanation"."""
    named, title, explanation = text.split("|", 2)
    category = cast(Category, named.rstrip("*"))
    source = Source(
        backend, label, title, explanation, "medium", category, lead=named.endswith("*"), place=place
    )
    places = () if place is None else (place,)
    return Finding(title, explanation, "medium", category, places, (source,), grounding="unchecked")


def sections() -> dict[str, list[Pair]]:
    """The pairs of merging-pairs.txt."""
    found: dict[str, list[Pair]] = {}
    name = ""
    for block in PAIRS.read_text("utf-8").split("\n\n"):
        first, *tellings = block.strip().split("\n")
        if first.startswith("# "):
            name = first.removeprefix("# ")
        elif name:
            kind, apart = first.split()
            pair = Pair(kind == "same", None if apart == "-" else int(apart), *tellings)
            found.setdefault(name, []).append(pair)
    return found


def quality(name: str, pairs: list[Pair]) -> None:
    """Prints precision and recall, and the pairs that are judged wrongly."""
    right = joined = 0
    for pair in pairs:
        places: tuple[Location | None, Location | None] = (None, None)
        if pair.apart is not None:
            places = Location("a.py", 10), Location("a.py", 10 + pair.apart)
        one, other = (
            told(text, backend, "hunt", place)
            for text, backend, place in zip((pair.one, pair.other), ("codex", "gemini"), places, strict=True)
        )
        is_one = len(merged([one, other])) == 1
        joined += is_one
        right += is_one and pair.same
        if is_one != pair.same:
            print(f"  {'missed' if pair.same else 'glued'}: {one.title} / {other.title}")
    same = sum(pair.same for pair in pairs)
    print(f"{name}, {len(pairs)} pairs: precision {right / joined:.3f}, recall {right / same:.3f}")


def tellings(number: int, place: Callable[[random.Random], Location | None]) -> list[Finding]:
    """Findings made of the tellings above and of random words, by four backends with four prompts each."""
    rng = random.Random(number)
    texts = [text for pairs in sections().values() for pair in pairs for text in (pair.one, pair.other)]
    words = sorted({word for text in texts for word in text.split("|")[2].split()})
    found = []
    for _ in range(number):
        text = rng.choice(texts)
        if rng.random() < 0.5:
            text = "|".join(
                (
                    rng.choice(CATEGORIES),
                    " ".join(rng.choices(words, k=6)),
                    " ".join(rng.choices(words, k=30)),
                )
            )
        label = rng.choice(("errors", "perf", "auth", "secrets"))
        found.append(told(text, rng.choice("abcd"), label, place(rng)))
    return found


def seconds(findings: list[Finding]) -> float:
    """CPU time of merging them."""
    begin = time.process_time()
    merged(findings)
    return time.process_time() - begin


def speed() -> bool:
    """Prints the times; whether the bound holds."""
    shapes: dict[str, Callable[[random.Random], Location | None]] = {
        "one line of one file": lambda rng: Location("a.py", 10),
        "many lines of one file": lambda rng: Location("a.py", rng.randrange(1, 5_000)),
        "many files": lambda rng: Location(f"{rng.randrange(500)}.py", rng.randrange(1, 100)),
        "no place": lambda rng: None,
        "one file, no line": lambda rng: Location("a.py"),
    }
    print(f"{'CPU seconds for':24}" + "".join(f"{size:>9,}" for size in SIZES) + "   10,000 / 5,000")
    held = True
    for name, place in shapes.items():
        times = []
        for size in SIZES:
            findings = tellings(size, place)
            times.append(min(seconds(findings) for _ in range(3)))
        print(f"{name:24}" + "".join(f"{took:9.2f}" for took in times) + f"{times[-1] / times[-2]:12.1f}x")
        held = held and times[-1] < BOUND_S
    return held


if __name__ == "__main__":
    for name, pairs in sections().items():
        quality(name, pairs)
    sys.exit(0 if speed() else 1)
