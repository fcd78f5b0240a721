"""Signs: the table of who is to blame and when, as the design says it."""

import pytest

from landlord.core.health.signs import RANKS, WEIGHTS, Finding, Readiness, Sign, State, Weight

DECIDED_BY_BAKES = {Sign.RESTARTS, Sign.LEFT_CURRENT}


def test_every_sign_has_its_place_in_the_table() -> None:
    assert set(Sign) - set(WEIGHTS) == {Sign.NONE} | DECIDED_BY_BAKES


@pytest.mark.parametrize(
    ("weight", "signs"),
    [
        (
            Weight.CONDEMNS,
            {Sign.IMAGE_NOT_FOUND, Sign.IMAGE_UNAUTHORIZED, Sign.INVALID_IMAGE_NAME, Sign.CONTAINER_CONFIG},
        ),
        (Weight.CONDEMNS_IF_NEW, {Sign.CRASH_LOOP, Sign.OUT_OF_MEMORY}),
        (Weight.CONDEMNS_IF_UNEXPLAINED, {Sign.DEADLINE_EXCEEDED, Sign.JOB_FAILED}),
        (
            Weight.EXCUSES,
            {
                Sign.REGISTRY,
                Sign.QUOTA,
                Sign.UNSCHEDULABLE,
                Sign.WEBHOOK,
                Sign.POLICY,
                Sign.NODE,
                Sign.VOLUME,
            },
        ),
        (Weight.ACCUSES, {Sign.OBJECT_FAILED, Sign.POD_TROUBLE, Sign.OBJECT_MISSING, Sign.NOT_READY}),
    ],
)
def test_the_table_says_who_is_to_blame(weight: Weight, signs: set[Sign]) -> None:
    assert {sign for sign, each in WEIGHTS.items() if each is weight} == signs


def test_of_several_signs_the_one_that_says_more_is_told() -> None:
    assert RANKS[Sign.IMAGE_NOT_FOUND] < RANKS[Sign.CRASH_LOOP] < RANKS[Sign.DEADLINE_EXCEEDED]
    assert RANKS[Sign.POD_TROUBLE] < RANKS[Sign.NOT_READY]
    findings = [Finding(Sign.NOT_READY, "a", "x."), Finding(Sign.QUOTA, "b", "x."), Finding(Sign.QUOTA, "a", "x.")]
    assert [(each.sign, each.object) for each in sorted(findings, key=lambda finding: finding.rank)] == [
        (Sign.QUOTA, "a"),
        (Sign.QUOTA, "b"),
        (Sign.NOT_READY, "a"),
    ]


def test_what_is_not_in_the_table_accuses_and_is_told_last() -> None:
    assert Finding(Sign.RESTARTS, "a", "x.").weight is Weight.ACCUSES
    assert Finding(Sign.RESTARTS, "a", "x.").rank > Finding(Sign.NOT_READY, "z", "x.").rank


def test_an_answer_is_excused_by_its_sign_whether_it_is_decided_or_not() -> None:
    for state in (State.WORKING, State.ENVIRONMENT):
        assert Readiness(state, "The quota is full.", reason=Sign.QUOTA).is_excused
    assert not Readiness(State.WORKING, "It is not ready.", reason=Sign.NOT_READY).is_excused
    assert not Readiness(State.WORKING, "It is no longer ready.", reason=Sign.LEFT_CURRENT).is_excused
    assert not Readiness(State.READY, "All is well.").is_excused
