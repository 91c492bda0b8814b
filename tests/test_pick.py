"""Paths and conditions into JSON."""

import pytest

from lok_core.pick import Pick, as_text, check_condition, check_path, condition_holds, picked

TURN = {
    "type": "turn_end",
    "message": {
        "content": [
            {"type": "thinking", "text": "hm"},
            {"type": "text", "text": "one "},
            {"type": "text", "text": "two"},
        ],
        "usage": {"input": 12, "cost": {"total": 0.5}},
        "stopReason": "stop",
        "none": None,
    },
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("type", "turn_end"),
        ("message.usage.cost.total", 0.5),
        ("message.content.1.text", "one "),
        ("message.content.-1.text", "two"),
        ("message.content.9.text", None),
        ("message.content[type=text].text", "one two"),
        ("message.content.[type=text].text", "one two"),
        ("message.content[type=image].text", ""),
        ("message.nothing[type=text].text", None),
        ("message.stopReason.deeper", None),
        ("message.none", None),
    ],
)
def test_a_path_leads_to_a_value(path, value):
    assert picked(Pick(path), [TURN]) == value


def test_a_star_takes_every_value():
    item = {"metrics": {"a": {"in": 3}, "b": {"in": 4}, "c": {}}}
    assert picked(Pick("metrics.*.in", pick="sum"), [item]) == 7
    assert picked(Pick("list.*", pick="join"), [{"list": ["x", "y"]}]) == "xy"


def test_of_several_objects_the_last_counts():
    assert picked(Pick("text"), [{"text": "a"}, {"text": "b"}, {"other": 1}]) == "b"


def test_several_are_joined_or_added_up():
    assert picked(Pick("text", pick="join"), [{"text": "a"}, {"text": "b"}]) == "ab"
    assert picked(Pick("n", pick="sum"), [{"n": 1}, {"n": 2.5}, {"n": "9"}, {"n": True}]) == 3.5


def test_picking_goes_on_from_what_was_picked_before():
    assert picked(Pick("n", pick="sum"), [{"n": 2}], 40) == 42
    assert picked(Pick("n"), [{}], 40) == 40


def test_what_no_object_has_is_unknown_rather_than_zero():
    assert picked(Pick("n", pick="sum"), [{"m": 1}]) is None


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ({}, True),
        ({"type": "turn_end"}, True),
        ({"type": ["x", "turn_end"]}, True),
        ({"type": "turn_end", "message.stopReason": "length"}, False),
        ({"message.content.1.type": "text"}, True),
        ({"message.usage": {"exists": True}}, True),
        ({"message.none": {"exists": True}}, False),
        ({"message.error": {"exists": False}}, True),
        ({"message.error": {"empty": True}}, True),
        ({"message.content[type=image].text": {"empty": True}}, True),
        ({"message.content": {"empty": False}}, True),
        ({"message.usage.input": {"empty": False}}, True),
        ({"message.stopReason": {"not": "stop"}}, False),
        ({"message.stopReason": {"not": ["error", "aborted"]}}, True),
        ({"message.error": {"not": "stop"}}, True),
        ({"message.stopReason": {"exists": True, "not": "stop"}}, False),
    ],
)
def test_a_condition_holds_or_not(where, holds):
    assert condition_holds(where, TURN) is holds


def test_true_is_not_one():
    assert not condition_holds({"n": True}, {"n": 1})
    assert not condition_holds({"n": 1}, {"n": True})
    assert condition_holds({"n": [False, True]}, {"n": True})


@pytest.mark.parametrize("path", ["a", "a.b-c.0", "a[type=x].b", "a.*.b", "[type=x.y].b", "a.[k=].b"])
def test_these_are_paths(path):
    check_path(path)


@pytest.mark.parametrize("path", ["", ".", "a.", "a..b", "a[b]", "a[=b", "a]"])
def test_these_are_none(path):
    with pytest.raises(ValueError, match="is no path"):
        check_path(path)


def test_an_unknown_test_is_no_condition():
    check_condition({"a": {"exists": True}, "b": 1})
    with pytest.raises(ValueError, match="exists, empty and not"):
        check_condition({"a": {"is": 1}})
    with pytest.raises(ValueError, match="is no path"):
        check_condition({"a..b": 1})


def test_values_that_are_no_text_are_told_as_json():
    assert as_text({"ä": [1, None]}) == '{"ä": [1, null]}'
    assert as_text("plain") == "plain"
