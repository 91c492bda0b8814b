"""What the settings of a tool say of what it reports: its traits, `strict` or the codes of its rules.

In doubt a trait is not there: one claim too few costs a finding that a tool reports as well, one too many
costs a finding that nobody reports. So a setting that is not known to be harmless takes the traits away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lok_core.facts.known import known
from lok_core.facts.sources import Sources, at

_NOTHING: frozenset[str] = frozenset()
_STRICT = frozenset(("strict",))
_MYPY_HARMLESS = re.compile(
    r"strict|python_version|platform|plugins|cache_dir|sqlite_cache|incremental|mypy_path|namespace_packages"
    r"|explicit_package_bases|pretty|show_\w+|hide_\w+|warn_\w+|color_output|error_summary|enable_error_code"
    r"|module|ignore_missing_imports|follow_untyped_imports"
)
_MYPY_STRICTER = re.compile(
    r"disallow_\w+|check_untyped_defs|strict_\w+|extra_checks|local_partial_types|no_implicit_\w+"
)
_PYRIGHT_HARMLESS = re.compile(
    r"\$schema|typeCheckingMode|pythonVersion|pythonPlatform|venv|venvPath|reportMissing\w+|reportUnnecessary\w+"
)
_TYPESCRIPT_STRICTER = re.compile(r"strict\w+|noImplicit\w+|alwaysStrict|useUnknownInCatchVariables")
_EVERYWHERE = {"**", ".", "./", "**/*", "./**/*", "**/*.ts", "./**/*.ts"}
_GENERATED = {"node_modules", "dist", "build", "out", ".next", "coverage"}
_RUFF_DEFAULT = ("E4", "E7", "E9", "F")
_RUFF_RULES = {
    "select",
    "extend-select",
    "ignore",
    "extend-ignore",
    "per-file-ignores",
    "extend-per-file-ignores",
}
_RUFF_HARMLESS = _RUFF_RULES | {
    *(
        "lint",
        "format",
        "line-length",
        "indent-width",
        "target-version",
        "src",
        "fix",
        "unsafe-fixes",
        "preview",
    ),
    *(
        "show-fixes",
        "output-format",
        "cache-dir",
        "required-version",
        "namespace-packages",
        "fixable",
        "unfixable",
    ),
    *(
        "extend-fixable",
        "task-tags",
        "isort",
        "mccabe",
        "pydocstyle",
        "pycodestyle",
        "pep8-naming",
        "pyupgrade",
    ),
    *("pylint", "flake8-annotations", "flake8-quotes", "flake8-tidy-imports", "flake8-type-checking"),
    *("flake8-pytest-style", "flake8-implicit-str-concat", "flake8-import-conventions"),
}


def traits(tool: str, sources: Sources, path: str) -> frozenset[str] | None:
    """The traits that a configuration file of the tool gives it; None if it does not configure it."""
    read = _OF_FILES.get(tool)
    return _NOTHING if read is None else read(sources, path)


def _is_true(value: Any) -> bool:
    return value is True or str(value).strip().casefold() in ("true", "1", "yes", "on")


def _of_mypy(sources: Sources, path: str) -> frozenset[str]:
    if path.endswith(".toml"):
        own = at(sources.toml(path), "tool", "mypy")
        if not isinstance(own, Mapping):
            return _NOTHING
        others = own.get("overrides", [])
        own = {key: value for key, value in own.items() if key != "overrides"}
    else:
        sections = sources.ini(path)
        own = sections.get("mypy", {})
        others = [section for name, section in sections.items() if name.startswith("mypy-")]
    is_strict = _is_true(own.get("strict", False)) and isinstance(others, list)
    return _STRICT if is_strict and all(map(_is_harmless_mypy, (own, *others))) else _NOTHING


def _is_harmless_mypy(section: Any) -> bool:
    return isinstance(section, Mapping) and all(
        _MYPY_HARMLESS.fullmatch(key) or (_MYPY_STRICTER.fullmatch(key) and _is_true(value))
        for key, value in section.items()
    )


def _of_pyright(
    sources: Sources, path: str, table: str = "pyright", mode: str = "standard"
) -> frozenset[str]:
    own = at(sources.toml(path), "tool", table) if path.endswith(".toml") else sources.json(path)
    if not isinstance(own, Mapping) or own.get("typeCheckingMode", mode) not in (
        "strict",
        "all",
        "recommended",
    ):
        return _NOTHING
    harmless = all(
        _PYRIGHT_HARMLESS.fullmatch(key) or (key.startswith("report") and value in (True, "error", "warning"))
        for key, value in own.items()
    )
    return _STRICT if harmless else _NOTHING


def _of_typescript(sources: Sources, path: str) -> frozenset[str]:
    tables = sources.json(path)
    options = tables.get("compilerOptions")
    if not isinstance(options, Mapping) or tables.keys() & {"extends", "files", "references"}:
        return _NOTHING
    if not _EVERYWHERE & {*_texts(tables.get("include", ["**"]))}:
        return _NOTHING
    if not {one.strip("./*") for one in _texts(tables.get("exclude", []))} <= _GENERATED:
        return _NOTHING
    found = set()
    weak = any(_TYPESCRIPT_STRICTER.fullmatch(key) and value is not True for key, value in options.items())
    if options.get("strict") is True and not weak:
        found.add("strict")
    if options.get("noUnusedLocals") is True:
        found.add("unused-locals")
    if options.get("noUnusedParameters") is True:
        found.add("unused-parameters")
    return frozenset(found)


def _chosen(codes: Iterable[str], selected: Iterable[str], ignored: Iterable[str]) -> frozenset[str]:
    """Of the codes those for which the longest prefix is selected, not ignored."""

    def longest(code: str, prefixes: Iterable[str]) -> int:
        # The letters are the name of a set of rules: `E` does not stand for `ERA001`.
        letters = code.rstrip("0123456789")
        fitting = [
            len(one) for one in prefixes if code.startswith(one) and one.rstrip("0123456789") == letters
        ]
        return max(fitting, default=0 if "ALL" in prefixes else -1)

    selected, ignored = list(selected), list(ignored)
    return frozenset(code for code in codes if longest(code, selected) > longest(code, ignored))


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str) and one] if isinstance(value, list) else []


def _of_ruff(sources: Sources, path: str) -> frozenset[str] | None:
    tables = sources.toml(path)
    own = at(tables, "tool", "ruff") if path.endswith("pyproject.toml") else tables
    if not isinstance(own, Mapping):
        return None
    lint = own.get("lint", {})
    if not own.keys() & {"lint", "extend", *_RUFF_RULES}:
        return None  # it may only format
    if not isinstance(lint, Mapping) or not {*own, *lint} <= _RUFF_HARMLESS:
        return _NOTHING
    both = (lint, own)

    def listed(*keys: str) -> list[str]:
        return [one for part in both for key in keys for one in _texts(part.get(key))]

    selected = listed("select", "extend-select")
    if not any("select" in part for part in both):
        selected += _RUFF_DEFAULT
    codes = [one.trait for one in known().tools["ruff"].reports]
    found = _chosen(codes, selected, listed("ignore", "extend-ignore"))
    for part in both:
        for key in ("per-file-ignores", "extend-per-file-ignores"):
            here = part.get(key, {})
            if not isinstance(here, Mapping):
                return _NOTHING
            away = [one for ignored in here.values() for one in _texts(ignored)]
            # Ignored in a file is not reported everywhere, however long the prefix that selects it.
            found -= {code for code in found if "ALL" in away or any(code.startswith(one) for one in away)}
    return found


_OF_FILES: Mapping[str, Callable[[Sources, str], frozenset[str] | None]] = {
    "mypy": _of_mypy,
    "pyright": _of_pyright,
    "basedpyright": lambda sources, path: _of_pyright(sources, path, "basedpyright", "recommended"),
    "typescript": _of_typescript,
    "ruff": _of_ruff,
}
