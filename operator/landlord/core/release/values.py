"""The values of a release: layers merged as Helm merges them, names replaced, the image set last."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Protocol

from landlord.api.failures import SpecFault
from landlord.core.manifest import copied

Values = dict[str, Any]

LONGEST_LIST = 1000
"""Past this an index in a path is taken for a mistake, not for a wish for so many empty items."""

MOST_LEVELS = 100
"""How deeply values and objects may be nested; people stay below ten."""
MOST_NODES = 200_000
"""How many maps, lists and scalars there may be in all; the API server takes objects of at most some megabytes."""

_PLACEHOLDER = re.compile(r"\$(\$?)\{([A-Za-z_][A-Za-z0-9_]*)\}")
_STEP = re.compile(r"((?:[^\\.\[\]]|\\.)+)((?:\[[0-9]{1,9}\])*)(\.(?!$)|$)")
_INDEX = re.compile(r"\[([0-9]+)\]")
_ESCAPE = re.compile(r"\\(.)")
_NAMES: Mapping[type, str] = {dict: "a map", list: "a list"}


class Image(Protocol):
    """An image as a release's spec names it; empty and None both mean: not given."""

    @property
    def path(self) -> str:
        """Where it goes in the values, such as ``image`` or ``web.image``."""

    @property
    def repository(self) -> str | None:
        """The name without tag and digest."""

    @property
    def tag(self) -> str | None:
        """The tag."""

    @property
    def digest(self) -> str | None:
        """The digest of its content, ``sha256:...``."""


def merge(layers: Sequence[Mapping[str, Any]]) -> Values:
    """The layers as one, the last wins: maps key by key, all else as a whole.

    A null takes away what lower layers say and stays in the result, for only so does Helm take the chart's own
    default away too. Raises ``SpecFault`` for what is not ``bounded``.
    """
    merged: Values = {}
    for layer in layers:
        bounded(layer, "spec.values")
        _lay_over(merged, layer)
    return merged


def bounded(value: Any, path: str, most: int = MOST_NODES) -> None:
    """Raise ``SpecFault`` when ``value``, every alias written out, is too large or too deep to be handled.

    YAML of a few lines can stand for more than fits into any memory, or for something that holds itself.
    """
    rest, count = [(value, 0)], 0
    while rest:
        inner, depth = rest.pop()
        count += 1
        if count + len(rest) > most or depth > MOST_LEVELS:
            raise SpecFault(path, f"holds more than {most} parts or {MOST_LEVELS} levels; make it smaller.")
        if isinstance(inner, Mapping):
            rest.extend((each, depth + 1) for each in inner.values())
        elif isinstance(inner, list):
            rest.extend((each, depth + 1) for each in inner)


def _lay_over(into: Values, layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        below = into.get(key)
        if isinstance(below, dict) and isinstance(value, Mapping):
            _lay_over(below, value)
        else:
            into[key] = copied(value)


def place(values: Mapping[str, Any], target: str, value: Any, path: str = "spec.valuesFrom") -> Values:
    """``values`` with ``value`` at ``target``; ``path`` is blamed when ``target`` is no path or leads nowhere.

    A target is written as for Helm's ``--set-string``: ``db.hosts[0].name``, with a backslash before a dot or bracket
    that belongs to a key. What is missing on the way is made, skipped items of a list become null.
    """
    at = _Target(target, path)
    placed = copied(dict(values))
    steps = at.steps()
    here: Any = placed
    for step, following in pairwise(steps):
        here = _entered(here, step, list if isinstance(following, int) else dict, at)
    _set(here, steps[-1], value)
    return dict(placed)


@dataclass(frozen=True, slots=True)
class _Target:
    """A path within values, and the field of the spec that says it."""

    text: str
    path: str

    def steps(self) -> list[str | int]:
        """Its keys and indices."""
        steps: list[str | int] = []
        at = 0
        while at < len(self.text) and (found := _STEP.match(self.text, at)):
            steps += [_ESCAPE.sub(r"\1", found[1]), *(int(index) for index in _INDEX.findall(found[2]))]
            at = found.end()
        if not steps or at < len(self.text):
            raise self.fault("is no path of values; write it as in database.hosts[0].name.")
        if any(isinstance(step, int) and step > LONGEST_LIST for step in steps):
            raise self.fault(f"names an item past {LONGEST_LIST}; use a smaller index.")
        return steps

    def fault(self, why: str) -> SpecFault:
        """A failure that names both."""
        return SpecFault(self.path, f"{self.text!r} {why}")


def _entered(here: Any, step: str | int, kind: type[dict[str, Any]] | type[list[Any]], at: _Target) -> Any:
    """What stands at ``step`` of ``here``, which must be of that kind; made if it is missing."""
    found = here.get(step) if isinstance(here, dict) else here[step] if int(step) < len(here) else None
    if found is None:
        found = kind()
        _set(here, step, found)
    if not isinstance(found, kind):
        held = _NAMES.get(type(found), "a single value")
        raise at.fault(f"leads nowhere: the values hold {held} at {step!r}, where {_NAMES[kind]} is needed.")
    return found


def _set(here: Any, step: str | int, value: Any) -> None:
    if isinstance(here, list) and isinstance(step, int):
        here.extend([None] * (step + 1 - len(here)))
    here[step] = value


def with_image(values: Mapping[str, Any], image: Image | None) -> Values:
    """``values`` with the image's repository, tag and digest, as far as given, as keys under its path."""
    placed = copied(dict(values))
    if image is None:
        return dict(placed)
    for key in ("repository", "tag", "digest"):
        if value := getattr(image, key):
            placed = place(placed, f"{image.path}.{key}", value, "spec.image.path")
    return dict(placed)


def substitute(values: Mapping[str, Any], variables: Mapping[str, str], path: str = "spec.values") -> Values:
    """``values`` with every ``${NAME}`` in a string replaced; raises ``SpecFault`` naming an undefined one.

    ``$${NAME}`` stands for the text ``${NAME}``. Keys are left alone, what was put in is not looked at again, and a
    number put in stays text.
    """

    def replaced(text: str, where: str) -> str:
        def one(found: re.Match[str]) -> str:
            if found[1]:
                return found[0][1:]
            if found[2] not in variables:
                raise SpecFault(
                    where, f"${{{found[2]}}} is not defined; define it under substitute, or write $${{{found[2]}}}."
                )
            return variables[found[2]]

        return _PLACEHOLDER.sub(one, text)

    return dict(_mapped(dict(values), replaced, path))


def _mapped(value: Any, change: Callable[[str, str], str], path: str) -> Any:
    if isinstance(value, str):
        return change(value, path)
    if isinstance(value, dict):
        return {key: _mapped(inner, change, f"{path}.{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, change, f"{path}[{index}]") for index, inner in enumerate(value)]
    return value


def placeholders(values: Mapping[str, Any]) -> frozenset[str]:
    """The names that ``substitute`` would ask for."""
    return frozenset(
        found[2] for text in _strings(dict(values)) for found in _PLACEHOLDER.finditer(text) if not found[1]
    )


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def canonical_digest(value: Any) -> str:
    """``sha256:...`` over the canonical JSON of ``value``: the order of keys says nothing."""
    text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode('ascii')).hexdigest()}"


def _plain(value: Any) -> Any:
    """``value`` as JSON has it: text for keys, whole numbers without a fraction, dates as text."""
    if isinstance(value, Mapping):
        return {_key(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.isoformat() if isinstance(value, date) else value


def _key(key: object) -> str:
    return key if isinstance(key, str) else json.dumps(_plain(key), default=str)
