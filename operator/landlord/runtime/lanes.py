"""Which key is next: lanes by urgency, tenants in turn within a lane, and no lane passed over for ever."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from enum import IntEnum
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Lane(IntEnum):
    """How urgent a pass is; smaller goes first."""

    URGENT = 0
    """The user changed or deleted the object."""
    DRIFT = 1
    """Something the object owns changed."""
    RESYNC = 2
    """Nothing is known to have changed: first listing, periodic look."""


PATIENCE: Final = {Lane.URGENT: 0, Lane.DRIFT: 4, Lane.RESYNC: 8}
"""How many keys of more urgent lanes may go before a waiting lane gets its turn all the same."""


class Lanes(Generic[Key]):
    """The keys that are ready. A key stands in one lane at most; taking one removes it."""

    def __init__(self, tenant_of: Callable[[Key], str]) -> None:
        self._tenant_of = tenant_of
        self._lanes: dict[Lane, OrderedDict[str, OrderedDict[Key, None]]] = {lane: OrderedDict() for lane in Lane}
        self._lane_of: dict[Key, Lane] = {}
        self._passed_over = dict.fromkeys(Lane, 0)

    def __len__(self) -> int:
        return len(self._lane_of)

    def __contains__(self, key: Key) -> bool:
        return key in self._lane_of

    def depth(self, lane: Lane) -> int:
        """How many keys wait in one lane."""
        return sum(len(keys) for keys in self._lanes[lane].values())

    def put(self, key: Key, lane: Lane) -> None:
        """Make a key ready; one that is ready already moves only to a more urgent lane."""
        before = self._lane_of.get(key)
        if before is not None and before <= lane:
            return
        if before is not None:
            self._remove(key, before)
        self._lane_of[key] = lane
        self._lanes[lane].setdefault(self._tenant_of(key), OrderedDict())[key] = None

    def take(self, barred: Callable[[str], bool] = lambda _: False) -> Key | None:
        """The next key, or None when nothing is ready; keys of tenants that are ``barred`` now stay where they are."""
        tenant_of = {lane: next((each for each in self._lanes[lane] if not barred(each)), None) for lane in Lane}
        lane = self._next_lane([lane for lane, tenant in tenant_of.items() if tenant is not None])
        if lane is None or (tenant := tenant_of[lane]) is None:
            return None
        tenants = self._lanes[lane]
        key = next(iter(tenants[tenant]))
        self._remove(key, lane)
        del self._lane_of[key]
        if tenant in tenants:
            tenants.move_to_end(tenant)
        self._remember(lane)
        return key

    def discard(self, key: Key) -> None:
        """Take a key out of its lane, if it stands in one."""
        lane = self._lane_of.pop(key, None)
        if lane is not None:
            self._remove(key, lane)

    def _next_lane(self, waiting: Sequence[Lane]) -> Lane | None:
        overdue = [lane for lane in waiting if 0 < PATIENCE[lane] <= self._passed_over[lane]]
        if overdue:
            return max(overdue)
        return min(waiting, default=None)

    def _remember(self, taken: Lane) -> None:
        for lane in Lane:
            passed_over = lane != taken and self._lanes[lane]
            self._passed_over[lane] = self._passed_over[lane] + 1 if passed_over else 0

    def _remove(self, key: Key, lane: Lane) -> None:
        tenant = self._tenant_of(key)
        keys = self._lanes[lane][tenant]
        del keys[key]
        if not keys:
            del self._lanes[lane][tenant]
