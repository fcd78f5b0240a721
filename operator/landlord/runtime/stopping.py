"""How the process is asked to stop: once in peace, twice at once."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from landlord.runtime import exits

_log = logging.getLogger(__name__)

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Stop:
    """Set by SIGTERM or SIGINT; the second such signal leaves the process at once."""

    def __init__(self, leave: Callable[[int], object] = os._exit) -> None:
        self.asked = asyncio.Event()
        self._leave = leave

    def listen(self) -> None:
        """Take the signals of this process; call again when somebody else has taken them."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.ask, signal.Signals(number).name)

    def ask(self, why: str = "asked to") -> None:
        """Stop in peace, or if that was asked already, at once."""
        if self.asked.is_set():
            _log.warning("%s again: leaving at once.", why)
            logging.shutdown()
            self._leave(exits.INTERRUPTED)
            return
        _log.info("%s: stopping. Once more to leave at once.", why)
        self.asked.set()


class Closable(Protocol):
    """A work queue, as far as stopping goes."""

    def close(self) -> None:
        """Hand out nothing more."""


async def drain(
    queues: Iterable[Closable], working: Iterable["asyncio.Task[Any]"], cancel: Callable[[], int], seconds: float
) -> bool:
    """Close the queues and let the passes that run finish; after ``seconds`` cancel them. True if none was cut off.

    ``working`` are the tasks of ``Workers.run``, ``cancel`` is ``Workers.cancel`` of all of them.
    """
    for queue in queues:
        queue.close()
    tasks = set(working)
    if not tasks:
        return True
    _, late = await asyncio.wait(tasks, timeout=seconds)
    if not late:
        return True
    _log.warning("Cutting off %d passes that did not finish within %.0f s.", cancel(), seconds)
    await asyncio.wait(late, timeout=2)
    return False


async def end_tasks(code: int, leave: Callable[[int], object] = os._exit, seconds: float = 5.0) -> None:
    """Cancel every other task of the loop; leave the process with ``code`` if one will not end within ``seconds``.

    kopf shields some of its own from cancellation, and asyncio would wait for them for ever. Nothing they could still
    do matters: all that counts was finished before.
    """
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if not others:
        return
    _, stubborn = await asyncio.wait(others, timeout=seconds)
    if stubborn:
        _log.info("Leaving %d tasks that do not end: %s", len(stubborn), ", ".join(_names(stubborn)))
        logging.shutdown()
        leave(code)


def _names(tasks: Iterable["asyncio.Task[Any]"]) -> list[str]:
    return sorted(task.get_name() for task in tasks)[:5]
