"""What is told of the facts, in prompts and in notes: numbers, and our own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from attrs import Factory, evolve, frozen

from lok_core.facts.detected import Facts, detect
from lok_core.facts.known import known
from lok_core.models import Category, Prompt

PLACEHOLDERS: Mapping[str, str] = {
    "{facts}": "all of it, and what the tools in use report by themselves in the prompt's category",
    "{languages}": "the languages, and in about how many files",
    "{frameworks}": "the frameworks and libraries",
    "{tools}": "the type checkers, linters and analysers in use",
}
"""What is replaced in the text of a prompt."""


@frozen
class Informed:
    """The prompts of a task for a certain code base.

    Attributes:
        prompts: those that are asked, with the facts in them.
        left_out: of the others, by name, why they are not.
        told: what all prompts together tell of the code base, in one line; empty if nothing.
        unknown: what conditions name that is no fact.
    """

    prompts: tuple[Prompt, ...]
    left_out: Mapping[str, str] = Factory(dict)
    told: str = ""
    unknown: tuple[str, ...] = ()


def informed(prompts: Sequence[Prompt], directory: Path | None) -> Informed:
    """The prompts for the code base in the directory; without one, as if nothing were known of it."""
    named = {name for one in prompts for name in (*one.when, *one.unless)}
    if unknown := named - known().names if named else set():
        return Informed(tuple(prompts), unknown=tuple(sorted(unknown)))
    telling = any(name in one.text for one in prompts for name in PLACEHOLDERS)
    if directory is None or not (named or telling):
        return filled(prompts, Facts())
    return filled(prompts, detect(directory))


def filled(prompts: Sequence[Prompt], facts: Facts) -> Informed:
    """The prompts with the facts in them."""
    asked, left_out = [], {}
    for prompt in prompts:
        if why := _excluded(prompt, facts):
            left_out[prompt.name] = why
        else:
            asked.append(evolve(prompt, text=_text(prompt, facts)))
    return Informed(
        tuple(asked), left_out, _told_by([one for one in prompts if one.name not in left_out], facts)
    )


def _told_by(prompts: Iterable[Prompt], facts: Facts) -> str:
    """What these prompts tell, in one line."""
    prompts = [one for one in prompts if any(name in one.text for name in PLACEHOLDERS)]
    told = summary(facts) if prompts else ""
    named = {
        tool: None for one in prompts if "{facts}" in one.text for tool in prevented(facts, one.category)
    }
    if not named:
        return told
    return f"{told}; to leave out what {_listed(named)} {'reports' if len(named) == 1 else 'report'}"


def summary(facts: Facts) -> str:
    """All facts in one line; empty if there are none."""
    return "; ".join(part for part in (_languages(facts), _frameworks(facts), _tools(facts)) if part)


def _excluded(prompt: Prompt, facts: Facts) -> str:
    if prompt.when and not facts.names & set(prompt.when):
        return f"it is for {_listed(map(_told, prompt.when), 'or')}"
    there = [name for name in prompt.unless if name in facts.names]
    return f"{_listed(map(_told, there))} {'is' if len(there) == 1 else 'are'} in use" if there else ""


def _text(prompt: Prompt, facts: Facts) -> str:
    values = {
        "{facts}": _paragraph(facts, prompt.category),
        "{languages}": _languages(facts) or "an unknown language",
        "{frameworks}": _frameworks(facts) or "no framework that is known",
        "{tools}": _tools(facts) or "no tool that is known",
    }
    text = prompt.text
    if not values["{facts}"]:
        text = text.replace("\n\n{facts}", "").replace("{facts}\n\n", "")
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _paragraph(facts: Facts, category: Category) -> str:
    lines = []
    if told := _languages(facts):
        lines.append(f"Languages: {told}.")
    if told := _frameworks(facts):
        lines.append(f"Frameworks and libraries: {told}.")
    if told := _tools(facts):
        lines.append(f"Checked by: {told}.")
    if not lines:
        return ""
    text = "Facts about this code base, read from its files:\n" + "\n".join(lines)
    if reported := prevented(facts, category):
        told = "\n".join(f"- {tool}: {_listed(what)}" for tool, what in reported.items())
        text += (
            "\nWhat these tools prevent or report by themselves is known already, so leave it out, but not "
            f"where a comment silences the tool or its configuration leaves out the file or the rule:\n{told}"
        )
    return text


def prevented(facts: Facts, category: Category) -> dict[str, list[str]]:
    """What tools in use report by themselves in the category, by what the tools are called."""
    found = {}
    for name, has in facts.tools.items():
        tool = known().tools[name]
        what = [
            one.what
            for one in tool.reports
            if one.category == category and (not one.trait or one.trait in has)
        ]
        if what and facts.is_whole(name):
            found[tool.told] = what
    return found


def _languages(facts: Facts) -> str:
    told = [
        f"{known().languages[name].told} ({_sized(files)})"
        for name, files in sorted(facts.languages.items(), key=lambda one: (-len(str(one[1])), one[0]))
    ]
    return ", ".join(told) or ("too many files to count" if facts.countless else "")


def _frameworks(facts: Facts) -> str:
    return ", ".join(known().frameworks[name].told for name in facts.frameworks)


def _tools(facts: Facts) -> str:
    return ", ".join(
        known().tools[name].told
        + (" (strict)" if "strict" in has else "")
        + (" (for a part)" if name in facts.partial else "")
        for name, has in facts.tools.items()
    )


def _told(name: str) -> str:
    for table in (known().languages, known().frameworks, known().tools):
        if name in table:
            return str(table[name].told)
    return f"{_told(name.removesuffix('-strict'))} with strict settings"


def _sized(files: int) -> str:
    """By words, and the order follows them: a small change of the code base changes no prompt."""
    words = (
        "a few files",
        "tens of files",
        "hundreds of files",
        "thousands of files",
        "tens of thousands of files",
    )
    return words[min(len(str(files)), len(words)) - 1]


def _listed(parts: Iterable[str], word: str = "and") -> str:
    *most, last = parts
    return f"{', '.join(most)} {word} {last}" if most else last
