"""The programs of lok's recipes: how each is installed, and how its user points it at a provider.

All lie in the folder that `clis` names, each in one of its own, so that it can be removed by itself.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from . import clis

NODE = ("node", "22.23.3")
"""The npm package that holds a newer node than most systems have; some of the programs want one."""


class Program(NamedTuple):
    """A program of a recipe.

    Attributes:
        package: its name at the npm registry, or at PyPI.
        bin: the program itself, below the folder that it is installed into.
        model: what its user writes for the provider's model `fm`.
        point: writes what its user configures into that home, and gives more keys for the table in lok.toml;
            called with the home and the provider's address.
        env: variables that its user sets, keys among them; `{url}` is the provider's address.
        python: the oldest Python that it runs with, for packages of PyPI.
        shell, write: calls of its tools that run a command and that write a file, as its model would make
            them with the defaults of its user; `{path}` is the file that must not be there afterwards.
    """

    package: str
    version: str
    bin: str
    model: str
    point: Callable[[Path, str], dict[str, Any]]
    env: dict[str, str]
    python: str = ""
    shell: tuple[str, dict[str, Any]] | None = None
    write: tuple[str, dict[str, Any]] | None = None


KEY = "sk-fake-recipe-key"


def _write(home: Path, name: str, content: Any) -> None:
    file = home / name
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content))


def _llm(home: Path, url: str) -> dict[str, Any]:
    models = f"- model_id: fm\n  model_name: fm\n  api_base: {url}/v1\n  api_key_name: openai\n"
    _write(home, ".config/io.datasette.llm/extra-openai-models.yaml", models)
    return {}


def _pi(home: Path, url: str) -> dict[str, Any]:
    provider = {"baseUrl": f"{url}/v1", "api": "openai-completions", "apiKey": "$OPENAI_API_KEY"}
    _write(home, ".pi/agent/models.json", {"providers": {"fake": {**provider, "models": [{"id": "fm"}]}}})
    return {}


def _opencode(home: Path, url: str) -> dict[str, Any]:
    fake = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Fake",
        "options": {"baseURL": f"{url}/v1", "apiKey": "{env:OPENAI_API_KEY}"},
        "models": {"fm": {"name": "fm", "limit": {"context": 200_000, "output": 8000}}},
    }
    _write(
        home,
        ".config/opencode/opencode.json",
        {"enabled_providers": ["fake"], "small_model": "fake/fm", "provider": {"fake": fake}},
    )
    return {}


def _nothing(home: Path, url: str) -> dict[str, Any]:
    return {}


def _qwen(home: Path, url: str) -> dict[str, Any]:
    _write(home, ".qwen/settings.json", {"security": {"auth": {"selectedType": "openai"}}})
    return {}


def _continue(home: Path, url: str) -> dict[str, Any]:
    model = {"name": "fm", "provider": "openai", "model": "fm", "apiBase": f"{url}/v1", "apiKey": KEY}
    models = json.dumps([{**model, "roles": ["chat"]}])
    _write(home, ".continue/config.yaml", f"name: mine\nversion: 0.0.1\nschema: v1\nmodels: {models}\n")
    return {}


def _droid(home: Path, url: str) -> dict[str, Any]:
    model = {"model": "fm", "displayName": "fm", "baseUrl": f"{url}/v1", "apiKey": KEY}
    more = {"provider": "generic-chat-completion-api", "maxOutputTokens": 8000}
    _write(
        home,
        ".factory/settings.json",
        {"cloudSessionSync": False, "enableDroidShield": False, "customModels": [{**model, **more}]},
    )
    return {}


def _vibe(home: Path, url: str) -> dict[str, Any]:
    _write(
        home,
        ".vibe/config.toml",
        f"""active_model = "another"
