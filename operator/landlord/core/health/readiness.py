"""Whether a deployed release is ready, still at work, or bad; and if bad, whose fault it is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from landlord.core.health.kstatus import Object


class State(StrEnum):
    """The answer. ``GUILTY``: the release is to blame. ``ENVIRONMENT``: its surroundings are."""

    READY = "Ready"
    WORKING = "Working"
    GUILTY = "Guilty"
    ENVIRONMENT = "Environment"


class Sign(StrEnum):
    """What the answer rests on: one word for machines."""

    NONE = ""
    NOT_READY = "NotReady"
    IMAGE_NOT_FOUND = "ImageNotFound"
    IMAGE_UNAUTHORIZED = "ImageUnauthorized"
    INVALID_IMAGE_NAME = "InvalidImageName"
    CONTAINER_CONFIG = "ContainerConfigError"
    CRASH_LOOP = "CrashLoop"
    OUT_OF_MEMORY = "OutOfMemory"
    JOB_FAILED = "JobFailed"
    OBJECT_FAILED = "ObjectFailed"
    DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    RESTARTS = "Restarts"
    LEFT_CURRENT = "BecameUnready"
    REGISTRY = "RegistryUnavailable"
    QUOTA = "QuotaExceeded"
    UNSCHEDULABLE = "Unschedulable"
    WEBHOOK = "WebhookUnavailable"
    POLICY = "PolicyDenied"
    NODE = "NodeTrouble"
    VOLUME = "VolumeTrouble"


@dataclass(frozen=True, slots=True)
class Readiness:
    """An answer with its grounds. ``object`` is ``Kind/name``; ``since_sign`` is when the sign began to show."""

    state: State
    why: str
    object: str = ""
    since_sign: datetime | None = None
    reason: Sign = Sign.NONE
    is_losing_old_pods: bool = False
    waiting_for: tuple[str, ...] = ()
    """What is not Current yet, as ``Kind/name``; bounded."""


def judge(
    objects: Sequence[Object | None],
    pods: Sequence[Object],
    replica_sets: Sequence[Object],
    *,
    started: datetime,
    now: datetime,
    deadline: datetime,
    is_first: bool,
    was_failing: Collection[str] = (),
    events: Sequence[Object] = (),
    are_secrets_synced: bool = True,
    restarts_before: Mapping[str, int] | None = None,
) -> Readiness:
    """The state of the release's ``objects`` at ``now``.

    ``pods``, ``replica_sets`` and ``events`` are those of the namespace. ``was_failing`` names objects (``Kind/name``)
    that were bad before the deploy: they cannot condemn. ``restarts_before`` are the counts from ``restarts`` then.
    """
    raise NotImplementedError


def restarts(pods: Sequence[Object]) -> dict[str, int]:
    """Restarts so far by ``<pod uid>/<container>``: the baseline of an attempt or a bake."""
    raise NotImplementedError


def failing(objects: Sequence[Object | None], pods: Sequence[Object], replica_sets: Sequence[Object]) -> frozenset[str]:
    """The objects (``Kind/name``) that are not Current: the baseline taken before a deploy."""
    raise NotImplementedError
