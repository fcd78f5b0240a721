"""Objects that a watch has seen, kept small: as JSON, without what nobody needs, and within a room that all share."""

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from landlord.api.refs import SECRETS, Resource

Object = dict[str, Any]

_UNKEPT: Final = ("managedFields", "resourceVersion")
_VALUES: Final = ("data", "stringData")
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(slots=True)
class Room:
    """Bytes that all shelves share."""

    most: int
    used: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    """One object as JSON, and the UIDs of itself and its owners."""

    text: bytes
    uids: frozenset[str]


class Copies(Mapping[str, Object]):
    """Objects as they were at one moment; whatever is read is the reader's own."""

    def __init__(self, kept: Mapping[str, _Kept]) -> None:
        self._kept = dict(kept)

    def __getitem__(self, name: str) -> Object:
        return dict(orjson.loads(self._kept[name].text))

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, owners: Collection[str]) -> tuple[Object, ...]:
        """The objects with one of these UIDs, or made by one that has it; no other is even read."""
        wanted = frozenset(owners)
        return tuple(self[name] for name, kept in self._kept.items() if kept.uids & wanted)


class Shelf:
    """What a scope has seen, as JSON, which takes a fifth of the memory."""

    def __init__(self, resource: Resource, room: Room, changed: Callable[[], None]) -> None:
        self._resource = resource
        self._room = room
        self._changed = changed
        self._kept: dict[str, _Kept] = {}
        self.is_full = False
        """Whether there was no room; then the shelf is empty and stays so."""

    @property
    def objects(self) -> Mapping[str, Object]:
        """By name, as they are now."""
        return Copies(self._kept)

    async def replace(self, objects: AsyncIterator[Object]) -> None:
        """A full list, or as much of it as there is room for."""
        fresh: dict[str, _Kept] = {}
        size, spare = 0, self._room.most - self._room.used + self.size
        async for obj in objects:
            fresh[obj["metadata"]["name"]] = kept = _trimmed(obj, self._resource)
            size += len(kept.text)
            if self.is_full or size > spare:
                self._overflow()
                return
        self._room.used += size - self.size
        self._kept = fresh
        self._changed()

    def upsert(self, obj: Object) -> None:
        """New or changed; what differs only in what is not kept is no change."""
        name, kept = obj["metadata"]["name"], _trimmed(obj, self._resource)
        before = self._kept.get(name)
        if self.is_full or before == kept:
            return
        self._room.used += len(kept.text) - (len(before.text) if before else 0)
        self._kept[name] = kept
        if self._room.used > self._room.most:
            self._overflow()
        else:
            self._changed()

    def remove(self, obj: Object) -> None:
        """Gone."""
        if (before := self._kept.pop(obj["metadata"]["name"], None)) is not None:
            self._room.used -= len(before.text)
            self._changed()

    @property
    def size(self) -> int:
        """How many bytes of the room it takes."""
        return sum(len(kept.text) for kept in self._kept.values())

    def clear(self) -> None:
        """Give the room back."""
        self._room.used -= self.size
        self._kept = {}

    def _overflow(self) -> None:
        self.clear()
        self.is_full = True
        self._changed()


def _trimmed(obj: Object, resource: Resource) -> _Kept:
    """What is kept of an object, in one way of writing; list items get the head they lack."""
    meta = {key: value for key, value in obj["metadata"].items() if key not in _UNKEPT}
    if _LAST_APPLIED in (meta.get("annotations") or {}):
        meta["annotations"] = {key: value for key, value in meta["annotations"].items() if key != _LAST_APPLIED}
    hidden = _VALUES if resource == SECRETS else ()
    rest = {key: value for key, value in obj.items() if key not in hidden}
    whole = {**rest, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": meta}
    owners = (str(owner.get("uid")) for owner in meta.get("ownerReferences") or ())
    return _Kept(_packed(whole), frozenset((str(meta.get("uid")), *owners)))


def _packed(whole: Object) -> bytes:
    try:
        return orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # somebody nested it more than 254 levels deep: nobody needs to know more than that it is there
        head = {"name": whole["metadata"]["name"], "uid": whole["metadata"].get("uid")}
        return orjson.dumps({"apiVersion": whole["apiVersion"], "kind": whole["kind"], "metadata": head})
