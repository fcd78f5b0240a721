"""Durations are refused by the models in the words of the CRD, and mean what they say."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from landlord.api import durations


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("0s", 0), ("250ms", 250), ("90s", 90_000), ("10m", 600_000), ("1h30m", 5_400_000), ("1m500ms", 60_500)],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, milliseconds: int) -> None:
    assert durations.milliseconds(text) == milliseconds


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (durations.Timeout, ["1s", "10m", "24h"], ["0s", "25h", "500ms", "10", "ten minutes", "", "1d", "-1m"]),
        (durations.Interval, ["30s", "1h"], ["29s", "25h"]),
        (durations.Window, ["0s", "2m"], ["24h1s"]),
        (durations.LookTimeout, ["1s", "1m"], ["61s", "500ms"]),
        (durations.Latency, ["1ms", "500ms", "1s500ms", "60s"], ["0ms", "61s", "1.5s"]),
    ],
    ids=["Timeout", "Interval", "Window", "LookTimeout", "Latency"],
)
def test_each_kind_keeps_to_its_bounds_and_says_them(kind: Any, good: list[str], bad: list[str]) -> None:
    adapter = TypeAdapter(kind)
    for text in good:
        assert adapter.validate_python(text) == text
    for text in bad:
        with pytest.raises(ValidationError, match="must be a duration of"):
            adapter.validate_python(text)
