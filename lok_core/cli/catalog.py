"""The tasks. The installed ones are remembered between runs.

To know them lok has to import every plugin, which takes longer than all the rest of `lok --help`. What was
found is kept in the user's cache folder and holds as long as none of the folders that Python imports from,
and none of the plugins' own files, has changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import zlib
from collections.abc import Iterable, Mapping

from lok_core import __version__
from lok_core.cli.places import is_configured, read_setup

_DISABLE = "LOK_DISABLE_PLUGINS"


def tasks(config: str | None = None) -> dict[str, str]:
    """Name and description of every task, installed or of lok.toml.

    Args:
        config: a file of configuration that the user named.

    Raises:
        ConfigError: a file of the configuration cannot be read.
    """
    if config is None and not is_configured():
        return task_descriptions(os.environ)
    setup = read_setup(config)
    return setup.tasks(task_descriptions(setup.env))


def task_descriptions(env: Mapping[str, str]) -> dict[str, str]:
    """Name and description of every installed task."""
    file = _file()
    # The folder of the script, or of `python -m`, is not where plugins are found, and changes all the time.
    path = sys.path if sys.flags.safe_path else sys.path[1:]
    setting = [__version__, env.get(_DISABLE, ""), path]
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        with open(file, encoding="utf-8") as stream:
            kept = json.load(stream)
        if kept["setting"] == setting and kept["times"] == _times(kept["times"]):
            return dict(kept["tasks"])
    from lok_core.cli.output import load_plugins
    from lok_core.lok import tasks_of

    registry = load_plugins(env)
    tasks = tasks_of(registry)
    if registry.broken:
        return tasks  # not kept: nobody knows which files it would take to mend them
    entry = {"setting": setting, "times": _times([*path, *registry.files()]), "tasks": tasks}
    with contextlib.suppress(OSError):  # a cache that cannot be written is no loss
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        temporary = f"{file}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as stream:
            json.dump(entry, stream)
        os.replace(temporary, file)
    return tasks


def _file() -> str:
    from platformdirs import user_cache_dir

    return os.path.join(user_cache_dir("lok"), f"tasks-{zlib.crc32(os.fsencode(sys.prefix)):08x}.json")


def _times(paths: Iterable[str]) -> dict[str, int]:
    times = {}
    for path in paths:
        try:
            times[path] = os.stat(path).st_mtime_ns
        except OSError:
            times[path] = 0
    return times
