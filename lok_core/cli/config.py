"""lok config."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from lok_core.cli.options import text_or_json
from lok_core.cli.output import load_plugins, write_stdout
from lok_core.cli.places import given, read_setup

if TYPE_CHECKING:
    from lok_core.lok import Registry, Settings

_WIDTH = 60
_TELLING = r"key|token|secret|password|credential|authorization"
_NAMED = re.compile(_TELLING, re.IGNORECASE)
_FLAG = re.compile(rf"--?[\w-]*(?:{_TELLING})[\w-]*", re.IGNORECASE)
_GIVEN = re.compile(
    rf"""([\w.-]*(?:{_TELLING})[\w-]*["']?\s*[=:]\s*["']?(?:(?:Bearer|Basic|Token)\s+)?)([^\s"']+)""",
    re.IGNORECASE,
)
# What keys of the providers look like, and a password in an address.
_KEY = re.compile(
    r"\b(?:sk|pk|rk|ghp|gho|xox[abp]|AIza|github_pat)[-_]?[\w-]{16,}|(?<=://)[^/\s@]+:[^/\s@]+(?=@)"
)


@click.command(short_help="Show the configuration that counts, and where each value is from.")
@click.option(
    "-c", "--config", "file", type=click.Path(), metavar="FILE", help="A lok.toml that counts most."
)
@text_or_json
@click.pass_context
def config(ctx: click.Context, file: str | None, form: str) -> None:
    """Shows the values that count and the file that each is from; secrets are masked."""
    # Not at the top: `--help` would pay for it.
    from lok_core import lok as lok_face
    from lok_core.sanitize import clean_line

    setup = read_setup(given(ctx, "config", file))
    registry = load_plugins(setup.env)
    settings = setup.settings(registry)
    mask = lok_face.make_panel(registry, setup.env, (), settings).mask
    rows = [
        (".".join(place), _masked(_plain(value), place[-1], mask), origin)
        for place, value, origin in _values(registry, settings)
    ]
    files = [(layer.origin, layer.origin not in settings.untrusted) for layer in setup.layers]
    if form == "json":
        told = {
            "schema": "lok.config/1",
            "files": [{"path": path, "trusted": trusted} for path, trusted in files],
            "values": [{"key": key, "value": value, "origin": origin} for key, value, origin in rows],
            "notes": settings.notes,
        }
        write_stdout(json.dumps(told, indent=2) + "\n")
        return
    lines = [f"# {path}{'' if trusted else ' (not trusted)'}" for path, trusted in files]
    lines += [f"# {note}" for note in settings.notes]
    shown = [(key, _short(json.dumps(value, ensure_ascii=False)), origin) for key, value, origin in rows]
    first = max((len(key) for key, _, _ in shown), default=0)
    second = max((len(value) for _, value, _ in shown), default=0)
    lines += [f"{key:{first}}  {value:{second}}  {origin}" for key, value, origin in shown]
    write_stdout("".join(f"{clean_line(line)}\n" for line in lines))


def _values(registry: Registry, settings: Settings) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Place, value and origin of everything that counts, in the order of a file."""
    from attrs import asdict

    for place, value in {
        ("defaults", "parallel"): settings.parallel,
        ("defaults", "timeout"): settings.timeout_s,
        ("conductor", "max_rounds"): settings.max_rounds,
        ("conductor", "max_tokens"): settings.max_tokens,
        ("plugins", "disable"): settings.disable,
    }.items():
        yield place, value, settings.origin(*place)
    yield from _of_backends(registry, settings)
    for name, table in sorted(settings.tasks.items()):
        for key, value in asdict(table).items():
            if value is not None:
                yield ("tasks", name, key), value, settings.origin("tasks", name, key)


def _of_backends(registry: Registry, settings: Settings) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    from attrs import asdict

    from lok_core import lok as lok_face

    limits = lok_face.make_limits(settings=settings)
    panel = lok_face.make_panel(registry, {}, (), settings)
    for name, kind, config in lok_face.configs(registry, settings):
        backend = panel.backends.get(name)
        common = {
            "use": (name in settings.backends and settings.backends[name].table.use) or kind,
            "enabled": name not in settings.backends or settings.backends[name].table.enabled,
            "timeout": limits.timeouts_s.get(name, limits.timeout_s),
            "concurrency": limits.places.get(name, limits.per_backend),
            "strengths": () if backend is None else backend.profile.strengths,
        }
        if name in limits.stalls_s:
            common["stall_timeout"] = limits.stalls_s[name]
        for key, value in {**common, **asdict(config)}.items():
            place = ("backends", name, key)
            if key in common or value or settings.says(*place):
                general = key == "timeout" and not settings.says(*place)
                yield place, value, settings.origin(*(("defaults", key) if general else place))


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(inner) for inner in value]
    if value == math.inf:
        return 0  # none, as in the files
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


def _masked(value: Any, key: str, mask: Callable[[str], str]) -> Any:
    """The value without what may be a secret; one mask too many does no harm here."""
    from lok_core.sanitize import mask_value

    if isinstance(value, dict):
        # Whatever is put into an environment is more often a secret than not.
        return {
            inner: mask_value(one) if key == "env" and isinstance(one, str) else _masked(one, inner, mask)
            for inner, one in value.items()
        }
    if isinstance(value, list):
        before = ["", *value]
        return [
            mask_value(one) if isinstance(one, str) and _is_flag(flag) else _masked(one, key, mask)
            for flag, one in zip(before, value, strict=False)
        ]
    if not isinstance(value, str):
        return value
    if _NAMED.search(key) and not key.endswith(("_env", "secrets")):
        return mask_value(value)
    value = _GIVEN.sub(lambda found: found[1] + mask_value(found[2]), value)
    return mask(_KEY.sub(lambda found: mask_value(found[0]), value))


def _is_flag(word: Any) -> bool:
    return isinstance(word, str) and _FLAG.fullmatch(word) is not None


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
