"""Values in layers, lowest first; what a source lacks is told by its place, and what is secret is known at once."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.api.conditions import Reason
from landlord.reconcilers.release.layers import NotPrepared, layers
from tests.unit.reconcilers.release.cases import Texts, case

Json = dict[str, Any]


def maps(kind: str = "ConfigMap", **more: Any) -> Json:
    return {"valuesFrom": [{"kind": kind, "name": "settings", **more}]}


async def merged(texts: Texts, environment: Json | None = None, **spec: Any) -> Json:
    found = await layers(case(environment, **spec), texts, lambda words: None)  # type: ignore[arg-type]
    return found.values


async def learned(texts: Texts, **spec: Any) -> set[str]:
    words: set[str] = set()
    with suppress(NotPrepared):
        await layers(case(**spec), texts, words.update)  # type: ignore[arg-type]
    return words


async def stop(texts: Texts, **spec: Any) -> NotPrepared:
    with pytest.raises(NotPrepared) as stopped:
        await merged(texts, **spec)
    return stopped.value


async def test_each_layer_is_laid_over_those_below_it() -> None:
    texts = Texts()
    texts.config_map("settings", values_yaml="{b: source, c: source, d: source, e: source}")
    names = dict.fromkeys("abcdef", "environment")
    found = await merged(
        texts,
        {"releaseDefaults": {"values": {**names, "image": {"tag": "0.0.1"}}}},
        **maps(),
        values={"c": "own", "d": "own", "f": None},
        environmentValues={"dev": {"d": "own in dev"}, "live": {"a": "elsewhere"}},
        image={"tag": "1.0.0"},
    )
    assert found == {
        "a": "environment",
        "b": "source",
        "c": "own",
        "d": "own in dev",
        "e": "source",
        "f": None,
        "image": {"tag": "1.0.0"},
    }


async def test_of_two_sources_the_later_counts_and_each_is_read_once() -> None:
    texts = Texts()
    texts.config_map("settings", values_yaml="a: first", other="a: second")
    sources = [{"kind": "ConfigMap", "name": "settings", "key": key} for key in ("values.yaml", "other")]
    assert await merged(texts, valuesFrom=sources) == {"a": "second"}
    assert texts.reads == ["ConfigMap/settings"]


async def test_a_text_is_put_where_the_target_path_says() -> None:
    texts = Texts()
    texts.secret("settings", password="12:30")
    spec = maps("Secret", key="password", targetPath="database.auth.password")
    assert await merged(texts, **spec, values={"database": {"host": "db"}}) == {
        "database": {"auth": {"password": "12:30"}, "host": "db"}
    }


WAITS = {
    "no object": ({}, maps(), "spec.valuesFrom[0]: ConfigMap settings is waited for."),
    "no key": (
        {"other": "a: 1"},
        maps(),
        "spec.valuesFrom[0]: ConfigMap settings has no key values.yaml and is waited for.",
    ),
    "no variables": (
        {},
        {"substitute": {"from": [{"kind": "ConfigMap", "name": "settings"}]}},
        "spec.substitute.from[0]: ConfigMap settings is waited for.",
    ),
}


@pytest.mark.parametrize("what", WAITS)
async def test_what_is_not_there_is_waited_for(what: str) -> None:
    data, spec, words = WAITS[what]
    texts = Texts()
    if data:
        texts.config_map("settings", **data)
    stopped = await stop(texts, **spec)
    assert (stopped.reason, stopped.why, stopped.is_final) == (Reason.WAITING_FOR_VALUES, words, False)


@pytest.mark.parametrize("data", [{}, {"other": "a: 1"}])
async def test_what_is_optional_may_be_missing(data: dict[str, str]) -> None:
    texts = Texts()
    if data:
        texts.config_map("settings", **data)
    assert await merged(texts, **maps(optional=True), values={"a": 1}) == {"a": 1}


WRONG = {
    "no YAML": ({"values_yaml": "a: ["}, maps(), "no YAML"),
    "a list": ({"values_yaml": "[a]"}, maps(), "must hold a mapping"),
    "an unknown variable": ({"values_yaml": "a: ${NOBODY}"}, {**maps(), "substitute": {}}, "${NOBODY}"),
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_cannot_be_values_is_told_by_its_place(what: str) -> None:
    data, spec, words = WRONG[what]
    texts = Texts()
    texts.config_map("settings", **data)
    stopped = await stop(texts, **spec)
    assert (stopped.reason, stopped.is_final) == (Reason.VALUES_ERROR, True)
    assert stopped.why.startswith("spec.valuesFrom[0]")
    assert words in stopped.why


async def test_a_spec_that_is_not_understood_has_no_values() -> None:
    with pytest.raises(NotPrepared) as stopped:
        await layers(replace(case(), release=None, fault="It is wrong."), Texts(), set().update)  # type: ignore[arg-type]
    assert (stopped.value.reason, stopped.value.why) == (Reason.INVALID_SPEC, "It is wrong.")


async def test_variables_of_the_environment_give_way_to_sources_and_those_to_the_spec() -> None:
    texts = Texts()
    texts.config_map("settings", B="source", C="source")
    found = await merged(
        texts,
        {"variables": {"A": "environment", "B": "environment", "C": "environment"}},
        substitute={"from": [{"kind": "ConfigMap", "name": "settings"}], "vars": {"C": "own"}},
        values={"text": "${A} ${B} ${C} $${A}"},
    )
    assert found == {"text": "environment source own ${A}"}


async def test_nothing_is_replaced_unless_it_is_asked_for_nor_within_a_secret() -> None:
    texts = Texts()
    texts.secret("settings", values_yaml="password: x${A}")
    assert await merged(texts, values={"a": "${A}"}) == {"a": "${A}"}
    assert await merged(texts, **maps("Secret"), substitute={}) == {"password": "x${A}"}


async def test_every_word_of_a_secret_is_known_whatever_becomes_of_it() -> None:
    texts = Texts()
    texts.secret("settings", values_yaml="{a: [swordfish, {b: 73519284}], c: true, d: null, e: 1.5}", other="herring")
    known = {"swordfish", "73519284", "7.3519284e+07", "7.3519284", "1.5", "herring"}
    assert known <= await learned(texts, **maps("Secret"))
    assert not {"True", "true", "None", "null"} & await learned(texts, **maps("Secret"))
    late = [*maps("Secret")["valuesFrom"], {"kind": "ConfigMap", "name": "late"}]
    assert known <= await learned(texts, valuesFrom=late)
    texts.secret("settings", values_yaml="a: [", other="herring")
    assert "herring" in await learned(texts, **maps("Secret"))
    assert "herring" in await learned(texts, substitute={"from": [{"kind": "Secret", "name": "settings"}]})


async def test_a_config_map_holds_no_secrets() -> None:
    texts = Texts()
    texts.config_map("settings", values_yaml="a: swordfish")
    assert await learned(texts, **maps()) == set()


async def test_a_secret_that_is_no_text_is_told_without_it() -> None:
    texts = Texts()
    texts.objects["Secret", "settings"] = {"values.yaml": "/w=="}
    stopped = await stop(texts, **maps("Secret"))
    assert (stopped.reason, stopped.why) == (
        Reason.VALUES_ERROR,
        "key values.yaml of Secret settings: is no text in UTF-8.",
    )


@given(number=st.integers(-(10**15), 10**15))
async def test_a_number_is_known_as_templates_write_it(number: int) -> None:
    texts = Texts()
    texts.secret("settings", values_yaml=f"a: {number}")
    known = await learned(texts, **maps("Secret"))
    assert str(number) in known
    mantissa, _, exponent = f"{number:.16e}".partition("e")
    trimmed = mantissa.rstrip("0").rstrip(".")
    assert f"{trimmed}e{exponent}" in known or number == 0
