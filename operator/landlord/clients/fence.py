"""The last moment before a write leaves: may it still go?"""

import math
from collections.abc import Callable

from aiohttp import BytesPayload
from aiohttp.abc import AbstractStreamWriter

from landlord.api.failures import Transient

Fence = Callable[[], float]
"""Asked before each write: how many seconds it may take; 0 or less means that it must not start."""


def unfenced() -> float:
    """Allow every write: what a client does that nobody competes with."""
    return math.inf


def seconds_for(fence: Fence) -> float:
    """How long a write may take that starts now; raises ``Transient`` when it must not start."""
    left = fence()
    if left <= 0:
        raise Transient("This operator no longer holds the Lease, so it writes nothing.")
    return left


class FencedBody(BytesPayload):
    """A request's body that asks the fence when its first byte is about to leave, and not a step earlier.

    Between the call and that moment lie connecting, and with aiohttp a turn of the event loop, and a process may be
    stopped in any of them and wake when another leads; with a busy loop that was met in one stop of five. Headers
    leave together with the body, so a request that is refused here was never begun.
    """

    def __init__(self, body: bytes, fence: Fence) -> None:
        super().__init__(body)
        self._fence = fence

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Send the body unless the fence has closed."""
        seconds_for(self._fence)
        await super().write_with_length(writer, content_length)
