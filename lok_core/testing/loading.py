"""What a plugin offers, as lok gets it from the plugin's hooks or its `tasks.toml`."""

from __future__ import annotations

from types import ModuleType

from lok_core.errors import PluginError
from lok_core.registry import Plugin, Registry


def load_plugin(module: ModuleType) -> list[type]:
    """The classes that a plugin offers: its backends, tasks, rules and renderers, each kind sorted by name.

    Args:
        module: what its entry point names.

    Raises:
        PluginError: lok would disable it, and why.
    """
    plugin = Plugin(module.__name__, "0", module.__name__, lambda: module)
    registry = Registry()
    registry.add(plugin)
    if registry.broken:
        raise PluginError(registry.broken[0].reason)
    return [registry.get(interface, name) for interface, name in registry.offered_by(plugin)]
