"""Who wrote what of a live object, by its ``managedFields``. Asked of many places, each answer takes a few steps."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from landlord.core.release.places import child, steps

SOMEBODY: Final = "somebody"
"""Who changed what has no field manager: a field that was removed, mostly."""

_HELM: Final = ("helm", "Apply")


class Owners:
    """The field managers of one object."""

    def __init__(self, live: Mapping[str, Any]) -> None:
        entries = (live.get("metadata") or {}).get("managedFields") or ()
        self._live = live
        self._newest_first = sorted(entries, key=lambda each: str(each.get("time") or "9"), reverse=True)
        self._lists: dict[int, _Items] = {}

    def changer(self, pointer: str) -> str:
        """The manager that owns what stands there, not Helm itself, and wrote last."""
        way, helm = steps(pointer), False
        for each in self._newest_first:
            is_helm = (each.get("manager"), each.get("operation")) == _HELM
            if (helm and is_helm) or not self._is_holder(each, way):
                continue
            if not is_helm:
                return str(each.get("manager") or SOMEBODY)
            helm = True
        # An apply by somebody else in Helm's name leaves no other trace than the name.
        return _HELM[0] if helm else SOMEBODY

    def is_whole(self, way: Sequence[str]) -> bool:
        """Whether what stands there is owned as a whole only, as atomic maps and lists are."""
        found = (self._reached(each, way) for each in self._newest_first)
        return any(left == 0 and not fields for fields, left in found)

    def _is_holder(self, entry: Mapping[str, Any], way: Sequence[str]) -> bool:
        """Whether the entry has the place, something below it, or the whole it stands in."""
        fields, left = self._reached(entry, way)
        return left == 0 or (fields is not None and _is_end(fields))

    def _reached(self, entry: Mapping[str, Any], way: Sequence[str]) -> tuple[Mapping[str, Any] | None, int]:
        """The set of fields to which the way leads, and how many steps of it are left over; None: it leads astray."""
        fields: Mapping[str, Any] = entry.get("fieldsV1") or {}
        value: Any = self._live
        for number, step in enumerate(way):
            if _is_end(fields):
                return fields, len(way) - number
            following = child(value, step)
            key = f"f:{step}" if isinstance(value, Mapping) else self._item_key(fields, following)
            if key is None or key not in fields:
                return None, len(way) - number
            fields, value = fields[key] or {}, following
        return fields, 0

    def _item_key(self, fields: Mapping[str, Any], item: Any) -> str | None:
        """The key by which this set of fields names an item of its list."""
        if id(fields) not in self._lists:
            self._lists[id(fields)] = _Items(fields)
        return self._lists[id(fields)].key_of(item)


class _Items:
    """How a set of fields names the items of a list: by the values of their key fields, or by their own."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._keys: dict[tuple[tuple[str, ...], str], str] = {}
        for key in fields:
            mark, _, text = key.partition(":")
            if mark == "v":
                self._keys[(), _text(json.loads(text))] = key
            elif mark == "k":
                parts = json.loads(text)
                self._keys[tuple(parts), _text(list(parts.values()))] = key
        self._shapes = tuple(dict.fromkeys(names for names, _ in self._keys))

    def key_of(self, item: Any) -> str | None:
        """The item's key, None when it has none."""
        for names in self._shapes:
            if names and not isinstance(item, Mapping):
                continue
            found = self._keys.get((names, _text([item.get(name) for name in names] if names else item)))
            if found is not None:
                return found
        return None


def _is_end(fields: Mapping[str, Any]) -> bool:
    return not fields or (len(fields) == 1 and "." in fields)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
