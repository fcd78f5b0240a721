"""What registries and repositories have in common: they find a package, prove the right to it, and give it out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from landlord.api.releases import ChartSource


@dataclass(frozen=True, slots=True)
class Located:
    """A package that was found, and that the release may have: the place has just said so to its credentials.

    ``key`` names the bytes at that place (empty: nothing names them, so they are loaded each time); ``served`` is the
    digest the place calls them by. ``load`` downloads them and compares them with ``served``.
    """

    key: str
    served: str
    load: Callable[[], Awaitable[bytes]]


class Place(Protocol):
    """Where charts lie, with the access of one release."""

    async def locate(self, source: ChartSource) -> Located:
        """The package of that name and version; raises ``ChartUnknown`` when there is none."""
        ...

    async def locate_pinned(self, source: ChartSource) -> Located | None:
        """The package that the place calls by ``source.digest``, if it has one, whatever its version says."""
        ...
