"""The public names and signatures: what plugins and programs may rely on.

`tests/data/public-api.txt` is the table of them. Where it differs from the code, somebody's plugin breaks or
something new has to be documented; `python tests/test_public_api.py` writes it anew.
"""

import difflib
import inspect
import re
import subprocess
import sys
import types
import warnings
from pathlib import Path

import pytest

import lok_core
import lok_core.testing
from lok_core import hookspecs
from lok_core.lok import Registry

TABLE = Path(__file__).parent / "data/public-api.txt"
NAMES = lok_core.__all__
PLACES = {"": lok_core, "testing.": lok_core.testing}


class Bare:
    """An annotation as it is written, without the quotes that `inspect` adds."""

    def __init__(self, annotation):
        self.annotation = annotation

    def __repr__(self):
        return (
            self.annotation if isinstance(self.annotation, str) else inspect.formatannotation(self.annotation)
        )


def signature(function):
    found, empty = inspect.signature(function), inspect.Signature.empty
    parameters = [
        one if one.annotation is empty else one.replace(annotation=Bare(one.annotation))
        for one in found.parameters.values()
    ]
    result = empty if found.return_annotation is empty else Bare(found.return_annotation)
    told = str(found.replace(parameters=parameters, return_annotation=result))
    return re.sub(" at 0x[0-9a-f]+", "", told).replace(repr(sys.executable), "sys.executable")


def is_ours(owner):
    return owner.__module__.partition(".")[0] == "lok_core"


def members(name, cls):
    """A line for each public attribute and method that the class adds to its public bases."""
    named = [getattr(place, one) for place in PLACES.values() for one in place.__all__]
    public = [one for one in named if inspect.isclass(one) and one is not cls]
    owners = [owner for owner in cls.__mro__ if is_ours(owner) and owner not in public]
    given = set(inspect.signature(cls.__init__).parameters) if is_made(cls) else set()
    for attribute in sorted({attribute for owner in owners for attribute in vars(owner)}):
        value = inspect.getattr_static(cls, attribute)
        if attribute.startswith(("_", "test_")) or attribute in given:
            continue
        if isinstance(value, property):
            yield f"{name}.{attribute}: property{signature(value.fget)}"
        elif isinstance(value, (types.FunctionType, staticmethod, classmethod)):
            function = getattr(value, "__func__", value)
            kind = "async " if inspect.iscoroutinefunction(function) else ""
            yield f"{name}.{attribute}: {kind}{signature(function)}"
    annotated = {
        key: text for owner in reversed(owners) for key, text in inspect.get_annotations(owner).items()
    }
    for attribute in sorted(set(annotated) - given):
        if not attribute.startswith("_"):
            yield f"{name}.{attribute}: {Bare(annotated[attribute])!r}"


def entry(name, value):
    """The lines about one public name."""
    if inspect.isclass(value):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        made = signature(value.__init__) if is_made(value) else ""
        yield f"{name}: class{f'[{bases}]' * bool(bases)}{made}"
        yield from members(name, value)
    elif callable(value) and hasattr(value, "__code__"):
        yield f"{name}: {'async ' * inspect.iscoroutinefunction(value)}{signature(value)}"
    elif name == "__version__":
        yield f"{name}: str"
    elif isinstance(value, (str, tuple)) or "Literal" in str(value):
        yield f"{name}: {value!r}"
    else:
        yield f"{name}: {type(value).__name__}"


def is_made(cls):
    """Whether it has a constructor of its own, or of a class of lok's."""
    return isinstance(cls.__init__, types.FunctionType) and any(
        "__init__" in vars(owner) for owner in cls.__mro__ if is_ours(owner)
    )


def table():
    for place, module in PLACES.items():
        for name in module.__all__:
            yield from entry(place + name, getattr(module, name))
    for name, hook in vars(hookspecs).items():
        if name.startswith("lok_"):
            yield from entry(name, hook)


def test_the_table_is_what_the_code_has():
    differing = difflib.unified_diff(TABLE.read_text().splitlines(), list(table()), "told", "found", n=0)
    assert not list(differing), "python tests/test_public_api.py writes the table anew"


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_there(name):
    assert getattr(lok_core, name) is not None
    assert name in dir(lok_core)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Bakcend"):
        lok_core.Bakcend  # noqa: B018


@pytest.mark.parametrize("name", [name for name in NAMES if inspect.isclass(getattr(lok_core, name))])
def test_each_class_says_what_it_is(name):
    assert inspect.getdoc(getattr(lok_core, name))


def test_values_cannot_be_changed():
    with pytest.raises(AttributeError):
        lok_core.Usage().input_tokens = 1


def test_importing_lok_core_loads_no_library():
    code = "import sys, lok_core; print({'trio', 'attrs', 'click', 'pluggy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_the_kit_imports_no_pytest():
    code = "import sys, lok_core.testing; print('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_the_closed_lists_are_those_of_the_schemas():
    item = lok_core.schema("lok.findings/1")["properties"]["findings"]["items"]["properties"]
    report = lok_core.schema("lok.report/1")["$defs"]
    assert item["category"]["enum"] == report["finding"]["properties"]["category"]["enum"]
    assert tuple(item["category"]["enum"]) == lok_core.CATEGORIES
    assert tuple(item["severity"]["enum"]) == lok_core.SEVERITIES
    assert tuple(report["failure"]["properties"]["kind"]["enum"]) == lok_core.FAILURE_KINDS
    assert tuple(item["area"]["enum"]) == (*lok_core.AREAS, None)


