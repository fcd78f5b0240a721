"""Conditions of all kinds: the closed set of types and reasons, each with what it means and what to do.

The documentation of conditions is generated from here; a reason that is not here cannot be set.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, WithJsonSchema

from landlord.api import explanations, release_explanations
from landlord.api.reasons import Reason
from landlord.api.schema import Model, Timestamp

__all__ = ["CONDITION_WORD", "REASONS", "TYPES", "Condition", "ConditionType", "Reason", "Status"]


class Status(StrEnum):
    """The three answers a condition can give."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class ConditionType(StrEnum):
    """What a condition is about. ``Ready``, ``Reconciling`` and ``Stalled`` are read by kstatus."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    DRIFTED = "Drifted"
    CONTESTED = "Contested"
    QUOTA_EXCEEDED = "QuotaExceeded"
    CORDONED = "Cordoned"
    DELETING = "Deleting"
    IN_USE = "InUse"
    HEALTHY = "Healthy"
    PROVEN = "Proven"
    ROLLED_BACK = "RolledBack"
    HELD = "Held"


TYPES: dict[ConditionType, str] = {
    ConditionType.READY: "Everything the spec asks for is true in the cluster. The summary of all else.",
    ConditionType.RECONCILING: "Work is going on, or is waited for; present only then.",
    ConditionType.STALLED: "A person must act; nothing changes by itself. Present only then.",
    ConditionType.DRIFTED: "Objects differ from what was applied and are left so (drift mode Warn, or contested).",
    ConditionType.CONTESTED: "Another writer keeps changing what Landlord corrects; it stopped correcting for a while. "
    "Present only then.",
    ConditionType.QUOTA_EXCEEDED: "More is in use than the quota allows; nothing is evicted, nothing new is admitted. "
    "Present only then.",
    ConditionType.CORDONED: "Writes by the tenant's people and releases are refused. Present only then.",
    ConditionType.DELETING: "The object is going away; the message names what holds it.",
    ConditionType.IN_USE: "Tenants name this Environment, so it cannot go.",
    ConditionType.HEALTHY: "What runs is ready and passes its checks.",
    ConditionType.PROVEN: "What the spec asks for became ready, passed its tests and baked.",
    ConditionType.ROLLED_BACK: "What the spec asks for turned out bad; the proven revision runs instead. "
    "Present only then.",
    ConditionType.HELD: "The same attempt is not repeated; something new in the spec, or a retry, ends it. "
    "Present only then.",
}


REASONS: dict[Reason, tuple[str, str]] = {**explanations.TENANTS, **release_explanations.RELEASES}


# Words of a later version must not make status unwritable after a downgrade, hence no enum in the CRD.
CONDITION_WORD = "^[A-Za-z][A-Za-z0-9]*$"
_WORD = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": CONDITION_WORD}


class Condition(Model):
    """One observation, in the shape of Kubernetes' ``metav1.Condition``."""

    type: Annotated[ConditionType, WithJsonSchema(_WORD)] = Field(description="What it is about.")
    status: Status = Field(description="True, False or Unknown.")
    reason: Annotated[Reason, WithJsonSchema(_WORD)] = Field(
        description="One word for machines, from a documented set."
    )
    message: Annotated[str, Field(max_length=32768)] = Field("", description="What is so, and what to do.")
    last_transition_time: Timestamp = Field(description="When status last changed.")
    observed_generation: Annotated[int, Field(ge=0)] | None = Field(None, description="The generation it speaks of.")
