"""Ways in which events reach the operator other than one by one, in order and at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from landlord.api.refs import CHILDREN, TENANTS
from tests.in_process import Event, Feed

_CHILDREN = frozenset(resource.kind for resource in CHILDREN)


@dataclass(slots=True)
class Doubled(Feed):
    """Every event comes twice."""

    def deliver(self, fresh: Sequence[Event], past: Sequence[Event]) -> Iterable[Sequence[Event]]:
        """Each event and at once again, and then all of them once more."""
        return [[event for event in fresh for _ in range(2)], fresh]


@dataclass(slots=True)
class Backwards(Feed):
    """The newest events come first."""

    def deliver(self, fresh: Sequence[Event], past: Sequence[Event]) -> Iterable[Sequence[Event]]:
        """In reverse order."""
        return [list(reversed(fresh))]


@dataclass(slots=True)
class Replayed(Feed):
    """A watch was taken up at an API server that lags: all that ever happened comes once more, then the news."""

    def deliver(self, fresh: Sequence[Event], past: Sequence[Event]) -> Iterable[Sequence[Event]]:
        """History and news, a pass after it."""
        return [[*past, *fresh]]


@dataclass(slots=True)
class Stepwise(Feed):
    """Every single event is followed by passes, and stale ones come between."""

    def deliver(self, fresh: Sequence[Event], past: Sequence[Event]) -> Iterable[Sequence[Event]]:
        """One event after another; after each the last five of the past again."""
        return [[event, *past[-5:]] for event in fresh]


@dataclass(slots=True)
class Farewells(Feed):
    """With every piece of news come late DELETEDs: of earlier objects of the same names, and of labels once removed."""

    def deliver(self, fresh: Sequence[Event], past: Sequence[Event]) -> Iterable[Sequence[Event]]:
        """The news; a DELETED for the forerunner of all that lives; for children one of an older state as well."""
        alive: dict[tuple[str, str, str], Event] = {}
        for event in (*past, *fresh):
            meta = event.body["metadata"]
            key = (event.kind, meta.get("namespace", ""), meta["name"])
            if event.type == "DELETED":
                alive.pop(key, None)
            else:
                alive[key] = event
        forerunners = [_deleted(event, uid=str(UUID(int=0))) for event in alive.values()]
        unlabelled = [_deleted(event) for event in alive.values() if event.kind in _CHILDREN]
        return [fresh, forerunners, unlabelled]


def _deleted(event: Event, **change: str) -> Event:
    """The end of an object that is older than what the event shows."""
    meta = event.body["metadata"]
    older = {**meta, "resourceVersion": str(int(meta["resourceVersion"]) - 1), **change}
    return Event(event.kind, "DELETED", {**event.body, "metadata": older})


@dataclass(slots=True)
class Lagging(Feed):
    """Events of some kinds come one look later than the others."""

    kinds: frozenset[str] = _CHILDREN
    held: list[Event] = field(default_factory=list)

    def deliver(self, fresh: Sequence[Event], past: Sequence[Event]) -> Iterable[Sequence[Event]]:
        """What was held back before, then the news that is on time."""
        due, self.held = self.held, [event for event in fresh if event.kind in self.kinds]
        return [[*due, *(event for event in fresh if event.kind not in self.kinds)]]

    @property
    def owes(self) -> bool:
        """Whether events are held back."""
        return bool(self.held)


@dataclass(slots=True)
class LateTenants(Lagging):
    """The Tenant's own events come late."""

    kinds: frozenset[str] = frozenset({TENANTS.kind})


FEEDS: Mapping[str, type[Feed]] = {
    "events twice": Doubled,
    "newest event first": Backwards,
    "all history again": Replayed,
    "a pass after each event, stale ones between": Stepwise,
    "late farewells": Farewells,
    "children late": Lagging,
    "Tenants late": LateTenants,
}
