"""Conditions: the only place that turns findings into ``status.conditions``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from landlord.api.conditions import ConditionType, Reason, Status

MESSAGE_LIMIT = 4000
"""Characters of a message; the API allows 32768, people read less."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A condition as found in this pass, before it knows how long it has been so."""

    type: ConditionType
    status: Status
    reason: Reason
    message: str


def settle(
    previous: Iterable[Mapping[str, Any]], findings: Iterable[Finding], generation: int, now: datetime
) -> list[dict[str, Any]]:
    """The new list: what was not found is dropped, and a transition time changes only when the status does."""
    before = {condition.get("type"): condition for condition in previous}
    return [_condition(finding, before.get(finding.type.value), generation, now) for finding in findings]


def find(conditions: Iterable[Mapping[str, Any]] | None, kind: ConditionType) -> Mapping[str, Any]:
    """The condition of that type, empty when there is none."""
    return next((entry for entry in conditions or () if entry.get("type") == kind.value), {})


def is_true(conditions: Iterable[Mapping[str, Any]] | None, kind: ConditionType) -> bool:
    """Whether the condition is there and True."""
    return bool(find(conditions, kind).get("status") == Status.TRUE.value)


def flag(kind: ConditionType, reasons: tuple[Reason, Reason], problem: str, calm: str) -> Finding:
    """True with the first reason when there is a ``problem`` to tell, else False with the second."""
    if problem:
        return Finding(kind, Status.TRUE, reasons[0], problem)
    return Finding(kind, Status.FALSE, reasons[1], calm)


def timestamp(now: datetime) -> str:
    """RFC 3339 in UTC to the second, as Kubernetes writes it."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(finding: Finding, before: Mapping[str, Any] | None, generation: int, now: datetime) -> dict[str, Any]:
    kept = before is not None and before.get("status") == finding.status.value
    message = finding.message
    return {
        "type": finding.type.value,
        "status": finding.status.value,
        "reason": finding.reason.value,
        "message": message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 3] + "...",
        "lastTransitionTime": before["lastTransitionTime"] if kept and before else timestamp(now),
        "observedGeneration": generation,
    }
