"""Objects of releases in sight while something happens to them: watches that are shared, counted and let go.

Helm's objects carry no label of ours, so a scope is one kind in one namespace, listed and watched as that
namespace's deployer. At rest nothing is watched and nothing is kept. Both watches and memory have a limit; what is
beyond it is not in sight, says so, and is read by name instead.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol, Self

from landlord.api.names import deployer_username
from landlord.api.refs import Ref, Resource
from landlord.runtime.informer import Informer, Listener, Source
from landlord.runtime.pace import REAL, Pace
from landlord.runtime.shelf import Room, Shelf

Object = dict[str, Any]

LINGER: Final = timedelta(seconds=30)
"""How long a scope that nobody holds stays: one upgrade often follows another."""
DEBOUNCE: Final = timedelta(milliseconds=250)
MOST_WATCHES: Final = 4000
"""Each watch is a connection of its own."""
MOST_BYTES: Final = 128 * 2**20

Key = tuple[str, Resource]
"""Namespace and kind of a scope."""


class Acting(Source, Protocol):
    """The part of ``Cluster`` that scopes need."""

    def acting_as(self, user: str) -> Self:
        """The same connection as somebody else."""


class Scopes:
    """All scopes of one process. Only the event loop's thread touches it; ``close`` ends every watch."""

    def __init__(
        self,
        cluster: Acting,
        on_change: Callable[[Ref], None],
        *,
        listener: Listener | None = None,
        linger: timedelta = LINGER,
        debounce: timedelta = DEBOUNCE,
        most_watches: int = MOST_WATCHES,
        most_bytes: int = MOST_BYTES,
        pace: Pace = REAL,
    ) -> None:
        self._cluster = cluster
        self._bell = _Bell(on_change, debounce.total_seconds())
        self._listener = listener
        self._linger = linger.total_seconds()
        self._most_watches = most_watches
        self._room = Room(most_bytes)
        self._pace = pace
        self._held: dict[Ref, frozenset[Key]] = {}
        self._scopes: dict[Key, _Scope] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many watches there are."""
        return len(self._scopes)

    @property
    def size(self) -> int:
        """How many bytes of objects are kept."""
        return self._room.used

    def hold(self, ref: Ref, namespace: str, resources: Collection[Resource]) -> None:
        """Keep these kinds in sight for ``ref``, instead of what it held before; ``on_change`` tells it of changes.

        To hold the same again costs nothing, and tries once more what was refused for want of room.
        """
        wanted = frozenset((namespace, resource) for resource in resources if resource.namespaced)
        for key in self._held.get(ref, frozenset()) - wanted:
            self._let_go(ref, key)
        self._held[ref] = wanted
        for key in wanted:
            scope = self._scopes.get(key) or self._open(key)
            if scope is not None:
                scope.hold(ref)

    def release(self, ref: Ref) -> None:
        """Let go of everything ``ref`` holds; what nobody holds stays in sight for ``linger`` and is then dropped."""
        for key in self._held.pop(ref, frozenset()):
            self._let_go(ref, key)
        self._bell.hush(ref)

    def objects(self, namespace: str, resource: Resource) -> Mapping[str, Object] | None:
        """The objects by name; None when they are not in sight.

        They come without managedFields and resourceVersion, and Secrets without values. Each look gives fresh copies.
        """
        scope = self._scopes.get((namespace, resource))
        return scope.shelf.objects if scope is not None and scope.is_in_sight else None

    def problem(self, namespace: str, resource: Resource) -> str | None:
        """Why a held kind cannot be seen: the deployer may not list it, or there is too much of it."""
        key = namespace, resource
        if scope := self._scopes.get(key):
            return scope.problem
        if any(key in held for held in self._held.values()):
            return f"More than {self._most_watches} kinds of objects would have to be watched at once."
        return None

    async def close(self) -> None:
        """End every watch and forget everything."""
        self._held.clear()
        self._bell.close()
        for key in list(self._scopes):
            self._drop(key)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _open(self, key: Key) -> "_Scope | None":
        if len(self._scopes) >= self._most_watches:
            self._drop_unheld()
        if len(self._scopes) >= self._most_watches:
            return None
        namespace, resource = key
        shelf = Shelf(resource, self._room, lambda: self._changed(key))
        source = self._cluster.acting_as(deployer_username(namespace))
        informer = Informer(source, resource, shelf, namespace=namespace, listener=self._listener, pace=self._pace)
        task = asyncio.get_running_loop().create_task(informer.run(), name=f"scope of {resource.qualified}")
        self._scopes[key] = scope = _Scope(shelf, informer, task)
        return scope

    def _changed(self, key: Key) -> None:
        if scope := self._scopes.get(key):
            if scope.shelf.is_full:
                scope.task.cancel()
            self._bell.ring(scope.holders)

    def _let_go(self, ref: Ref, key: Key) -> None:
        if scope := self._scopes.get(key):
            scope.let_go(ref, self._linger, lambda: self._drop(key))

    def _drop_unheld(self) -> None:
        for key in [key for key, scope in self._scopes.items() if not scope.holders]:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        if scope := self._scopes.pop(key, None):
            scope.close()
            self._ending.add(scope.task)
            scope.task.add_done_callback(self._ending.discard)


class _Bell:
    """Tells of changes, each ref at most once in a while."""

    def __init__(self, on_change: Callable[[Ref], None], pause: float) -> None:
        self._on_change = on_change
        self._pause = pause
        self._waiting: dict[Ref, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def ring(self, refs: Collection[Ref]) -> None:
        self._waiting |= dict.fromkeys(refs)
        if self._timer is None and self._waiting:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._tell)

    def hush(self, ref: Ref) -> None:
        self._waiting.pop(ref, None)

    def close(self) -> None:
        self._waiting = {}
        if self._timer is not None:
            self._timer.cancel()

    def _tell(self) -> None:
        told, self._waiting, self._timer = self._waiting, {}, None
        for ref in told:
            self._on_change(ref)


@dataclass(slots=True)
class _Scope:
    """One watch and who holds it."""

    shelf: Shelf
    informer: Informer
    task: "asyncio.Task[None]"
    holders: set[Ref] = field(default_factory=set)
    _leaving: asyncio.TimerHandle | None = None

    @property
    def is_in_sight(self) -> bool:
        return self.informer.synced.is_set() and self.problem is None

    @property
    def problem(self) -> str | None:
        if self.shelf.is_full:
            return f"There is too much of {self.informer.resource.qualified} to keep it in memory."
        return self.informer.problem

    def hold(self, ref: Ref) -> None:
        self.holders.add(ref)
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None

    def let_go(self, ref: Ref, linger: float, drop: Callable[[], None]) -> None:
        self.holders.discard(ref)
        if not self.holders and self._leaving is None:
            self._leaving = asyncio.get_running_loop().call_later(linger, drop)

    def close(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
        self.shelf.clear()
        self.task.cancel()
