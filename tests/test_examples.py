"""The examples keep what their READMEs promise."""

import tomllib
from pathlib import Path

import pytest

from lok_core.testing import run_lok

SHOP = Path(__file__).parent.parent / "examples" / "leaky-shop"


@pytest.mark.slow
def test_audit_finds_what_the_shops_readme_calls_findable(lok_env):
    faults = tomllib.loads((SHOP / "faults.toml").read_text())["fault"]
    findable = [fault for fault in faults if fault["static"]]
    result = run_lok(["audit", SHOP, "-f", "json", "-q"], env=lok_env)
    assert result.code == 0
    places = {
        (place["path"], place["line"])
        for finding in result.report["findings"]
        for place in finding["locations"][:1]
    }
    missed = [
        f"{fault['file']}:{fault['line']} {fault['what']}"
        for fault in findable
        if not any((fault["file"], fault["line"] + off) in places for off in (0, -1, 1, -2, 2))
    ]
    assert len(missed) <= len(findable) * 0.1, missed
