"""The gate that every word about a release goes through: what came out of a Secret is replaced by ``***``.

Others write freely: Helm, the API server, controllers, pods. Their words reach people in four places, and each of
these asks here first: the status, Events, the ledger, the log. Nobody else need take care of it, but for the client of
Helm, which shortens what it quotes and so must hide before.

Words are remembered for each release while this process lives, so that those of a Secret that was rotated or is gone
meanwhile are still known when an old revision fails. A word of fewer than ``LEAST`` letters is no secret that could be
kept: it stands in every other sentence (a 1, a "no"), and without them nobody would understand what is told.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Final, TypeVar

from landlord.api.refs import Ref
from landlord.clients.helm.redaction import Redaction

MOST: Final = 4096
"""Words remembered of one release; the oldest are forgotten first."""
LEAST: Final = 4
"""Letters of the shortest word that is hidden."""
TOLD: Final = frozenset({"why", "message"})
"""Fields and keys that hold words for people; all others hold names and digests, which would break."""

T = TypeVar("T")


@dataclass(slots=True)
class _Known:
    """The words of one release, and how they are taken out."""

    words: OrderedDict[str, None] = field(default_factory=OrderedDict)
    redaction: Redaction = field(default_factory=Redaction)


class Hidden:
    """What must not be said, by release."""

    def __init__(self) -> None:
        self._known: dict[Ref, _Known] = {}

    def learn(self, ref: Ref, words: Collection[str]) -> None:
        """These are secret too."""
        if not words:
            return
        known = self._known.setdefault(ref, _Known())
        is_new = not known.words.keys() >= set(words)
        for word in words:
            known.words[word] = None
            known.words.move_to_end(word)
        while len(known.words) > MOST:
            known.words.popitem(last=False)
        if is_new:
            known.redaction = Redaction(known.words, least=LEAST)

    def of(self, ref: Ref) -> frozenset[str]:
        """All that is known to be secret of a release."""
        known = self._known.get(ref)
        return frozenset(known.words) if known else frozenset()

    def clean(self, ref: Ref, text: str) -> str:
        """The text without any of it."""
        known = self._known.get(ref)
        return known.redaction.clean(text) if known else text

    def cleaned(self, ref: Ref, value: T) -> T:
        """The same data without any of it in the words for people, however deep they stand."""
        known = self._known.get(ref)
        return _cleaned(value, known.redaction, is_told=False) if known else value

    def stripped(self, ref: Ref, value: T) -> T:
        """The same data without any of it in any text: for names that a chart may have made of values."""
        known = self._known.get(ref)
        return _cleaned(value, known.redaction, is_told=True) if known else value

    def forget(self, ref: Ref) -> None:
        """The release is gone."""
        self._known.pop(ref, None)


def _cleaned(value: Any, redaction: Redaction, *, is_told: bool) -> Any:
    match value:
        case str():
            return redaction.clean(value) if is_told and type(value) is str else value
        case Mapping():
            return {key: _cleaned(each, redaction, is_told=is_told or key in TOLD) for key, each in value.items()}
        case tuple() | list():
            return type(value)(_cleaned(each, redaction, is_told=is_told) for each in value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            parts = {each.name: getattr(value, each.name) for each in fields(value)}
            return replace(value, **_cleaned(parts, redaction, is_told=is_told))
        case _:
            return value
