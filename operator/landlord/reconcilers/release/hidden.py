"""Words that came out of Secrets: no status, Event or log may repeat them.

They are remembered for each release while this process lives, so that words of a Secret that was rotated or is gone
meanwhile are still known when an old revision is rolled back or uninstalled.
"""

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

from landlord.api.refs import Ref
from landlord.clients.helm.redaction import Redaction

MOST: Final = 4096
"""Words remembered of one release; the oldest are forgotten first."""


class Hidden:
    """What must not be said, by release."""

    def __init__(self) -> None:
        self._words: dict[Ref, OrderedDict[str, None]] = {}

    def learn(self, ref: Ref, words: Collection[str]) -> None:
        """These are secret too."""
        if not words:
            return
        known = self._words.setdefault(ref, OrderedDict())
        for word in words:
            known[word] = None
            known.move_to_end(word)
        while len(known) > MOST:
            known.popitem(last=False)

    def of(self, ref: Ref) -> frozenset[str]:
        """All that is known to be secret of a release."""
        return frozenset(self._words.get(ref, ()))

    def clean(self, ref: Ref, text: str) -> str:
        """The text without any of it."""
        words = self._words.get(ref)
        return Redaction(words).clean(text) if words else text

    def forget(self, ref: Ref) -> None:
        """The release is gone."""
        self._words.pop(ref, None)
