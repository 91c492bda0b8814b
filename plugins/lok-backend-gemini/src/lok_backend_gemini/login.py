"""Whether the Gemini CLI has credentials, told without starting it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

USERS = "~/.gemini/settings.json"
# With another provider's address gemini chooses a way to log in that it then calls invalid.
BY_KEY = '{"security": {"auth": {"selectedType": "gemini-api-key"}}}'
VERTEX = "export GOOGLE_API_KEY, or GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION"
LOGIN = "export GEMINI_API_KEY=..., or run `gemini` once and log in"


def logged_in(env: Mapping[str, str]) -> tuple[bool | None, str, str]:
    """Whether there are credentials for the chosen way to log in, what is missing, and what mends it.

    None where the user's own files or the system's keychain may hold them.
    """
    home = Path(env.get("GEMINI_CLI_HOME") or env.get("HOME") or "/")
    folder = home / ".gemini"
    hidden = any(
        file.exists() for file in (folder / ".env", home / ".env", folder / "gemini-credentials.json")
    )
    way = _selected(folder / "settings.json") or _way_by(env)
    if way == "gateway":
        return (
            False,
            f"GOOGLE_GEMINI_BASE_URL is set, but {USERS} selects no way to log in",
            (f"put {BY_KEY} into {USERS}"),
        )
    if way == "gemini-api-key":
        there = bool(env.get("GEMINI_API_KEY"))
        hidden = hidden or sys.platform == "darwin"  # its keychain is where gemini puts a key
        missing = f"{USERS} selects a key, and GEMINI_API_KEY is not set"
        hint = "export GEMINI_API_KEY=..."
    elif way == "oauth-personal":
        there = (folder / "oauth_creds.json").exists()
        missing, hint = (
            f"{USERS} selects a Google account, and nobody is logged in",
            "run `gemini` and log in",
        )
    elif way == "vertex-ai":
        project = env.get("GOOGLE_CLOUD_PROJECT") and env.get("GOOGLE_CLOUD_LOCATION")
        there = bool(env.get("GOOGLE_API_KEY") or project)
        missing, hint = "Vertex AI is selected without a project and a key", VERTEX
    elif way:
        return None, "", ""
    else:
        there, missing, hint = False, "no key and no login", LOGIN
    return (True, "", "") if there else (None if hidden else False, missing, hint)


def _selected(settings: Path) -> str:
    """The way to log in that the settings select; they may hold comments, so they are no plain JSON."""
    try:
        found = re.search(r'"selected(?:Auth)?Type"\s*:\s*"([\w-]+)"', settings.read_text(errors="replace"))
    except OSError:
        return ""
    return found[1] if found else ""


def _way_by(env: Mapping[str, str]) -> str:
    """The way to log in that gemini itself chooses by its environment; in its order."""
    for name, wanted, way in (
        ("GOOGLE_GENAI_USE_GCA", "true", "oauth-personal"),
        ("GOOGLE_GENAI_USEVERTEXAI", "true", "vertex-ai"),
        ("GOOGLE_GEMINI_BASE_URL", "", "gateway"),
        ("GEMINI_API_KEY", "", "gemini-api-key"),
    ):
        if env.get(name) and wanted in ("", env[name]):
            return way
    return ""
