"""The ledger as one pass turns its pages: many decisions, and one write before each effect.

A page that leads to nothing but another look at the world need not be written by itself: whoever dies before the next
write comes to the same page again, by looking at the same world. What people are told of a page they are told when it
is written, each page for itself.
"""

from collections.abc import Callable
from itertools import pairwise

from landlord.api.refs import Ref
from landlord.core.release.ledger import Ledger
from landlord.reconcilers.release.hidden import Hidden
from landlord.reconcilers.release.ledgers import Ledgers

Turned = Callable[[Ledger, Ledger], None]
"""Told of each page, with the one before it, once it is written."""


class Draft:
    """The pages of one pass over one release that are not written yet, words of Secrets hidden in all of them."""

    def __init__(self, ref: Ref, ledgers: Ledgers, hidden: Hidden) -> None:
        self._ref, self._ledgers, self._hidden = ref, ledgers, hidden
        self._pages = [ledgers.of(ref)]

    @property
    def page(self) -> Ledger:
        """The newest page, written or not."""
        return self._pages[-1]

    def turn(self, page: Ledger) -> None:
        """Things stand like that now."""
        self._pages.append(self._hidden.cleaned(self._ref, page))

    async def write(self, turned: Turned) -> None:
        """Write the newest page down, unless it stands there already; raises what ``Ledgers.write`` does."""
        if self.page != self._ledgers.of(self._ref):
            await self._ledgers.write(self._ref, self.page)
        pages, self._pages = self._pages, [self.page]
        for before, after in pairwise(pages):
            turned(before, after)
