"""Objects of releases in sight while something happens to them: watches that are shared, counted and let go.

Helm's objects carry no label of ours, so a scope is one kind in one namespace, listed and watched as that
namespace's deployer. At rest nothing is watched and nothing is kept.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any, Final, Protocol, Self

from landlord.api.refs import Ref, Resource
from landlord.runtime.informer import Listener, Source
from landlord.runtime.pace import REAL, Pace

Object = dict[str, Any]

LINGER: Final = timedelta(seconds=30)
DEBOUNCE: Final = timedelta(milliseconds=250)
MOST_WATCHES: Final = 4000
MOST_BYTES: Final = 128 * 2**20


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
        raise NotImplementedError

    def hold(self, ref: Ref, namespace: str, resources: Collection[Resource]) -> None:
        """Keep these kinds in sight for ``ref``, instead of what it held before; ``on_change`` tells it of changes."""
        raise NotImplementedError

    def release(self, ref: Ref) -> None:
        """Let go of everything ``ref`` holds; what nobody holds stays in sight for ``linger`` and is then dropped."""
        raise NotImplementedError

    def objects(self, namespace: str, resource: Resource) -> Mapping[str, Object] | None:
        """The objects by name, without managedFields and Secrets without values; None when they are not in sight."""
        raise NotImplementedError

    def problem(self, namespace: str, resource: Resource) -> str | None:
        """Why a held kind cannot be seen: the deployer may not list it, or there is too much of it."""
        raise NotImplementedError

    async def close(self) -> None:
        """End every watch and forget everything."""
        raise NotImplementedError
