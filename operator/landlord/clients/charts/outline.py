"""Reads the little that is needed out of YAML from strangers, without building the rest of it.

An index may have tens of megabytes; as a stream of events it costs a second and next to no memory, however deep or
repetitive it would be. Every scalar stays the text it was written as, so version ``1.10`` does not become 1.1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import yaml
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

_DEEPEST: Final = 32
"""The parser's time grows with the square of the depth, so a deep text is given up at once."""
_NAMES_KEPT: Final = 2000
Tree = str | list["Tree"] | dict[str, "Tree"]
Events = Iterator[Event]


class OutlineFault(Exception):
    """The text is no YAML, or not of the expected form."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a chart in a repository's index."""

    version: str
    urls: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What an index says of one chart; ``names`` are the charts it has when it does not have this one."""

    entries: tuple[Entry, ...]
    names: tuple[str, ...] = ()


def scalars(text: bytes) -> dict[str, str]:
    """The scalars at the top of a YAML mapping; raises ``OutlineFault``, also when a key stands there twice."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    events = _events(text)
    for key, event in _items(events, _root(events)):
        if key in seen:
            raise OutlineFault(f"{key[:100]!r} stands there twice")
        seen.add(key)
        if isinstance(event, ScalarEvent):
            found[key] = str(event.value)
        else:
            _skip(events, event)
    return found


def listing(text: bytes, chart: str) -> Listing:
    """What an index.yaml says of ``chart``; raises ``OutlineFault``."""
    events, names = _events(text), list[str]()
    for key, event in _items(events, _root(events)):
        if key != "entries" or not isinstance(event, MappingStartEvent):
            _skip(events, event)
            continue
        for name, versions in _items(events, event):
            if name == chart:
                return Listing(_entries(_tree(events, versions)))
            _skip(events, versions)
            names += [name] if len(names) < _NAMES_KEPT else []
    return Listing((), tuple(names))


def _entries(tree: Tree) -> tuple[Entry, ...]:
    each = [one for one in tree if isinstance(one, dict)] if isinstance(tree, list) else []
    return tuple(Entry(_word(one, "version"), _words(one, "urls"), _word(one, "digest")) for one in each)


def _word(tree: dict[str, Tree], key: str) -> str:
    found = tree.get(key)
    return found if isinstance(found, str) else ""


def _words(tree: dict[str, Tree], key: str) -> tuple[str, ...]:
    found = tree.get(key)
    return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


def _events(text: bytes) -> Events:
    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        raise OutlineFault(f"it is no YAML: {' '.join(str(error).split())[:300]}") from error


def _root(events: Events) -> Event:
    """The first event of the document's content."""
    for event in events:
        if isinstance(event, MappingStartEvent):
            return event
        if isinstance(event, (ScalarEvent, SequenceStartEvent, AliasEvent)):
            break
    raise OutlineFault("it is no mapping")


def _items(events: Events, start: Event) -> Iterator[tuple[str, Event]]:
    """Keys of a mapping, each with the first event of its value; the caller consumes the rest of the value."""
    if not isinstance(start, MappingStartEvent):
        raise OutlineFault("it is no mapping")
    for event in events:
        if isinstance(event, MappingEndEvent):
            return
        _skip(events, event)
        yield str(event.value) if isinstance(event, ScalarEvent) else "", next(events)


def _skip(events: Events, start: Event) -> None:
    """Consume the rest of a value."""
    depth, event = 0, start
    while True:
        depth += isinstance(event, (MappingStartEvent, SequenceStartEvent))
        depth -= isinstance(event, (MappingEndEvent, SequenceEndEvent))
        if depth <= 0:
            return
        if depth > _DEEPEST:
            raise OutlineFault("it is nested too deeply")
        event = next(events)


def _tree(events: Events, start: Event, depth: int = 0) -> Tree:
    """A value as texts, lists and mappings; an alias is an empty text, for nothing is ever multiplied."""
    if depth > _DEEPEST:
        raise OutlineFault("it is nested too deeply")
    if isinstance(start, ScalarEvent):
        return str(start.value)
    if isinstance(start, MappingStartEvent):
        return {key: _tree(events, event, depth + 1) for key, event in _items(events, start)}
    if isinstance(start, SequenceStartEvent):
        return list(_elements(events, depth + 1))
    return ""


def _elements(events: Events, depth: int) -> Iterator[Tree]:
    for event in events:
        if isinstance(event, SequenceEndEvent):
            return
        yield _tree(events, event, depth)
