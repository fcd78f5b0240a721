"""So many at a time for each name: whoever comes second finds what the first has brought."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Flights:
    """Turns by name, ``at_once`` for each; a name is kept only while somebody has a turn or waits for one."""

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self._turns: dict[str, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Have one of the name's turns; others who want more than there are wait."""
        turns, users = self._turns.get(name) or (asyncio.Semaphore(self._at_once), 0)
        self._turns[name] = (turns, users + 1)
        try:
            async with turns:
                yield
        finally:
            turns, users = self._turns[name]
            if users == 1:
                del self._turns[name]
            else:
                self._turns[name] = (turns, users - 1)

    def __len__(self) -> int:
        return len(self._turns)
