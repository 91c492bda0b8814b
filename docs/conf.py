"""Settings of the site: `uv run --group docs sphinx-build -W -q -c docs . build/site`.

The source is the whole repository, so that a link from one Markdown file to another means the same here and
on a git host. Nothing is fetched while it is built.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer

import lok_core

ROOT = Path(__file__).parent.parent
INDEX = ROOT / "docs/index.md"
API = "docs/reference/interfaces"
_LONG = 1000  # characters of a value that nobody reads

project = "lok"
author = "The lok authors"
release = lok_core.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "README"
include_patterns = ["*.md", "docs/**.md", "plugins/*/README.md", "examples/*/README.md", "benchmarks/*.md"]
exclude_patterns = [".*", "build"]

myst_heading_anchors = 4
default_role = "code"  # docstrings use the backticks of Markdown
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_type_aliases = {
    name: f"lok_core.{name}"
    for name in ("Access", "Area", "Category", "Detail", "FailureKind", "Grounding", "Outcome", "Severity")
}
napoleon_use_ivar = True
napoleon_use_rtype = False
maximum_signature_line_length = 80

html_theme = "furo"
html_title = f"lok {release}"
html_extra_path = ["site"]
html_static_path = ["static"]
html_css_files = ["lok.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}


def navigation() -> str:
    """The table of contents: each section of docs/index.md, with the pages that it links."""
    parts = ["```{toctree}\n:hidden:\n\nAll pages </docs/index>\n```"]
    for section in INDEX.read_text(encoding="utf-8").split("\n## ")[1:]:
        caption, _, body = section.partition("\n")
        links = re.findall(r"^- \[([^\]]+)\]\(([^)#]+)\.md\)", body, re.MULTILINE)
        pages = [f"{title} </{_page(target)}>" for title, target in links if _page(target) != root_doc]
        parts.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```"]))
    return "\n\n".join(parts)


def _page(target: str) -> str:
    return str((INDEX.parent / target).resolve().relative_to(ROOT))


def described(name: str) -> str:
    """What the docstrings say of a public name, as reStructuredText."""
    module, _, name = name.rpartition(".")
    value = getattr(importlib.import_module(module), name)
    if inspect.isclass(value):
        kind = "autoexception" if issubclass(value, Exception) else "autoclass"
        return f".. {kind}:: {module}.{name}\n   :members:\n   :show-inheritance:\n"
    if inspect.isroutine(value):
        return f".. autofunction:: {module}.{name}\n"
    homes = {home: names.split() for home, names in lok_core._MODULES.items()}
    home = next((f"lok_core.{home}" for home, names in homes.items() if name in names), module)
    comment = ModuleAnalyzer.for_module(home).find_attr_docs().get(("", name), [""])
    lines = [f".. py:data:: {module}.{name}"]
    if len(repr(value)) < _LONG:
        lines.append(f"   :value: {value!r}")
    return "\n".join([*lines, "", *(f"   {one}" for one in comment)])


def on_source(app: Sphinx, page: str, source: list[str]) -> None:
    """Adds what the site has more than the files: the navigation, and what docstrings say."""
    if page == root_doc:
        source[0] += f"\n\n{navigation()}\n"
    if page == API:
        source[0] = re.sub(
            r"^- `([\w.]+)`$",
            lambda entry: f"```{{eval-rst}}\n{described(entry[1])}\n```",
            source[0],
            flags=re.MULTILINE,
        )


def setup(app: Sphinx) -> None:
    app.connect("source-read", on_source)
