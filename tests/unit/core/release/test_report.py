"""Status of a release: true, quiet, and such as the API server takes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.api.apprelease import AppReleaseStatus
from landlord.api.conditions import ConditionType, Reason
from landlord.core.conditions import find, is_true
from landlord.core.health.checks import CheckState
from landlord.core.health.signs import State
from landlord.core.release.facts import Check, Health
from landlord.core.release.ledger import (
    Attempt,
    Desired,
    Failure,
    Held,
    Judged,
    Ledger,
    Proven,
    Running,
    Stage,
    Verdict,
)
from landlord.core.release.report import Told, rolled_back, same, status
from landlord.core.release.steps import Standing, Word

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ONE = Desired("sha256:k1", "sha256:c1", "sha256:d1", "sha256:v1", "sha256:x1", "1.0.0")
TWO = Desired("sha256:k2", "sha256:c2", "sha256:d2", "sha256:v2", "sha256:x1", "1.1.0")
RESTING = Ledger(running=Running(1, ONE), proven=Proven(1, ONE, NOW))
WELL = Word(Standing.READY, Reason.PROVEN, "Revision 1 is proven.")


def told(ledger: Ledger = RESTING, word: Word = WELL, **more: Any) -> Told:
    return Told(generation=3, ledger=ledger, word=word, desired=more.pop("desired", ONE), **more)


def conditions(result: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = result["conditions"]
    return found


def test_a_proven_release_is_ready_and_neither_reconciling_nor_stalled() -> None:
    result = status({}, told(), NOW)
    assert result["observedGeneration"] == 3
    assert is_true(conditions(result), ConditionType.READY)
    assert is_true(conditions(result), ConditionType.PROVEN)
    assert not find(conditions(result), ConditionType.RECONCILING)
    assert not find(conditions(result), ConditionType.STALLED)
    assert (result["deployed"]["revision"], result["proven"]["revision"]) == (1, 1)


@pytest.mark.parametrize(
    ("standing", "ready", "beside"),
    [
        (Standing.WORKING, "Unknown", ConditionType.RECONCILING),
        (Standing.STUCK, "False", ConditionType.STALLED),
        (Standing.WAITING, "False", None),
    ],
)
def test_how_a_release_stands_is_told_as_kstatus_reads_it(
    standing: Standing, ready: str, beside: ConditionType | None
) -> None:
    result = status({}, told(word=Word(standing, Reason.PROGRESSING, "So it is.")), NOW)
    assert find(conditions(result), ConditionType.READY)["status"] == ready
    for kind in (ConditionType.RECONCILING, ConditionType.STALLED):
        assert is_true(conditions(result), kind) == (kind is beside)


def test_a_suspended_release_stays_as_ready_as_it_was() -> None:
    frozen = Word(Standing.FROZEN, Reason.SUSPENDED, "Suspended.")
    before = status({}, told(), NOW)
    assert is_true(conditions(status(before, told(word=frozen), NOW)), ConditionType.READY)


def test_a_rollback_is_told_with_both_revisions_and_why() -> None:
    failure = Failure(Reason.CRASH_LOOPING.value, "Container web ended 3 times.")
    held = Held(TWO, failure, NOW, failed_revision=2, rolled_back_to=1)
    result = status({}, told(replace(RESTING, held=held), desired=TWO), NOW)
    assert result["held"]["failedRevision"] == 2
    rolled = find(conditions(result), ConditionType.ROLLED_BACK)
    assert "2" in rolled["message"]
    assert "Container web ended 3 times." in rolled["message"]
    assert not is_true(conditions(result), ConditionType.PROVEN)


def test_going_back_from_what_was_refused_untried_names_no_revision_that_failed() -> None:
    held = Held(TWO, Failure(Reason.CRASH_LOOPING.value, "It was rejected before."), NOW, 0, rolled_back_to=1)

    assert rolled_back(held) == "Went back to revision 1: It was rejected before."


def test_what_was_proven_stays_told_while_what_is_wanted_is_unknown() -> None:
    """Whoever depends on a suspended release, or on one whose Secret is away for a moment, need not wait."""
    before = status({}, told(), NOW)
    unknown = status(before, told(word=Word(Standing.FROZEN, Reason.SUSPENDED, "Suspended."), desired=None), NOW)
    assert is_true(conditions(unknown), ConditionType.PROVEN)


def test_what_checks_said_last_stays_until_another_attempt_begins() -> None:
    trying = replace(RESTING, attempt=Attempt(TWO, NOW, Stage.BAKING, NOW, NOW + timedelta(minutes=2), revision=2))
    failing = Check("home", CheckState.FAILING, "It answers 500.")
    baked = status({}, told(trying, checks=(failing,)), NOW)
    held = replace(RESTING, held=Held(TWO, Failure(Reason.CHECK_FAILED.value, "So."), NOW, 2, 1))
    rested = status(baked, told(held), NOW)
    assert [each["message"] for each in rested["checks"]] == ["It answers 500."]
    assert status(rested, told(trying), NOW)["checks"] == []


def test_drift_names_who_changed_what_and_what_is_missing() -> None:
    drift = [
        {"object": "Deployment web", "fields": ["/spec/replicas", "/spec/paused"], "manager": "kubectl-edit"},
        {"object": "Service web", "fields": []},
    ]
    message = find(conditions(status({}, told(drift=drift), NOW)), ConditionType.DRIFTED)["message"]
    assert message == (
        "Changed by hand: Deployment web /spec/replicas, /spec/paused by kubectl-edit; Service web is not there."
    )


def test_a_reason_of_a_later_version_does_not_stop_a_pass() -> None:
    held = Held(TWO, Failure("MoonPhase", "The moon was wrong."), NOW, 2, 1)
    result = status({}, told(replace(RESTING, held=held)), NOW)
    assert find(conditions(result), ConditionType.HELD)["reason"] == Reason.HELD
    late = {"type": "Drifted", "status": "True", "reason": "MoonPhase", "message": "Odd.", "lastTransitionTime": ""}
    assert find(conditions(status({"conditions": [late]}, told(), NOW)), ConditionType.DRIFTED)["message"] == "Odd."


def test_drift_is_told_until_somebody_looked_again() -> None:
    drift = [{"object": "Deployment web", "fields": ["/spec/replicas"], "manager": "kubectl-scale"}]
    drifted = status({}, told(drift=drift), NOW)
    assert "/spec/replicas" in find(conditions(drifted), ConditionType.DRIFTED)["message"]
    unseen = status(drifted, told(), NOW)
    assert is_true(conditions(unseen), ConditionType.DRIFTED)
    calm = status(drifted, told(drift=[]), NOW)
    assert not is_true(conditions(calm), ConditionType.DRIFTED)
    assert calm["drift"] is None


def test_nothing_is_written_when_nothing_changed() -> None:
    first = status({}, told(), NOW)
    stored = {key: value for key, value in first.items() if value is not None}
    assert same(stored, status(stored, told(), NOW + timedelta(hours=1)))


desireds = st.sampled_from([ONE, TWO])
failures = st.builds(Failure, st.sampled_from([each.value for each in Reason]), st.text(max_size=40))
attempts = st.builds(
    Attempt,
    desired=desireds,
    started=st.just(NOW),
    stage=st.sampled_from(Stage),
    since=st.just(NOW),
    deadline=st.just(NOW),
    revision=st.integers(0, 9),
    failure=st.none() | failures,
)
ledgers = st.builds(
    Ledger,
    running=st.none() | st.builds(Running, st.integers(1, 9), desireds),
    proven=st.none() | st.builds(Proven, st.integers(1, 9), desireds, st.just(NOW)),
    attempt=st.none() | attempts,
    held=st.none() | st.builds(Held, desireds, failures, st.just(NOW), st.integers(0, 9), st.integers(0, 9)),
    verdicts=st.lists(
        st.builds(
            Judged,
            desireds,
            st.sampled_from(Verdict),
            st.sampled_from([each.value for each in Reason]),
            st.text(max_size=40),
            st.just(NOW),
            st.integers(0, 9),
        ),
        max_size=20,
    ).map(tuple),
)
tellings = st.builds(
    Told,
    generation=st.integers(1, 9),
    ledger=ledgers,
    word=st.builds(Word, st.sampled_from(Standing), st.sampled_from(Reason), st.text(max_size=40)),
    desired=st.none() | desireds,
    health=st.none() | st.builds(Health, st.sampled_from(State), st.sampled_from(Reason), st.text(max_size=40)),
    checks=st.lists(st.builds(Check, st.just("smoke"), st.sampled_from(CheckState), st.text(max_size=40)), max_size=1),
)


@given(tellings, tellings)
def test_whatever_is_told_fits_the_schema_and_is_quiet_the_second_time(one: Told, two: Told) -> None:
    first = status({}, one, NOW)
    stored = {key: value for key, value in first.items() if value is not None}
    AppReleaseStatus.model_validate(stored)
    second = status(stored, two, NOW)
    AppReleaseStatus.model_validate({key: value for key, value in second.items() if value is not None})
    assert same(stored, status(stored, one, NOW + timedelta(minutes=1)))


def test_keys_as_long_as_anybody_likes_keep_no_status_from_being_written() -> None:
    pointer = f"/spec/{'key' * 4000}"
    found = {"object": f"Widget {'w' * 600}", "fields": [pointer] * 16, "manager": "m" * 300}
    result = status({}, told(drift=[found] * 30, inventory=[f"{'v' * 400}/v1 Widget {'w' * 253}"]), NOW)
    AppReleaseStatus.model_validate({key: value for key, value in result.items() if value is not None})
    assert result["drift"]["objects"][0]["fields"] == [pointer[:512]] * 16
