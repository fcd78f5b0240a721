"""What is remembered of a release, and how it is written down."""

from dataclasses import replace
from datetime import timedelta

import pytest

from landlord.core.release.ledger import (
    PINS_KEPT,
    VERDICTS_KEPT,
    Ended,
    Judged,
    Ledger,
    Operation,
    UnreadableLedger,
    Verdict,
    decode,
    encode,
)
from tests.unit.core.release import scenes
from tests.unit.core.release.cast import App
from tests.unit.core.release.theatre import START


def judged(name: str, verdict: Verdict) -> Judged:
    return Judged(App(name).desired, verdict, "Why", "Because.", START, 1)


def test_a_full_ledger_is_read_as_it_was_written() -> None:
    full = scenes.ledger(
        attempt=scenes.attempt(failure=scenes.CAUSE, not_before=START + timedelta(microseconds=1)),
        intent=scenes.intent(ended=Ended(Operation.DEPLOY, None, "Well.")),
        verdicts=(judged("A", Verdict.PROVEN),),
        pins={"oci://charts/web:1.0.0": "sha256:1"},
    )
    assert decode(encode(full)) == full
    assert encode(decode(encode(full))) == encode(full)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"running": 3}', '{"verdicts": [{}]}'])
def test_what_is_no_ledger_is_said_to_be_none(text: str) -> None:
    with pytest.raises(UnreadableLedger):
        decode(text)


def test_words_of_a_later_version_are_passed_over() -> None:
    assert decode('{"recovering": 3, "invented": true}') == Ledger(recovering=3)


def test_pushes_that_came_to_nothing_do_not_drive_out_verdicts_that_bind() -> None:
    ledger = Ledger().judged(judged("A", Verdict.PROVEN)).judged(judged("B", Verdict.REJECTED))
    for number in range(3 * VERDICTS_KEPT):
        ledger = ledger.judged(judged(f"quick-{number}", Verdict.CANCELLED))
    assert len(ledger.verdicts) == VERDICTS_KEPT
    assert [each.verdict for each in ledger.verdicts][:2] == [Verdict.PROVEN, Verdict.REJECTED]


def test_the_newest_binding_verdict_counts() -> None:
    ledger = Ledger().judged(judged("A", Verdict.REJECTED)).judged(judged("A", Verdict.PROVEN))
    ledger = ledger.judged(judged("A", Verdict.UNDETERMINED))
    found = ledger.verdict_on(App("A").desired.candidate)
    assert found is not None
    assert found.verdict is Verdict.PROVEN


def test_what_is_proven_now_is_known_for_proven_however_many_were_rejected_since() -> None:
    ledger = scenes.ledger()
    for number in range(VERDICTS_KEPT + 1):
        ledger = ledger.judged(judged(f"bad-{number}", Verdict.REJECTED))
    found = ledger.verdict_on(scenes.A.candidate)
    assert found is not None
    assert (found.verdict, found.revision) == (Verdict.PROVEN, 1)
    assert ledger.verdict_on("sha256:never-seen") is None


def test_the_first_digest_of_a_chart_version_counts() -> None:
    ledger = Ledger().pinned("web:1.0.0", "sha256:1").pinned("web:1.0.0", "sha256:2")
    assert ledger.pins == {"web:1.0.0": "sha256:1"}


def test_pins_are_bounded() -> None:
    ledger = Ledger()
    for number in range(2 * PINS_KEPT):
        ledger = ledger.pinned(f"web:{number}", "sha256:1")
    assert len(ledger.pins) == PINS_KEPT
    assert f"web:{2 * PINS_KEPT - 1}" in ledger.pins
    assert replace(ledger, pins={}).pins == {}
