"""Who may run Helm now: bounded slots, fair between tenants, and a lane for what cannot wait.

Nobody waits in here. Who gets no slot is told so, goes home and keeps his place in the line; when it is his turn a
slot is kept for him and he is woken. A tenant with a thousand releases that wait thus holds up nobody but himself.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from landlord.api.refs import Ref

Wake = Callable[[Ref], None]
"""Called with a release for which a slot is kept: it is to be asked for again, or to be withdrawn."""


@dataclass(slots=True)
class _Lane:
    """Slots of one kind: tenants take turns, and none holds more than ``share`` of them."""

    size: int
    share: int
    wake: Wake
    held: dict[str, int] = field(default_factory=dict)
    """How many slots each tenant has, those that are kept for it included."""
    kept: dict[Ref, str] = field(default_factory=dict)
    queues: OrderedDict[str, OrderedDict[Ref, None]] = field(default_factory=OrderedDict)

    def enter(self, ticket: Ref, tenant: str) -> str | None:
        """For which tenant the ticket has a slot now; None when it stands in line."""
        if ticket not in self.kept:
            self.queues.setdefault(tenant, OrderedDict())[ticket] = None
            self._admit(ticket)
        return self.kept.pop(ticket, None)

    def leave(self, tenant: str) -> None:
        """Give a slot back, and hand it on."""
        self.held[tenant] -= 1
        if not self.held[tenant]:
            del self.held[tenant]
        self._admit()

    def withdraw(self, ticket: Ref) -> None:
        """Nobody wants it any more: neither its place in the line nor the slot that is kept for it."""
        for tenant in [tenant for tenant, line in self.queues.items() if ticket in line]:
            self._step_out(tenant, ticket)
        kept_for = self.kept.pop(ticket, None)
        if kept_for is not None:
            self.leave(kept_for)

    def _admit(self, present: Ref | None = None) -> None:
        """Keep every free slot for the tenant whose turn it is; all but who is ``present`` are woken."""
        while sum(self.held.values()) < self.size and (tenant := next(self._eligible(), None)) is not None:
            ticket = next(iter(self.queues[tenant]))
            self._step_out(tenant, ticket)
            if tenant in self.queues:
                self.queues.move_to_end(tenant)  # the next slot is somebody else's if anybody else waits
            self.held[tenant] = self.held.get(tenant, 0) + 1
            self.kept[ticket] = tenant
            if ticket != present:
                self.wake(ticket)

    def _step_out(self, tenant: str, ticket: Ref) -> None:
        line = self.queues[tenant]
        del line[ticket]
        if not line:
            del self.queues[tenant]

    def _eligible(self) -> Iterator[str]:
        return (tenant for tenant in self.queues if self.held.get(tenant, 0) < self.share)


class Pool:
    """``size`` slots, at most a quarter of them, and at least one, for one tenant; beside them ``urgent`` slots.

    Slots go first come, first served within a tenant, and in turns between tenants. Urgent work never waits for work
    that is not. A ticket is the release that asks; ``wake`` is called when a slot is kept for it.
    """

    def __init__(self, size: int = 8, urgent: int = 4, *, wake: Wake) -> None:
        self._common = _Lane(size, max(1, size // 4), wake)
        self._urgent = _Lane(urgent, max(1, urgent // 2), wake)

    @property
    def running(self) -> int:
        """How many slots are held, or kept for somebody."""
        return sum(self._common.held.values()) + sum(self._urgent.held.values())

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return sum(len(line) for lane in (self._common, self._urgent) for line in lane.queues.values())

    @contextmanager
    def slot(self, ticket: Ref, tenant: str, *, urgent: bool = False) -> Iterator[bool]:
        """Hold a slot for the tenant, if there is one now; False when the ticket is in the line instead."""
        lane, other = (self._urgent, self._common) if urgent else (self._common, self._urgent)
        other.withdraw(ticket)
        holder = lane.enter(ticket, tenant)
        if holder is None:
            yield False
            return
        try:
            yield True
        finally:
            lane.leave(holder)

    def withdraw(self, ticket: Ref) -> None:
        """The ticket is not wanted any more, whether it stands in line or a slot is kept for it."""
        self._common.withdraw(ticket)
        self._urgent.withdraw(ticket)
