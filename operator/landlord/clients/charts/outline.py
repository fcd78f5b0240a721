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
_NAME: Final = 128
_LONGEST: Final = 2048
_VERSIONS: Final = 10_000
Events = Iterator[Event]


class OutlineFault(Exception):
    """The text is no YAML, or not of the expected form."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a chart in a repository's index; ``url`` is the first it names, empty when it names none."""

    version: str
    url: str
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
                return Listing(tuple(_entries(events, versions)))
            _skip(events, versions)
            names += [name[:_NAME]] if len(names) < _NAMES_KEPT else []
    return Listing((), tuple(names))


def _entries(events: Events, start: Event) -> Iterator[Entry]:
    """The versions of a chart; other forms than a list of mappings are passed over."""
    count = 0
    for event in _elements(events, start):
        if not isinstance(event, MappingStartEvent):
            _skip(events, event)
            continue
        count += 1
        if count > _VERSIONS:
            raise OutlineFault(f"it lists more than {_VERSIONS} versions of one chart")
        yield _entry(events, event)


def _entry(events: Events, start: Event) -> Entry:
    found = {"version": "", "digest": "", "urls": ""}
    for key, event in _items(events, start):
        if key == "urls":
            words = [_word(events, each) for each in _elements(events, event)]
            found[key] = words[0] if words else ""
        elif key in found:
            found[key] = _word(events, event)
        else:
            _skip(events, event)
    return Entry(found["version"], found["urls"], found["digest"])


def _word(events: Events, start: Event) -> str:
    """A scalar of bearable length; anything else is an empty text, an alias too, for nothing is ever multiplied."""
    _skip(events, start)
    return str(start.value) if isinstance(start, ScalarEvent) and len(start.value) <= _LONGEST else ""


def _elements(events: Events, start: Event) -> Iterator[Event]:
    """The first event of each element of a list; the caller consumes the rest. Of what is no list there are none."""
    if not isinstance(start, SequenceStartEvent):
        _skip(events, start)
        return
    for event in events:
        if isinstance(event, SequenceEndEvent):
            return
        yield event


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
