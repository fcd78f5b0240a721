"""What a rendered chart holds: its objects, their images, and what of it a tenant's release may not contain.

Documents come parsed; text is the clients' business.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One object of a release as its inventory names it; ``namespace`` is empty when cluster-scoped."""

    api_version: str
    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """One object of a rendered chart. ``namespace`` is what its metadata say, empty when they say nothing."""

    api_version: str
    kind: str
    name: str
    namespace: str
    obj: Mapping[str, Any] = field(hash=False)
    hook_events: tuple[str, ...] = ()
    weight: int = 0


def parse(documents: Iterable[Any]) -> tuple[Rendered, ...]:
    """The objects of a manifest's documents in their order; raises ``SpecFault`` for what is no object."""
    raise NotImplementedError


def images(rendered: Sequence[Rendered], mapped: Callable[[str], str] = str) -> tuple[str, ...]:
    """Every image named, hooks included, sorted and each once; ``mapped`` undoes the rewriting of mirrors."""
    raise NotImplementedError


def foreign(
    rendered: Sequence[Rendered], namespace: str, namespaced: Callable[[str, str], bool | None]
) -> tuple[str, ...]:
    """What reaches beyond ``namespace``, each in words: cluster-scoped objects and those of other namespaces.

    ``namespaced`` tells by apiVersion and kind, and None when the API server does not serve that kind.
    """
    raise NotImplementedError


def unserved(rendered: Sequence[Rendered], namespaced: Callable[[str, str], bool | None]) -> tuple[str, ...]:
    """The kinds (``apiVersion kind``) that the API server does not serve: their CRDs must come first."""
    raise NotImplementedError


def inventory(rendered: Sequence[Rendered], namespace: str) -> tuple[Entry, ...]:
    """The objects the release keeps, hooks left out, sorted; those without a namespace get ``namespace``."""
    raise NotImplementedError
