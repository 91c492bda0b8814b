"""Recipes: tables of lok.toml for programs without an adapter, which come with lok as files beside this one.

`use = "recipe:NAME"` lays a table of lok.toml over the recipe of that name; see `config`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lok_core.config_layers import parsed
from lok_core.errors import UnknownNameError

PREFIX = "recipe:"
"""What begins the value of `use` that names a recipe."""

_FOLDER = Path(__file__).with_name("recipes")


def recipe_names() -> list[str]:
    """Every recipe, sorted."""
    return sorted(file.stem for file in _FOLDER.glob("*.toml"))


def recipe_text(name: str) -> str:
    """The recipe as it is written: the part of a lok.toml that holds its table, with comments.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if name not in recipe_names():
        raise UnknownNameError("recipe", name, recipe_names())
    return (_FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def recipe_table(name: str) -> dict[str, Any]:
    """The table of the recipe, with the keys of `use = "command"` but for `use` itself.

    Raises:
        UnknownNameError: there is none of that name.
    """
    table: dict[str, Any] = parsed(recipe_text(name).encode(), PREFIX + name)["backends"][name]
    del table["use"]
    return table
