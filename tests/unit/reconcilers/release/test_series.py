"""What is kept of a check's samples when there are too many."""

from datetime import UTC, datetime, timedelta
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from landlord.api.releases import Outcome, Sample
from landlord.reconcilers.release.series import MOST, Series

START = datetime(2026, 1, 1, tzinfo=UTC)


def series(*outcomes: Outcome) -> Series:
    kept = Series()
    for at, outcome in enumerate(outcomes):
        kept.add(Sample("front", START + timedelta(seconds=at), outcome))
    return kept


def test_few_samples_are_all_kept() -> None:
    kept = series(Outcome.PASS, Outcome.FAIL, Outcome.PASS)
    assert [sample.outcome for sample in kept] == [Outcome.PASS, Outcome.FAIL, Outcome.PASS]
    assert kept.last == list(kept)[-1]
    assert Series().last is None


def test_failures_outlast_any_number_of_passes() -> None:
    kept = list(series(Outcome.FAIL, *[Outcome.PASS] * 1000, Outcome.FAIL, *[Outcome.PASS] * 1000))
    assert len(kept) == MOST
    assert [outcome for outcome, _ in groupby(sample.outcome for sample in kept)] == [Outcome.FAIL, Outcome.PASS] * 2
    assert [sample.at for sample in kept if sample.outcome is Outcome.FAIL] == [START, START + timedelta(seconds=1001)]


@given(st.lists(st.sampled_from(Outcome), max_size=300))
def test_room_is_bounded_order_stays_and_the_newest_is_there(outcomes: list[Outcome]) -> None:
    kept = list(series(*outcomes))
    assert len(kept) == min(MOST, len(outcomes))
    assert [sample.at for sample in kept] == sorted(sample.at for sample in kept)
    if outcomes:
        assert kept[-1].at == START + timedelta(seconds=len(outcomes) - 1)
