"""When a pass has nothing to tell yet, and nothing to write down: small rules of the AppRelease's pass."""

from dataclasses import replace
from datetime import timedelta

import pytest

from landlord.api.conditions import Reason
from landlord.core.release.ledger import Attempt, Failure, Ledger, Stage
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


@pytest.mark.parametrize(
    ("attempt", "is_only_begun"),
    [
        (replace(ATTEMPT, stage=Stage.DEPLOYING), True),
        (replace(ATTEMPT, stage=Stage.DEPLOYING, failure=Failure("Timeout", "It took too long.")), False),
        (replace(ATTEMPT, stage=Stage.ROLLING_BACK), False),
        (None, False),
    ],
    ids=["a deploy to come", "another try", "a verdict", "none"],
)
def test_who_stands_in_line_writes_down_what_the_world_would_not_tell_again(
    attempt: Attempt | None, is_only_begun: bool
) -> None:
    assert _is_only_begun(Ledger(attempt=attempt)) is is_only_begun
