"""How much time of shared workers each of many users may take: a little at once, and a share of each second after."""

import asyncio
from collections import OrderedDict
from typing import Final

_MOST_REMEMBERED: Final = 4096


class Allowance:
    """Time that users have taken, forgotten at ``share`` seconds a second. Whoever owes ``burst`` seconds must wait."""

    def __init__(self, *, burst: float, share: float) -> None:
        self._burst, self._share = burst, share
        self._owed: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def is_used_up(self, user: str) -> bool:
        """Whether this user must wait."""
        return self._owes(user) >= self._burst

    def charge(self, user: str, seconds: float) -> None:
        """Note that this user took so much."""
        self._owed[user] = (self._owes(user) + seconds, self._now())
        self._owed.move_to_end(user)
        if len(self._owed) > _MOST_REMEMBERED:
            self._owed.popitem(last=False)

    def _owes(self, user: str) -> float:
        seconds, since = self._owed.get(user, (0.0, 0.0))
        return max(0.0, seconds - (self._now() - since) * self._share)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
