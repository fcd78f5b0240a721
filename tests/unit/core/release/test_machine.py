"""Whatever happens to a release, in whatever order: what must always be true stays true, and it comes to rest."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from landlord.api.conditions import Reason
from landlord.api.failures import HelmTrouble
from landlord.api.releases import LOCKED
from landlord.core.health.checks import CheckState
from landlord.core.release.facts import Check, Closed, Unprepared, Wish
from landlord.core.release.ledger import Ledger, Operation, encode
from landlord.core.release.machine import decide
from landlord.core.release.steps import Look, Run
from tests.unit.core.release.cast import CRASHES, NO_IMAGE, QUOTA, App, seconds
from tests.unit.core.release.theatre import Theatre

HOUR = timedelta(hours=1)
FAILS = Check("home", CheckState.FAILING, "It answered 500.")
PASSES = Check("home", CheckState.PASSING)
APPS = (
    App("A"),
    App("A", values="v2"),
    App("A", spec="other-checks", checks=((3, PASSES),)),
    App("A", spec="wrong-check", checks=((9, FAILS),)),
    App("A", values="bad", health=((1, CRASHES),)),
    App("B", health=((2, NO_IMAGE),)),
    App("C", health=((4, App("C").fares(9)), (30, CRASHES))),
    App("D", helm=HelmTrouble.HOOK_FAILED),
    App("E", helm=HelmTrouble.RENDER, stores=False),
    App("F", test=HelmTrouble.TEST_FAILED),
    App("G", ready_after=1_000_000),
    App("H", ready_after=40),
)
TROUBLES = (HelmTrouble.QUOTA, HelmTrouble.WEBHOOK, HelmTrouble.OUTAGE, HelmTrouble.LOCKED, HelmTrouble.KILLED)
UNPREPARED = Unprepared(Reason.CHART_FETCH_FAILED, "The chart's registry does not answer.", is_final=False)
CLOSED = Closed(Reason.ENVIRONMENT_SUSPENDED, "The Environment is suspended.")

wishes = st.builds(
    Wish,
    timeout=st.just(timedelta(minutes=5)),
    bake=st.sampled_from((timedelta(0), timedelta(minutes=1))),
    retries=st.integers(0, 2),
    rolls_back=st.sampled_from((True, True, False)),
    rollback_attempts=st.integers(1, 3),
    max_history=st.just(3),
    tests=st.booleans(),
)
Event = tuple[str, Any]
_events: st.SearchStrategy[Event] = st.one_of(
    st.tuples(st.just("commit"), st.integers(0, len(APPS) - 1)),
    st.tuples(st.just("commit"), st.integers(0, 5)),
    st.tuples(st.just("kill"), st.sampled_from(("unwritten", "written", "pending", "ended", "term", "outlived"))),
    st.tuples(st.just("trouble"), st.sampled_from((None, None, *TROUBLES))),
    st.tuples(st.just("half"), st.booleans()),
    st.tuples(st.just("rollback"), st.sampled_from((None, HelmTrouble.UNKNOWN, HelmTrouble.HOOK_FAILED))),
    st.tuples(st.just("pods"), st.sampled_from((None, None, QUOTA))),
    st.tuples(st.just("unprepared"), st.booleans()),
    st.tuples(st.just("closed"), st.booleans()),
    st.tuples(st.just("suspended"), st.booleans()),
    st.tuples(st.just("metrics"), st.booleans()),
    st.tuples(st.just("ghost"), st.none()),
    st.tuples(st.just("by hand"), st.integers(0, len(APPS) - 1)),
    st.tuples(st.just("their lock"), st.booleans()),
    st.tuples(st.just("back by hand"), st.integers(1, 6)),
    st.tuples(st.just("uninstalled"), st.none()),
    st.tuples(st.just("ledger lost"), st.none()),
    st.tuples(st.just("restart"), st.none()),
    st.tuples(st.just("stays down"), st.booleans()),
    st.tuples(st.just("wish"), wishes),
    st.tuples(st.just("deleted"), st.booleans()),
)

waits: st.SearchStrategy[Event] = st.tuples(st.just("wait"), st.sampled_from((0, 1, 3, 10, 45, 90, 400, 1200)))
stories = st.builds(
    lambda start, pairs: [start, *(event for pair in pairs for event in pair)],
    waits,
    st.lists(st.tuples(_events, waits), max_size=15),
)


def befall(stage: Theatre, event: Event) -> None:
    """Let this happen; what had gone is created anew."""
    name, what = event
    if stage.is_gone:
        stage.is_gone = stage.is_deleting = False
    acts: dict[str, Callable[[], Any]] = {
        "commit": lambda: stage.commit(APPS[what]),
        "wait": lambda: stage.play(seconds(what)),
        "kill": lambda: setattr(stage, "kill", what),
        "trouble": lambda: setattr(stage, "trouble", what),
        "half": lambda: setattr(stage, "trouble_stores", what),
        "rollback": lambda: setattr(stage, "rollback", what),
        "pods": lambda: setattr(stage, "pods", what),
        "unprepared": lambda: setattr(stage, "unprepared", UNPREPARED if what else None),
        "closed": lambda: setattr(stage, "closed", CLOSED if what else None),
        "suspended": lambda: setattr(stage, "suspended", "It is suspended." if what else ""),
        "metrics": lambda: setattr(stage, "metrics_down", what),
        "ghost": stage.end_ghost,
        "by hand": lambda: _is_locked(stage) or stage.by_hand(APPS[what]),
        "their lock": lambda: _their_lock(stage, taken=what),
        "back by hand": lambda: _is_locked(stage) or stage.rolled_back_by_hand(what),
        "uninstalled": lambda: stage.ghost or stage.uninstalled_by_hand(),
        "ledger lost": lambda: _lose_ledger(stage),
        "restart": stage.restart,
        "stays down": lambda: setattr(stage, "stays_down", what),
        "wish": lambda: setattr(stage, "wish", what),
        "deleted": lambda: _delete(stage, orphan=what),
    }
    acts[name]()


def _their_lock(stage: Theatre, *, taken: bool) -> None:
    if taken and stage.ghost is None and not _is_locked(stage):
        stage.by_hand(APPS[1], "pending-upgrade")
    else:
        stage.settled_by_hand()


def _is_locked(stage: Theatre) -> bool:
    newest = stage.helm.newest
    return newest is not None and newest.status in LOCKED


def _lose_ledger(stage: Theatre) -> None:
    """All that is known of proofs goes with it; a Helm that still runs then is nobody's."""
    if stage.ledger.intent is None:
        stage.say("The ledger is lost.")
        stage.stored = encode(Ledger())
        stage.proven.clear()
        stage.upgrades.clear()
        stage.rollbacks.clear()


