"""Kubernetes Events (events.k8s.io/v1) about our objects: aggregated, limited, and never in a pass's way.

``record`` only notes; a task writes. The same words about the same object become one Event whose ``series`` counts;
a repetition is written at once if nothing was for a while, else at the end of a short wait, so that a hundred
repetitions are a few patches. Each object has a budget; what goes over it is dropped and counted. What cannot be
written is dropped and counted too: Events are news, the truth is in the conditions.
"""

import asyncio
import logging
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final, Literal, Protocol, Self

from landlord.api.failures import LandlordFailure
from landlord.api.refs import EVENTS, Ref

_log = logging.getLogger(__name__)

Object = dict[str, Any]
Type = Literal["Normal", "Warning"]

NOTE_LENGTH: Final = 1024
"""The API's own limit of ``note`` in bytes."""
CLUSTER_SCOPED_NAMESPACE: Final = "default"
"""Where Events about cluster-scoped objects live, by the API's rule; ``kubectl describe`` looks there."""
WAIT_SECONDS: Final = 10.0
"""How long repetitions are gathered before the count is written."""
PATIENCE_SECONDS: Final = 20.0
"""How long good news waits at most while passes have work to do: writing it would take their turn."""
FLUSH_SECONDS: Final = 5.0
FORGET_SECONDS: Final = 3600.0
"""After this long without a repetition the same words are news again (the API server keeps Events for an hour)."""
BUDGET: Final = 25
BUDGET_REFILL_SECONDS: Final = 60.0
"""So many writes about one object at once, and one more each minute: client-go's spam filter is tighter."""
REMEMBERED: Final = 4096
"""Series and objects remembered at most; the oldest are forgotten first."""


class Events(Protocol):
    """Who can write Events. Any failure may be raised; it costs the Event and nothing else."""

    async def create(self, event: Object) -> None:
        """Write a new Event; raises ``Conflict`` when one of that name exists."""

    async def patch(self, name: str, namespace: str, patch: Object) -> None:
        """Merge-patch an Event."""


class Counts(Protocol):
    """Who counts Events; ``landlord.telemetry.metrics.Metrics`` does."""

    def recorded(self, kind: str, type_: str, reason: str) -> None:
        """An Event was recorded, be it a repetition."""

    def dropped_event(self, cause: str) -> None:
        """An Event was not written."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What an Event is about, as much as ``kubectl describe`` needs to find it."""

    ref: Ref
    api_version: str
    uid: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """The subject an object's body stands for."""
        meta = body["metadata"]
        return cls(Ref(body["kind"], meta.get("namespace"), meta["name"]), body["apiVersion"], meta["uid"])


@dataclass(frozen=True, slots=True)
class _Words:
    """What makes two Events the same."""

    uid: str
    type: Type
    reason: str
    action: str
    note: str


@dataclass(slots=True)
class _Series:
    """One Event in the cluster and how often it has happened; ``written`` is the count the cluster knows."""

    subject: Subject
    first: datetime
    last: datetime
    count: int = 1
    written: int = 0
    due: float = 0.0


