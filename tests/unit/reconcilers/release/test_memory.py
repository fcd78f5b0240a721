"""Nothing is proven unseen: time in which nobody looked does not count, and restarts forget little."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from landlord.api.refs import Ref
from landlord.api.releases import Outcome, Sample
from landlord.core.health.bake import Bake
from landlord.core.release.ledger import Attempt, Desired, Intent, Ledger, Operation, Runner, Stage
from landlord.core.release.watch import Before
from landlord.reconcilers.release.memory import Memories

WEB = Ref("AppRelease", "shop-dev", "web")
T0 = datetime(2026, 1, 1, tzinfo=UTC)
BAKE = timedelta(minutes=2)
DESIRED = Desired("k", "c", "d", "v", "h", "1.0.0")


def when(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def baking(since: float = 0, **rest: object) -> Ledger:
    attempt = Attempt(DESIRED, T0, Stage.BAKING, when(since), when(600), revision=1)
    return Ledger(attempt=replace(attempt, **rest))


def verifying() -> Ledger:
    return Ledger(attempt=Attempt(DESIRED, T0, Stage.VERIFYING, T0, when(600), revision=1))


def fail(at: float) -> Sample:
    return Sample("up", when(at), Outcome.FAIL, message="503.")


class Process:
    """One process that looks at a release now and then; ``ledger`` is what stands written down."""

    def __init__(self, ledger: Ledger, bake: timedelta = BAKE) -> None:
        self.memories = Memories()
        self.ledger = ledger
        self.bake = bake
        self.writes = 0

    def look(self, at: float, *samples: Sample, writes: bool = True) -> float:
        """One look; seconds that the bake has come to."""
        resumed = self.memories.resumed(WEB, self.ledger, when(at))
        seen = self.memories.looked(WEB, resumed, when(at), self.bake, samples)
        if writes and seen != self.ledger:
            self.writes, self.ledger = self.writes + 1, seen
        assert seen.attempt is not None
        return (when(at) - seen.attempt.since).total_seconds()

    def begin(self, at: float = 0) -> None:
        """The attempt was verified by this process before it began to bake."""
        self.ledger, written = verifying(), self.ledger
        self.look(at - 1)
        self.ledger = written

    def stop(self, *samples: Sample) -> Ledger:
        """Last words."""
        return self.memories.noted(WEB, self.ledger, samples)


def test_a_bake_of_one_process_is_not_written_down() -> None:
    one = Process(baking())
    one.begin()
    assert [one.look(at) for at in (0, 5, 30, 60, 89, 119)] == [0, 5, 30, 60, 89, 119]
    assert one.writes == 0


def test_a_long_bake_is_written_down_now_and_then() -> None:
    one = Process(baking(), bake=timedelta(hours=24))
    one.begin()
    for at in range(0, 2 * 3600, 20):
        one.look(at)
    assert one.writes == 1
    shorter = Process(baking(), bake=timedelta(hours=1))
    shorter.begin()
    for at in range(0, 3600, 20):
        shorter.look(at)
    assert shorter.writes == 11


def test_time_in_which_no_operator_lived_does_not_count() -> None:
    one = Process(baking())
    one.begin()
    one.look(25)
    two = Process(one.ledger)
    assert two.look(1000) == 0
    assert two.writes == 1
    assert two.look(1010) == 10
    assert two.writes == 1


def test_what_was_written_down_on_the_way_out_counts() -> None:
    one = Process(baking())
    one.begin()
    one.look(30)
    one.look(60)
    two = Process(one.stop())
    assert two.look(1000) == 60
    assert two.look(1020) == 80
    three = Process(two.ledger)
    assert three.look(2000) == 60


def test_time_in_which_the_api_server_was_away_does_not_count_either() -> None:
    one = Process(baking())
    one.begin()
    one.look(10)
    assert one.look(1010) == 40
    assert one.look(1020) == 50


def test_a_write_that_fails_gives_no_time_away() -> None:
    one = Process(baking())
    assert one.look(500, writes=False) == 0
    assert one.look(510) == 10
    assert one.writes == 1


def test_counts_and_samples_come_through_a_restart() -> None:
    one = Process(baking())
    one.begin()
    one.look(5)
    memory = one.memories.of(WEB, one.ledger.attempt)
    memory.bake = Bake(T0, {"uid/web": 2})
    one.look(60, fail(20))
    two = Process(one.stop(fail(20)))
    two.look(1000)
    known = two.memories.of(WEB, two.ledger.attempt)
    assert known.bake == memory.bake
    assert known.samples == (fail(20),)
    assert known.began == T0
    again = two.stop(fail(1001)).attempt
    assert again is not None
    assert again.watch is not None
    assert again.watch.samples == (fail(20), fail(1001))


def test_what_was_bad_before_the_deploy_comes_through_a_restart() -> None:
    before = Before((fail(-9),), {"uid/old": 7})
    assert Process(baking(before=before)).memories.of(WEB, baking(before=before).attempt).before == before


def test_a_bake_that_begins_anew_has_seen_nothing() -> None:
    one = Process(baking())
    one.begin()
    one.look(5)
    one.memories.of(WEB, one.ledger.attempt).bake = Bake(T0)
    one.ledger = baking(100)
    assert one.look(100) == 0
    assert one.memories.of(WEB, one.ledger.attempt).bake is None


def test_of_what_is_no_bake_under_way_there_are_no_last_words() -> None:
    one = Process(baking())
    assert one.stop() == one.ledger  # it has not looked
    intent = Intent(Operation.TEST, 1, 0, T0, T0, Runner("me"))
    for ledger in (Ledger(), verifying(), baking(is_paused=True), replace(baking(), intent=intent)):
        other = Process(ledger)
        other.memories.looked(WEB, ledger, T0, BAKE, ())
        assert other.stop() == ledger


def test_after_a_rollback_the_bake_begins_anew_with_a_new_process() -> None:
    recovering = Ledger(recovering=3, recovering_since=T0)
    memories = Memories()
    assert memories.resumed(WEB, recovering, when(500)).recovering_since is None
    memories.looked(WEB, recovering, when(500), BAKE, ())
    on = replace(recovering, recovering_since=when(500))
    assert memories.resumed(WEB, on, when(520)) == on
    assert memories.resumed(WEB, on, when(600)).recovering_since == when(570)
    memories.forget(WEB)
    assert memories.resumed(WEB, on, when(520)).recovering_since is None
