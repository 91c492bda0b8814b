"""The three real programs: installs them, finds them, and says how each is pointed at a fake provider.

`python tests/e2e/clis.py` installs what is missing, the two programs of recipes that CI tries among it, and
prints the versions. They go to the folder named by LOK_E2E_CLIS, else to ~/.cache/lok-e2e; the three take
about 740 MB, the two 390 MB.
"""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PACKAGES = {
    "codex": ("@openai/codex", "0.169.0"),
    "gemini": ("@google/gemini-cli", "0.61.0"),
    "claude": ("@anthropic-ai/claude-code", "2.1.197"),
}


def folder(env: Mapping[str, str] = os.environ) -> Path:
    """Where the programs are, or will be."""
    return Path(env.get("LOK_E2E_CLIS") or Path.home() / ".cache" / "lok-e2e")


def find(name: str) -> Path | None:
    """The program, if exactly the wanted version of it is installed."""
    package, version = PACKAGES[name]
    modules = folder() / "node_modules"
    try:
        installed = json.loads((modules / package / "package.json").read_text())["version"]
    except FileNotFoundError:
        return None
    found = modules / ".bin" / name
    return found if installed == version and found.exists() else None


def program(name: str) -> Path:
    """The program, as `find`; raises a FileNotFoundError where that gives none."""
    found = find(name)
    if found is None:
        raise FileNotFoundError(f"{name} {PACKAGES[name][1]} is not in {folder()}; run {__file__}")
    return found


def processes_in(home: Path) -> list[str]:
    """Command lines of the processes that have this HOME."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"HOME={home}\0".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def install() -> None:
    """Installs all three from the npm registry unless they are there.

    Raises:
        subprocess.CalledProcessError: npm failed; it has said why on standard error.
    """
    if all(find(name) for name in PACKAGES):
        return
    npm_install(folder(), *(f"{package}@{version}" for package, version in PACKAGES.values()))


def npm_install(target: Path, *wanted: str, path: str = "") -> None:
    """Installs packages into a folder, with the node that is on that PATH.

    Raises:
        subprocess.CalledProcessError: npm failed; it has said why on standard error.
    """
    target.mkdir(parents=True, exist_ok=True)
    quiet = [
        "--no-save",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        "--loglevel=error",
    ]
    env = {**os.environ, "PATH": path or os.environ["PATH"]}
    subprocess.run(["npm", "install", "--prefix", target, *quiet, *wanted], cwd=target, env=env, check=True)


def version(name: str) -> str:
    """What the installed program itself says."""
    with private_folder() as home:
        env = {"PATH": os.environ["PATH"], "HOME": str(home)}
        argv = [str(program(name)), "--version"]
        done = subprocess.run(argv, env=env, cwd=home, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@contextmanager
def private_folder() -> Iterator[Path]:
    """An empty folder that only the user can enter, gone at the end.

    It is below the user's real home, whatever HOME says: gemini ignores settings below a folder that
    everyone may write to, and that is what most temporary folders are.
    """
    base = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".cache"
    base.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="lok-e2e-", dir=base))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


class Invocation(NamedTuple):
    argv: list[str]
    env: dict[str, str]


def direct(name: str, url: str, home: Path, model: str) -> Invocation:
    """How to run a program without lok against the provider at `url`; the prompt goes to its standard input.

    `home` is its home folder, into which gemini's settings are written. None of them retries by itself.
    """
    argv, env = {"codex": _codex, "gemini": _gemini, "claude": _claude}[name](url, home, model)
    temporary = home / "tmp"
    temporary.mkdir(exist_ok=True)
    own = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(temporary), "LANG": "C.UTF-8"}
    return Invocation([str(program(name)), *argv], {**own, **env})


def _codex(url: str, home: Path, model: str) -> Invocation:
    settings = {
        "shell_environment_policy.inherit": "core",
        "analytics.enabled": False,
        "check_for_update_on_startup": False,
        "model_provider": "fake",
        "model_providers.fake.name": "fake",
        "model_providers.fake.base_url": f"{url}/v1",
        "model_providers.fake.env_key": "FAKE_OPENAI_KEY",
        "model_providers.fake.wire_api": "responses",
        "model_providers.fake.request_max_retries": 0,
        "model_providers.fake.stream_max_retries": 0,
    }
    disabled = ["unbounded_connection_retries", "plugins", "apps", "remote_plugin"]
    argv = ["exec", "--json", "--color", "never", "-s", "read-only", "--skip-git-repo-check", "--ephemeral"]
    argv += ["--ignore-rules", *(part for feature in disabled for part in ("--disable", feature))]
    for key, value in settings.items():
        argv += ["-c", f"{key}={json.dumps(value)}"]
    return Invocation([*argv, "-m", model, "-"], {"FAKE_OPENAI_KEY": "sk-fake-openai-key"})


def _gemini(url: str, home: Path, model: str) -> Invocation:
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "general": {"maxAttempts": 1, "retryFetchErrors": False, "enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
    }
    (home / ".gemini").mkdir(mode=0o700, exist_ok=True)
    (home / ".gemini" / "settings.json").write_text(json.dumps(settings))
    env = {
        "GEMINI_CLI_NO_RELAUNCH": "true",
        "GOOGLE_GEMINI_BASE_URL": url,
        "GEMINI_API_KEY": "fake-gemini-key",
    }
    return Invocation(["-o", "stream-json", "--approval-mode", "default", "--skip-trust", "-m", model], env)


def _claude(url: str, home: Path, model: str) -> Invocation:
    argv = ["-p", "--output-format", "stream-json", "--verbose", "--tools", "Read,Grep,Glob"]
    argv += ["--permission-mode", "dontAsk", "--no-session-persistence", "--strict-mcp-config"]
    env = {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "sk-ant-fake-key",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
    }
    return Invocation([*argv, "--setting-sources", "", "--model", model], env)


if __name__ == "__main__":
    install()
    for each in PACKAGES:
        sys.stdout.write(f"{each}: {version(each)}\n")
    sys.path.insert(0, str(Path(__file__).parent.parent.parent))
    from tests.e2e import recipe_programs

    for each in recipe_programs.IN_CI:
        recipe_programs.install(each)
        sys.stdout.write(f"{each}: {recipe_programs.PROGRAMS[each].version}\n")
