"""Events: what is written, how seldom, and that nothing of it can hurt."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from landlord.api.failures import Forbidden, LandlordFailure
from landlord.api.refs import Ref
from landlord.telemetry import events
from landlord.telemetry.events import BUDGET, NOTE_LENGTH, PATIENCE_SECONDS, REMEMBERED, WAIT_SECONDS, Recorder, Subject

Object = dict[str, Any]
SHOP = Subject(Ref("Tenant", None, "shop"), "landlord.dev/v1alpha1", "uid-1")


@dataclass
class Written:
    """An API server for Events that can be made to refuse."""

    created: list[Object] = field(default_factory=list)
    patched: list[tuple[str, str, Object]] = field(default_factory=list)
    failure: LandlordFailure | None = None

    async def create(self, event: Object) -> None:
        if self.failure:
            raise self.failure
        self.created.append(event)

    async def patch(self, name: str, namespace: str, patch: Object) -> None:
        if self.failure:
            raise self.failure
        self.patched.append((name, namespace, patch))


@dataclass
class Counts:
    recorded_: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def recorded(self, kind: str, type_: str, reason: str) -> None:
        self.recorded_[kind, type_, reason] += 1

    def dropped_event(self, cause: str) -> None:
        self.dropped[cause] += 1


@dataclass
class Time:
    now: float = 0.0

    def wall(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now)

    def clock(self) -> float:
        return self.now


@dataclass
class Desk:
    recorder: Recorder
    written: Written
    counts: Counts
    time: Time
    work: list[str] = field(default_factory=list)

    def say(self, note: str = "All is well.", subject: Subject = SHOP) -> None:
        self.recorder.record(subject, "Normal", "Ready", note)

    def warn(self, note: str) -> None:
        self.recorder.record(SHOP, "Warning", "Forbidden", note)

    async def later(self, seconds: float) -> None:
        self.time.now += seconds
        await self.recorder.write_due()


@pytest.fixture
def desk() -> Desk:
    written, counts, time = Written(), Counts(), Time()
    work: list[str] = []
    recorder = Recorder(written, counts, instance="pod-1", now=time.wall, clock=time.clock, is_busy=lambda: bool(work))
    return Desk(recorder, written, counts, time, work)


async def test_an_event_is_what_kubectl_describe_looks_for(desk: Desk) -> None:
    desk.say()
    await desk.recorder.write_due()
    (event,) = desk.written.created
    assert event["metadata"]["namespace"] == "default"
    assert event["metadata"]["name"].startswith("shop.")
    assert event["regarding"] == {
        "apiVersion": "landlord.dev/v1alpha1",
        "kind": "Tenant",
        "name": "shop",
        "uid": "uid-1",
    }
    assert event["eventTime"] == "2026-01-01T00:00:00.000000Z"
    said = {key: event[key] for key in ("type", "reason", "action", "note")}
    assert said == {"type": "Normal", "reason": "Ready", "action": "Reconciled", "note": "All is well."}
    assert (event["reportingController"], event["reportingInstance"]) == ("landlord.dev/operator", "pod-1")


async def test_an_event_about_a_namespaced_object_lives_beside_it(desk: Desk) -> None:
    desk.say(subject=Subject(Ref("AppRelease", "shop-dev", "web"), "landlord.dev/v1alpha1", "uid-2"))
    await desk.recorder.write_due()
    (event,) = desk.written.created
    assert event["metadata"]["namespace"] == event["regarding"]["namespace"] == "shop-dev"


async def test_the_same_words_become_one_event_that_counts(desk: Desk) -> None:
    for _ in range(3):
        desk.say()
    await desk.recorder.write_due()
    desk.say()
    await desk.later(1)
    assert desk.written.patched == []
    desk.say()
    await desk.later(WAIT_SECONDS)
    (event,) = desk.written.created
    ((name, namespace, patch),) = desk.written.patched
    assert event["series"]["count"] == 3
    assert (name, namespace) == (event["metadata"]["name"], "default")
    assert patch == {"series": {"count": 5, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}}


async def test_other_words_are_another_event(desk: Desk) -> None:
    desk.say("One.")
    desk.say("Two.")
    await desk.recorder.write_due()
    assert len({event["metadata"]["name"] for event in desk.written.created}) == 2


async def test_old_words_are_news_again_after_an_hour(desk: Desk) -> None:
    desk.say()
    await desk.recorder.write_due()
    desk.time.now += events.FORGET_SECONDS + 1
    desk.say()
    await desk.recorder.write_due()
    assert len(desk.written.created) == 2
    assert desk.written.patched == []


async def test_an_object_that_babbles_is_cut_off_and_others_are_not(desk: Desk) -> None:
    for number in range(BUDGET + 10):
        desk.say(f"Word {number}.")
    desk.say(subject=Subject(Ref("Tenant", None, "bank"), "landlord.dev/v1alpha1", "uid-9"))
    await desk.recorder.write_due()
    assert len(desk.written.created) == BUDGET + 1
    assert desk.counts.dropped == {"rate": 10}
    desk.time.now += events.BUDGET_REFILL_SECONDS
    desk.say("A minute later.")
    await desk.recorder.write_due()
    assert desk.written.created[-1]["note"] == "A minute later."


async def test_an_event_that_cannot_be_written_is_counted_and_forgotten(desk: Desk) -> None:
    desk.written.failure = Forbidden("No.")
    desk.say()
    await desk.recorder.write_due()
    assert desk.counts.dropped == {"failed": 1}
    desk.written.failure = None
    desk.say()
    await desk.recorder.write_due()
    assert len(desk.written.created) == 1


async def test_a_long_note_is_cut_between_characters(desk: Desk) -> None:
    desk.say("ä" * NOTE_LENGTH)
    await desk.recorder.write_due()
    note = desk.written.created[0]["note"]
    assert len(note.encode()) <= NOTE_LENGTH
    assert note.endswith("ä...")


async def test_memory_is_bounded_however_much_is_said(desk: Desk) -> None:
    for number in range(REMEMBERED + 50):
        desk.say(subject=Subject(Ref("Tenant", None, f"t{number}"), "v1", f"uid-{number}"))
    assert len(desk.recorder._series) == REMEMBERED
    assert desk.counts.dropped == {"full": 50}


async def test_everything_recorded_is_counted_be_it_written_or_not(desk: Desk) -> None:
    for _ in range(4):
        desk.say()
    assert desk.counts.recorded_ == {("Tenant", "Normal", "Ready"): 4}


async def test_what_waits_is_written_before_the_end(desk: Desk) -> None:
    desk.say()
    await desk.recorder.write_due()
    desk.say()
    await desk.recorder.flush()
    assert desk.written.patched[0][2]["series"]["count"] == 2


async def test_good_news_waits_while_there_is_work_and_bad_news_does_not(desk: Desk) -> None:
    desk.work.append("a pass")
    desk.say()
    desk.warn("It is forbidden.")
    await desk.recorder.write_due()
    assert [event["note"] for event in desk.written.created] == ["It is forbidden."]
    desk.work.clear()
    await desk.recorder.write_due()
    assert [event["note"] for event in desk.written.created] == ["It is forbidden.", "All is well."]


async def test_good_news_does_not_wait_for_ever(desk: Desk) -> None:
    desk.work.append("a pass that never ends")
    desk.say()
    await desk.later(PATIENCE_SECONDS + 1)
    assert [event["note"] for event in desk.written.created] == ["All is well."]


async def test_good_news_that_waits_is_written_before_the_end(desk: Desk) -> None:
    desk.work.append("a pass")
    desk.say()
    await desk.recorder.flush()
    assert len(desk.written.created) == 1


async def test_the_writer_wakes_for_news(desk: Desk) -> None:
    running = asyncio.get_running_loop().create_task(desk.recorder.run())
    await asyncio.sleep(0)
    desk.say()
    async with asyncio.timeout(5):
        while not desk.written.created:
            await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_a_subject_is_read_from_a_body() -> None:
    body = {
        "apiVersion": "landlord.dev/v1alpha1",
        "kind": "Tenant",
        "metadata": {"name": "shop", "uid": "uid-1"},
    }
    assert Subject.of(body) == SHOP
