"""Drift: what to do about an object that is no longer as it was applied, and when to stop fighting over it."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from landlord.api.environment import DriftIgnore, DriftMode
from landlord.api.refs import Ref
from landlord.core.manifest import Object, copied

CONTEST_ROUNDS = 5
"""Corrections of one object within ``CONTEST_WINDOW`` after which another writer must be at work."""
CONTEST_WINDOW = timedelta(minutes=10)
CAP_WINDOW = timedelta(hours=1)


class Answer(Enum):
    """What to do about one drifted object."""

    CORRECT = auto()
    REPORT = auto()
    IGNORE = auto()
    CONTESTED = auto()
    CAPPED = auto()


@dataclass(slots=True)
class Ledger:
    """Corrections of one tenant, in memory only: after a restart the count begins anew, and that is safe."""

    all: deque[datetime] = field(default_factory=deque)
    by_object: dict[Ref, deque[datetime]] = field(default_factory=dict)

    def note(self, ref: Ref, now: datetime) -> None:
        """Record one correction."""
        self.all.append(now)
        self.by_object.setdefault(ref, deque(maxlen=CONTEST_ROUNDS)).append(now)

    def corrections(self, now: datetime) -> int:
        """Corrections within the last hour."""
        while self.all and now - self.all[0] > CAP_WINDOW:
            self.all.popleft()
        return len(self.all)

    def is_contested(self, ref: Ref, now: datetime) -> bool:
        """Whether this object was corrected too often in too short a time."""
        times = self.by_object.get(ref)
        return times is not None and len(times) == CONTEST_ROUNDS and now - times[0] <= CONTEST_WINDOW

    def forgive(self) -> None:
        """Begin anew: the spec changed, so earlier fights say nothing."""
        self.all.clear()
        self.by_object.clear()


def answer(mode: DriftMode, cap: int, ledger: Ledger, ref: Ref, now: datetime) -> Answer:
    """What to do about ``ref``, which was found changed."""
    if mode is DriftMode.IGNORE:
        return Answer.IGNORE
    if mode is DriftMode.WARN:
        return Answer.REPORT
    if ledger.is_contested(ref, now):
        return Answer.CONTESTED
    return Answer.CAPPED if ledger.corrections(now) >= cap else Answer.CORRECT


def pointers(ignore: tuple[DriftIgnore, ...], ref: Ref) -> tuple[str, ...]:
    """The JSON pointers that others may change in this object."""
    return tuple(
        pointer
        for entry in ignore
        if entry.kind.value == ref.kind and entry.name in ("", ref.name)
        for pointer in entry.pointers
    )


def graft(wanted: Object, live: Mapping[str, Any], pointer_list: tuple[str, ...]) -> Object:
    """``wanted`` with the live values at the pointers: what others may change is applied as they left it."""
    grafted: Object = copied(wanted)
    for pointer in pointer_list:
        _transplant(grafted, live, _steps(pointer))
    return grafted


def other_writer(live: Mapping[str, Any], ours: str, paths: Iterable[str]) -> str:
    """The field manager, not ours, that owns one of these JSON pointers and wrote last.

    ``somebody`` when the object does not tell: a field that is gone has no manager.
    """
    places = [_steps(path) for path in paths]
    entries = (live.get("metadata") or {}).get("managedFields") or ()
    others = [
        entry
        for entry in entries
        if entry.get("manager") != ours and any(_owns(entry.get("fieldsV1") or {}, steps) for steps in places)
    ]
    newest: Mapping[str, Any] = max(others, key=lambda entry: str(entry.get("time", "")), default={})
    return str(newest.get("manager") or "somebody")


def is_owner(live: Mapping[str, Any], manager: str, pointer: str) -> bool:
    """Whether this field manager wrote what stands at the JSON pointer."""
    entries = (live.get("metadata") or {}).get("managedFields") or ()
    return any(
        entry.get("manager") == manager and _owns(entry.get("fieldsV1") or {}, _steps(pointer)) for entry in entries
    )


def _owns(fields: Mapping[str, Any], steps: list[str]) -> bool:
    """Whether this set of fields (``fieldsV1``) holds the place, or something below it."""
    for step in steps:
        if f"f:{step}" not in fields:
            return False
        fields = fields[f"f:{step}"]
    return True


def _steps(pointer: str) -> list[str]:
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _transplant(into: Any, source: Any, steps: list[str]) -> None:
    """Set, or remove, the value at ``steps`` as it is in ``source``; a path that leads nowhere changes nothing."""
    *way, last = steps
    is_there = _leads_somewhere(source, steps)
    for step in way:
        source = _child(source, step)
        if is_there and isinstance(into, dict) and isinstance(source, dict):
            into.setdefault(step, {})
        into = _child(into, step)
    if isinstance(into, dict):
        if is_there and isinstance(source, dict):
            into[last] = copied(source[last])
        else:
            into.pop(last, None)
    elif isinstance(into, list) and is_there and _child(into, last) is not None:
        into[int(last)] = copied(_child(source, last))


def _leads_somewhere(value: Any, steps: list[str]) -> bool:
    for step in steps:
        value = _child(value, step)
    return value is not None


def _child(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return None
