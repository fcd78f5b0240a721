"""Where commands of the sandbox wait: a poll with a deadline."""

import time
from collections.abc import Callable

from sandbox.faults import SandboxFault

_PAUSE = 0.05


def pause(seconds: float = _PAUSE) -> None:
    """Rest between two looks of a poll."""
    time.sleep(seconds)  # noqa: TID251 - this is the poll that the rule asks for


def wait_until(happened: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Return as soon as `happened` says so.

    :raises SandboxFault: naming `what` when `seconds` have passed without it.
    """
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() >= deadline:
            raise SandboxFault(f"{what} did not happen within {seconds:g} s.")
        pause()
