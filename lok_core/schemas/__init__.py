"""The JSON schemas of what lok reads and writes, as files beside this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal


def schema(name: Literal["lok.findings/1", "lok.report/1"]) -> dict[str, Any]:
    """The schema of that name, made anew: the caller may change it."""
    file = Path(__file__).with_name(name.replace("/", "-") + ".json")
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded
