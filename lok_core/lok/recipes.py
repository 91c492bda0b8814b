"""The recipes that come with lok, and which of their programs are here."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import frozen

from lok_core.errors import BackendError
from lok_core.programs import find_program
from lok_core.recipe import PREFIX, recipe_names, recipe_table
from lok_core.recipe import recipe_text as recipe_text
from lok_core.settings import Settings


@frozen
class Recipe:
    """A recipe on this machine.

    Attributes:
        name: what `use = "recipe:NAME"` names.
        program: the name of its program.
        path: the path of the program; empty if it is not on the PATH.
        tested: the versions that the recipe was tested with.
        install: the command that installs the program.
    """

    name: str
    program: str
    path: str
    tested: tuple[str, ...]
    install: str

    @property
    def use(self) -> str:
        """The value of `use` that names it."""
        return PREFIX + self.name


def recipes(env: Mapping[str, str]) -> list[Recipe]:
    """Every recipe, sorted by name.

    Args:
        env: whose PATH is looked through for their programs.
    """
    found = []
    for name in recipe_names():
        table = recipe_table(name)
        program = table["command"]
        try:
            path = find_program(program, env)
        except BackendError:
            path = ""
        tested = tuple(table.get("known_good", ()))
        found.append(Recipe(name, program, path, tested, table.get("install", "")))
    return found


def unused(env: Mapping[str, str], settings: Settings, backends: Collection[str]) -> list[Recipe]:
    """Those whose program is here though no backend runs it.

    Args:
        backends: the names of those at hand.
    """
    used = {one.table.use for one in settings.backends.values()}
    names = {*backends, *settings.backends}
    return [one for one in recipes(env) if one.path and one.use not in used and one.name not in names]
