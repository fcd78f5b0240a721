"""The gate: words of Secrets pass through nothing that is told, and names and digests pass unharmed."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from landlord.api.conditions import Reason
from landlord.api.refs import Ref
from landlord.api.releases import Outcome, Sample
from landlord.core.health.checks import CheckState
from landlord.core.release import ledger as pages
from landlord.core.release.facts import Check
from landlord.core.release.ledger import Attempt, Desired, Failure, Held, Judged, Ledger, Pause, Stage, Verdict
from landlord.core.release.report import Told
from landlord.core.release.steps import Standing, Word
from landlord.core.release.watch import MOST_WORDS, Watch, bounded_samples
from landlord.reconcilers.release.hidden import LEAST, MOST, Hidden
from tests.unit.reconcilers.release.cases import REF, THEN, WANTED

OTHER = Ref("AppRelease", "shop-dev", "other")
MARKER = "swordfish"


def knowing(*words: str) -> Hidden:
    hidden = Hidden()
    hidden.learn(REF, words)
    return hidden


def full(words: str, desired: Desired = WANTED) -> Ledger:
    """A ledger that says so wherever a ledger can say anything."""
    failure = Failure("Unready", words)
    attempt = Attempt(desired, THEN, Stage.BAKING, THEN, THEN, failure=failure, blocked=failure)
    held = Held(desired, failure, THEN, 2, blocked=failure)
    judged = Judged(desired, Verdict.REJECTED, "Unready", words, THEN, 2)
    ended = pages.Ended(pages.Operation.DEPLOY, None, words)
    intent = pages.Intent(pages.Operation.DEPLOY, 1, 0, THEN, THEN, pages.Runner("me"), ended=ended)
    return Ledger(
        attempt=attempt, intent=intent, held=held, verdicts=(judged,), pins={"a:1": "b"}, pause=Pause(1, THEN, failure)
    )


def test_whatever_a_ledger_says_goes_without_the_word() -> None:
    page = knowing(MARKER).cleaned(REF, full(f"Pod web-1 says {MARKER}."))

    assert MARKER not in pages.encode(page)
    assert page == full("Pod web-1 says ***.")
    assert pages.decode(pages.encode(page)) == page


def test_half_a_word_does_not_stay_in_samples_that_were_cut_for_the_ledger() -> None:
    sample = Sample("up", THEN, Outcome.FAIL, "v", "x" * (MOST_WORDS - 7) + MARKER)
    watch = Watch(THEN, THEN, THEN, samples=bounded_samples([sample, replace(sample, message=MARKER)]))
    attempt = Attempt(WANTED, THEN, Stage.BAKING, THEN, THEN, watch=watch)

    page = knowing(MARKER).cleaned(REF, Ledger(attempt=attempt))

    assert MARKER[:6] not in pages.encode(page)


def test_names_and_digests_of_a_ledger_stay_though_a_secret_holds_the_same() -> None:
    before = full("All is well.")
    secrets = {"Rejected", "Unready", "sha256:c0ffee", "candidate", "1.0.0", "digest", "Baking"}

    assert knowing(*secrets).cleaned(REF, before) == before


def test_every_text_of_a_ledger_is_a_name_or_goes_through_the_gate() -> None:
    """A field that is added says here which of the two it is."""
    names = {
        "Desired": {f.name for f in fields(Desired)},
        "Runner": {"holder", "pod", "boot", "pid_namespace"},
        "Intent": {"mark"},
        "Failure": {"reason"},
        "Ended": {"excuse"},
        "Judged": {"reason"},
        "Running": {"uid"},
        "Proven": {"uid"},
    }
    kinds = [each for each in vars(pages).values() if isinstance(each, type) and is_dataclass(each)]
    texts = {(kind.__name__, f.name) for kind in kinds for f in fields(kind) if f.type is str}

    assert {(kind, name) for kind, name in texts if name not in names.get(kind, ())} == {
        ("Ended", "why"),
        ("Failure", "why"),
        ("Judged", "why"),
    }


def test_what_is_told_goes_without_the_word_and_keeps_what_it_is_about() -> None:
    word = Word(Standing.STUCK, Reason.UNREADY, f"It says {MARKER}.")
    told = Told(1, Ledger(), word, environment=MARKER, checks=(Check("http", CheckState.FAILING, f"got {MARKER}"),))

    clean = knowing(MARKER).cleaned(REF, told)

    assert clean.word == replace(word, why="It says ***.")
    assert clean.checks == (Check("http", CheckState.FAILING, "got ***"),)
    assert clean.environment == MARKER


def test_a_status_that_was_written_before_the_word_was_known_is_cleaned_too() -> None:
    before: dict[str, Any] = {
        "conditions": [{"type": "Healthy", "status": "False", "reason": "Unready", "message": f"It says {MARKER}."}],
        "attempt": {"message": MARKER, "key": MARKER},
    }

    clean = knowing(MARKER).cleaned(REF, before)

    assert clean["conditions"][0] == {**before["conditions"][0], "message": "It says ***."}
    assert clean["attempt"] == {"message": "***", "key": MARKER}


def test_names_that_a_chart_made_of_values_are_stripped() -> None:
    inventory = (f"v1 ConfigMap {MARKER}-settings", "v1 Service web")
    drift = ({"object": f"Secret {MARKER}", "fields": [f"/data/{MARKER}"], "manager": "kubectl"},)

    assert knowing(MARKER).stripped(REF, inventory) == ("v1 ConfigMap ***-settings", "v1 Service web")
    assert knowing(MARKER).stripped(REF, drift) == (
        {"object": "Secret ***", "fields": ["/data/***"], "manager": "kubectl"},
    )
    assert knowing(MARKER).stripped(REF, None) is None


def test_a_word_too_short_to_be_kept_secret_does_not_star_out_every_message() -> None:
    hidden = knowing("1", "a", "no", "web", "***", "", " ")

    assert hidden.clean(REF, "There is no revision 1 of a release web.") == "There is no revision 1 of a release web."


@given(secret=st.text(st.characters(codec="utf-8"), min_size=LEAST, max_size=30).filter(lambda t: len(t.strip()) >= 4))
def test_a_word_that_can_be_kept_secret_is(secret: str) -> None:
    said = knowing(secret).clean(REF, f"Pod web says <{secret}>.")

    assert said == "Pod web says <***>." or secret in "Pod web says <***>."


def test_what_one_release_knows_another_may_say() -> None:
    assert knowing(MARKER).clean(OTHER, MARKER) == MARKER
    assert knowing(MARKER).cleaned(OTHER, full(MARKER)) == full(MARKER)


def test_words_of_before_a_rotation_are_still_known() -> None:
    hidden = knowing(MARKER)
    hidden.learn(REF, {"another-word"})
    hidden.learn(REF, ())

    assert hidden.clean(REF, f"{MARKER} and another-word") == "*** and ***"
    assert hidden.of(REF) == {MARKER, "another-word"}


def test_of_too_many_words_the_oldest_is_forgotten() -> None:
    hidden = knowing(MARKER, "younger-word")
    hidden.learn(REF, [f"word-{number}" for number in range(MOST - 1)])

    assert hidden.clean(REF, f"{MARKER} younger-word word-7") == f"{MARKER} *** ***"


def test_a_release_that_is_gone_is_forgotten() -> None:
    hidden = knowing(MARKER)
    hidden.forget(REF)

    assert hidden.clean(REF, MARKER) == MARKER
    assert hidden.of(REF) == frozenset()
