"""The layers of the house: imports point downwards only, and some libraries have one room each."""

import ast
from pathlib import Path

import pytest

CORE = Path(__file__).parent.parent / "lok_core"
PLUGINS = CORE.parent / "plugins"

LAYERS = """
cli
testing
lok
modes
job
engine
attempt
budget
known issues text_tools worktrees
setup runs limits
history folders journal watch
registry config delegation panel builtin render_text render_json render_markdown render_github
pack
settings trust command_table reply recipe facts
config_layers config_strict command
reading command_arguments
command_spec known_failures
pick
hookspecs process results report_json
programs through_file
interfaces environment guard telling
findings topics loose_json quota
prompts details
sanitize clock files
events
outcome
models
errors schemas
"""
LEVEL = {room: -level for level, rooms in enumerate(LAYERS.split("\n")) for room in rooms.split()}
ONE_ROOM = {
    "click": {"cli"},
    "rich": {"cli"},
    "platformdirs": {"cli"},
    "cattrs": {"report_json", "config", "config_strict"},
    "tomli": {"config_layers"},
    "pluggy": {"hookspecs", "registry"},
    "subprocess": {"process", "guard", "testing"},
    "pytest": {"testing"},
    "anthropic": set(),
}
SIDEWAYS = {
    ("builtin", "render_text"),
    ("builtin", "render_json"),
    ("builtin", "render_markdown"),
    ("builtin", "render_github"),
    ("render_markdown", "render_text"),
    ("process", "guard"),
    ("settings", "config"),  # in signatures only
    ("attempt", "engine"),  # in signatures only
}


def imports(file):
    """Every module that a file imports, with names imported from a package counted as its modules."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from names if node.module == "lok_core" else [node.module]


def room_of(file):
    parts = file.relative_to(CORE).with_suffix("").parts
    return parts[0]


FILES = sorted(file for file in CORE.rglob("*.py") if room_of(file) not in ("__init__", "__main__"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CORE)))
def test_imports_point_downwards(file):
    room = room_of(file)
    assert room in LEVEL, f"{room} has no place in the layers"
    for module in imports(file):
        parts = module.split(".")
        if parts[0] != "lok_core" or parts[1] in (room, "__version__", "__all__", "API_VERSION"):
            continue
        down = LEVEL[parts[1]] < LEVEL[room] or (room, parts[1]) in SIDEWAYS
        assert down, f"{room} imports {parts[1]}, which does not lie below it"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CORE)))
def test_libraries_stay_in_their_rooms(file):
    for module in imports(file):
        rooms = ONE_ROOM.get(module.split(".")[0])
        assert rooms is None or room_of(file) in rooms, f"{file} imports {module}"


@pytest.mark.parametrize("file", sorted(CORE.glob("cli/*.py")), ids=lambda file: file.name)
def test_the_command_line_stands_on_lok_and_nothing_below(file):
    allowed = {"lok", "errors", "events", "files", "models", "outcome", "sanitize", "testing", "cli"}
    used = {module.split(".")[1] for module in imports(file) if module.startswith("lok_core.")}
    assert used <= allowed | {"__version__"}


@pytest.mark.parametrize("file", sorted(PLUGINS.glob("*/src/**/*.py")), ids=lambda file: file.stem)
def test_plugins_import_the_public_names_only(file):
    own = file.relative_to(PLUGINS).parts[2].removesuffix(".py")
    for module in imports(file):
        top = module.split(".")
        assert not top[0].startswith("lok_") or top[0] in (own, "lok_core")
        assert top[0] != "lok_core" or len(top) == 2, f"{file} imports {module}"


def test_only_the_kits_pytest_modules_import_pytest():
    users = {file.name for file in CORE.rglob("*.py") if "pytest" in set(imports(file))}
    assert users == {"contracts.py", "pytest_plugin.py"}


def test_core_names_no_plugin_outside_of_hints():
    for file in FILES:
        tops = {module.split(".")[0] for module in imports(file)}
        assert not any(top.startswith("lok_") and top != "lok_core" for top in tops)


@pytest.mark.parametrize("file", sorted([*CORE.rglob("*.py"), *PLUGINS.glob("*/src/**/*.py")]), ids=str)
def test_a_module_is_one_room(file):
    assert len(file.read_text().splitlines()) <= 420
