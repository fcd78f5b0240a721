"""Per-object series, read from a snapshot at each scrape: what is gone from the snapshot is gone from the metrics."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from landlord.api.refs import Ref
from landlord.telemetry import series
from landlord.telemetry.series import Series


@dataclass(frozen=True, slots=True)
class ConditionFact:
    """One condition as it stands; ``changed`` is its lastTransitionTime."""

    status: str
    reason: str
    changed: datetime | None


@dataclass(frozen=True, slots=True)
class QuotaFact:
    """One resource of one tenant namespace's quota, in the resource's base unit (cores, bytes, objects)."""

    environment: str
    resource: str
    hard: float
    used: float


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What the metrics say of one Tenant, Environment or AppRelease.

    ``drifted`` None means that it is not looked at. ``namespaces`` and ``quotas`` are of Tenants,
    ``tier`` and ``tenants`` (state to count: total, ready, failed, drifted) of Environments.
    """

    ref: Ref
    conditions: Mapping[str, ConditionFact] = field(default_factory=dict)
    suspended: bool = False
    deleting_since: datetime | None = None
    drifted: bool | None = None
    namespaces: int = 0
    quotas: tuple[QuotaFact, ...] = ()
    tier: str = ""
    tenants: Mapping[str, int] = field(default_factory=dict)


Snapshot = Callable[[], Iterable[ObjectFacts]]
"""Every object there is, as it stands now; called in the event loop at each scrape, so it must be quick."""

_Families = dict[str, GaugeMetricFamily]


class ObjectSeries(Collector):
    """Turns a snapshot into the per-object series."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The series, empty, so that registering them takes no snapshot."""
        yield from _empty().values()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The series of everything in the snapshot."""
        families = _empty()
        for facts in self._snapshot():
            _add_standing(families, facts)
            match facts.ref.kind:
                case "Tenant":
                    _add_tenant(families, facts)
                case "Environment":
                    _add_environment(families, facts)
                case _:
                    continue
        yield from families.values()


def _empty() -> _Families:
    of_objects = (
        series.RESOURCE_INFO,
        series.RESOURCE_CONDITION,
        series.RESOURCE_TRANSITION,
        series.RESOURCE_DELETION,
        series.DRIFT_DETECTED,
        series.TENANT_NAMESPACES,
        series.QUOTA_HARD,
        series.QUOTA_USED,
        series.QUOTA_RATIO,
        series.ENVIRONMENT_TENANTS,
    )
    return {one.name: GaugeMetricFamily(one.name, one.help, labels=tuple(one.labels)) for one in of_objects}


def _add(families: _Families, one: Series, labels: tuple[str, ...], value: float) -> None:
    families[one.name].add_metric(labels, value)


def _add_standing(families: _Families, facts: ObjectFacts) -> None:
    ref = facts.ref
    key = (ref.kind, ref.namespace or "", ref.name)
    ready = facts.conditions.get("Ready", ConditionFact("Unknown", "", None))
    info = (*key, ready.status, ready.reason, str(facts.suspended).lower(), facts.tier)
    _add(families, series.RESOURCE_INFO, info, 1)
    for name, condition in facts.conditions.items():
        _add(families, series.RESOURCE_CONDITION, (*key, name, condition.status), 1)
    if ready.changed is not None:
        _add(families, series.RESOURCE_TRANSITION, key, ready.changed.timestamp())
    if facts.deleting_since is not None:
        _add(families, series.RESOURCE_DELETION, key, facts.deleting_since.timestamp())
    if facts.drifted is not None:
        _add(families, series.DRIFT_DETECTED, key, facts.drifted)


def _add_tenant(families: _Families, facts: ObjectFacts) -> None:
    tenant = facts.ref.name
    _add(families, series.TENANT_NAMESPACES, (tenant,), facts.namespaces)
    for quota in facts.quotas:
        labels = (tenant, quota.environment, quota.resource)
        _add(families, series.QUOTA_HARD, labels, quota.hard)
        _add(families, series.QUOTA_USED, labels, quota.used)
        if quota.hard > 0:
            _add(families, series.QUOTA_RATIO, labels, quota.used / quota.hard)


def _add_environment(families: _Families, facts: ObjectFacts) -> None:
    for state, count in facts.tenants.items():
        _add(families, series.ENVIRONMENT_TENANTS, (facts.ref.name, state), count)
