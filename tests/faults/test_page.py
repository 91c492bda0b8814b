"""The page says what the table says."""

from .matrix import FAULTS
from .page import PAGE, page


def test_the_page_is_made_from_the_table():
    assert PAGE.read_text(encoding="utf-8") == page(), "uv run python -m tests.faults.page writes it anew"


def test_each_fault_has_a_name_of_its_own():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
