"""Values: how layers meet, where single values go, what is replaced, and digests that only content decides."""

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from landlord.api.failures import SpecFault
from landlord.core.release.values import (
    MOST_LEVELS,
    MOST_NODES,
    canonical_digest,
    merge,
    place,
    placeholders,
    substitute,
    with_image,
)

KEYS = st.text("abc.[]$", min_size=1, max_size=3)
TEXT = st.one_of(st.text(max_size=8), st.text("${}AB", max_size=12))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)
VALUES = st.dictionaries(KEYS, TREES, max_size=4)


@dataclass(frozen=True)
class Image:
    path: str = "image"
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None


def test_maps_meet_key_by_key_and_all_else_is_replaced_as_a_whole() -> None:
    low = {"image": {"tag": "1", "pull": "Always"}, "hosts": ["a", "b"], "replicas": 1}
    high = {"image": {"tag": "2"}, "hosts": ["c"], "extra": True}
    assert merge([low, high]) == {
        "image": {"tag": "2", "pull": "Always"},
        "hosts": ["c"],
        "replicas": 1,
        "extra": True,
    }


def test_a_null_takes_away_what_lower_layers_say_and_stays_so_that_helm_drops_the_charts_default_too() -> None:
    assert merge([{"probe": {"path": "/", "port": 80}}, {"probe": None}]) == {"probe": None}
    assert merge([{"probe": {"path": "/"}}, {"probe": {"path": None}}]) == {"probe": {"path": None}}
    assert merge([{"probe": None}, {"probe": {"path": "/"}}]) == {"probe": {"path": "/"}}


def test_a_map_and_a_single_value_replace_each_other() -> None:
    assert merge([{"a": {"b": 1}}, {"a": 2}]) == {"a": 2}
    assert merge([{"a": 2}, {"a": {"b": 1}}]) == {"a": {"b": 1}}


@given(VALUES)
def test_merging_values_with_themselves_or_with_nothing_changes_nothing(values: dict[str, Any]) -> None:
    assert merge([values]) == values
    assert merge([values, {}, values]) == values


@given(VALUES, VALUES, VALUES)
def test_layers_may_be_merged_in_any_grouping(
    low: dict[str, Any], middle: dict[str, Any], high: dict[str, Any]
) -> None:
    assert merge([merge([low, middle]), high]) == merge([low, merge([middle, high])]) == merge([low, middle, high])


@given(VALUES, VALUES)
def test_no_layer_is_changed_and_none_is_shared_with_the_result(low: dict[str, Any], high: dict[str, Any]) -> None:
    before = canonical_digest([low, high])
    merged = merge([low, high])
    _scribble(merged)
    assert canonical_digest([low, high]) == before


def _scribble(value: Any) -> None:
    if isinstance(value, dict):
        for inner in value.values():
            _scribble(inner)
        value["scribble"] = 1
    elif isinstance(value, list):
        for inner in value:
            _scribble(inner)
        value.append("scribble")


def bomb() -> dict[str, Any]:
    """What nine lines of YAML with aliases are read as: 10 to the ninth power of strings, were it written out."""
    level: Any = "boom"
    for _ in range(9):
        level = [level] * 10
    return {"a": level}


def itself() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["a"] = value
    return value


