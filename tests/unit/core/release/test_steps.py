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
    sentence,
)


def test_the_steps_are_a_closed_set() -> None:
    assert set(get_args(Step)) == {Rest, Look, Run, MarkFailed, Prune, Supersede, LetGo}


def test_a_decision_cannot_be_changed_once_it_is_made() -> None:
    decision = Decision(Look(), Ledger(), Word(Standing.WORKING, Reason.PROGRESSING, "On its way."))
    with pytest.raises(FrozenInstanceError):
        decision.step = Run()  # type: ignore[misc] # that is what must not go


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("the pod  is\ngone", "The pod is gone."),
        ("read-only root; stop!", "Read-only root; stop!"),
        ("registry.example.org could not be asked", "registry.example.org could not be asked."),
        ("spec.values: no map", "spec.values: no map."),
        ("", "No reason was given."),
        ("line\x1b[31mred\x00nul\x9b", "Line [31mred nul."),
    ],
)
def test_a_sentence_begins_with_a_capital_unless_it_begins_with_a_name(said: str, told: str) -> None:
    assert sentence(said) == told
