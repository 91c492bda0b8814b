"""Which environment variables a backend's processes get to see.

A child sees its own credentials and not those of the other backends, and it does not take itself for a
nested run of the program that started lok.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from typing import Any

from lok_core.errors import BackendError
from lok_core.models import Profile

# Set by a CLI for what it starts; with them the same CLI, started by lok, refuses to run or changes its
# behaviour as a nested session.
_NESTING = ("CLAUDECODE", "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT")

# What git says of the repository it was called in (`git rev-parse --local-env-vars`) when it starts lok by a
# hook or an alias: a backend that works on a copy would commit to the user's own branch.
_REPOSITORY = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)

# What any program needs to run, find its home and reach the network; nothing else passes where the directory
# is not trusted, since variables can name programs and libraries to load.
_PLAIN = (
    "PATH",
    "HOME",
    "USER",
    "SHELL",
    "LANG",
    "LC_",
    "TZ",
    "TERM",
    "TMPDIR",
    "XDG_",
    "SSL_CERT_",
    "NODE_EXTRA_CA_CERTS",
    "LOK_",
)

NPM_FOLDER = "LOK_NPM_FOLDER"
"""The variable with lok's own folder, into which `npm install --prefix` puts programs for it."""

_TELLING = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)

DEPTH = "LOK_DEPTH"
MAX_DEPTH = 1


def child_environment(
    env: Mapping[str, str], profile: Profile, others_secrets: Collection[str], *, trusted: bool
) -> dict[str, str]:
    """The environment for a backend's processes.

    Args:
        env: lok's own.
        profile: the backend's; what it declares in `secrets` and `env` passes.
        others_secrets: names and prefixes of the secrets that other backends declare.
        trusted: whether the directory is; otherwise only a short list of harmless variables passes.
    """
    own = (*profile.secrets, *profile.env)
    child = {
        name: value
        for name, value in env.items()
        if name not in (*_NESTING, *_REPOSITORY)
        and (_matches(name, own) or (not _matches(name, others_secrets) and (trusted or _plain(name))))
    }
    if "PATH" in child:
        child["PATH"] = _absolute(child["PATH"])
    child[DEPTH] = str(depth(env) + 1)
    return child


def secret_values(env: Mapping[str, str], profiles: Collection[Profile]) -> set[str]:
    """The values that must not be shown: those of every variable which some backend declares as a secret."""
    names = {name for profile in profiles for name in profile.secrets}
    return {value for name, value in env.items() if _matches(name, names)}


def given_secrets(given: Any, declared: Collection[str]) -> set[str]:
    """The values of a table's `env` that must not be shown: those declared, and those called a secret.

    Args:
        given: what stands under `env`, which need not be a table.
    """
    if not isinstance(given, Mapping):
        return set()
    return {
        str(value) for name, value in given.items() if str(name) in declared or _TELLING.search(str(name))
    }


def written_secrets(table: Any, env: Mapping[str, str]) -> set[str]:
    """The values that a backend's table declares to be secret, as it is written, with mistakes or without."""
    declared = table.get("secrets") if isinstance(table, Mapping) else None
    names = [name for name in declared if isinstance(name, str)] if isinstance(declared, list) else []
    given = table.get("env") if isinstance(table, Mapping) else None
    return given_secrets(given, names) | {value for name, value in env.items() if _matches(name, names)}


def depth(env: Mapping[str, str]) -> int:
    """How many loks are above this one: a backend may be told to run lok itself."""
    value = env.get(DEPTH, "0")
    return int(value) if value.isdigit() else 0


def refuse_recursion(env: Mapping[str, str]) -> None:
    """Ends a chain of backends that call lok.

    Raises:
        BackendError: `invalid`, when this lok was started by a backend of another one.
    """
    if depth(env) >= MAX_DEPTH:
        raise BackendError(
            "invalid",
            "lok was started by a backend of another lok, and does not ask backends from there",
            f"unset {DEPTH} if this is meant",
        )


def _matches(name: str, declared: Collection[str]) -> bool:
    return any(name == one or (one.endswith("_") and name.startswith(one)) for one in declared)


def _absolute(path: str) -> str:
    """The search path without entries that mean the working directory, where programs are planted."""
    return os.pathsep.join(entry for entry in path.split(os.pathsep) if os.path.isabs(entry))


def _plain(name: str) -> bool:
    return _matches(name, _PLAIN) or name.upper().endswith("_PROXY")
