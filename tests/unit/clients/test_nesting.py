"""Depth is found out without reading; nothing that people write is refused."""

import pytest
import yaml

from landlord.clients.nesting import MOST_LEVELS, TooDeep, check


@pytest.mark.parametrize(
    "text",
    [
        "a: [1, {b: 2}]\n" * 5000,
        "\n".join("- " + "- " * 20 + "x" for _ in range(2000)),
        "x: " + "[" * MOST_LEVELS + "]" * MOST_LEVELS,
        "\n".join(" " * level + "a:" for level in range(900)),
        'x: "' + "[" * 100_000 + '"',
    ],
    ids=["wide", "lists", "deep", "by indentation", "in a text"],
)
def test_what_can_be_read_without_harm_passes(text: str) -> None:
    check(text)


@pytest.mark.parametrize("nest", ["[", "{a: ", "- ", "? ", "-\t", "- ? "])
def test_what_is_too_deep_is_refused_with_its_place(nest: str) -> None:
    with pytest.raises((TooDeep, yaml.YAMLError)) as fault:
        check("first: 1\nsecond:\n  " + nest * 50_000)
    assert getattr(fault.value, "problem_mark").line == 2  # noqa: B009 - only marked errors have it
