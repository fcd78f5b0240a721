"""Many plans at a time, and what their ends say against those of the undisturbed runs."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import pytest

T = TypeVar("T")
P = TypeVar("P")
C = TypeVar("C")


def chosen(request: pytest.FixtureRequest, scenarios: Sequence[str]) -> list[str]:
    """The scenarios that this run of pytest asks for, in their order."""
    asked = {item.callspec.params.get("scenario") for item in request.session.items if hasattr(item, "callspec")}
    return [scenario for scenario in scenarios if scenario in asked]


async def each(runs: Sequence[Coroutine[Any, Any, T]], at_once: int) -> list[T | Exception]:
    """How each ends, so many at a time; one plan's failure must not hide the others'."""
    turn = asyncio.Semaphore(at_once)

    async def one(run: Coroutine[Any, Any, T]) -> T | Exception:
        async with turn:
            try:
                return await run
            except Exception as failure:
                return failure

    return await asyncio.gather(*(one(run) for run in runs))


def assert_as_good(
    ends: Mapping[P, C | Exception], norm_of: Callable[[P], C | Exception], found: Callable[[C, C], list[str]]
) -> None:
    """Every plan came to an end, and to one as good as that of its undisturbed run; else say how each differs."""
    wrong: dict[P, list[str]] = {}
    for plan, end in ends.items():
        norm = norm_of(plan)
        if isinstance(norm, Exception) or isinstance(end, Exception):
            failed = norm if isinstance(norm, Exception) else end
            wrong[plan] = [f"{type(failed).__name__}: {failed}"]
        elif differences := found(norm, end):
            wrong[plan] = differences
    told = "\n".join(f"{plan}\n    " + "\n    ".join(differences) for plan, differences in wrong.items())
    assert not wrong, f"{len(wrong)} of {len(ends)} plans end otherwise:\n{told}"
