"""Every fault of the table, each with a real lok and real programs."""

from pathlib import Path

import pytest

from .matrix import FAULTS
from .runs import heed_signals, tried

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault(fault, tmp_path):
    heed_signals()
    assert tried(fault, tmp_path).wrong == {}
