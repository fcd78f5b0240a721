"""Who may run Helm now: bounded slots, fair between tenants, and a lane for what cannot wait."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Waiter = asyncio.Future[None]


@dataclass(slots=True)
class _Lane:
    """Slots of one kind: tenants take turns, and none holds more than ``share`` of them."""

    size: int
    share: int
    held: dict[str, int] = field(default_factory=dict)
    queues: dict[str, deque[Waiter]] = field(default_factory=dict)

    def enter(self, tenant: str) -> Waiter:
        """A future that is done when the tenant has a slot."""
        waiter: Waiter = asyncio.get_running_loop().create_future()
        self.queues.setdefault(tenant, deque()).append(waiter)
        self.admit()
        return waiter

    def leave(self, tenant: str) -> None:
        """Give a slot back, and hand it on."""
        self.held[tenant] -= 1
        if not self.held[tenant]:
            del self.held[tenant]
        self.admit()

    def forget(self, tenant: str, waiter: Waiter) -> None:
        """Take back a wish that nobody waits for any more; a slot that came at the same moment is handed on."""
        if waiter.done() and not waiter.cancelled():
            self.leave(tenant)
            return
        waiter.cancel()
        queue = self.queues.get(tenant)
        if queue and waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self.queues[tenant]

    def admit(self) -> None:
        """Give every free slot to the tenant whose turn it is."""
        while sum(self.held.values()) < self.size and (tenant := next(self._eligible(), None)) is not None:
            queue = self.queues.pop(tenant)
            queue.popleft().set_result(None)
            if queue:
                # Behind the others: the next slot is somebody else's if anybody else waits.
                self.queues[tenant] = queue
            self.held[tenant] = self.held.get(tenant, 0) + 1

    def _eligible(self) -> Iterator[str]:
        return (tenant for tenant in self.queues if self.held.get(tenant, 0) < self.share)


class Pool:
    """``size`` slots, at most a quarter of them, and at least one, for one tenant; beside them ``urgent`` slots.

    Slots go first come, first served within a tenant, and in turns between tenants. Urgent work never waits for work
    that is not.
    """

    def __init__(self, size: int = 8, urgent: int = 4) -> None:
        self._common = _Lane(size, max(1, size // 4))
        self._urgent = _Lane(urgent, max(1, urgent // 2))

    @property
    def running(self) -> int:
        """How many slots are held."""
        return sum(self._common.held.values()) + sum(self._urgent.held.values())

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return sum(len(queue) for lane in (self._common, self._urgent) for queue in lane.queues.values())

    @asynccontextmanager
    async def slot(self, tenant: str, *, urgent: bool = False) -> AsyncIterator[None]:
        """Hold a slot for the tenant, once there is one."""
        lane = self._urgent if urgent else self._common
        waiter = lane.enter(tenant)
        try:
            await waiter
        except asyncio.CancelledError:
            lane.forget(tenant, waiter)
            raise
        try:
            yield
        finally:
            lane.leave(tenant)
