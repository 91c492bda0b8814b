"""The direct dependencies that manifests declare: (ecosystem, package) of the packages that lok knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from lok_core.facts.sources import Sources, at, without_comment

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]{0,100})")
_QUOTED = re.compile(r"""["']([A-Za-z0-9@][\w.@/-]{0,100})(?=[ \[(;<>=!~"'])""")
_INSTALL_REQUIRES = re.compile(r"^\s*(?:setup\()?\s*install_requires\s*=\s*\[([^\]]*)\]?", re.MULTILINE)
_GEM = re.compile(
    r"""\s*(?:\w{1,20}\.add(?:_runtime|_development)?_dependency|gem)[ (]+["']([\w-]{1,100})["'](.*)"""
)
_REQUIRE = re.compile(r"\s*(?:require\s+)?([\w.-]+\.[a-z]+(?:/[\w.~-]+)+|[\w.-]+/[\w./~-]+)\s+v\d")
_MODULE = re.compile(r"\s*module\s+([\w./~-]{1,200})")
# What is not closed ends with the file: to look for its end again from each place would take hours.
_POM_ASIDE = re.compile(r"<!--[\s\S]*?(?:-->|\Z)|<exclusions>[\s\S]*?(?:</exclusions>|\Z)")
_ARTIFACT = re.compile(r"<artifactId>\s*([\w.-]{1,100})\s*</artifactId>")
_GRADLE = re.compile(r"""["']([\w.-]{1,100})(?::([\w.-]{1,100}))?(?=[:"'])""")
_CATALOG = re.compile(r"""(?:module|id)\s*=\s*["']([\w.-]{1,100})(?::([\w.-]{1,100}))?["']""")
_MIX = re.compile(r"\{\s*:(\w{1,100})\s*,")
_NUGET = re.compile(
    r"""<(?:PackageReference|FrameworkReference)\s+Include="([\w.-]{1,100})"|<Project\s+Sdk="([\w.-]{1,100})\""""
)

Packages = Iterator[tuple[str, str]]


def declared(sources: Sources) -> dict[tuple[str, str], set[str]]:
    """The folders whose manifest declares it, by (ecosystem, name in lower case)."""
    found: dict[tuple[str, str], set[str]] = {}
    for names, read in _READERS:
        for name in names:
            for folder, path in sources.named(name):
                for ecosystem, package in dict.fromkeys(read(sources, path)):
                    package = package.casefold()
                    if ecosystem == "python":
                        package = re.sub(r"[-_.]+", "-", package)
                    found.setdefault((ecosystem, package), set()).add(folder)
    return found


def _texts(value: Any) -> Iterator[str]:
    """The texts in lists of lists and tables."""
    rest, count = [value], 0
    while rest and count < 10_000:
        one, count = rest.pop(), count + 1
        if isinstance(one, str):
            yield one
        elif isinstance(one, list):
            rest += one
        elif isinstance(one, dict):
            rest += one.values()


def _requirements(lines: Iterable[str]) -> Packages:
    for line in lines:
        if found := _REQUIREMENT.match(line):
            yield "python", found[1]


def _keys(value: Any) -> list[str]:
    return [key for key in value if isinstance(key, str)] if isinstance(value, dict) else []


def _pyproject(sources: Sources, path: str) -> Packages:
    tables = sources.toml(path)
    poetry = at(tables, "tool", "poetry")
    pipes = (
        at(tables, "project", "name"),
        at(tables, "project", "dependencies"),
        at(tables, "project", "optional-dependencies"),
        at(tables, "dependency-groups"),
        at(tables, "tool", "uv", "dev-dependencies"),
        at(tables, "tool", "pdm", "dev-dependencies"),
        at(poetry, "name"),
    )
    yield from _requirements(chain.from_iterable(_texts(one) for one in pipes))
    groups = at(poetry, "group")
    poetries = [at(one, "dependencies") for one in groups.values()] if isinstance(groups, dict) else []
    for one in (at(poetry, "dependencies"), at(poetry, "dev-dependencies"), *poetries):
        yield from (("python", key) for key in _keys(one))


def _requirements_txt(sources: Sources, path: str) -> Packages:
    yield from _requirements(
        line for line in map(without_comment, sources.text(path).splitlines()) if not line.startswith("-")
    )


def _setup_cfg(sources: Sources, path: str) -> Packages:
    sections = sources.ini(path)
    options = sections.get("options", {})
    extras = sections.get("options.extras_require", {})
    lines = [
        sections.get("metadata", {}).get("name", ""),
        options.get("install_requires", ""),
        *extras.values(),
    ]
    yield from _requirements(chain.from_iterable(one.splitlines() for one in lines))


def _setup_py(sources: Sources, path: str) -> Packages:
    # Code is not run: what stands in the list itself, up to the first `]`.
    for listed in _INSTALL_REQUIRES.finditer(sources.text(path)):
        for line in listed[1].splitlines():
            yield from (("python", found[1]) for found in _QUOTED.finditer(without_comment(line)))


def _pipfile(sources: Sources, path: str) -> Packages:
    tables = sources.toml(path)
    for name in ("packages", "dev-packages"):
        yield from (("python", key) for key in _keys(tables.get(name)))


def _package_json(sources: Sources, path: str) -> Packages:
    tables = sources.json(path)
    if isinstance(name := tables.get("name"), str):
        yield "npm", name
    for part in ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies"):
        yield from (("npm", key) for key in _keys(tables.get(part)))


def _gemfile(sources: Sources, path: str) -> Packages:
    for line in sources.text(path).splitlines():
        found = _GEM.match(without_comment(line))
        # What is not required does nothing by being there.
        if found and not re.search(r"require(?::|\s*=>)\s*false", found[2]):
            yield "gem", found[1]


def _go_mod(sources: Sources, path: str) -> Packages:
    for line in sources.text(path).splitlines():
        if "// indirect" not in line and (found := _MODULE.match(line) or _REQUIRE.match(line)):
            yield "go", found[1]


def _cargo(sources: Sources, path: str) -> Packages:
    tables = sources.toml(path)
    if isinstance(name := at(tables, "package", "name"), str):
        yield "cargo", name
    for table in (tables, at(tables, "workspace") or {}):
        for part in ("dependencies", "dev-dependencies", "build-dependencies"):
            yield from (("cargo", key) for key in _keys(at(table, part)))


def _composer(sources: Sources, path: str) -> Packages:
    tables = sources.json(path)
    if isinstance(name := tables.get("name"), str):
        yield "composer", name
    for part in ("require", "require-dev"):
        yield from (("composer", key) for key in _keys(tables.get(part)))


def _pom(sources: Sources, path: str) -> Packages:
    yield from (("maven", found[1]) for found in _ARTIFACT.finditer(_POM_ASIDE.sub("", sources.text(path))))


def _gradle(sources: Sources, path: str) -> Packages:
    pattern = _CATALOG if path.endswith(".toml") else _GRADLE
    for line in sources.text(path).splitlines():
        line = line.split("//")[0]
        for found in pattern.finditer(line):
            yield "maven", found[2] or found[1]


def _mix(sources: Sources, path: str) -> Packages:
    for line in sources.text(path).splitlines():
        yield from (("hex", found[1]) for found in _MIX.finditer(without_comment(line)))


def _csproj(sources: Sources, path: str) -> Packages:
    yield from (("nuget", found[1] or found[2]) for found in _NUGET.finditer(sources.text(path)))


_READERS: tuple[tuple[tuple[str, ...], Callable[[Sources, str], Packages]], ...] = (
    (("pyproject.toml",), _pyproject),
    (
        ("requirements.txt", "*requirements.txt", "*requirements.in", "requirements/base.txt"),
        _requirements_txt,
    ),
    (("requirements/production.txt", "requirements/prod.txt", "requirements/common.txt"), _requirements_txt),
    (("setup.cfg",), _setup_cfg),
    (("setup.py",), _setup_py),
    (("Pipfile",), _pipfile),
    (("package.json",), _package_json),
    (("Gemfile", "gems.rb", "*.gemspec"), _gemfile),
    (("go.mod",), _go_mod),
    (("Cargo.toml",), _cargo),
    (("composer.json",), _composer),
    (("pom.xml",), _pom),
    (("build.gradle", "build.gradle.kts", "libs.versions.toml"), _gradle),
    (("mix.exs",), _mix),
    (("*.csproj", "Directory.Packages.props", "Directory.Build.props"), _csproj),
)
