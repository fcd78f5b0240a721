"""Durations as users write them, and their spread."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.core.intervals import jittered, parse


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1m", 60), ("1h", 3600), ("1h30m", 5400), ("1h1m1s", 3661), ("0s", 0), ("250ms", 0.25)],
)
def test_a_duration_is_the_sum_of_its_parts(text: str, seconds: float) -> None:
    assert parse(text) == timedelta(seconds=seconds)


@given(st.timedeltas(timedelta(minutes=1), timedelta(days=30)), st.text())
def test_jitter_shortens_by_at_most_a_tenth_and_is_the_same_for_the_same_seed(interval: timedelta, seed: str) -> None:
    shortened = jittered(interval, seed)
    assert interval * 0.9 <= shortened + timedelta(microseconds=1)
    assert shortened <= interval
    assert jittered(interval, seed) == shortened


def test_jitter_spreads_many_objects_over_the_tenth() -> None:
    waits = {round(jittered(timedelta(hours=1), f"uid-{number}").total_seconds()) for number in range(200)}
    assert len(waits) > 100
