"""When a pass has nothing to tell yet, and nothing to write down: small rules of the AppRelease's pass."""

from dataclasses import replace
from datetime import timedelta

import pytest

from landlord.api.conditions import Reason
from landlord.core.release.ledger import Attempt, Failure, Intent, Ledger, Operation, Proven, Runner, Stage
from landlord.core.release.steps import Decision, Rest, Standing, Word
from landlord.reconcilers.apprelease import YOUNG, _is_only_begun, _is_young
from tests.unit.reconcilers.release.cases import THEN, WANTED

ATTEMPT = Attempt(WANTED, THEN, Stage.VERIFYING, THEN, THEN + timedelta(minutes=5), revision=1)
WAITING = Word(Standing.WORKING, Reason.PROGRESSING, "It is not ready yet.")


@pytest.mark.parametrize(
    ("attempt", "word", "after", "is_young"),
    [
        (ATTEMPT, WAITING, timedelta(), True),
        (ATTEMPT, WAITING, YOUNG, False),
        (ATTEMPT, replace(WAITING, reason=Reason.QUOTA_EXCEEDED), timedelta(), False),
        (ATTEMPT, replace(WAITING, standing=Standing.STUCK), timedelta(), False),
        (replace(ATTEMPT, stage=Stage.BAKING), WAITING, timedelta(), False),
        (None, WAITING, timedelta(), False),
    ],
    ids=["just deployed", "a second later", "a cause is known", "a person must act", "baking", "at rest"],
)
def test_that_controllers_are_still_to_see_what_helm_made_is_not_told(
    attempt: Attempt | None, word: Word, after: timedelta, is_young: bool
) -> None:
    assert _is_young(Decision(Rest(), Ledger(attempt=attempt), word), THEN + after) is is_young


BEGUN = Ledger(attempt=replace(ATTEMPT, stage=Stage.DEPLOYING))
FAILED = replace(ATTEMPT, stage=Stage.DEPLOYING, failure=Failure("Timeout", "It took too long."))
TESTING = Ledger(intent=Intent(Operation.TEST, 1, 0, THEN, THEN, Runner("me")))


@pytest.mark.parametrize(
    ("written", "page", "is_only_begun"),
    [
        (Ledger(), BEGUN, True),
        (Ledger(), Ledger(attempt=FAILED), False),
        (Ledger(), Ledger(attempt=replace(ATTEMPT, stage=Stage.ROLLING_BACK)), False),
        (Ledger(), replace(BEGUN, proven=Proven(1, WANTED, THEN)), False),
        (TESTING, BEGUN, False),
        (Ledger(), Ledger(), False),
    ],
    ids=["a deploy to come", "another try", "a verdict", "a proof", "the end of a run", "nothing"],
)
def test_who_stands_in_line_writes_down_what_the_world_would_not_tell_again(
    written: Ledger, page: Ledger, is_only_begun: bool
) -> None:
    assert _is_only_begun(written, page) is is_only_begun
