"""Waiting in tests: polls with deadlines, never sleeps of a guessed length."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

from tests.admin import ApiError

T = TypeVar("T")
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.5


@overload
async def eventually(
    predicate: Callable[[], Awaitable[T | None]], deadline: float = ..., describe: str | Callable[[], str] = ...
) -> T: ...


@overload
async def eventually(
    predicate: Callable[[], T | None], deadline: float = ..., describe: str | Callable[[], str] = ...
) -> T: ...


async def eventually(
    predicate: Callable[[], Any], deadline: float = 30.0, describe: str | Callable[[], str] = ""
) -> Any:
    """The first true value of `predicate`, which may be a plain or an async function.

    An `assert` that fails in it and an object that is not there mean "not yet"; any other exception ends the test.

    :param describe: what was hoped for, or a function that tells what is there instead; shown after `deadline` seconds.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + deadline
    pause = _FIRST_PAUSE
    while True:
        value, why = await _look(predicate)
        if value:
            return value
        if loop.time() >= ends:
            hoped = describe if isinstance(describe, str) else describe()
            raise AssertionError(f"not within {deadline:g} s: {hoped or predicate}; last: {why or repr(value)}")
        await asyncio.sleep(min(pause, max(0.0, ends - loop.time())))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


async def _look(predicate: Callable[[], Any]) -> tuple[Any, str]:
    try:
        value = predicate()
        return (await value if inspect.isawaitable(value) else value), ""
    except AssertionError as failure:
        return None, str(failure)
    except ApiError as failure:
        if failure.status != 404:
            raise
        return None, str(failure)