def deep(levels: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return dict(value)


@pytest.mark.parametrize("layer", [bomb(), itself(), deep(5000), {"a": [0] * MOST_NODES}])
def test_values_that_would_fill_the_memory_are_refused_before_they_do(layer: dict[str, Any]) -> None:
    with pytest.raises(SpecFault, match="make it smaller"):
        merge([{}, layer])


def test_values_of_a_bearable_size_are_taken() -> None:
    assert merge([deep(MOST_LEVELS)]) == deep(MOST_LEVELS)
    with pytest.raises(SpecFault):
        merge([deep(MOST_LEVELS + 1)])
    assert len(merge([{"a": [0] * (MOST_NODES - 2)}])["a"]) == MOST_NODES - 2


@pytest.mark.parametrize(
    ("values", "target", "expected"),
    [
        ({}, "password", {"password": "x"}),
        ({}, "db.password", {"db": {"password": "x"}}),
        ({"db": {"user": "u"}}, "db.password", {"db": {"user": "u", "password": "x"}}),
        ({"db": None}, "db.password", {"db": {"password": "x"}}),
        ({"db": {"password": {"old": 1}}}, "db.password", {"db": {"password": "x"}}),
        ({}, "env[0].value", {"env": [{"value": "x"}]}),
        ({"env": [{"name": "A"}]}, "env[0].value", {"env": [{"name": "A", "value": "x"}]}),
        ({"env": [{"name": "A"}]}, "env[2].value", {"env": [{"name": "A"}, None, {"value": "x"}]}),
        ({}, "grid[1][0]", {"grid": [None, ["x"]]}),
        ({"hosts": ["a", "b"]}, "hosts[1]", {"hosts": ["a", "x"]}),
        ({}, r"labels.example\.org/team", {"labels": {"example.org/team": "x"}}),
        ({}, r"a\[0\].b", {"a[0]": {"b": "x"}}),
        ({}, r"a\\b", {r"a\b": "x"}),
    ],
)
def test_a_single_value_goes_where_its_target_says(
    values: dict[str, Any], target: str, expected: dict[str, Any]
) -> None:
    before = canonical_digest(values)
    assert place(values, target, "x") == expected
    assert canonical_digest(values) == before


@pytest.mark.parametrize("target", ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a]b", "[0]", "a[0]b", "a\\", "a[-1]"])
def test_what_is_no_path_is_refused_in_words(target: str) -> None:
    with pytest.raises(SpecFault, match="is no path of values") as caught:
        place({}, target, "x", "spec.valuesFrom[1].targetPath")
    assert caught.value.path == "spec.valuesFrom[1].targetPath"


def test_an_index_that_must_be_a_mistake_is_refused_before_memory_is_filled() -> None:
    with pytest.raises(SpecFault, match="past 1000"):
        place({}, "a[999999999]", "x")


@pytest.mark.parametrize(
    ("values", "target", "held"),
    [
        ({"a": "text"}, "a.b", "a single value at 'a', where a map is needed"),
        ({"a": ["b"]}, "a.b", "a list at 'a', where a map is needed"),
        ({"a": {"b": 1}}, "a[0]", "a map at 'a', where a list is needed"),
        ({"a": ["b"]}, "a[0].c", "a single value at 0, where a map is needed"),
    ],
)
def test_a_target_that_leads_through_something_else_says_what_stands_there_but_not_its_value(
    values: dict[str, Any], target: str, held: str
) -> None:
    with pytest.raises(SpecFault, match="leads nowhere") as caught:
        place(values, target, "x")
    assert held in caught.value.why
    assert "text" not in caught.value.why


@given(VALUES, st.lists(st.text("ab.[]\\x", min_size=1, max_size=4), min_size=1, max_size=4), TEXT)
def test_any_key_can_be_written_with_escapes(values: dict[str, Any], keys: list[str], value: str) -> None:
    del values
    target = ".".join("".join(f"\\{char}" if char in ".[]\\" else char for char in key) for key in keys)
    placed: Any = place({}, target, value)
    for key in keys:
        assert list(placed) == [key]
        placed = placed[key]
    assert placed == value


@given(st.text(max_size=30))
def test_no_target_ever_fails_but_in_words(target: str) -> None:
    try:
        place({"a": {"b": [1]}}, target, "x")
    except SpecFault:
        return


def test_an_image_sets_what_it_names_and_leaves_the_rest() -> None:
    values = {"image": {"repository": "old", "tag": "1", "pullPolicy": "Always"}}
    assert with_image(values, Image(tag="2")) == {"image": {"repository": "old", "tag": "2", "pullPolicy": "Always"}}
    assert with_image(values, Image(repository="new", digest="sha256:aa")) == {
        "image": {"repository": "new", "tag": "1", "pullPolicy": "Always", "digest": "sha256:aa"}
    }
    assert with_image({}, Image(path="web.image", tag="2")) == {"web": {"image": {"tag": "2"}}}
    assert with_image(values, None) == values
    assert values["image"]["tag"] == "1"


def test_an_image_that_the_values_hold_as_one_text_is_refused() -> None:
    with pytest.raises(SpecFault, match="leads nowhere") as caught:
        with_image({"image": "nginx:1"}, Image(tag="2"))
    assert caught.value.path == "spec.image.path"


def test_names_are_replaced_in_strings_wherever_they_stand_and_nowhere_else() -> None:
    values = {"host": "${APP}.${DOMAIN}", "list": ["${APP}", 1, None, True], "${APP}": {"x": 1.5}}
    assert substitute(values, {"APP": "shop", "DOMAIN": "example.org"}) == {
        "host": "shop.example.org",
        "list": ["shop", 1, None, True],
        "${APP}": {"x": 1.5},
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$${APP}", "${APP}"),
        ("$$${APP}", "$${APP}"),
        ("$${APP}${APP}", "${APP}shop"),
        ("$APP {APP} $ {APP} ${} ${1A} ${A-B} ${APP:-x} ${APP", "$APP {APP} $ {APP} ${} ${1A} ${A-B} ${APP:-x} ${APP"),
        ("${APP}}", "shop}"),
        ("${${APP}}", "${shop}"),
        ("line\n${APP}\n", "line\nshop\n"),
    ],
)
def test_the_escape_is_taken_off_once_and_what_is_no_name_is_left_alone(text: str, expected: str) -> None:
    assert substitute({"a": text}, {"APP": "shop"}) == {"a": expected}


