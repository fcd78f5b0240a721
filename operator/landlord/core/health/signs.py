"""Signs of trouble: what each means, who is to blame for it, and when it may decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto


class State(StrEnum):
    """The answer. ``GUILTY``: the release is to blame. ``ENVIRONMENT``: its surroundings are."""

    READY = "Ready"
    WORKING = "Working"
    GUILTY = "Guilty"
    ENVIRONMENT = "Environment"


class Sign(StrEnum):
    """What an answer rests on: one word for machines."""

    NONE = ""
    NOT_READY = "NotReady"
    POD_TROUBLE = "PodTrouble"
    IMAGE_NOT_FOUND = "ImageNotFound"
    IMAGE_UNAUTHORIZED = "ImageUnauthorized"
    INVALID_IMAGE_NAME = "InvalidImageName"
    CONTAINER_CONFIG = "ContainerConfigError"
    CRASH_LOOP = "CrashLoop"
    OUT_OF_MEMORY = "OutOfMemory"
    JOB_FAILED = "JobFailed"
    OBJECT_FAILED = "ObjectFailed"
    OBJECT_MISSING = "ObjectMissing"
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


class Weight(Enum):
    """How much a sign decides."""

    CONDEMNS = auto()
    """The release is to blame, whatever else is wrong: decided at once, at the deadline of a first install."""
    CONDEMNS_IF_NEW = auto()
    """As above, unless the object was failing before the deploy."""
    CONDEMNS_IF_UNEXPLAINED = auto()
    """As above, and unless the same object shows a sign that excuses."""
    EXCUSES = auto()
    """The surroundings are to blame: decided at the deadline."""
    ACCUSES = auto()
    """The release is to blame if nothing else is: decided at the deadline."""


WEIGHTS: Mapping[Sign, Weight] = {
    Sign.IMAGE_NOT_FOUND: Weight.CONDEMNS,
    Sign.IMAGE_UNAUTHORIZED: Weight.CONDEMNS,
    Sign.INVALID_IMAGE_NAME: Weight.CONDEMNS,
    Sign.CONTAINER_CONFIG: Weight.CONDEMNS,
    Sign.CRASH_LOOP: Weight.CONDEMNS_IF_NEW,
    Sign.OUT_OF_MEMORY: Weight.CONDEMNS_IF_NEW,
    Sign.DEADLINE_EXCEEDED: Weight.CONDEMNS_IF_UNEXPLAINED,
    Sign.JOB_FAILED: Weight.CONDEMNS_IF_UNEXPLAINED,
    Sign.REGISTRY: Weight.EXCUSES,
    Sign.QUOTA: Weight.EXCUSES,
    Sign.UNSCHEDULABLE: Weight.EXCUSES,
    Sign.WEBHOOK: Weight.EXCUSES,
    # That a policy says no is no proof against the release: the policy may be what changed.
    Sign.POLICY: Weight.EXCUSES,
    Sign.NODE: Weight.EXCUSES,
    Sign.VOLUME: Weight.EXCUSES,
    Sign.OBJECT_FAILED: Weight.ACCUSES,
    Sign.POD_TROUBLE: Weight.ACCUSES,
    Sign.OBJECT_MISSING: Weight.ACCUSES,
    Sign.NOT_READY: Weight.ACCUSES,
}
"""The table; what is not in it accuses. Of several signs of one weight the first in it is told."""

RANKS: Mapping[Sign, int] = {sign: rank for rank, sign in enumerate(WEIGHTS)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One sign seen at one object. ``why`` is a full sentence that holds no secret."""

    sign: Sign
    object: str
    why: str
    since: datetime | None = None

    @property
    def weight(self) -> Weight:
        """How much it decides."""
        return WEIGHTS.get(self.sign, Weight.ACCUSES)

    @property
    def rank(self) -> tuple[int, str, str]:
        """Where it stands when several of one weight are to be told by one."""
        return RANKS.get(self.sign, len(RANKS)), self.object, self.why


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
    """What is not Current yet, as ``Kind/name``; at most ``MOST_NAMED``."""

    @property
    def is_excused(self) -> bool:
        """Whether it rests on a sign of which the surroundings are to blame, be it decided or not."""
        return WEIGHTS.get(self.reason) is Weight.EXCUSES


MOST_NAMED = 20
