"""What the installed plugins offer, and which of them are broken.

Each entry point of the group `lok` is loaded on its own: whatever one plugin does wrong disables that plugin
and is kept as data (`Registry.broken`), so that every other command still works.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from importlib import metadata
from typing import Any, TypeVar

import pluggy
from attrs import Factory, define, frozen

from lok_core import hookspecs
from lok_core.errors import PluginError, UnknownNameError
from lok_core.interfaces import Backend, Renderer, Rule, Task

GROUP = "lok"

T = TypeVar("T")

_HOOKS: dict[type, tuple[str, str]] = {
    # interface: (the hook that offers subclasses of it, the attribute that names them)
    Backend: ("lok_register_backends", "kind"),
    Task: ("lok_register_tasks", "name"),
    Rule: ("lok_register_rules", "name"),
    Renderer: ("lok_register_renderers", "name"),
}
_WAY_OUT = "set LOK_DISABLE_PLUGINS={} to leave one of them out"


@frozen
class Plugin:
    """An entry point of the group `lok`. `label` is "distribution:entry", unique in an environment."""

    distribution: str
    version: str
    entry: str
    load: Callable[[], object]

    @property
    def label(self) -> str:
        return f"{self.distribution}:{self.entry}"


@frozen
class Broken:
    """A plugin that disabled itself: a line that says why, and the traceback."""

    plugin: Plugin
    reason: str
    traceback: str = ""


@define
class Registry:
    """The classes that plugins offer, by interface and name."""

    broken: list[Broken] = Factory(list)
    disabled: list[Plugin] = Factory(list)
    _managers: dict[Plugin, pluggy.PluginManager] = Factory(dict)
    _offers: dict[type, dict[str, list[tuple[Plugin, type]]]] = Factory(dict)

    @classmethod
    def installed(cls, disabled: Collection[str] = ()) -> Registry:
        """Everything found by entry points.

        Args:
            disabled: distributions, or labels "distribution:entry", that are not loaded.
        """
        registry = cls()
        # importlib.metadata walks the distributions in path order, which differs between machines.
        for plugin in sorted(_entry_points(), key=lambda found: found.label):
            if plugin.distribution in disabled or plugin.label in disabled:
                registry.disabled.append(plugin)
            else:
                registry.add(plugin)
        return registry

    def add(self, plugin: Plugin) -> None:
        """Loads one plugin; on any failure it offers nothing and is listed in `broken`."""
        try:
            self._managers[plugin] = _manager_of(plugin.load(), plugin.label)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and must not take lok along
            self._give_up(plugin, error)

    @property
    def plugins(self) -> list[Plugin]:
        """Those that work, as far as they have been asked what they offer."""
        return list(self._managers)

    def files(self) -> list[str]:
        """The source files of the plugins that work."""
        modules = [module for manager in self._managers.values() for module in manager.get_plugins()]
        return [file for module in modules if (file := getattr(module, "__file__", None))]

    def names(self, interface: type) -> list[str]:
        """The names offered for an interface, those claimed twice included, sorted."""
        return sorted(self._offered(interface))

    def offered_by(self, plugin: Plugin) -> list[tuple[type, str]]:
        """What a plugin offers: (interface, name), in the order of the hooks."""
        return [
            (interface, name)
            for interface in _HOOKS
            for name, claims in sorted(self._offered(interface).items())
            if any(owner is plugin for owner, _ in claims)
        ]

    def duplicates(self) -> list[str]:
        """One line for each name that two plugins claim."""
        return [
            _claimed_twice(interface, name, claims)
            for interface in _HOOKS
            for name, claims in sorted(self._offered(interface).items())
            if len(claims) > 1
        ]

    def get(self, interface: type[T], name: str) -> type[T]:
        """The class of that name.

        Raises:
            UnknownNameError: nobody offers it.
            PluginError: two plugins do.
        """
        claims = self._offered(interface).get(name)
        if claims is None:
            raise UnknownNameError(interface.__name__.lower(), name, self.names(interface))
        if len(claims) > 1:
            way_out = _WAY_OUT.format(claims[-1][0].distribution)
            raise PluginError(_claimed_twice(interface, name, claims), way_out)
        return claims[0][1]

    def all(self, interface: type[T]) -> Mapping[str, type[T]]:
        """Every class whose name only one plugin claims, by name."""
        offers = sorted(self._offered(interface).items())
        return {name: claims[0][1] for name, claims in offers if len(claims) == 1}

    def _offered(self, interface: type) -> dict[str, list[tuple[Plugin, type]]]:
        """Who offers what; a plugin is asked when it is first needed, and only for what is needed."""
        if interface not in self._offers:
            hook, attribute = _HOOKS[interface]
            offers: dict[str, list[tuple[Plugin, type]]] = {}
            for plugin, manager in list(self._managers.items()):
                try:
                    for classes in getattr(manager.hook, hook)():
                        for offered in _checked(hook, classes, interface, attribute):
                            offers.setdefault(getattr(offered, attribute), []).append((plugin, offered))
                except Exception as error:  # noqa: BLE001 - a plugin may raise anything in its hook, too
                    del self._managers[plugin]
                    self._give_up(plugin, error)
            self._offers[interface] = offers
        return self._offers[interface]

    def _give_up(self, plugin: Plugin, error: Exception) -> None:
        import traceback

        reason = str(error) if isinstance(error, _WrongError) else f"{type(error).__name__}: {error}"
        self.broken.append(Broken(plugin, reason, "".join(traceback.format_exception(error))))


class _WrongError(Exception):
    """The plugin loaded but does not keep to the hooks; the message says how."""


def _entry_points() -> Iterable[Plugin]:
    for entry in metadata.entry_points(group=GROUP):
        if entry.dist is not None:
            yield Plugin(entry.dist.name, entry.dist.version, entry.name, entry.load)


def _manager_of(module: object, label: str) -> pluggy.PluginManager:
    """A manager for this plugin alone: one raising plugin would end the call of a hook for all of them, and
    pluggy skips a second plugin of the same name without a word."""
    for name, member in inspect.getmembers(module, inspect.isfunction):
        if name.startswith("lok_") and not hasattr(member, "lok_impl"):
            raise _WrongError(f"{name} is not marked with @hookimpl")  # pluggy would not notice it
    manager = pluggy.PluginManager("lok")
    manager.add_hookspecs(hookspecs)
    manager.register(module, name=label)
    unknown = sorted(caller.name for caller in manager.get_hookcallers(module) or () if not caller.has_spec())
    if unknown:
        known = ", ".join(hook for hook, _ in _HOOKS.values())
        raise _WrongError(f"no hook is named {unknown[0]}; there are {known}")
    return manager


def _checked(hook: str, classes: Any, interface: type, attribute: str) -> list[type]:
    if not isinstance(classes, (list, tuple)):
        raise _WrongError(f"{hook} must return a list of classes, not {type(classes).__name__}")
    for offered in classes:
        if not (isinstance(offered, type) and issubclass(offered, interface)):
            raise _WrongError(f"{hook} offers {offered!r}, which is no subclass of {interface.__name__}")
        if inspect.isabstract(offered):
            missing = ", ".join(sorted(getattr(offered, "__abstractmethods__", ())))
            raise _WrongError(f"{offered.__name__} lacks {missing}")
        name = getattr(offered, attribute, None)
        if not (isinstance(name, str) and name and all(part.isalnum() for part in name.split("-"))):
            raise _WrongError(f"{offered.__name__}.{attribute} is {name!r}, not a name such as 'my-own'")
    return list(classes)


def _claimed_twice(interface: type, name: str, claims: list[tuple[Plugin, type]]) -> str:
    owners = " and ".join(plugin.distribution for plugin, _ in claims)
    return f"the {interface.__name__.lower()} {name!r} is offered by {owners}"
