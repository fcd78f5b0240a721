"""What people are told: once, when it is news, in a status and by Events, and never a word of a Secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from landlord.api.conditions import Reason
from landlord.api.failures import Forbidden
from landlord.api.refs import Resource
from landlord.core.health.checks import CheckState
from landlord.core.health.signs import State
from landlord.core.release.facts import Check, Facts, Health, Unprepared, Wish
from landlord.core.release.ledger import (
    Attempt,
    Failure,
    Held,
    Judged,
    Ledger,
    Runner,
    Running,
    Stage,
    Verdict,
)
from landlord.core.release.steps import Decision, Rest, Standing, Word
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.hidden import Hidden
from landlord.reconcilers.release.telling import Teller, View, failed, refused, unused
from tests.unit.reconcilers.release.cases import REF, THEN, WANTED, case

Object = dict[str, Any]

MARKER = "swordfish"
PROVEN = Word(Standing.READY, Reason.PROVEN, "Revision 1 is proven.")
BAD = Failure("CrashLooping", f"Pod web-1 crashes: {MARKER}.")


@dataclass
class Cluster:
    """Takes statuses."""

    bodies: Bodies
    written: list[Object] = field(default_factory=list)

    async def merge(self, resource: Resource, name: str, patch: Object, namespace: str, *, subresource: str) -> Object:
        assert (resource.kind, name, namespace, subresource) == ("AppRelease", "web", "shop-dev", "status")
        self.written.append(patch["status"])
        stored = self.bodies.get(REF)
        assert stored is not None
        return {**stored, "status": {**stored.get("status", {}), **patch["status"]}}


@dataclass
class Room:
    """A teller, what it wrote, announced and counted."""

    case: Case = field(default_factory=case)
    announced: list[tuple[str, str, bool]] = field(default_factory=list)
    counted: list[tuple[object, ...]] = field(default_factory=list)
    hidden: Hidden = field(default_factory=Hidden)

    def __post_init__(self) -> None:
        self.bodies = Bodies()
        self.bodies.put(self.case.body)
        self.cluster = Cluster(self.bodies)
        self.teller = Teller(
            self.cluster,  # type: ignore[arg-type] # the part that takes statuses
            self.bodies,
            self.announce,
            self,
            self.hidden,
            lambda before, after: self.counted.append(("told", before is not None, bool(after))),
        )

    def announce(self, body: Mapping[str, Any], reason: str, note: str, *, warning: bool = False) -> None:
        assert body["metadata"]["name"] == "web"
        self.announced.append((reason, note, warning))

    def judged(self, environment: str, verdict: str, reason: str) -> None:
        self.counted.append((environment, verdict, reason))

    def corrected(self, kind: str, action: str) -> None:
        raise AssertionError("counted by whoever corrects")

    def rolled_back(self, environment: str, reason: str, seconds: float) -> None:
        self.counted.append((environment, reason, seconds))

    async def tell(self, word: Word = PROVEN, **view: Any) -> Object:
        """The newest status after telling this."""
        ledger = view.pop("ledger", Ledger())
        health = view.pop("health", None)
        facts = Facts(THEN, Wish(timedelta(minutes=5), timedelta(minutes=1)), ledger, WANTED, Runner("me"))
        seen = {"desired": WANTED, "checks": (), **view}
        await self.teller.tell(self.case, View(replace(facts, health=health), Decision(Rest(), ledger, word), **seen))
        return self.cluster.written[-1] if self.cluster.written else {}


def ready(status: Object) -> Object:
    found: Object = next(each for each in status["conditions"] if each["type"] == "Ready")
    return found


async def test_the_same_again_is_neither_written_nor_announced() -> None:
    stage = Room()
    await stage.tell()
    await stage.tell()

    assert len(stage.cluster.written) == 1
    assert stage.announced == [("Proven", "Revision 1 is proven.", False)]
    assert stage.counted == [("told", True, True)]


async def test_other_words_for_the_same_reason_are_written_and_no_news() -> None:
    stage = Room()
    await stage.tell(Word(Standing.WORKING, Reason.BAKING, "Baking until 09:01."))
    status = await stage.tell(Word(Standing.WORKING, Reason.BAKING, "Baking until 09:02."))

    assert ready(status)["message"] == "Baking until 09:02."
    assert len(stage.announced) == 1


def test_what_stays_behind_is_told_and_is_a_warning_where_nobody_wished_it() -> None:
    stage = Room()
    stage.teller.let_go(
        stage.case, Word(Standing.WORKING, Reason.UNINSTALLING, "What runs stays as it is."), is_left=True
    )
    stage.teller.let_go(
        stage.case, Word(Standing.WORKING, Reason.NOT_A_TENANT_NAMESPACE, "Nobody may uninstall it."), is_left=True
    )
    stage.teller.let_go(stage.case, Word(Standing.WORKING, Reason.UNINSTALLING, "Nothing is left."), is_left=False)

    assert stage.announced == [
        ("LetGo", "What runs stays as it is.", False),
        ("LetGo", "Nobody may uninstall it.", True),
    ]


async def test_bad_news_is_a_warning() -> None:
    stage = Room()
    await stage.tell(Word(Standing.STUCK, Reason.CRASH_LOOPING, "Held."))

    assert stage.announced == [("CrashLooping", "Held.", True)]


async def test_what_is_wanted_stays_told_while_it_cannot_be_said_anew() -> None:
    stage = Room()
    first = await stage.tell()
    waiting = Unprepared(Reason.WAITING_FOR_VALUES, "Secret late is waited for.", is_final=False)
    status = await stage.tell(Word(Standing.WORKING, waiting.reason, waiting.why), desired=waiting)

    assert status["desired"] == first["desired"]


async def test_a_request_and_a_retry_are_acknowledged_and_a_commit_is_named() -> None:
    stage = Room()
    notes = {
        "landlord.dev/requested-at": "monday",
        "landlord.dev/retry-at": "tuesday",
        "landlord.dev/source-revision": "main@sha1:abc",
    }
    stage.case.body["metadata"]["annotations"] = notes
    status = await stage.tell()

    assert (status["lastHandledReconcileAt"], status["lastHandledRetryAt"]) == ("monday", "tuesday")
    assert status["sourceRevision"] == "main@sha1:abc"


async def test_a_pass_that_cannot_be_made_is_told_beside_what_is_proven() -> None:
    stage = Room()
    await stage.teller.trouble(stage.case, Ledger(), refused(Forbidden("secrets is forbidden.")))

    found = ready(stage.cluster.written[-1])
    assert (found["status"], found["reason"]) == ("False", "Forbidden")
    assert found["message"] == "secrets is forbidden. Nothing is done until that changes."


async def test_a_mistake_of_ours_is_told_without_its_words() -> None:
    stage = Room()
    await stage.teller.trouble(stage.case, Ledger(), failed(KeyError("swordfish")))

    found = ready(stage.cluster.written[-1])
    assert (found["status"], found["reason"]) == ("Unknown", "InternalError")
    assert found["message"].startswith("Landlord itself failed at this release (KeyError);")
    assert "swordfish" not in str(stage.cluster.written[-1])


async def test_who_asks_for_a_pass_that_cannot_be_made_is_answered_too() -> None:
    stage = Room()
    notes = {"landlord.dev/requested-at": "monday", "landlord.dev/retry-at": "tuesday"}
    stage.case.body["metadata"]["annotations"] = notes
    await stage.teller.trouble(stage.case, Ledger(), refused(Forbidden("secrets is forbidden.")))

    status = stage.cluster.written[-1]
    assert (status["lastHandledReconcileAt"], status["lastHandledRetryAt"]) == ("monday", "tuesday")


async def test_no_part_of_a_status_repeats_what_pods_and_checks_say_of_a_secret() -> None:
    stage = Room()
    stage.hidden.learn(REF, {MARKER})
    attempt = Attempt(WANTED, THEN, Stage.ROLLING_BACK, THEN, THEN, failure=BAD)
    judged = Judged(WANTED, Verdict.REJECTED, BAD.reason, BAD.why, THEN, 2)
    status = await stage.tell(
        Word(Standing.STUCK, Reason.CRASH_LOOPING, BAD.why),
        ledger=Ledger(attempt=attempt, held=Held(WANTED, BAD, THEN, 2, 1), verdicts=(judged,)),
        health=Health(State.GUILTY, Reason.CRASH_LOOPING, BAD.why),
        checks=(Check("http", CheckState.FAILING, f"answered {MARKER}"),),
        drift=({"object": f"Secret {MARKER}", "fields": [f"/data/{MARKER}"], "manager": MARKER},),
        inventory=(f"v1 Secret {MARKER}",),
    )

    assert MARKER not in str(status)
    assert MARKER not in str(stage.announced)
    assert status["held"]["message"] == "Pod web-1 crashes: ***."
    assert status["inventory"]["entries"] == ["v1 Secret ***"]
    assert status["drift"]["objects"] == [{"object": "Secret ***", "fields": ["/data/***"], "manager": "***"}]


async def test_half_a_word_does_not_stay_where_a_message_is_cut() -> None:
    stage = Room()
    stage.hidden.learn(REF, {MARKER})
    judged = Judged(WANTED, Verdict.REJECTED, "CrashLooping", "x" * 1018 + MARKER, THEN, 2)
    status = await stage.tell(ledger=Ledger(verdicts=(judged,)))

    assert status["history"][0]["message"] == "x" * 1018 + "***"


async def test_a_status_that_told_a_word_before_it_was_known_is_put_right() -> None:
    stage = Room()
    bad = Health(State.GUILTY, Reason.CRASH_LOOPING, BAD.why)
    assert MARKER in str(await stage.tell(health=bad))
    stage.hidden.learn(REF, {MARKER})

    assert MARKER not in str(await stage.tell(health=None))


async def test_drift_and_its_trouble_are_announced_without_the_word() -> None:
    stage = Room()
    stage.hidden.learn(REF, {MARKER})
    stage.teller.corrected(stage.case, (f"ConfigMap {MARKER} is as deployed again.",), (f"{MARKER} is refused.",))
    stage.teller.corrected(stage.case, (), ())

    assert stage.announced == [
        ("DriftCorrected", "ConfigMap *** is as deployed again.", False),
        ("DriftFound", "*** is refused.", True),
    ]


def test_a_rejection_is_counted_and_announced_once() -> None:
    stage = Room()
    stage.hidden.learn(REF, {MARKER})
    before = Ledger().judged(Judged(WANTED, Verdict.PROVEN, "Proven", "Good.", THEN, 1))
    after = before.judged(Judged(WANTED, Verdict.REJECTED, BAD.reason, BAD.why, THEN, 2))
    stage.teller.turned(stage.case, before, after)
    stage.teller.turned(stage.case, after, after)

    assert stage.counted == [("dev", "Rejected", "CrashLooping")]
    assert stage.announced == [("CrashLooping", "Pod web-1 crashes: ***.", True)]


def test_verdicts_that_reject_nothing_are_counted_alone() -> None:
    stage = Room()
    for verdict in (Verdict.PROVEN, Verdict.UNDETERMINED, Verdict.CANCELLED):
        stage.teller.turned(stage.case, Ledger(), Ledger().judged(Judged(WANTED, verdict, "Why", "So.", THEN, 1)))

    assert [each[1] for each in stage.counted] == ["Proven", "Undetermined", "Cancelled"]
    assert stage.announced == []


def test_a_rollback_is_announced_with_its_time_from_the_failure_on() -> None:
    stage = Room()
    attempt = Attempt(WANTED, THEN, Stage.ROLLING_BACK, THEN, THEN, failure=BAD, revision=2)
    held = Held(WANTED, Failure("CrashLooping", "It crashes."), THEN + timedelta(seconds=7), 2, 1)
    stage.teller.turned(stage.case, Ledger(attempt=attempt), Ledger(held=held))
    stage.teller.turned(stage.case, Ledger(held=held), Ledger(held=held))

    assert stage.counted == [("dev", "CrashLooping", 7.0)]
    assert stage.announced == [("RolledBack", "Revision 2 was rolled back to revision 1: It crashes.", True)]


def test_a_hold_without_a_way_back_is_no_rollback() -> None:
    stage = Room()
    stage.teller.turned(stage.case, Ledger(), Ledger(held=Held(WANTED, BAD, THEN, 1)))

    assert stage.counted == []
    assert stage.announced == []


async def test_a_rollback_that_the_ledger_told_is_not_announced_again() -> None:
    stage = Room()
    await stage.tell(Word(Standing.STUCK, Reason.ROLLED_BACK, "Rolled back."))

    assert stage.announced == []


def test_a_release_that_somebody_changed_with_helm_is_told_of_once() -> None:
    room = Room()
    theirs = Running(2, WANTED, is_external=True, uid="u2")
    before = Ledger(running=Running(1, WANTED, uid="u1"))
    room.teller.turned(room.case, before, replace(before, running=theirs))
    room.teller.turned(room.case, replace(before, running=theirs), replace(before, running=theirs))

    told = "Revision 2 was made outside of Landlord and is not what is wanted."
    assert room.announced == [("ExternalChange", told, True)]


def test_a_release_that_is_taken_over_is_told_of_as_that() -> None:
    room = Room()
    attempt = Attempt(WANTED, THEN, Stage.VERIFYING, THEN, THEN, revision=1)
    room.teller.turned(room.case, Ledger(), Ledger(running=Running(1, WANTED, is_external=True), attempt=attempt))

    assert [(reason, warning) for reason, _, warning in room.announced] == [("Adopting", False)]
    assert "without deploying it again" in room.announced[0][1]


@pytest.mark.parametrize("is_deleting", [False, True])
def test_a_release_that_somebody_uninstalled_is_told_of_unless_it_is_going(is_deleting: bool) -> None:
    room = Room()
    if is_deleting:
        room.case.body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    room.teller.turned(room.case, Ledger(running=Running(1, WANTED)), Ledger())

    gone = [("ExternalChange", "Somebody uninstalled the release with Helm.", True)]
    assert room.announced == ([] if is_deleting else gone)


def test_what_was_held_and_got_well_is_good_news() -> None:
    room = Room()
    running = Running(1, WANTED)
    attempt = Attempt(WANTED, THEN, Stage.VERIFYING, THEN, THEN, revision=1, recoveries=1)
    held = Ledger(running=running, held=Held(WANTED, BAD, THEN, 1))
    room.teller.turned(room.case, held, Ledger(running=running, attempt=attempt))

    assert [(reason, warning) for reason, _, warning in room.announced] == [("Recovered", False)]


async def test_waiting_for_others_is_no_warning() -> None:
    room = Room()
    await room.tell(Word(Standing.WAITING, Reason.DEPENDENCY_NOT_READY, "Waiting for back."))
    await room.tell(Word(Standing.WAITING, Reason.UNREADY, "Proven, but not healthy now."))
    await room.tell(Word(Standing.STUCK, Reason.INVALID_SPEC, "It is wrong."))

    assert [(reason, warning) for reason, _, warning in room.announced] == [
        ("DependencyNotReady", False),
        ("Unready", True),
        ("InvalidSpec", True),
    ]


async def test_values_for_what_is_no_environment_are_told_and_announced_once() -> None:
    room = Room(replace(case(environmentValues={"dve": {}, "moon": {}}), strangers=("dve", "moon")))
    status = await room.tell()
    await room.tell(Word(Standing.WORKING, Reason.BAKING, "Baking until 09:01."))

    hint = "spec.environmentValues names no Environment: dve, moon. Is dev meant by dve?"
    assert ready(status)["message"] == f"Revision 1 is proven. {hint}"
    assert ready(status)["status"] == "True"
    assert [each for each in room.announced if each[0] == "UnusedValues"] == [("UnusedValues", hint, True)]


def test_no_name_is_guessed_where_the_environment_has_values_of_its_own_or_none_is_alike() -> None:
    own = replace(case(environmentValues={"dev": {}, "dve": {}}), strangers=("dve",))
    far = replace(case(environmentValues={"production": {}}), strangers=("production",))

    assert unused(own) == "spec.environmentValues names no Environment: dve."
    assert unused(far) == "spec.environmentValues names no Environment: production."
    assert unused(case(environmentValues={"dev": {}})) == ""


async def test_what_is_announced_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    room = Room()
    room.hidden.learn(REF, {MARKER})
    with caplog.at_level("INFO", "landlord"):
        await room.tell(Word(Standing.STUCK, Reason.CRASH_LOOPING, f"It says {MARKER}."))

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "CrashLooping: It says ***.")
    ]
