"""`lok plugin new`: the distribution of a plugin that one can start from, made from the templates here."""

from __future__ import annotations

import keyword
import re
import shutil
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from string import Template

from attrs import frozen

from lok_core import API_VERSION
from lok_core import __all__ as PUBLIC
from lok_core.errors import UsageError
from lok_core.interfaces import Backend, Renderer, Rule, Task
from lok_core.registry import RESERVED, Registry
from lok_core.testing import __all__ as KIT

FIRST_PARTY = frozenset(
    {
        *("lok-backend-claude", "lok-backend-codex", "lok-backend-echo", "lok-backend-gemini"),
        *("lok-backend-openai", "lok-backend-static"),
        *("lok-render-html", "lok-render-sarif", "lok-task-audit", "lok-task-hunt"),
    }
)
"""Distributions of lok's own, which are perhaps not installed."""

_TEMPLATE = Path(__file__).with_name("template")
_PLACES = {
    # template: where it goes
    "README.md": "README.md",
    "module.py": "src/$module.py",
    "__init__.py": "src/$module/__init__.py",
    "tasks.toml": "src/$module/tasks.toml",
    "test_module.py": "tests/test_$identifier.py",
}


@frozen
class Kind:
    """What a kind of plugin implements, and is called: in names of distributions, in their descriptions."""

    interface: type
    short: str
    title: str


KINDS = {
    "backend": Kind(Backend, "backend", "A backend"),
    "task": Kind(Task, "task", "A task pack"),
    "rule": Kind(Rule, "rule", "A delegation rule"),
    "renderer": Kind(Renderer, "render", "An output format"),
}


def distribution(what: str, name: str) -> str:
    """The name of the distribution that offers it: `lok-backend-foo`."""
    return f"lok-{KINDS[what].short}-{name}"


def check_name(what: str, name: str, registry: Registry) -> None:
    """Passes if a new plugin may be called so.

    Args:
        what: a key of `KINDS`.
        registry: the plugins there are.

    Raises:
        UsageError: it may not, and why.
    """
    another = f"choose another name, such as my-{name}"
    wanted, interface = distribution(what, name), KINDS[what].interface
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        better = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        if not better[:1].isalpha():
            better = f"my-{better or 'own'}"
        raise UsageError(
            f"{name!r} cannot be the name of a {what}",
            "it takes small letters and digits, a letter first, and single hyphens in between, such as "
            + better,
        )
    for prefix in (distribution(what, ""), f"lok-{what}-"):
        if name.startswith(prefix):
            raise UsageError(
                f"{name!r} begins with {prefix}, which lok adds to the name",
                f"leave it out: lok plugin new {what} {name.removeprefix(prefix)}",
            )
    if (interface, name) in RESERVED or keyword.iskeyword(name) or keyword.iskeyword(_class_name(name)):
        raise UsageError(f"the name {name!r} is reserved", another)
    if _class_name(name) in {*PUBLIC, *KIT}:  # the class would hide the one that it is made from
        raise UsageError(f"the name {name!r} is reserved: lok has a {_class_name(name)} itself", another)
    if wanted in FIRST_PARTY:
        raise UsageError(f"{wanted} is one of lok's own", f"pip install {wanted}, or choose another name")
    if name in registry.names(interface):
        owner = registry.owner(interface, name)
        by = f" by {owner.distribution}" if owner else ""
        raise UsageError(f"the {what} {name!r} is offered{by} already", another)
    with suppress(metadata.PackageNotFoundError):
        metadata.distribution(wanted)
        raise UsageError(f"{wanted} is installed already", f"pip uninstall {wanted}, or choose another name")


def render(what: str, name: str) -> dict[str, str]:
    """The files of the distribution, by their paths in its folder."""
    first, second = API_VERSION
    identifier = name.replace("-", "_")
    words = {
        "name": name,
        "identifier": identifier,
        "class_name": _class_name(name),
        "distribution": distribution(what, name),
        "module": distribution(what, identifier).replace("-", "_"),
        "description": f"{KINDS[what].title} for lok: {name}.",
        "range": f">={first}.{second},<{first}.{second + 1}",
    }
    templates = {"pyproject.toml": _TEMPLATE / "pyproject.toml.tmpl"}
    for file in sorted((_TEMPLATE / what).iterdir()):
        templates[_PLACES[file.name.removesuffix(".tmpl")]] = file
    return {
        Template(place).substitute(words): Template(file.read_text(encoding="utf-8")).substitute(words)
        for place, file in templates.items()
    }


def write(what: str, name: str, parent: Path) -> Path:
    """Writes the distribution into a new folder below `parent`, and gives back that folder.

    Raises:
        UsageError: something is there already, or it cannot be written; then nothing has changed.
    """
    folder = parent / distribution(what, name)
    try:
        folder.mkdir()
        try:
            for place, text in render(what, name).items():
                file = folder / place
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except FileExistsError as error:
        raise UsageError(f"{folder} is there already", "remove it first, or choose another name") from error
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written: {error.strerror}",
            "it takes a folder that you may write to; -d DIR names another",
        ) from error
    return folder


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))
