"""Places in objects: JSON pointers, and where in one object stands what stands at a place in another."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

MOST_MATCHED: Final = 500
"""Items of a list up to which they are matched by name, pointer by pointer."""


def steps(pointer: str) -> list[str]:
    """The keys and indexes of a JSON pointer."""
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def pointer(way: Iterable[str]) -> str:
    """The JSON pointer of these steps."""
    return "".join(f"/{escaped(step)}" for step in way)


def escaped(key: str) -> str:
    """A key as it is written in a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def child(value: Any, step: str) -> Any:
    """What stands one step further; None when nothing does."""
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and step.isdecimal() and int(step) < len(value):
        return value[int(step)]
    return None


def at(value: Any, way: Iterable[str]) -> Any:
    """What stands there; None when the way leads nowhere."""
    for step in way:
        value = child(value, step)
    return value


def named(items: Sequence[Any]) -> dict[str, int]:
    """The position of each item by its name; nothing when they have none, or not each its own."""
    names = [item["name"] for item in items if isinstance(item, Mapping) and isinstance(item.get("name"), str)]
    return {name: index for index, name in enumerate(names)} if len(set(names)) == len(items) else {}


def same_place(way: Sequence[str], first: Any, other: Any) -> list[str] | None:
    """The way in ``other`` to what ``way`` leads to in ``first``: items of lists are the same that have one name.

    None when an item on the way has gone, or never was. In very long lists the position counts.
    """
    found: list[str] = []
    for step in way:
        place = _same_item(step, first, other) if isinstance(first, list) and isinstance(other, list) else step
        if place is None:
            return None
        found.append(place)
        first, other = child(first, step), child(other, place)
    return found


def _same_item(step: str, first: list[Any], other: list[Any]) -> str | None:
    if max(len(first), len(other)) > MOST_MATCHED:
        return step
    names, theirs = named(first), named(other)
    if not names or not theirs:
        return step
    index = theirs.get(next((name for name, index in names.items() if str(index) == step), ""))
    return None if index is None else str(index)