def _delete(stage: Theatre, *, orphan: bool) -> None:
    """Deleted, and created anew if it could go in time."""
    wish, stage.is_deleting = stage.wish, True
    stage.wish = replace(wish, orphans=orphan)
    stage.play(seconds(700))
    stage.wish = wish
    stage.is_deleting = not stage.is_gone
    stage.is_gone = False


def calm(stage: Theatre) -> None:
    """Everything around the release is well again."""
    stage.end_ghost()
    stage.restart()
    stage.trouble = stage.pods = stage.unprepared = stage.closed = stage.rollback = None
    stage.suspended, stage.kill, stage.metrics_down = "", "", False
    if not stage.ledger.intent:
        stage.settled_by_hand()


@settings(max_examples=800, deadline=None)
@given(wishes, stories)
def test_from_any_history_it_comes_to_rest(wish: Wish, story: list[Event]) -> None:
    stage = Theatre(wish=wish)
    stage.commit(APPS[0])
    for event in story:
        befall(stage, event)
    calm(stage)
    stage.play(timedelta(hours=2))
    if stage.is_deleting:
        assert stage.is_gone
        return
    newest = stage.helm.newest
    if newest is not None and newest.status in LOCKED:
        stage.settled_by_hand()
        stage.play(timedelta(hours=2))
    before, runs = stage.stored, len(stage.runs)
    stage.play(HOUR)
    assert (stage.stored, len(stage.runs)) == (before, runs)
    assert stage.ledger.attempt is None
    assert stage.ledger.intent is None
    assert stage.ledger.held is not None or _is_proven(stage)