enable_telemetry = false
enable_update_checks = false
[[providers]]
name = "fake"
api_base = "{url}/v1"
api_key_env_var = "MISTRAL_API_KEY"
backend = "generic"
[[models]]
name = "fm"
provider = "fake"
alias = "fm"
thinking = "off"
[[models]]
name = "another"
provider = "fake"
alias = "another"
thinking = "off"
[utility_models]
title = "active"
smart_approve = "active"
""",
    )
    return {}


def _cline(home: Path, url: str) -> dict[str, Any]:
    name = "openai-compatible"
    settings = {"provider": name, "apiKey": KEY, "model": "fm", "baseUrl": f"{url}/v1"}
    provider = {"settings": settings, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}
    content = {"version": 1, "lastUsedProvider": name, "modes": {}, "providers": {name: provider}}
    _write(home, ".cline/data/settings/providers.json", content)
    return {}


PROGRAMS = {
    "llm": Program("llm", "0.36", "venv/bin/llm", "fm", _llm, {"OPENAI_API_KEY": KEY}, "3.11"),
    "pi": Program(
        "@earendil-works/pi-coding-agent",
        "0.87.1",
        "node_modules/.bin/pi",
        "fake/fm",
        _pi,
        {"OPENAI_API_KEY": KEY},
        shell=("bash", {"command": "touch {path}"}),
        write=("write", {"path": "{path}", "content": "x"}),
    ),
    "opencode": Program(
        "opencode-ai",
        "1.18.33",
        "node_modules/.bin/opencode",
        "fake/fm",
        _opencode,
        {"OPENAI_API_KEY": KEY},
        shell=("bash", {"command": "touch {path}", "description": "touches it"}),
        write=("write", {"filePath": "{path}", "content": "x"}),
    ),
    "qwen": Program(
        "@qwen-code/qwen-code",
        "0.24.4",
        "node_modules/.bin/qwen",
        "fm",
        _qwen,
        {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "{url}/v1"},
        shell=("run_shell_command", {"command": "touch {path}", "is_background": False}),
        write=("write_file", {"file_path": "{path}", "content": "x"}),
    ),
    "copilot": Program(
        "@github/copilot",
        "1.0.102",
        "node_modules/.bin/copilot",
        "fm",
        _nothing,
        {
            "COPILOT_OFFLINE": "true",
            "COPILOT_PROVIDER_BASE_URL": "{url}/v1",
            "COPILOT_PROVIDER_API_KEY": KEY,
            "COPILOT_MODEL": "fm",
        },
        shell=("bash", {"command": "touch {path}", "description": "touches it"}),
        write=("create", {"path": "{path}", "file_text": "x"}),
    ),
    "kimi": Program(
        "@moonshot-ai/kimi-code",
        "2.1.0",
        "node_modules/.bin/kimi",
        "",
        _nothing,
        {
            "KIMI_MODEL_NAME": "fm",
            "KIMI_MODEL_API_KEY": KEY,
            "KIMI_MODEL_BASE_URL": "{url}/v1",
            "KIMI_MODEL_PROVIDER_TYPE": "openai",
        },
        shell=("Bash", {"command": "touch {path}"}),
        write=("Write", {"path": "{path}", "content": "x"}),
    ),
    "continue": Program(
        "@continuedev/cli",
        "1.5.47",
        "node_modules/.bin/cn",
        "",
        _continue,
        {},
        shell=("Bash", {"command": "touch {path}"}),
        write=("Write", {"filepath": "{path}", "content": "x"}),
    ),
    "droid": Program(
        "droid",
        "0.215.0",
        "node_modules/.bin/droid",
        "custom:fm",
        _droid,
        {},
        shell=(
            "Execute",
            {"command": "touch {path}", "riskLevel": "low", "riskLevelReason": "none", "summary": "it"},
        ),
        write=("Create", {"file_path": "{path}", "content": "x"}),
    ),
    "vibe": Program(
        "mistral-vibe",
        "3.0.2",
        "venv/bin/vibe",
        "fm",
        _vibe,
        {"MISTRAL_API_KEY": KEY},
        "3.12",
        shell=("bash", {"command": "touch {path}"}),
        write=("write_file", {"path": "{path}", "content": "x"}),
    ),
    "cline": Program(
        "cline",
        "3.0.65",
        "node_modules/.bin/cline",
        "fm",
        _cline,
        {},
        shell=("run_commands", {"commands": ["touch {path}"]}),
        write=("editor", {"path": "{path}", "new_text": "x"}),
    ),
    "aider": Program(
        "aider-chat",
        "0.86.2",
        "venv/bin/aider",
        "openai/fm",
        _nothing,
        {"OPENAI_API_KEY": KEY, "OPENAI_API_BASE": "{url}/v1"},
        "3.11",
    ),
}


IN_CI = ("llm", "pi")
"""Those that are small and quick enough to be tried every time."""


def find(name: str) -> Path | None:
    """The program, if exactly the wanted version of it is installed."""
    package, version, path = PROGRAMS[name][:3]
    folder = clis.folder() / name
    if path.startswith("venv"):
        installed = f"{package.replace('-', '_')}-{version}.dist-info"
        there = any(folder.glob(f"venv/lib/python*/site-packages/{installed}"))
    else:
        there = _npm_version(folder, package) == version
    return folder / path if there and (folder / path).exists() else None


def search_path(name: str) -> str:
    """The PATH with the program, and with the node that it runs on."""
    program = find(name)
    if program is None:
        raise FileNotFoundError(f"{name} is not in {clis.folder()}; tests/e2e/recipes.py installs it")
    node = [] if PROGRAMS[name].python else [str(_node())]
    return os.pathsep.join([*node, str(program.parent), os.environ["PATH"]])


def install(name: str) -> None:
    """Installs the program unless it is there.

    Raises:
        subprocess.CalledProcessError: npm or pip failed; it has said why on standard error.
        FileNotFoundError: there is no Python that is new enough.
    """
    if find(name):
        return
    program, target = PROGRAMS[name], clis.folder() / name
    target.mkdir(parents=True, exist_ok=True)
    if program.python:
        python = _python(program.python)
        subprocess.run([python, "-m", "venv", "--clear", target / "venv"], check=True)
        pip = [target / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"{program.package}=={program.version}"], check=True)
        return
    if _npm_version(clis.folder() / "node", NODE[0]) != NODE[1]:
        clis.npm_install(clis.folder() / "node", f"{NODE[0]}@{NODE[1]}")
    path = os.pathsep.join([str(_node()), os.environ["PATH"]])
    clis.npm_install(target, f"{program.package}@{program.version}", path=path)


def remove(name: str) -> None:
    """Removes what `install` has installed."""
    shutil.rmtree(clis.folder() / name, ignore_errors=True)


def _node() -> Path:
    return clis.folder() / "node/node_modules/node/bin"


def _npm_version(folder: Path, package: str) -> str:
    try:
        told: str = json.loads((folder / "node_modules" / package / "package.json").read_text())["version"]
    except FileNotFoundError:
        return ""
    return told


def _python(oldest: str) -> str:
    """A Python from that version on: this one, one on the PATH, or one of pyenv's."""
    wanted = tuple(map(int, oldest.split(".")))
    named = (shutil.which(f"python3.{minor}") for minor in range(12, 15))
    candidates = [sys.executable, *filter(None, named)]
    root = Path(os.environ.get("PYENV_ROOT") or "~/.pyenv").expanduser()
    candidates += map(str, sorted(root.glob("versions/3.*/bin/python")))
    for candidate in candidates:
        told = subprocess.run(
            [candidate, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, check=False
        ).stdout.split()
        if told and (int(told[0]), int(told[1])) >= wanted:
            return candidate
    raise FileNotFoundError(f"there is no Python {oldest} or newer")
