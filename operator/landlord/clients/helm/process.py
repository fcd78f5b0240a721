"""One run of a program that dies with us: gated, bounded, and ended in the way it can bear."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Final

from landlord.api.failures import Refused, Transient
from landlord.clients.helm.proc import start_time

Started = Callable[[int, int], Awaitable[None]]
"""Told pid and start time before the program's first instruction; what it raises ends the run before it began."""

GATE: Final = Path(__file__).with_name("gate.py")
_NO_PROGRAM: Final = 113
_UNREAD: Final = (BrokenPipeError, ConnectionResetError, RuntimeError)
"""Nobody reads stdin any more; the last is uvloop's word for a pipe that it has closed already."""
_CHUNK: Final = 64 * 1024
_READY_WITHIN: Final = 30.0
_LAST_WORDS_WITHIN: Final = 5.0


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
    """What one run may use. Of stdout the first bytes are kept, and a run that says more is killed; 0 keeps nothing.

    Of stderr the last bytes are kept: there the reason stands.
    """

    time: timedelta
    grace: timedelta
    stdout: int = 0
    stderr: int = 64 * 1024
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run went. ``code`` is negative for a signal; the flags say that we ended it, and why."""

    code: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    too_long: bool = False
    too_much: bool = False
    stopped: bool = False
    stderr_cut: bool = False


async def nobody_asks(pid: int, started: int) -> None:
    """Write down nothing: what a run does that changes nothing."""


async def run(
    program: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    stdin: bytes,
    limits: Limits,
    ending: Ending,
    started: Started = nobody_asks,
    stop: asyncio.Event | None = None,
) -> Ended:
    """Run to the end. When the caller is cancelled the run is ended as ``ending`` says, and awaited; twice kills.

    When ``stop`` is set it is ended in the same way, and the caller gets to know how it went.
    """
    process = await _gated(program, environment, folder, limits)
    try:
        await _admit(process, started)
    except BaseException:
        _kill(process)
        await asyncio.shield(process.communicate())
        raise
    attendance = asyncio.ensure_future(_attend(process, stdin, limits, ending, stop or asyncio.Event()))
    try:
        return await asyncio.shield(attendance)
    except asyncio.CancelledError:
        await _end(process, attendance, limits, ending)
        raise


async def _gated(program: Sequence[str], environment: Mapping[str, str], folder: Path, limits: Limits) -> Process:
    """The gate in front of the program, in a session of its own: no signal meant for us reaches it."""
    gate = (sys.executable, "-I", "-S", str(GATE), str(os.getpid()), str(limits.memory))
    try:
        return await asyncio.create_subprocess_exec(
            *gate,
            *program,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        raise Transient(f"No process can be started: {error.strerror}.") from error


async def _admit(process: Process, started: Started) -> None:
    """Let the program begin, once whoever wants to has written down who it is."""
    if process.stdout is None or process.stdin is None:
        raise RuntimeError("the gate was started without pipes")
    try:
        await asyncio.wait_for(process.stdout.readexactly(1), _READY_WITHIN)
    except (TimeoutError, asyncio.IncompleteReadError) as error:
        raise Transient("A process was started, and died or hung before its first instruction.") from error
    since = start_time(process.pid)
    if since is None:
        raise Transient("A process was started, and died before its first instruction.")
    await started(process.pid, since)
    process.stdin.write(b"\n")


async def _attend(process: Process, stdin: bytes, limits: Limits, ending: Ending, stop: asyncio.Event) -> Ended:
    """Feed and drain the program until it ends, and end it when its time is over or it says too much."""
    words = _Words(limits)
    talk = asyncio.gather(_feed(process, stdin), words.hear(process))
    over = asyncio.ensure_future(process.wait())
    in_time = await _over_or_stopped(over, limits, ending, stop)
    too_long, stopped = not in_time and not stop.is_set(), not in_time and stop.is_set()
    if not in_time and ending is Ending.TERMINATE:
        _terminate(process)
        await _done(over, limits.grace.total_seconds())
    if not over.done():
        _kill(process)
    code = await over
    if not await _done(talk, _LAST_WORDS_WITHIN):
        talk.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await talk
    if code == _NO_PROGRAM:
        raise Refused(f"Helm cannot be started: {words.stderr.decode('utf-8', 'replace')}.")
    return Ended(code, bytes(words.stdout), bytes(words.stderr), too_long, words.too_much, stopped, words.cut)


async def _over_or_stopped(over: asyncio.Future[int], limits: Limits, ending: Ending, stop: asyncio.Event) -> bool:
    """Whether the program ended by itself, before its time was over and before everything stops."""
    stopping = asyncio.ensure_future(stop.wait())
    heeded: set[asyncio.Future[Any]] = {over} if ending is Ending.WAIT else {over, stopping}
    await asyncio.wait(heeded, timeout=limits.time.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    return over.done()


async def _end(process: Process, attendance: asyncio.Future[Ended], limits: Limits, ending: Ending) -> None:
    """See a run off whose result nobody wants any more; a second cancellation kills it."""
    patience = limits.grace.total_seconds() if ending is Ending.TERMINATE else None
    if ending is Ending.TERMINATE:
        _terminate(process)
    elif ending is Ending.KILL:
        _kill(process)
    try:
        await asyncio.wait({attendance}, timeout=patience)
    finally:
        if not attendance.done():
            _kill(process)
            await asyncio.wait({attendance})
        with contextlib.suppress(asyncio.CancelledError):
            attendance.exception()  # said to nobody, and asyncio wants it heard


async def _done(work: asyncio.Future[Any], seconds: float) -> bool:
    done, _ = await asyncio.wait({work}, timeout=seconds)
    return bool(done)


async def _feed(process: Process, stdin: bytes) -> None:
    """Write all of stdin and close it; a program that wants no more of it is none of our business."""
    if process.stdin is None:
        return
    with contextlib.suppress(*_UNREAD):
        process.stdin.write(stdin)
        await process.stdin.drain()
    process.stdin.close()
    with contextlib.suppress(*_UNREAD):
        await process.stdin.wait_closed()


class _Words:
    """What a program says, within bounds."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.cut = False
        self.too_much = False

    async def hear(self, process: Process) -> None:
        """Read both streams to their end."""
        await asyncio.gather(self._hear_stdout(process), self._hear_stderr(process))

    async def _hear_stdout(self, process: Process) -> None:
        while process.stdout is not None and (chunk := await process.stdout.read(_CHUNK)):
            if not self._limits.stdout or self.too_much:
                continue
            self.stdout += chunk
            if len(self.stdout) > self._limits.stdout:
                self.too_much = True
                self.stdout.clear()
                _kill(process)

    async def _hear_stderr(self, process: Process) -> None:
        while process.stderr is not None and (chunk := await process.stderr.read(_CHUNK)):
            self.stderr += chunk
            if len(self.stderr) > self._limits.stderr:
                self.cut = True
                del self.stderr[: len(self.stderr) - self._limits.stderr]


def _terminate(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()
