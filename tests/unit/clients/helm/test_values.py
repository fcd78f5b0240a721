"""Values reach Helm as what they are, whatever characters they hold."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from landlord.api.failures import SpecFault
from landlord.clients.helm.values import document

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
VALUES = st.dictionaries(
    TEXT, st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8)
)


@given(values=VALUES)
def test_json_reads_back_what_was_written(values: dict[str, Any]) -> None:
    assert json.loads(document(values)) == values


@given(text=TEXT)
def test_yaml_reads_back_every_text(text: str) -> None:
    assert yaml.safe_load(document({"a": text})) == {"a": text}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), "\ud83d"])
def test_what_yaml_cannot_hold_is_the_users_to_change(value: object) -> None:
    with pytest.raises(SpecFault):
        document({"a": value})