def _is_proven(stage: Theatre) -> bool:
    ledger, newest = stage.ledger, stage.helm.newest
    assert stage.app is not None
    return (
        newest is not None
        and newest.status == "deployed"
        and newest.app.digest == stage.app.digest
        and ledger.proven is not None
        and ledger.proven.desired.key == stage.app.desired.key
    )


@settings(max_examples=200, deadline=None)
@given(wishes, stories)
def test_a_hold_survives_a_restart_and_a_recreated_object(wish: Wish, story: list[Event]) -> None:
    stage = Theatre(wish=wish)
    stage.commit(APPS[0])
    for event in (*story, ("commit", 5)):
        befall(stage, event)
    calm(stage)
    stage.play(HOUR)
    stage.is_deleting = stage.is_gone = False
    stage.play(HOUR)
    held, runs = stage.ledger.held, [each for each in stage.runs if each[1] is Operation.DEPLOY]
    if held is None:
        return
    stage.restart()
    stage.play(HOUR)
    stage.is_deleting = True
    stage.play(HOUR)
    assert stage.is_gone
    stage.is_deleting = stage.is_gone = False
    stage.play(HOUR)
    assert stage.ledger.held is not None
    assert stage.ledger.held.desired == held.desired
    assert [each for each in stage.runs if each[1] is Operation.DEPLOY] == runs


@settings(max_examples=200, deadline=None)
@given(wishes, stories, st.integers(0, len(APPS) - 1))
def test_a_commit_is_acted_on_in_the_next_step_unless_helm_runs(wish: Wish, story: list[Event], app: int) -> None:
    stage = Theatre(wish=wish)
    stage.commit(APPS[0])
    for event in story:
        befall(stage, event)
    stage.suspended, stage.unprepared, stage.closed, stage.kill, stage.is_deleting = "", None, None, "", False
    if stage.ledger.intent is not None or _is_locked(stage):
        return
    stage.commit(APPS[app])
    attempt, facts = stage.ledger.attempt, stage.facts()
    decision = decide(facts)
    if attempt is not None and attempt.desired.key != APPS[app].desired.key:
        assert decision.step == Look()
        assert decision.ledger.attempt is None
    assert not isinstance(decision.step, Run) or decision.ledger.intent is not None


@settings(max_examples=200, deadline=None)
@given(wishes, stories)
def test_a_deleted_release_goes_away(wish: Wish, story: list[Event]) -> None:
    stage = Theatre(wish=wish)
    stage.commit(APPS[0])
    for event in story:
        befall(stage, event)
    stage.is_deleting = True
    stage.play(HOUR)
    calm(stage)
    stage.play(HOUR)
    assert stage.is_gone
    assert stage.wish.orphans or not stage.helm.revisions


@settings(max_examples=200, deadline=None)
@given(wishes, stories, st.sampled_from(TROUBLES))
def test_what_fails_by_nobodys_fault_is_repeated_at_a_bounded_pace(
    wish: Wish, story: list[Event], trouble: HelmTrouble
) -> None:
    stage = Theatre(wish=wish)
    stage.commit(APPS[0])
    for event in story:
        befall(stage, event)
    stage.trouble, stage.kill, before = trouble, "", len(stage.runs)
    stage.is_deleting = False
    stage.play(HOUR)
    runs = [at for at, _ in stage.runs[before:]]
    assert len(runs) <= 25, "a run every five minutes in the long run, some more at first"
    assert sum(later - sooner < seconds(15) for sooner, later in pairwise(runs)) <= 3


@settings(max_examples=200, deadline=None)
@given(wishes, stories)
def test_nothing_is_done_while_suspended(wish: Wish, story: list[Event]) -> None:
    stage = Theatre(wish=wish)
    stage.commit(APPS[0])
    for event in story:
        befall(stage, event)
    stage.end_ghost()
    stage.restart()
    stage.kill, stage.suspended, stage.is_deleting = "", "It is suspended.", False
    before = len(stage.runs)
    stage.play(HOUR)
    assert len(stage.runs) == before
    assert stage.ledger.intent is None
