"""What is kept of a check's samples when there are many."""

from datetime import UTC, datetime, timedelta
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from landlord.api.releases import Outcome, Sample
from landlord.core.health.checks import CheckSpec, judge
from landlord.reconcilers.release.series import MOST, Series

START = datetime(2026, 1, 1, tzinfo=UTC)
PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def samples(outcomes: list[Outcome]) -> list[Sample]:
    return [Sample("front", START + timedelta(seconds=at), outcome) for at, outcome in enumerate(outcomes)]


def kept(outcomes: list[Outcome]) -> list[Sample]:
    series = Series()
    for sample in samples(outcomes):
        series.add(sample)
    assert series.last == (list(series)[-1] if outcomes else None)
    return list(series)


def test_of_many_passes_the_first_and_the_last_are_kept() -> None:
    found = kept([PASS] * 1000)
    assert [sample.at for sample in found] == [START, START + timedelta(seconds=999)]


def test_failures_outlast_any_number_of_passes_and_of_looks_that_cannot_tell() -> None:
    found = kept([FAIL, *[PASS] * 1000, FAIL, *[UNKNOWN] * 1000, FAIL])
    assert [outcome for outcome, _ in groupby(sample.outcome for sample in found)] == [FAIL, PASS, FAIL, UNKNOWN, FAIL]
    assert [sample.at for sample in found if sample.outcome is FAIL] == [
        START + timedelta(seconds=at) for at in (0, 1001, 2002)
    ]


def test_room_is_bounded() -> None:
    assert len(kept([FAIL, PASS] * 1000)) == MOST
    assert len(kept([FAIL] * 1000)) == MOST


@given(
    st.lists(st.sampled_from(Outcome), max_size=200),
    st.none() | st.integers(0, 5),
    st.none() | st.integers(1, 5),
)
def test_what_is_kept_is_judged_as_everything_would_be(
    outcomes: list[Outcome], failure_limit: int | None, in_a_row: int | None
) -> None:
    spec = CheckSpec("front", failure_limit=failure_limit, consecutive_failure_limit=in_a_row)
    everything = judge(spec, samples(outcomes), started=START)
    thinned = judge(spec, kept(outcomes), started=START)
    assert (thinned.state, thinned.since_sign, thinned.failures) == (
        everything.state,
        everything.since_sign,
        everything.failures,
    )