def test_an_undefined_name_is_named_with_its_place() -> None:
    with pytest.raises(SpecFault) as caught:
        substitute({"env": [{"value": "${NOPE}"}]}, {"APP": "shop"}, "spec.values")
    assert caught.value.path == "spec.values.env[0].value"
    assert "${NOPE} is not defined" in caught.value.why
    assert "shop" not in str(caught.value)


@given(st.dictionaries(st.sampled_from(["A", "B", "AB"]), TEXT, min_size=3), VALUES)
def test_what_was_put_in_is_never_looked_at_again(variables: dict[str, str], values: dict[str, Any]) -> None:
    assume(set(placeholders(values)) <= variables.keys())
    result = substitute({"all": "${A}|${B}|${AB}", "own": values}, variables)
    assert result["all"] == f"{variables['A']}|{variables['B']}|{variables['AB']}"


@given(VALUES)
def test_values_that_name_nothing_stay_as_they_are(values: dict[str, Any]) -> None:
    calm = _without_dollars(values)
    assert substitute(calm, {}) == calm
    assert not placeholders(calm)


def _without_dollars(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("$", "")
    if isinstance(value, dict):
        return {key: _without_dollars(inner) for key, inner in value.items()}
    return [_without_dollars(inner) for inner in value] if isinstance(value, list) else value


@given(VALUES)
def test_the_names_asked_for_are_just_those_that_must_be_defined(values: dict[str, Any]) -> None:
    names = placeholders(values)
    substitute(values, dict.fromkeys(names, "x"))
    for name in names:
        with pytest.raises(SpecFault, match=name):
            substitute(values, dict.fromkeys(names - {name}, "x"))


@given(VALUES)
def test_the_digest_does_not_see_the_order_of_keys(values: dict[str, Any]) -> None:
    assert canonical_digest(values) == canonical_digest(_reversed(values))


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return [_reversed(inner) for inner in value] if isinstance(value, list) else value


def test_the_digest_sees_the_order_of_lists_and_every_kind_of_value() -> None:
    different = [{}, {"a": None}, {"a": ""}, {"a": 0}, {"a": False}, {"a": "0"}, {"a": [1, 2]}, {"a": [2, 1]}, {"b": 0}]
    assert len({canonical_digest(each) for each in different}) == len(different)


def test_the_digest_takes_whatever_yaml_holds_and_reads_it_as_json_would() -> None:
    assert canonical_digest({1: 1.0, False: date(2026, 1, 2)}) == canonical_digest({"1": 1, "false": "2026-01-02"})
    assert canonical_digest({"a": 2**70, "b": math.inf, "c": "\ud800", "d": math.nan}).startswith("sha256:")


def test_the_digest_is_stable_for_ever_because_holds_and_proofs_rest_on_it() -> None:
    assert (
        canonical_digest({"b": [1, "ü"], "a": {"x": None}})
        == "sha256:b18b87cce6cfa16fde7a385e7286dd0d986027e5402371cd4712a0ce8d69be91"
    )
