"""Drift of a release: which fields are no longer as Helm applied them, who changed them, and what to apply again.

What differs is asked of the API server: ``would_be`` is its answer to a forced dry-run of what Helm stored. Defaults
and webhooks are in both sides of the comparison, so they are no drift.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from landlord.core.manifest import Object, copied
from landlord.core.release.blame import Owners
from landlord.core.release.leaving import leave
from landlord.core.release.places import escaped, named, same_place, steps
from landlord.core.release.places import pointer as pointer_of
from landlord.core.release.rendered import Entry

MOST_TOLD: Final = 5
"""Fields that a message names before it says how many more there are."""

_NOT_OURS: Final = (
    "/status",
    "/metadata/managedFields",
    "/metadata/resourceVersion",
    "/metadata/generation",
    "/metadata/creationTimestamp",
    "/metadata/uid",
    "/metadata/selfLink",
)
_REPLICAS: Final = "/spec/replicas"


@dataclass(frozen=True, slots=True)
class Ignore:
    """Fields that others may change. An empty ``api_version``, ``kind`` or ``name`` means any."""

    pointers: tuple[str, ...]
    kind: str = ""
    name: str = ""
    api_version: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs, as a JSON pointer, and the field manager that changed it."""

    pointer: str
    manager: str


@dataclass(frozen=True, slots=True)
class Drift:
    """One object that is not as Helm applied it; with no changes it is gone."""

    entry: Entry
    changes: tuple[Change, ...]
    is_gone: bool = False

    @property
    def why(self) -> str:
        """A sentence that names fields and managers, and never a value."""
        what = f"{self.entry.kind} {self.entry.name}"
        if self.is_gone:
            return f"{what} is gone."
        told = [f"{change.pointer} (by {change.manager})" for change in self.changes[:MOST_TOLD]]
        more = len(self.changes) - len(told)
        return f"{what} was changed: {', '.join(told)}{f' and {more} more' if more else ''}."


def autoscaled(scalers: Iterable[Mapping[str, Any]]) -> frozenset[tuple[str, str]]:
    """Kind and name of what these HorizontalPodAutoscalers (or ScaledObjects) scale."""
    targets = [(scaler.get("spec") or {}).get("scaleTargetRef") or {} for scaler in scalers]
    return frozenset(
        (str(target.get("kind") or "Deployment"), str(target["name"])) for target in targets if target.get("name")
    )


def compare(
    entry: Entry,
    live: Mapping[str, Any] | None,
    would_be: Mapping[str, Any] | None,
    *,
    stored: Mapping[str, Any] | None = None,
    ignore: Sequence[Ignore] = (),
    scaled: Collection[tuple[str, str]] = (),
) -> Drift | None:
    """What a forced server-side dry-run of ``stored`` (``would_be``) would change of ``live``; None: nothing.

    Pointers of ``ignore`` count as the chart does: an item of a list is the one of the same name, wherever it stands.
    """
    if live is None:
        return Drift(entry, (), is_gone=True)
    named_places = _spared(entry, ignore, scaled)
    spared = frozenset((*_NOT_OURS, *(_in_answers(each, stored, live, would_be) for each in named_places)))
    below = tuple(f"{each}/" for each in spared)
    found = _differing(would_be or {}, live, "")
    pointers = [pointer for pointer in found if pointer not in spared and not pointer.startswith(below)]
    owners = Owners(live)
    changes = tuple(Change(pointer, owners.changer(pointer)) for pointer in pointers)
    return Drift(entry, changes) if changes else None


def correction(
    stored: Mapping[str, Any],
    live: Mapping[str, Any] | None,
    *,
    ignore: Sequence[Ignore] = (),
    scaled: Collection[tuple[str, str]] = (),
) -> Object:
    """The whole stored object to apply again, with the live values where others may change it.

    A partial object, or another field manager, would break the next ``helm upgrade``.
    """
    wanted: Object = copied(dict(stored))
    if live is None:
        return wanted
    meta = stored.get("metadata") or {}
    entry = Entry(str(stored.get("apiVersion")), str(stored.get("kind")), "", str(meta.get("name")))
    owners = Owners(live)
    for pointer in _spared(entry, ignore, scaled):
        leave(wanted, live, steps(pointer), owners)
    return wanted


def _in_answers(
    pointer: str, stored: Mapping[str, Any] | None, live: Mapping[str, Any], would_be: Mapping[str, Any] | None
) -> str:
    """Where that place of the stored object is in what the API server answers."""
    way = steps(pointer)
    found = same_place(way, stored, live) or same_place(way, stored, would_be)
    return pointer if found is None else pointer_of(found)


def _spared(entry: Entry, ignore: Sequence[Ignore], scaled: Collection[tuple[str, str]]) -> tuple[str, ...]:
    """The JSON pointers that others may change in this object."""
    said = tuple(pointer for rule in ignore if _meets(rule, entry) for pointer in rule.pointers)
    if entry.kind == "Secret":  # the API server has no stringData: it is data once it is written
        said = tuple(re.sub("^/stringData(?=/|$)", "/data", pointer) for pointer in said)
    return (*said, _REPLICAS) if (entry.kind, entry.name) in scaled else said


def _meets(rule: Ignore, entry: Entry) -> bool:
    wanted = (rule.api_version, rule.kind, rule.name)
    found = (entry.api_version, entry.kind, entry.name)
    return all(want in ("", have) for want, have in zip(wanted, found, strict=True))


def _differing(wanted: Any, found: Any, path: str) -> Iterator[str]:
    """The JSON pointers at which the two differ, as deep as they can be told apart."""
    if wanted == found:
        return
    one, other = _comparable(wanted, found)
    if isinstance(one, Mapping) and isinstance(other, Mapping) and (one or other):
        for key in sorted(one.keys() | other.keys()):
            yield from _differing(one.get(key), other.get(key), f"{path}/{escaped(str(key))}")
    elif isinstance(one, list) and isinstance(other, list):
        for index, (ours, theirs) in _pairs(one, other):
            is_both = ours is not None and theirs is not None
            yield from _differing(ours, theirs, f"{path}/{index}") if is_both else (f"{path}/{index}",)
    else:
        yield path


def _comparable(wanted: Any, found: Any) -> tuple[Any, Any]:
    """Both, a missing one beside a map as an empty map; lists whose items cannot be matched as nothing to look into."""
    if isinstance(wanted, Mapping) and found is None:
        return wanted, {}
    if isinstance(found, Mapping) and wanted is None:
        return {}, found
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) != len(found):
        return (wanted, found) if named(wanted) and named(found) else (None, found)
    return wanted, found


def _pairs(wanted: list[Any], found: list[Any]) -> list[tuple[int, tuple[Any, Any]]]:
    """Items that belong together: of the same name if all have one, else of the same position."""
    ours, theirs = named(wanted), named(found)
    if not (ours and theirs):
        return list(enumerate(zip(wanted, found, strict=True)))
    both = [(theirs.get(name, ours.get(name, 0)), name) for name in ours.keys() | theirs.keys()]
    return [(at, (_nth(wanted, ours.get(name)), _nth(found, theirs.get(name)))) for at, name in sorted(both)]


def _nth(items: list[Any], index: int | None) -> Any:
    return None if index is None else items[index]
