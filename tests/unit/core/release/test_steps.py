"""Steps: values that say one thing each."""

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from landlord.api.conditions import Reason
from landlord.core.release.ledger import Ledger
from landlord.core.release.steps import (
    Decision,
    LetGo,
    Look,
    MarkFailed,
    Prune,
    Rest,
    Run,
    Standing,
    Step,
    Supersede,
    Word,
)


def test_the_steps_are_a_closed_set() -> None:
    assert set(get_args(Step)) == {Rest, Look, Run, MarkFailed, Prune, Supersede, LetGo}


def test_a_decision_cannot_be_changed_once_it_is_made() -> None:
    decision = Decision(Look(), Ledger(), Word(Standing.WORKING, Reason.PROGRESSING, "On its way."))
    with pytest.raises(FrozenInstanceError):
        decision.step = Run()  # type: ignore[misc] # that is what must not go
