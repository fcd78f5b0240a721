"""A benchmark that is ended half way leaves nothing behind."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import cluster as sandbox
from tests.bench import __main__ as bench

ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ENDING}
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
def test_ended_half_way_it_ends_its_operator_and_then_its_sandbox(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    async def measure(*_: object) -> None:
        try:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            told.append("operator ended")

    def note(what: str, place: Path) -> None:
        told.append(f"{what} {place.name} {place.parent.is_dir()}")

    monkeypatch.setattr(sandbox, "up", lambda place: note("up", place))
    monkeypatch.setattr(sandbox, "down", lambda place: note("down", place))
    monkeypatch.setattr(bench, "_run", measure)
    assert bench.main(["--only", "tenants"]) == 130
    assert told == ["up cluster True", "operator ended", "down cluster True"]
    assert "everything that was started is gone" in capfd.readouterr().err
