"""What a backend gives back is looked at before it goes on."""

import pytest

from lok_core.errors import BackendError
from lok_core.models import Reply
from lok_core.reply import checked


def test_a_reply_that_says_nothing_names_its_backend():
    with pytest.raises(BackendError, match="codex ended well but said nothing") as raised:
        checked(Reply(" \n"), "codex", str)
    assert raised.value.kind == "empty"


@pytest.mark.parametrize("part", ["text", "data", "session", "model", "notes", "usage"])
def test_a_part_of_a_wrong_type_is_named(part):
    with pytest.raises(TypeError, match=f"the reply's {part} is of the wrong type: 7"):
        checked(Reply(**{"text": "x", part: 7}), "codex", str)
