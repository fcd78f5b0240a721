"""The one registry of metrics and the words in which the rest of the operator feeds it."""

import asyncio
import platform
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from landlord import __version__
from landlord.telemetry import series
from landlord.telemetry.objects import ObjectSeries, Snapshot
from landlord.telemetry.series import Series

LANES = ("urgent", "drift", "resync")
"""Names of the work queue's lanes, by their number."""


class Places(Protocol):
    """What the pool of Helm's slots tells about itself at a scrape."""

    @property
    def running(self) -> int:
        """How many are taken."""

    @property
    def waiting(self) -> int:
        """How many releases stand in line."""


class Queue(Protocol):
    """What a work queue tells about itself at a scrape."""

    def depth(self, lane: int) -> int:
        """How many objects are ready in one lane."""

    @property
    def delayed(self) -> int:
        """How many objects have a set time."""

    @property
    def running(self) -> int:
        """How many passes run."""

    def longest_running(self) -> float:
        """Age of the oldest pass in seconds."""


class Metrics:
    """Every series of this process, in a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # no hints upstream
        self.registry = CollectorRegistry(auto_describe=False)
        self._leader = self._gauge(series.LEADER)
        self._lag = self._gauge(series.EVENT_LOOP_LAG)
        self._queue_adds = self._counter(series.QUEUE_ADDS)
        self._queue_retries = self._counter(series.QUEUE_RETRIES)
        self._queue_duration = self._histogram(series.QUEUE_DURATION)
        self._passes = self._counter(series.PASSES)
        self._errors = self._counter(series.ERRORS)
        self._pass_duration = self._histogram(series.PASS_DURATION)
        self._requests = self._counter(series.REQUESTS)
        self._request_duration = self._histogram(series.REQUEST_DURATION)
        self._throttled = self._counter(series.THROTTLED)
        self._crd_unfit = self._gauge(series.CRD_UNFIT)
        self._watch_heard = self._gauge(series.WATCH_HEARD)
        self._watch_restarts = self._counter(series.WATCH_RESTARTS)
        self._watch_behind = self._gauge(series.WATCH_BEHIND)
        self._events = self._counter(series.EVENTS)
        self._events_dropped = self._counter(series.EVENTS_DROPPED)
        self._corrections = self._counter(series.DRIFT_CORRECTIONS)
        self._verdicts = self._counter(series.VERDICTS)
        self._rollbacks = self._counter(series.ROLLBACKS)
        self._rollback_duration = self._histogram(series.ROLLBACK_DURATION)
        for cause in series.DROP_CAUSES:
            self._events_dropped.labels(cause)
        self._gauge(series.BUILD_INFO).labels(__version__, platform.python_version(), version("kopf")).set(1)

    async def expose(self, accept: str = "") -> tuple[bytes, str]:
        """The text of a scrape and its content type, in the form the scraper accepts.

        Values are read at once, in the event loop; writing them out, which takes four times as long, is a thread's.
        """
        encode, content_type = choose_encoder(accept)
        values = _Values(tuple(self.registry.collect()))
        return await asyncio.to_thread(encode, values), content_type

    def watch_objects(self, snapshot: Snapshot) -> None:
        """Export the per-object series of what ``snapshot`` gives at each scrape. Once per process."""
        self.registry.register(ObjectSeries(snapshot))

    def watch_queues(self, queues: Mapping[str, Queue]) -> None:
        """Export depths and running passes of each kind's queue. Once per process."""
        self.registry.register(_QueueSeries(queues))

    def watch_helm(self, pool: Places) -> None:
        """Export how many runs of Helm there are, and how many are waited for. Once per process."""
        runs = self._gauge(series.HELM_RUNS)
        runs.labels("running").set_function(lambda: pool.running)
        runs.labels("waiting").set_function(lambda: pool.waiting)

    def queue(self, kind: str) -> "QueueGauges":
        """What the work queue of a kind is told to feed; its series start at 0."""
        return QueueGauges(self, kind)

    def watch(self, kind: str, now: Callable[[], float]) -> "WatchListener":
        """What the informer of a kind is told to feed; ``now`` is the time of day."""
        return WatchListener(self, kind, now)

    def passed(self, kind: str, result: str, seconds: float, reason: str | None = None) -> None:
        """A pass ended; ``reason`` is the failure's class name where it was a failure."""
        self._passes.labels(kind, result).inc()
        self._pass_duration.labels(kind).observe(seconds)
        if reason is not None:
            self._errors.labels(kind, reason).inc()

    def requested(self, verb: str, resource: str, status: int, seconds: float) -> None:
        """The API server answered (``status`` 0: it did not); fits the observer of ``Cluster``."""
        self._requests.labels(verb, resource, str(status)).inc()
        self._request_duration.labels(verb).observe(seconds)
        if status == 429:
            self._throttled.inc()

    def led(self, leading: bool) -> None:
        """The Lease was taken or lost."""
        self._leader.set(leading)

    def lagged(self, seconds: float) -> None:
        """The event loop woke this late."""
        self._lag.set(seconds)

    def unfit(self, kind: str, is_unfit: bool) -> None:
        """The CRD of a kind cannot hold what this process writes, or can."""
        self._crd_unfit.labels(kind).set(is_unfit)

    def behind(self, kind: str, count: int) -> None:
        """So many objects of a kind were listed in a state that the watch has not shown; 0 is a sign of life."""
        self._watch_behind.labels(kind).set(count)
        if count == 0:
            self._watch_heard.labels(kind).set_to_current_time()

    def recorded(self, kind: str, type_: str, reason: str) -> None:
        """An Event was recorded, be it a repetition."""
        self._events.labels(kind, type_, reason).inc()

    def dropped_event(self, cause: str) -> None:
        """An Event was not written."""
        self._events_dropped.labels(cause).inc()

    def corrected(self, kind: str, action: str) -> None:
        """A child of that kind was put right: ``applied``, ``recreated`` or ``removed``."""
        self._corrections.labels(kind, action).inc()

    def judged(self, environment: str, verdict: str, reason: str) -> None:
        """An attempt of an AppRelease came to its end."""
        self._verdicts.labels(environment, verdict, reason).inc()

    def rolled_back(self, environment: str, reason: str, seconds: float) -> None:
        """A rollback has succeeded, so long after the verdict."""
        self._rollbacks.labels(environment, reason).inc()
        self._rollback_duration.labels(environment).observe(seconds)

    def start_at_zero(self, kind: str) -> None:
        """Export the known label values of a kind as 0, so that rates see the first count."""
        for result in series.RESULTS:
            self._passes.labels(kind, result)
        for lane in LANES:
            self._queue_adds.labels(kind, lane)
        self._queue_retries.labels(kind)

    def _counter(self, one: Series) -> Counter:
        return Counter(one.name, one.help, tuple(one.labels), registry=self.registry)

    def _gauge(self, one: Series) -> Gauge:
        return Gauge(one.name, one.help, tuple(one.labels), registry=self.registry)

    def _histogram(self, one: Series) -> Histogram:
        return Histogram(one.name, one.help, tuple(one.labels), registry=self.registry, buckets=one.buckets)


