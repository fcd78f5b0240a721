"""Whether a release stays healthy while it bakes: restarts, memory, and workloads that leave Current."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from landlord.core.health.kstatus import Object
from landlord.core.health.readiness import Readiness


@dataclass(frozen=True, slots=True)
class Bake:
    """What a bake has seen so far; small, and ``as_json`` survives a restart of the operator."""

    started: datetime
    restarts: Mapping[str, int] = field(default_factory=dict)
    """Restarts of each container when it was first seen, by ``<pod uid>/<container>``."""
    kills: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """When each container was killed for want of memory, by ``<pod uid>/<container>``."""
    unready: Mapping[str, datetime] = field(default_factory=dict)
    """Since when each object (``Kind/name``) has not been Current."""

    def as_json(self) -> dict[str, Any]:
        """This as plain JSON."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Bake":
        """What ``as_json`` wrote."""
        raise NotImplementedError


def begin(pods: Sequence[Object], at: datetime) -> Bake:
    """A bake that begins now: restarts and kills so far do not count."""
    raise NotImplementedError


def look(
    bake: Bake, objects: Sequence[Object | None], pods: Sequence[Object], replica_sets: Sequence[Object], at: datetime
) -> tuple[Bake, Readiness]:
    """The bake after one more observation, and what it says: READY so far, WORKING when it wobbles, or the verdict."""
    raise NotImplementedError
