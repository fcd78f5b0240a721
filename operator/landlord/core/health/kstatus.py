"""Whether one object is as it should be, judged from its own status alone, as kstatus would and a little stricter."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Object = Mapping[str, Any]


class HealthState(StrEnum):
    """What an object's status says of it."""

    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    NOT_FOUND = "NotFound"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Health:
    """A state and a sentence about it."""

    state: HealthState
    message: str = ""


def status(obj: Object | None) -> Health:
    """The health of ``obj``; None is an object that is not there."""
    raise NotImplementedError
