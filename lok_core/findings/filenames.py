# ruff: noqa: RUF001 - full-width forms and dashes are meant
"""What looks like the name of a source file, and what looks so but is none.

A name is believed by its extension: models write `config.get`, `Node.js` and `e.g.` as often as file names.
Every quantifier is bounded or possessive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lok_core.findings.linenumbers import BEFORE

_EXTENSIONS = """
    py pyi pyx pxd ipynb rb erb rake gemspec php phtml pl pm lua tcl r jl ex exs erl hrl hs lhs ml mli
    elm clj cljs cljc edn scala sbt kt kts java groovy gradle go rs zig nim c h cc cpp cxx hh hpp hxx cu
    m mm swift cs csx csproj sln vb fs fsx fsproj razor cshtml xaml js mjs cjs jsx ts mts cts tsx vue
    svelte astro html htm xhtml css scss sass less styl sql prisma graphql gql proto thrift avsc sh bash
    zsh fish ps1 psm1 psd1 bat cmd awk mk cmake make ninja bzl bazel star dockerfile tf tfvars hcl nix
    json json5 jsonc jsonl ndjson yaml yml toml ini cfg conf config properties xml xsd xsl plist lock
    mod sum md mdx rst adoc txt tex csv tsv env tpl tmpl j2 jinja jinja2 hbs mustache ejs pug haml slim
    liquid dart sol move cairo vy v sv svh vhd vhdl asm s f f90 for pas pp dpr ada adb ads cob cbl lisp
    el scm rkt d cr hx gd glsl vert frag hlsl wgsl metal cds abap apex cls trigger feature snap service
    timer patch diff po pot resx storyboard xib pbxproj entitlements rules editorconfig http wat wit
    rego cue jsonnet libsonnet dhall just qml ui rc iml mako htaccess eslintrc prettierrc babelrc npmrc
    gitignore dockerignore gitattributes vcl ftl vm jsp jspx asp aspx ascx asmx svg example sample"""
EXTENSIONS = frozenset(_EXTENSIONS.split())
_WEAK_ROW = (
    """c h m r d s f v env mod sum ui rc vm el ml move star make example sample http rules lock sol for"""
)
_WEAK = frozenset(_WEAK_ROW.split())
"""Extensions that are words or letters: believed after a folder, before a line or after a longer name."""
_NAMES_ROW = """
    Dockerfile Makefile GNUmakefile Rakefile Gemfile Procfile Jenkinsfile Vagrantfile Justfile justfile
    Brewfile Caddyfile Containerfile Pipfile CMakeLists.txt BUILD.bazel CODEOWNERS Cargo.lock go.mod
    go.sum"""
_NAMES = frozenset(_NAMES_ROW.split())
_DOTTED = re.compile(
    r"\.(?:env(?:\.\w{1,20}){0,2}|git(?:ignore|attributes|modules)|dockerignore|npmrc|nvmrc|editorconfig|"
    r"eslintrc(?:\.\w{1,5})?|prettierrc(?:\.\w{1,5})?|babelrc|bashrc|zshrc|htaccess|gitlab-ci\.yml|travis\.yml|"
    r"pre-commit-config\.yaml|python-version|flake8|pylintrc|coveragerc|clang-(?:format|tidy))$"
)
_PRODUCTS = re.compile(
    r"(?:node|next|nuxt|vue|react|express|three|d3|nest|angular|ember|backbone|alpine|chart|moment|socket|discord|"
    r"bun|deno|knockout|meteor|solid|p5|require|sails|koa|hapi|adonis|strapi|electron|gatsby|remix|asp|ml|plotly|"
    r"package|pdf|day|fuse|lit|tensorflow|brain|matter|pixi|phaser|babylon|puppeteer|highlight|prism)\.(?:js|ts|net)$",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"[A-Za-z][A-Za-z0-9+-]{1,15}://[^\s<>\"'`)\]]*+"  # an address: eaten whole, it is no file
    r"|(?<![A-Za-z0-9_.+@~$%\-/\\\u00c0-\u024f])(?=[^\s./\\]{0,200}[./\\]|[A-Z]\w{0,20}file)"
    r"(?:[A-Za-z]:(?=[\\/]))?+(?:[A-Za-z0-9_.+@~$%\-/\\\u00c0-\u024f]"
    r"|\[[\w.\- \[]{1,40}\]{1,2}(?=[/\\.\w])|\([\w.\-]{1,40}\)(?=[/\\])|\{[\w.,\-]{1,40}\}(?=[/\\.\w]))++"
)
_MAX_PATH = 400
_SPACED = re.compile(
    r"(?<=[`\"'“(<])(?P<path>(?:[A-Za-z]:[\\/]|\.{0,2}[\\/]|~/|[\w.@+-]{1,60}[\\/]|\w{1,20} \w{1,20}/|"
    r"(?=[^`\n]{0,40}[^\x00-\x7f`\n]))[^`\"'“”<>|*?\n:#]{1,300}?\.(?P<ext>[a-z]\w{0,9}))"
    r"(?=[`\"'”>]|[:#]L?\d)"
)


_COMMAND = re.compile(r" -|[=,;()&]| (?:and|or|in|to|the) |\.\w{1,4} ")
"""What makes a quoted text with blanks a command or prose and no path."""


def filenames(text: str) -> Iterator[tuple[str, int, int]]:
    """File names with where they start and stop; one with blanks or other scripts only between quotes."""
    quoted = iter(_quoted(text))
    following = next(quoted, None)
    reached = 0
    for token in _tokens(text):
        while following is not None and following[1] <= token[1]:
            yield following
            reached = following[2]
            following = next(quoted, None)
        if token[1] >= reached:
            yield token
    if following is not None:
        yield following
        yield from quoted


def _quoted(text: str) -> Iterator[tuple[str, int, int]]:
    if text.isascii() and (" " not in text or ("/" not in text and "\\" not in text)):
        return
    for found in _SPACED.finditer(text):
        path = found["path"]
        plain = " " not in path and path.isascii()
        if not plain and found["ext"] in EXTENSIONS and not _COMMAND.search(path):
            yield path, found.start(), found.end()


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    for match in _TOKEN.finditer(text):
        token = match.group()
        if ("." not in token and "/" not in token and "file" not in token) or len(token) > _MAX_PATH:
            continue
        if "://" in token:
            continue
        start, stop = match.span()
        stripped = token.rstrip(".-+~$%@/\\")
        stop -= len(token) - len(stripped)
        shown = stripped.lstrip("-+~$%@")
        if stripped.startswith(("~/", "@/", "$")):
            shown = stripped
        if shown.startswith(".../"):
            shown = shown[4:]
        start = stop - len(shown)
        if shown and _is_file(shown, text, start, stop):
            yield shown, start, stop


def _is_file(token: str, text: str, start: int, stop: int) -> bool:
    name = token.replace("\\", "/").rpartition("/")[2]
    folder = len(name) < len(token)
    before, after = text[start - 1 : start], text[stop : stop + 2]
    if not name or (before == "*" and text[start - 2 : start - 1] not in ("*", "", " ", "\n", "(")):
        return False
    numbered = (after[:1] in (":", "#") and after[1:2].lstrip("L").isdigit()) or (
        after[:1] == "#" and after[1:2] == "L"
    )
    if name in _NAMES or name.startswith(("Dockerfile.", "Makefile.")) or _DOTTED.match(name):
        return True
    stem, dot, extension = name.rpartition(".")
    if not dot and folder and BEFORE.search(text[max(0, start - 40) : start]):
        return True
    if not dot:
        return folder and numbered and not token[0].isdigit() and any(letter.isalpha() for letter in name)
    if not stem.strip(".") or (after[:1] == "(" and not numbered and " " not in text[stop : stop + 1]):
        return False
    if extension.lower() not in EXTENSIONS or not (
        extension.islower() or extension.isupper() or extension[-1:].isdigit()
    ):
        worded = _WORDED.match(text, stop) is not None or (
            before == "`" and after[:1] == "`" and extension not in _DOMAINS
        )
        return (
            folder
            and (numbered or worded)
            and extension.islower()
            and extension.isalnum()
            and not extension.isdigit()
            and "://" not in token
        )
    if _PRODUCTS.match(name) and not folder and not numbered:
        return False
    if extension.lower() in _WEAK and not folder and not numbered:
        return (
            len(stem) > 2
            and extension in ("c", "h", "m", "lock", "mod", "sum", "rules")
            and stem not in _OBJECTS
        )
    return folder or numbered or stem not in _OBJECTS or extension not in _MEMBERS


_WORDED = re.compile(
    r"[`*_\"')\]]{0,3},?\s?[(（]?(?:lines?|zeilen?|lignes?|righ[ea]|l[íi]neas?|linhas?|第)\s?\d",
    re.IGNORECASE,
)
_DOMAINS_ROW = """
    com org net io dev app ai co me log tmp bak png jpg jpeg gif pdf exe dll zip gz img iso rtf html5 so
    o a"""
_DOMAINS = frozenset(_DOMAINS_ROW.split())
_OBJECTS_ROW = """self this request response res req data config process window result event ctx args app"""
_OBJECTS = frozenset(_OBJECTS_ROW.split())
_MEMBERS_ROW = """json md env config lock text csv html xml http sql properties"""
_MEMBERS = frozenset(_MEMBERS_ROW.split())
