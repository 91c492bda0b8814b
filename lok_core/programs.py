"""Where a program is: on the PATH, or in the folder that holds lok's own npm packages."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence

from lok_core.environment import NPM_FOLDER
from lok_core.errors import BackendError

_PACKAGE = re.compile(r"((?:@[\w~-][\w.~-]*/)?([\w~-][\w.~-]*))(?:@[^/]+)?")


def find_program(name: str, env: Mapping[str, str]) -> str:
    """The path of a program; of several the first that can be executed.

    Args:
        name: looked up in the absolute directories on the PATH of `env`: others would be looked for in a
            working directory, which may be hostile. With a slash it is the path itself, and must be absolute.

    Raises:
        BackendError: `unavailable`.
    """
    if "/" in name:
        candidates = [name]
    else:
        folders = env.get("PATH", os.defpath).split(":")
        candidates = [os.path.join(folder, name) for folder in folders]
    found = [path for path in candidates if os.path.isabs(path) and os.path.isfile(path)]
    if usable := [candidate for candidate in found if os.access(candidate, os.X_OK)]:
        return usable[0]
    if found:
        raise BackendError("unavailable", f"{found[0]} is not executable", f"chmod +x {found[0]}")
    if " " in name:
        raise BackendError("unavailable", f"there is no program {name!r}", "arguments belong into `args`")
    if not os.path.isabs(name) and "/" in name:
        raise BackendError(
            "unavailable", f"{name} is a relative path", "give the full path, or the name only"
        )
    if "/" in name:
        raise BackendError("unavailable", f"{name} does not exist", "install it, or correct the path")
    raise BackendError("unavailable", f"{name} is not on the PATH", f"install {name}, or give its full path")


def package_program(
    words: Sequence[str], name: str, env: Mapping[str, str]
) -> tuple[str, Sequence[str] | None]:
    """The program that `npx WORDS` means, and its arguments.

    npx itself is never started: in a hostile directory it runs what a planted node_modules holds.
    """
    rest, package, named = list(words), "", ""
    while rest and not named:
        word = rest.pop(0)
        if word in ("-p", "--package") and rest:
            package = rest.pop(0)
        elif word.startswith("--package="):
            package = word.partition("=")[2]
        elif not word.startswith("-"):
            named = word
    spec = _PACKAGE.fullmatch(package or named)
    if spec is None:
        raise BackendError(
            "unavailable",
            f"npx {shlex.join(words)} names no npm package".replace("  ", " "),
            'write args = ["@scope/package", ...]',
        )
    folder = env.get(NPM_FOLDER, "")
    modules = os.path.join(folder, "node_modules") if os.path.isabs(folder) else ""
    adapters = "" if os.path.basename(name) == "npx" else os.path.basename(name)
    program = named if package else _bin_name(modules, spec[1], adapters) or adapters or spec[2]
    path = ":".join(filter(None, [env.get("PATH", os.defpath), modules and os.path.join(modules, ".bin")]))
    try:
        return find_program(program, {"PATH": path}), rest or None
    except BackendError as error:
        where = f"--prefix {shlex.quote(folder)}" if modules else "-g"
        hint = f"`npm install {where} {shlex.quote(package or named)}` installs it"
        raise BackendError("unavailable", error.message, hint) from None


def _bin_name(modules: str, package: str, preferred: str) -> str:
    """What the package calls its program, if it is installed in lok's own npm folder; else nothing."""
    import json

    if not modules:
        return ""
    try:
        with open(os.path.join(modules, package, "package.json"), "rb") as file:
            programs = json.load(file)["bin"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    own = package.rpartition("/")[2]
    if isinstance(programs, str):
        return own
    names = [name for name in programs if "/" not in name] if isinstance(programs, dict) else []
    return next((name for name in (preferred, own, *names) if name in names), "")
