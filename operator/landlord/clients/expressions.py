"""CEL and regular expressions of tenants, evaluated in worker processes that can be killed.

CEL is evaluated by a library in Rust, chosen over the one in pure Python: it compares integers with doubles as the
language's definition wants, is twenty times as fast, and names the functions of an expression without running it.
Regular expressions are those of CEL's ``matches``, which take a time in proportion to the text: there is no pattern
over which they never end. Expressions that do not end soon are killed all the same, and not tried again for a while.
"""

import asyncio
import os
import signal
import struct
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import orjson

from landlord.clients.allowance import Allowance

_PROGRAM: Final = Path(__file__).with_name("expression_worker.py")
_LENGTH: Final = struct.Struct(">I")
# No object of Kubernetes is larger; the worker takes some fifty times as much as a request for a moment.
_LARGEST_REQUEST: Final = 2 * 2**20
_LARGEST_ANSWER: Final = 2**16
_SECONDS_TO_START: Final = 20.0
_MOST_PAUSED: Final = 1024
# An expression may take so much more time of the clock than of the processor.
_PATIENCE_FACTOR: Final = 3
_OUT_OF_TIME: Final = (-signal.SIGPROF, -signal.SIGXCPU)
_BURST: Final = 2.0
_SHARE: Final = 0.2
MEMORY: Final = 160 * 2**20
"""What one worker may take; they live in the operator's container, whose limit must have room for them."""


AGAIN: Final = timedelta(seconds=5)
"""After which it may be worth asking again."""


class ExpressionFailed(Exception):
    """The expression has no answer; ``why`` is a sentence."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class ExpressionWaits(ExpressionFailed):
    """It was not even tried, for want of a worker or of time; asked again in a few seconds it may be."""


class _Ended(Exception):
    """The worker died before it answered."""


class _Late(_Ended):
    """The worker was killed because it did not answer in time."""


class _Worker:
    """One process, started when asked for the first time, and again after it ended. One question at a time."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self, request: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        """The answer; raises ``_Ended`` when there is none within ``seconds`` of the processor's time."""
        frame = orjson.dumps({**request, "seconds": seconds})
        if len(frame) > _LARGEST_REQUEST:
            raise ExpressionFailed(f"What the expression is about is larger than {_LARGEST_REQUEST // 2**20} MiB.")
        try:
            process = await self._running()
            async with asyncio.timeout(seconds * _PATIENCE_FACTOR):
                return await _exchange(process, frame)
        except (TimeoutError, OSError, EOFError) as error:
            is_late = await self.end() in _OUT_OF_TIME or isinstance(error, TimeoutError)
            raise (_Late if is_late else _Ended) from error
        except BaseException:
            await self.end()
            raise

    async def end(self) -> int | None:
        """Kill the process, if there is one, and see it gone; what it ended by, were it before."""
        process, self._process = self._process, None
        if process is None:
            return None
        with suppress(ProcessLookupError):
            process.kill()
        return await asyncio.shield(process.wait())

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        # Without an environment, so that nothing of ours is there to be read; its own session, so that Ctrl-C is ours.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(_PROGRAM),
            str(os.getpid()),
            str(self._memory),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
        async with asyncio.timeout(_SECONDS_TO_START):
            await _read(self._process)
        return self._process


