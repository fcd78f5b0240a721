"""One run of a program that dies with us: gated, bounded, and ended in the way it can bear."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Final

from landlord.api.failures import Transient
from landlord.clients.helm.proc import start_time

Started = Callable[[int, int], Awaitable[None]]
"""Told pid and start time before the program's first instruction; what it raises ends the run before it began."""

GATE: Final = Path(__file__).with_name("gate.py")
_CHUNK: Final = 64 * 1024
_READY_WITHIN: Final = timedelta(seconds=30)


class Ending(Enum):
    """How a run may be ended early."""

    TERMINATE = "terminate"
    """SIGTERM, and SIGKILL if it is not gone after the grace: it tidies up by itself."""
    WAIT = "wait"
    """Not at all, until its time is over: a signal would leave it half done."""
    KILL = "kill"
    """SIGKILL at once: it changes nothing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use."""

    time: timedelta
    grace: timedelta
    stdout: int
    stderr: int
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run went. ``code`` is negative for a signal; ``too_long`` and ``too_much`` say that we ended it."""

    code: int
    stdout: bytes
    stderr: bytes
    too_long: bool = False
    too_much: bool = False
    stderr_cut: bool = False


async def nobody_asks(pid: int, started: int) -> None:
    """Write down nothing: what a run does that changes nothing."""


async def run(
    program: Sequence[str],
    *,
    environment: Mapping[str, str],
    stdin: bytes,
    limits: Limits,
    ending: Ending,
    started: Started = nobody_asks,
) -> Ended:
    """Run to the end. When the caller is cancelled the run is ended as ``ending`` says, and awaited; twice kills."""
    raise NotImplementedError
