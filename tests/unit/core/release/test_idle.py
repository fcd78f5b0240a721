"""While no attempt is in flight: what is begun, what is adopted, and how what was rolled back to gets well."""

from dataclasses import replace
from datetime import timedelta

import pytest

from landlord.api.conditions import Reason
from landlord.core.health.signs import State
from landlord.core.release.facts import Health, Stranger, Unprepared
from landlord.core.release.ledger import Held, Running, Stage
from landlord.core.release.machine import decide
from landlord.core.release.steps import Word
from tests.unit.core.release.cast import NO_IMAGE, QUOTA, READY, WORKING, App
from tests.unit.core.release.scenes import CAUSE, WISH, A, B, facts, ledger, revisions
from tests.unit.core.release.theatre import START

UNPREPARED = Unprepared(Reason.CHART_FETCH_FAILED, "The registry does not answer.", is_final=False)


def test_a_revision_that_failed_is_deployed_again_and_not_verified() -> None:
    known = ledger(running=Running(2, B, uid="uid-2"))
    retry = App("B", spec="retry").desired
    decision = decide(facts(known, "deployed", "failed", desired=retry, health=READY))
    assert decision.ledger.attempt is not None
    assert decision.ledger.attempt.stage is Stage.DEPLOYING


def test_changed_health_checks_are_proven_without_helm() -> None:
    decision = decide(facts(ledger(), "deployed", desired=App("A", spec="strict").desired))
    assert decision.ledger.attempt is not None
    assert decision.ledger.attempt.stage is Stage.VERIFYING


def test_what_somebody_deployed_is_compared_only_when_it_is_known_what_is_wanted() -> None:
    decision = decide(facts(ledger(), "superseded", "deployed", desired=UNPREPARED))
    assert decision.word.reason is Reason.CHART_FETCH_FAILED
    assert decision.ledger == ledger()


def test_what_somebody_deployed_is_adopted_once_it_is_what_is_wanted() -> None:
    theirs = ledger(running=Running(2, App("X").desired, is_external=True, uid="uid-2"))
    decision = decide(facts(theirs, "superseded", "deployed", stranger=Stranger(2, is_desired=True)))
    assert decision.ledger.attempt is not None
    assert decision.ledger.attempt.stage is Stage.VERIFYING


def test_what_was_rolled_back_to_bakes_from_when_it_is_ready() -> None:
    held = Held(B, CAUSE, START, 2, 1)
    known = ledger(running=Running(3, A, uid="uid-3"), held=held, recovering=3)
    history = revisions("superseded", "superseded", "deployed")
    late = START + timedelta(hours=1)
    first = decide(facts(known, history=history, health=READY, now=late))
    assert first.ledger.recovering_since == late
    lapse = decide(facts(first.ledger, history=history, health=WORKING, now=late + timedelta(seconds=50)))
    assert lapse.ledger.recovering_since is None
    again = decide(facts(first.ledger, history=history, health=READY, now=late + WISH.bake))
    assert again.ledger.proven is not None
    assert again.ledger.proven.revision == 3
    assert again.ledger.held == held


@pytest.mark.parametrize("trouble", [QUOTA, NO_IMAGE])
def test_a_rollback_that_cannot_get_well_is_told_once_it_had_time_to(trouble: Health) -> None:
    """While no attempt is in flight nobody is condemned, so the trouble is only seen."""
    seen = replace(trouble, state=State.WORKING, is_excused=trouble is QUOTA)
    known = ledger(running=Running(3, A, uid="uid-3"), held=Held(B, CAUSE, START, 2, 1), recovering=3)
    history = revisions("superseded", "superseded", "deployed")

    def told(health: Health, seconds: int) -> Word:
        return decide(facts(known, history=history, health=health, now=START + timedelta(seconds=seconds))).word

    assert told(seen, 10).reason is Reason.ROLLED_BACK
    assert told(seen, 40).reason is Reason.ROLLBACK_BLOCKED
    assert trouble.why in told(seen, 40).why
    assert told(WORKING, 40).reason is Reason.ROLLED_BACK
