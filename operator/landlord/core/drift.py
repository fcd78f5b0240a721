"""Drift: what to do about an object that is no longer as it was applied, and when to stop fighting over it."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from landlord.api.environment import DriftIgnore, DriftMode
from landlord.api.refs import Ref
from landlord.core.manifest import Object

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
    grafted: Object = _copy(wanted)
    for pointer in pointer_list:
        steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
        _transplant(grafted, live, steps)
    return grafted


def other_writer(live: Mapping[str, Any], ours: str) -> str:
    """The field manager, not ours, that wrote last; ``somebody`` when the object does not tell."""
    entries = (live.get("metadata") or {}).get("managedFields") or ()
    others = [entry for entry in entries if entry.get("manager") != ours and not entry.get("subresource")]
    newest: Mapping[str, Any] = max(others, key=lambda entry: str(entry.get("time", "")), default={})
    return str(newest.get("manager") or "somebody")


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


def _transplant(into: Any, source: Any, steps: list[str]) -> None:
    """Set, or remove, the value at ``steps`` as it is in ``source``; a path that leads nowhere changes nothing."""
    for step in steps[:-1]:
        into, source = _child(into, step), _child(source, step)
        if into is None:
            return
    last = steps[-1]
    if isinstance(into, dict):
        if isinstance(source, dict) and last in source:
            into[last] = _copy(source[last])
        else:
            into.pop(last, None)
    elif isinstance(into, list) and last.isdigit() and int(last) < len(into):
        value = _child(source, last)
        if value is not None:
            into[int(last)] = _copy(value)


def _child(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and step.isdigit() and int(step) < len(value):
        return value[int(step)]
    return None
