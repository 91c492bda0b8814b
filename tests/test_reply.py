"""What a backend gives back is looked at before it goes on."""

import pytest

from lok_core.errors import BackendError
from lok_core.models import Reply, Usage
from lok_core.reply import checked


def test_a_reply_that_says_nothing_names_its_backend():
    with pytest.raises(BackendError, match="codex ended well but said nothing") as raised:
        checked(Reply(" \n"), "codex", str)
    assert raised.value.kind == "empty"


@pytest.mark.parametrize("part", ["text", "data", "session", "model", "notes", "usage"])
def test_a_part_of_a_wrong_type_is_named(part):
    with pytest.raises(TypeError, match=f"the reply's {part} is of the wrong type: 7"):
        checked(Reply(**{"text": "x", part: 7}), "codex", str)


@pytest.mark.parametrize("value", ["12", -1, True, float("nan"), float("inf"), 10**5000, [1]], ids="abcdefg")
def test_a_usage_that_is_no_number_is_named(value):
    with pytest.raises(ValueError, match=r"Reply\.usage\.input_tokens is no number"):
        checked(Reply("x", usage=Usage(input_tokens=value)), "codex", str)
