"""What a look finds when nobody answers, and what is filled into texts."""

from datetime import timedelta

import pytest

from landlord.api.checks import CheckPolicy, HealthCheck
from landlord.api.failures import SpecFault
from landlord.api.releases import Outcome
from landlord.clients.probes.looks import LONGEST_MESSAGE, Look, filled
from tests.unit.clients.probes.worlds import NOW, target

CHECK = HealthCheck.model_validate({"name": "front", "http": {"service": "web"}})


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [
        (CheckPolicy.FAIL, Outcome.FAIL),
        (CheckPolicy.PASS, Outcome.PASS),
        (CheckPolicy.INCONCLUSIVE, Outcome.INCONCLUSIVE),
    ],
)
def test_no_answer_counts_as_the_check_says(policy: CheckPolicy, outcome: Outcome) -> None:
    look = Look(CHECK, timedelta(seconds=1), on_error=policy)
    assert look.unanswered(NOW, "nobody").outcome is outcome


def test_what_is_not_there_before_the_deploy_says_nothing() -> None:
    look = Look(CHECK, timedelta(seconds=1), on_error=CheckPolicy.FAIL, is_baseline=True)
    assert look.absent(NOW, "no Service").outcome is Outcome.INCONCLUSIVE
    assert look.unanswered(NOW, "no answer").outcome is Outcome.FAIL


def test_messages_are_cut() -> None:
    assert len(Look(CHECK, timedelta(seconds=1)).found(NOW, Outcome.FAIL, "x" * 10_000).message) == LONGEST_MESSAGE


def test_two_names_are_known_and_no_other() -> None:
    assert filled("{{release}} in {{ namespace }} {x}", target()) == "shop in team-prod {x}"
    for text in ("{{secret}}", "{{ }}", "{{release.name}}"):
        with pytest.raises(SpecFault, match="is not known"):
            filled(text, target())
