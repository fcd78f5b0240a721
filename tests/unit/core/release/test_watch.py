"""What is written down of a bake: small whatever the release, and the same when it is read again."""

from datetime import UTC, datetime, timedelta

from landlord.api.releases import Outcome, Sample
from landlord.core.health.bake import Bake
from landlord.core.release.ledger import Attempt, Desired, Ledger, Stage, decode, encode
from landlord.core.release.watch import (
    LONGEST_UNSEEN,
    MOST_COUNTS,
    MOST_SAMPLES,
    MOST_WORDS,
    Before,
    Watch,
    bounded_bake,
    bounded_counts,
    bounded_samples,
    unseen,
)

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def when(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def sample(at: float = 0, outcome: Outcome = Outcome.PASS, message: str = "") -> Sample:
    return Sample("up", when(at), outcome, "a value", message)


def test_what_is_written_down_is_read_again() -> None:
    bake = Bake(T0, {"uid/web": 2}, {"uid/web": ("2026-01-01T00:00:05+00:00",)}, {}, {"Deployment/web": 3})
    watch = Watch(when(5), T0, when(9), bake, bounded_samples([sample(1, Outcome.FAIL, "503.")]))
    before = Before(bounded_samples([sample(-9, Outcome.FAIL)]), {"uid/old": 7})
    desired = Desired("k", "c", "d", "v", "h", "1.0.0")
    attempt = Attempt(desired, T0, Stage.BAKING, when(5), when(600), before=before, watch=watch)
    ledger = Ledger(attempt=attempt)
    assert decode(encode(ledger)) == ledger


def test_a_ledger_of_an_earlier_version_has_seen_nothing() -> None:
    desired = Desired("k", "c", "d", "v", "h", "1.0.0")
    old = decode(encode(Ledger(attempt=Attempt(desired, T0, Stage.BAKING, T0, when(600)))))
    assert old.attempt is not None
    assert (old.attempt.before, old.attempt.watch) == (None, None)


def test_another_process_saw_nothing_of_what_came_after_its_last_look() -> None:
    assert unseen(T0, when(3), by_another=True) == timedelta(seconds=3)
    assert unseen(when(3), T0, by_another=True) == timedelta()


def test_one_process_need_not_look_all_the_time() -> None:
    assert unseen(T0, T0 + LONGEST_UNSEEN, by_another=False) == timedelta()
    assert unseen(T0, T0 + LONGEST_UNSEEN + timedelta(seconds=1), by_another=False) == timedelta(seconds=1)


def test_of_too_many_containers_those_count_that_were_restarted() -> None:
    few = {f"uid/{n}": 0 for n in range(MOST_COUNTS)}
    assert bounded_counts(few) == few
    assert bounded_counts({**few, "uid/bad": 4}) == {"uid/bad": 4}
    assert len(bounded_counts({f"uid/{n}": 1 for n in range(3 * MOST_COUNTS)})) == MOST_COUNTS


def test_of_too_many_samples_the_newest_are_kept_with_the_beginnings_of_their_words() -> None:
    kept = bounded_samples([sample(n, message="x" * 1000) for n in reversed(range(MOST_SAMPLES + 5))])
    assert [each.at for each in kept] == [when(n + 5) for n in range(MOST_SAMPLES)]
    assert {(len(each.message), each.value) for each in kept} == {(MOST_WORDS, "")}


def test_a_wobble_is_not_handed_on_because_nobody_sees_its_end() -> None:
    assert bounded_bake(None) is None
    assert bounded_bake(Bake(T0, unready={"Deployment/web": T0})) == Bake(T0)