class Expressions:
    """A few workers, started when first needed. Use as an async context manager, or call ``close``.

    :param seconds: how much of the processor's time one expression may take.
    :param patience: how long a question waits for a worker before it has no answer.
    :param pause: how long an expression that had to be killed is not tried again.

    Questions say on whose behalf they are put: nobody gets more than a fifth of a worker for long.
    """

    def __init__(
        self,
        *,
        workers: int = 2,
        seconds: float = 1.0,
        memory: int = MEMORY,
        patience: float = 10.0,
        pause: float = 60.0,
    ) -> None:
        self._workers = [_Worker(memory) for _ in range(workers)]
        # The one that was used last is used next: the others are started only when it is busy.
        self._idle: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()
        for worker in self._workers:
            self._idle.put_nowait(worker)
        self._seconds, self._patience, self._pause = seconds, patience, pause
        self._paused: OrderedDict[bytes, float] = OrderedDict()
        self._allowance = Allowance(burst=_BURST, share=_SHARE)
        self._asking: set[asyncio.Task[Mapping[str, Any]]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def evaluate(self, expression: str, variables: Mapping[str, Any], *, owner: str = "") -> bool:
        """Whether a CEL expression is true; raises ``ExpressionFailed``."""
        request = {"do": "evaluate", "expression": expression, "variables": variables}
        return await self._ask(expression, request, owner)

    async def compile_check(
        self, expression: str, variables: tuple[str, ...] = ("object",), *, owner: str = ""
    ) -> None:
        """Raise ``ExpressionFailed`` unless this is CEL that uses known functions and these variables only."""
        await self._ask(expression, {"do": "check", "expression": expression, "variables": variables}, owner)

    async def matches(self, regex: str, text: str, *, owner: str = "") -> bool:
        """Whether a regular expression is found in a text; raises ``ExpressionFailed``."""
        return await self._ask(regex, {"do": "match", "regex": regex, "text": text}, owner)

    async def close(self) -> None:
        """End the workers."""
        for asking in tuple(self._asking):
            asking.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        for worker in self._workers:
            await worker.end()

    async def _ask(self, expression: str, request: Mapping[str, Any], owner: str) -> bool:
        mark = sha256(expression.encode(errors="replace")).digest()
        self._refuse_paused(mark)
        if self._allowance.is_used_up(owner):
            raise ExpressionWaits("The namespace's expressions took too much time; they are tried again soon.")
        # A question is not taken back once it is put: who asks with little patience shall pay for what he asks.
        asking = asyncio.create_task(self._put(mark, request, owner))
        self._asking.add(asking)
        asking.add_done_callback(self._asked)
        answer = await asyncio.shield(asking)
        if "why" in answer:
            raise ExpressionFailed(str(answer["why"]))
        return bool(answer["value"])

    def _asked(self, asking: asyncio.Task[Mapping[str, Any]]) -> None:
        self._asking.discard(asking)
        if not asking.cancelled():
            asking.exception()  # seen by whoever still waits

    async def _put(self, mark: bytes, request: Mapping[str, Any], owner: str) -> Mapping[str, Any]:
        async with self._worker() as worker:
            try:
                answer = await self._answer(worker, request)
            except _Ended:
                self._pause_for_a_while(mark)
                self._allowance.charge(owner, self._seconds)
                raise ExpressionFailed(
                    f"The expression was stopped: it took longer than {self._seconds:g} s, or too much memory."
                ) from None
        self._allowance.charge(owner, float(answer.get("seconds", 0.0)))
        return answer

    async def _answer(self, worker: _Worker, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """A worker that died may have done so while it was idle, so the question is put once more."""
        try:
            return await worker.ask(request, self._seconds)
        except _Late:
            raise
        except _Ended:
            return await worker.ask(request, self._seconds)

    @asynccontextmanager
    async def _worker(self) -> AsyncIterator[_Worker]:
        try:
            async with asyncio.timeout(self._patience):
                worker = await self._idle.get()
        except TimeoutError:
            raise ExpressionWaits("All workers for expressions were busy.") from None
        try:
            yield worker
        finally:
            self._idle.put_nowait(worker)

    def _refuse_paused(self, mark: bytes) -> None:
        """Whoever writes what must be killed shall not keep the workers from all others."""
        if self._paused.get(mark, 0.0) > asyncio.get_running_loop().time():
            raise ExpressionFailed("The expression was stopped a short while ago and is not tried again yet.")

    def _pause_for_a_while(self, mark: bytes) -> None:
        self._paused[mark] = asyncio.get_running_loop().time() + self._pause
        self._paused.move_to_end(mark)
        if len(self._paused) > _MOST_PAUSED:
            self._paused.popitem(last=False)


async def _exchange(process: asyncio.subprocess.Process, frame: bytes) -> Mapping[str, Any]:
    assert process.stdin is not None  # noqa: S101 - it was started with pipes
    process.stdin.write(_LENGTH.pack(len(frame)) + frame)
    await process.stdin.drain()
    return await _read(process)


async def _read(process: asyncio.subprocess.Process) -> Mapping[str, Any]:
    assert process.stdout is not None  # noqa: S101 - it was started with pipes
    (size,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
    if size > _LARGEST_ANSWER:
        raise EOFError
    return dict(orjson.loads(await process.stdout.readexactly(size)))
