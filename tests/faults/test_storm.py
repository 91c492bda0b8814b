"""One storm of each kind; the soak has many."""

import signal
from pathlib import Path

import pytest

from .runs import heed_signals
from .storm import Storm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc"),
]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_no_answer_is_lost_in_a_storm(tmp_path, number):
    heed_signals()
    assert Storm(tmp_path, 1, number).tried().wrong == {}
