"""JSON pointers, and the same place in two objects."""

import pytest

from landlord.core.release.places import MOST_MATCHED, at, child, named, pointer, same_place, steps


@pytest.mark.parametrize("way", [[], ["spec", "replicas"], ["metadata", "annotations", "a/b~c"], ["~1", "0", ""]])
def test_a_pointer_and_its_steps_are_one(way: list[str]) -> None:
    assert steps(pointer(way)) == way


def test_escapes_are_those_of_the_standard() -> None:
    assert pointer(["a/b~c"]) == "/a~1b~0c"
    assert steps("/~01") == ["~1"]


def test_a_way_leads_through_maps_and_lists_or_nowhere() -> None:
    obj = {"spec": {"args": ["a", {"b": 1}]}}
    assert at(obj, ["spec", "args", "1", "b"]) == 1
    for way in (["spec", "args", "2"], ["spec", "args", "-"], ["spec", "args", "x"], ["data", "x"], ["spec", "0"]):
        assert at(obj, way) is None
    assert child("text", "0") is None


def test_items_have_names_where_each_has_its_own() -> None:
    assert named([{"name": "a"}, {"name": "b"}]) == {"a": 0, "b": 1}
    for items in ([{"name": "a"}, {"name": "a"}], [{"name": "a"}, {}], ["a"], []):
        assert named(items) == {}


def test_the_same_place_is_by_name_in_lists_of_named_items_and_else_by_position() -> None:
    first = {"list": [{"name": "a", "args": [1]}, {"name": "b"}]}
    other = {"list": [{"name": "new"}, {"name": "a", "args": [2, 3]}]}
    assert same_place(["list", "0", "args", "0"], first, other) == ["list", "1", "args", "0"]
    assert same_place(["list", "1"], first, other) is None
    assert same_place(["list", "7"], first, other) is None
    assert same_place(["list", "0"], first, {}) == ["list", "0"]
    assert same_place(["other", "x"], first, other) == ["other", "x"]


def test_items_of_very_long_lists_are_matched_by_position() -> None:
    first = [{"name": str(n)} for n in range(MOST_MATCHED + 1)]
    assert same_place(["0"], first, first[::-1]) == ["0"]
    assert same_place(["0"], first[:9], first[8::-1]) == ["8"]