@pytest.fixture
def renamed(monkeypatch):
    """`Backend` as if it had been `Bakcend` until the last release."""
    monkeypatch.setitem(lok_core._DEPRECATED, "Bakcend", ("Backend", "0.3"))


TOLD = "lok_core.Bakcend is now lok_core.Backend; lok-core 0.3 removes the old name"


@pytest.mark.usefixtures("renamed")
class TestDeprecatedName:
    def test_it_is_the_new_one_and_warns_where_it_is_used(self):
        with pytest.warns(lok_core.LokDeprecationWarning, match=re.escape(TOLD)) as warned:
            assert lok_core.Bakcend is lok_core.Backend
        assert warned[0].filename == __file__

    def test_import_from_warns_where_it_stands(self):
        with pytest.warns(lok_core.LokDeprecationWarning) as warned:
            from lok_core import Bakcend  # noqa: F401
        assert {one.filename for one in warned} == {__file__}

    def test_it_warns_again_elsewhere(self):
        for _ in range(2):
            with pytest.warns(lok_core.LokDeprecationWarning):
                lok_core.Bakcend  # noqa: B018

    def test_it_is_a_deprecation_for_every_tool_that_knows_them(self):
        assert issubclass(lok_core.LokDeprecationWarning, DeprecationWarning)

    def test_it_is_not_offered(self):
        assert "Bakcend" not in lok_core.__all__
        assert "Bakcend" not in dir(lok_core)


def test_what_is_deprecated_is_told_a_release_ahead_and_removed_in_time():
    for new, removed_in in lok_core._DEPRECATED.values():
        assert new in lok_core.__all__
        assert tuple(map(int, removed_in.split("."))) > lok_core.API_VERSION


DEPRECATES = """
import lok_core
lok_core._DEPRECATED["Bakcend"] = ("Backend", "0.3")
from lok_core.cli import main
main()
"""
FITS = """
from lok_core import Rule, hookimpl

LOK_API = (0, 1)


class Fitting(Rule):
    name = "fitting"

    def votes(self, request, backends):
        return []


@hookimpl
def lok_register_rules():
    return [Fitting]
"""
USES_IT = """
from lok_core import Bakcend

class Old(Bakcend):
    kind = "old"
    async def query(self, request, run):
        return Reply("")

@hookimpl
def lok_register_backends():
    return [Old]
"""


@pytest.fixture(scope="module")
def listed(new_house):
    """What `lok plugins -v` says of plugins of other times."""
    house = new_house()
    house.install("lok-backend-old", USES_IT)
    house.install("lok-task-future", "LOK_API = (0, 2)\n")
    house.install("lok-task-vague", "LOK_API = '0.1'\n")
    house.install("lok-rule-fitting", FITS)
    house.install("lok-rule-newer", "from lok_core import SomethingNew\n")
    env = {"HOME": str(house.home), "PYTHONPATH": str(house.site), "LANG": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-c", DEPRECATES, "plugins", "-v"], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done


class TestPluginsAndTheirVersion:
    def test_deprecated_name_is_told_of_the_plugin_that_uses_it(self, listed):
        assert f"\nlok-backend-old:plugin is out of date: {TOLD}\n" in listed.stdout

    def test_it_works_and_nobody_is_troubled_with_it(self, listed):
        assert re.search(r"^lok-backend-old +1\.0 +backend old$", listed.stdout, re.MULTILINE)
        assert "Bakcend" not in listed.stderr

    def test_plugin_that_needs_more_is_disabled_with_the_way_out(self, listed):
        assert (
            "BROKEN: it needs version 0.2 of lok's interfaces, and this lok has 0.1; "
            "pip install --upgrade lok-core\n" in listed.stdout
        )

    def test_plugin_that_this_version_suffices_works(self, listed):
        assert re.search(r"^lok-rule-fitting +1\.0 +rule fitting$", listed.stdout, re.MULTILINE)

    def test_version_that_is_none_is_told(self, listed):
        assert "BROKEN: LOK_API is '0.1', not two numbers such as (0, 1)\n" in listed.stdout

    def test_name_that_this_lok_lacks_is_told_with_what_the_plugin_needs(self, listed):
        assert "BROKEN: ImportError: cannot import name 'SomethingNew' from 'lok_core'" in listed.stdout
        assert f"; it needs lok-core, and this is lok-core {lok_core.__version__}\n" in listed.stdout


def test_other_warnings_of_a_plugin_are_shown_as_ever(new_house):
    house = new_house()
    house.install("lok-backend-loud", "import warnings\nwarnings.warn('mind the gap')\n")
    assert "UserWarning: mind the gap" in house.lok("plugins").stderr


def test_the_registry_leaves_the_filters_as_they_were():
    before = list(warnings.filters)
    Registry.installed()
    assert warnings.filters == before


if __name__ == "__main__":
    TABLE.write_text("".join(f"{line}\n" for line in table()))
