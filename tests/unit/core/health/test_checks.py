"""Checks: limits over samples, what was failing before, and when the window ends."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.api.releases import Outcome, Sample
from landlord.core.health.checks import (
    CheckSpec,
    CheckState,
    CheckVerdict,
    judge,
)
from tests.unit.core.health.objects import T0, when

LETTERS = {"p": Outcome.PASS, "f": Outcome.FAIL, "i": Outcome.INCONCLUSIVE}
PENDING, PASSING, FAILING = CheckState.PENDING, CheckState.PASSING, CheckState.FAILING
INCONCLUSIVE, PRE_EXISTING = CheckState.INCONCLUSIVE, CheckState.PRE_EXISTING
ROW: dict[str, Any] = {"consecutive_failure_limit": 3}
TOTAL: dict[str, Any] = {"failure_limit": 1, "consecutive_failure_limit": None}


def samples(letters: str, check: str = "home") -> list[Sample]:
    """One sample every ten seconds: passed, failed or inconclusive."""
    return [Sample(check, when(10 * n), LETTERS[x], "", f"said {n}.") for n, x in enumerate(letters)]


def verdict(letters: str, baseline: str = "", **limits: Any) -> CheckVerdict:
    before = samples(baseline)[0] if baseline else None
    return judge(CheckSpec("home", **limits), samples(letters), started=T0, baseline=before)


@pytest.mark.parametrize(
    ("letters", "limits", "state"),
    [
        ("", ROW, PENDING),
        ("p", ROW, PASSING),
        ("f", ROW, PENDING),
        ("ff", ROW, PENDING),
        ("fff", ROW, FAILING),
        ("ffpff", ROW, PENDING),
        ("ffpffp", ROW, PASSING),
        ("pppfffppp", ROW, FAILING),
        ("ffif", ROW, FAILING),
        ("ffi", ROW, PENDING),
        ("f", {"consecutive_failure_limit": 1}, FAILING),
        ("f", TOTAL, PENDING),
        ("fp", TOTAL, PASSING),
        ("ff", TOTAL, FAILING),
        ("fpppf", TOTAL, FAILING),
        ("f", {"failure_limit": 0}, FAILING),
        ("ffffff", {"consecutive_failure_limit": None}, PENDING),
        ("i", ROW, PENDING),
        ("iiii", ROW, PENDING),
        ("iiiii", ROW, INCONCLUSIVE),
        ("piiii", ROW, PASSING),
        ("piiiii", ROW, INCONCLUSIVE),
        ("piiiiip", ROW, PASSING),
        ("iiiiifff", ROW, FAILING),
        ("ii", {"consecutive_error_limit": 2}, INCONCLUSIVE),
    ],
)
def test_samples_amount_to_a_verdict(letters: str, limits: dict[str, Any], state: CheckState) -> None:
    found = verdict(letters, **limits)
    assert found.state is state
    assert found.why.endswith(".")
    assert (found.samples, found.failures) == (len(letters), letters.count("f"))


def test_a_failing_check_tells_which_sample_met_the_rule_and_what_it_said() -> None:
    found = verdict("pfffff", **ROW)
    assert (found.why, found.since_sign) == ("It failed 3 times in a row: said 3.", when(30))
    found = verdict("fpf", **TOTAL)
    assert found.why == "It failed 2 times, and 1 of them would be forgiven: said 2."
    assert verdict("f", failure_limit=0).why == "It failed once, and no failure is forgiven: said 0."


def test_a_sample_without_a_message_is_told_by_its_value() -> None:
    spec = CheckSpec("home", consecutive_failure_limit=1)
    found = judge(spec, [Sample("home", T0, Outcome.FAIL, "0.7")], started=T0)
    assert found.why == "It failed once: the value was 0.7."
    assert judge(spec, [Sample("home", T0, Outcome.FAIL)], started=T0).why == "It failed once: no reason was given."


def test_a_check_that_failed_before_the_deploy_condemns_nothing() -> None:
    found = verdict("fff", baseline="f", **ROW)
    assert found.state is PRE_EXISTING
    assert "before the deploy" in found.why
    assert verdict("fff", baseline="p", **ROW).state is FAILING
    assert verdict("fff", baseline="i", **ROW).state is FAILING
    assert verdict("ppp", baseline="f", **ROW).state is PASSING
    assert verdict("fff", baseline="f", ignores_baseline=True, **ROW).state is FAILING


def test_samples_of_other_checks_and_from_before_do_not_count() -> None:
    spec = CheckSpec("home", **ROW)
    assert judge(spec, samples("fff", "other"), started=T0).state is PENDING
    assert judge(spec, samples("fff"), started=when(11)).state is PENDING


HISTORY = st.text("pfi", max_size=25)
LIMITS = st.fixed_dictionaries(
    {
        "failure_limit": st.none() | st.integers(0, 4),
        "consecutive_failure_limit": st.none() | st.integers(1, 4),
        "consecutive_error_limit": st.integers(1, 6),
    }
)


@given(HISTORY, HISTORY, LIMITS)
def test_what_has_failed_stays_failed(before: str, after: str, limits: dict[str, Any]) -> None:
    first = verdict(before, **limits)
    if first.state is FAILING:
        later = verdict(before + after, **limits)
        assert (later.state, later.since_sign, later.why) == (FAILING, first.since_sign, first.why)


@given(HISTORY, LIMITS, st.randoms())
def test_the_order_in_which_samples_are_kept_says_nothing(letters: str, limits: dict[str, Any], random: Any) -> None:
    shuffled = samples(letters)
    random.shuffle(shuffled)
    assert judge(CheckSpec("home", **limits), shuffled, started=T0) == verdict(letters, **limits)


@given(st.text("pi", max_size=40), LIMITS)
def test_what_cannot_tell_is_never_a_failure(letters: str, limits: dict[str, Any]) -> None:
    assert verdict(letters, **limits).state in (PENDING, PASSING, INCONCLUSIVE)


@given(HISTORY, LIMITS)
def test_inconclusive_samples_neither_cause_nor_prevent_a_failure(letters: str, limits: dict[str, Any]) -> None:
    without = verdict(letters.replace("i", ""), **limits)
    assert (verdict(letters, **limits).state is FAILING) == (without.state is FAILING)


@given(HISTORY, LIMITS)
def test_a_baseline_that_failed_makes_failing_impossible(letters: str, limits: dict[str, Any]) -> None:
    assert verdict(letters, baseline="f", **limits).state is not FAILING


def test_a_check_wavers_while_its_last_look_failed_and_the_limit_is_not_met() -> None:
    assert verdict("pf", **ROW).is_wavering
    assert verdict("pfi", **ROW).is_wavering
    for decided in ("", "i", "pfp", "fff"):
        assert not verdict(decided, **ROW).is_wavering