class Recorder:
    """Takes Events from passes and writes them beside them. ``run`` writes until cancelled."""

    def __init__(
        self,
        events: Events,
        counts: Counts,
        *,
        instance: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),  # noqa: TID251 - telemetry dates what it sees
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._events = events
        self._counts = counts
        self._instance = instance
        self._now = now
        self._clock = clock
        self._sleep = sleep
        self._is_busy = is_busy
        self._series: OrderedDict[_Words, _Series] = OrderedDict()
        self._budgets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._unwritten: OrderedDict[_Words, None] = OrderedDict()
        self._wake = asyncio.Event()

    def record(self, subject: Subject, type_: Type, reason: str, note: str, action: str = "Reconciled") -> None:
        """Note an Event. Returns at once and never fails; ``note`` is cut to what the API takes."""
        words = _Words(subject.uid, type_, reason, action, _cut(note))
        self._counts.recorded(subject.ref.kind, type_, reason)
        series = self._known(words)
        if series is None:
            self._series[words] = _Series(subject, self._now(), self._now(), due=self._clock())
        else:
            series.count += 1
            series.last = self._now()
            self._series.move_to_end(words)
        self._unwritten[words] = None
        self._shrink()
        self._wake.set()

    async def run(self) -> None:
        """Write what was recorded, until cancelled."""
        while True:
            self._wake.clear()
            await self.write_due()
            if not self._unwritten:
                await self._wake.wait()
            else:
                await self._sleep(1.0)

    async def write_due(self) -> None:
        """Write every series whose time has come."""
        now = self._clock()
        for words in [words for words in self._unwritten if self._series[words].due <= now]:
            series = self._series.get(words)
            if series is None or words not in self._unwritten or self._must_wait(words, series):
                continue
            del self._unwritten[words]
            series.due = now + WAIT_SECONDS
            if self._may_write(words.uid):
                await self._write(words, series)

    async def flush(self) -> None:
        """Write what is left, due or not, as far as it goes quickly: before the process ends."""
        for series in self._series.values():
            series.due = -math.inf
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self.write_due()

    async def _write(self, words: _Words, series: _Series) -> None:
        count = series.count
        try:
            if series.written:
                await self._events.patch(
                    _name(words, series), _namespace(series.subject.ref), {"series": _told(series, count)}
                )
            else:
                await self._events.create(self._event(words, series, count))
            series.written = count
        except Exception as failure:
            self._series.pop(words, None)  # should it happen again, it is a new Event
            self._counts.dropped_event("failed")
            bug = None if isinstance(failure, LandlordFailure) else failure
            level = logging.ERROR if bug else logging.DEBUG
            _log.log(level, "An Event about %s was not written: %s", series.subject.ref, failure, exc_info=bug)

    def _event(self, words: _Words, series: _Series, count: int) -> Object:
        ref = series.subject.ref
        regarding = {"apiVersion": series.subject.api_version, "kind": ref.kind, "name": ref.name, "uid": words.uid}
        event: Object = {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": _name(words, series), "namespace": _namespace(ref)},
            "eventTime": _micro(series.first),
            "type": words.type,
            "reason": words.reason,
            "action": words.action,
            "note": words.note,
            "regarding": regarding | ({"namespace": ref.namespace} if ref.namespace else {}),
            "reportingController": "landlord.dev/operator",
            "reportingInstance": self._instance[:128],
        }
        return event | ({"series": _told(series, count)} if count > 1 else {})

    def _known(self, words: _Words) -> _Series | None:
        series = self._series.get(words)
        if series is not None and (self._now() - series.last).total_seconds() > FORGET_SECONDS:
            del self._series[words]
            return None
        return series

    def _must_wait(self, words: _Words, series: _Series) -> bool:
        """Good news does not take the turn of work that waits; bad news is written at once."""
        overdue = self._clock() - series.due > PATIENCE_SECONDS
        return words.type == "Normal" and not overdue and self._is_busy()

    def _may_write(self, uid: str) -> bool:
        tokens, since = self._budgets.pop(uid, (float(BUDGET), self._clock()))
        tokens = min(BUDGET, tokens + (self._clock() - since) / BUDGET_REFILL_SECONDS)
        self._budgets[uid] = (max(0.0, tokens - 1), self._clock())
        if tokens < 1:
            self._counts.dropped_event("rate")
        return tokens >= 1

    def _shrink(self) -> None:
        while len(self._series) > REMEMBERED:
            words, _ = self._series.popitem(last=False)
            if words in self._unwritten:
                del self._unwritten[words]
                self._counts.dropped_event("full")
        while len(self._budgets) > REMEMBERED:
            self._budgets.popitem(last=False)


def _told(series: _Series, count: int) -> Object:
    return {"count": count, "lastObservedTime": _micro(series.last)}


def _name(words: _Words, series: _Series) -> str:
    """One name for one series: the object's, when it began, and a digest of the words."""
    digest = blake2b(repr((words, series.first)).encode(), digest_size=8).hexdigest()
    return f"{series.subject.ref.name[:200].rstrip('.-')}.{digest}"


def _namespace(ref: Ref) -> str:
    return ref.namespace or CLUSTER_SCOPED_NAMESPACE


def _micro(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _cut(note: str) -> str:
    """At most what the API takes, in bytes, never in the middle of a character."""
    raw = note.encode()
    return note if len(raw) <= NOTE_LENGTH else raw[: NOTE_LENGTH - 3].decode(errors="ignore") + "..."