class QueueGauges:
    """Feeds the series of one kind's work queue."""

    def __init__(self, metrics: Metrics, kind: str) -> None:
        metrics.start_at_zero(kind)
        self._adds = [metrics._queue_adds.labels(kind, lane) for lane in LANES]
        self._duration = metrics._queue_duration.labels(kind)
        self._retries = metrics._queue_retries.labels(kind)

    def added(self, lane: int) -> None:
        """A key became ready in this lane."""
        self._adds[lane].inc()

    def waited(self, seconds: float) -> None:
        """A key was handed out this long after it had become ready."""
        self._duration.observe(seconds)

    def retried(self) -> None:
        """A key was put off with backoff after a failure."""
        self._retries.inc()


class WatchListener:
    """Feeds the series of one kind's watch."""

    def __init__(self, metrics: Metrics, kind: str, now: Callable[[], float]) -> None:
        self._heard = metrics._watch_heard.labels(kind)
        self._restarts = {cause: metrics._watch_restarts.labels(kind, cause) for cause in series.WATCH_CAUSES}
        self._now = now

    def heard(self) -> None:
        """The server said something, if only a bookmark."""
        self._heard.set(self._now())

    def restarted(self, cause: str) -> None:
        """A watch or list ended other than by its time."""
        self._restarts[cause].inc()


class _Values(CollectorRegistry):
    """What a registry held at one moment."""

    def __init__(self, families: tuple[Metric, ...]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


class _QueueSeries(Collector):
    def __init__(self, queues: Mapping[str, Queue]) -> None:
        self._queues = queues

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield from _queue_families().values()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families = _queue_families()
        for kind, queue in self._queues.items():
            for number, lane in enumerate(LANES):
                families[series.QUEUE_DEPTH.name].add_metric((kind, lane), queue.depth(number))
            families[series.QUEUE_DELAYED.name].add_metric((kind,), queue.delayed)
            families[series.ACTIVE.name].add_metric((kind,), queue.running)
            families[series.LONGEST.name].add_metric((kind,), queue.longest_running())
        yield from families.values()


def _queue_families() -> dict[str, GaugeMetricFamily]:
    of_queues = (series.QUEUE_DEPTH, series.QUEUE_DELAYED, series.ACTIVE, series.LONGEST)
    return {one.name: GaugeMetricFamily(one.name, one.help, labels=tuple(one.labels)) for one in of_queues}
