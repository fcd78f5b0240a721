"""Objects of any depth can be read; what is cut off is only what lies too deep."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.clients.depths import KEPT_LEVELS, cut, loads, parsed
from landlord.core.release.values import MOST_LEVELS

VALUES = st.recursive(
    st.none() | st.integers() | st.text('[]{}"\\a', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('"[a', max_size=3), inner, max_size=3),
)


def depth(value: Any) -> int:
    levels = 0
    while isinstance(value, dict | list):
        levels, value = levels + 1, next(iter(value.values() if isinstance(value, dict) else value), None)
    return levels


@pytest.mark.parametrize("levels", [900, 1500, 10_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]")])
@pytest.mark.parametrize("read", [loads, parsed])
def test_an_object_of_any_depth_can_be_read(levels: int, opening: str, closing: str, read: Any) -> None:
    text = f'{{"spec": {{"x": {opening * levels}1{closing * levels}, "y": [2]}}, "z": "["}}'
    found = read(text.encode() if read is parsed else text)
    assert (found["z"], found["spec"]["y"]) == ("[", [2])
    assert depth(found["spec"]["x"]) > MOST_LEVELS, "what is left must still be refused"


@given(VALUES)
def test_what_is_not_too_deep_is_not_touched(value: object) -> None:
    text = json.dumps(value)
    assert cut(text) == text


def test_all_that_is_not_too_deep_stays_beside_what_is() -> None:
    pit = "[" * (KEPT_LEVELS + 5) + "]" * (KEPT_LEVELS + 5)
    found = json.loads(cut(f'[{pit}, 1, {{"a": {pit}, "b": "\\"]"}}]'))
    assert (found[1], found[2]["b"]) == (1, '"]')


@pytest.mark.parametrize("text", ["", "[", "{]", "nope"])
def test_what_is_no_json_stays_an_error(text: str) -> None:
    for read in (loads, parsed):
        with pytest.raises(ValueError, match=r"."):
            read(text)
