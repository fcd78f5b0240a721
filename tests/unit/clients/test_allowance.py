"""Who takes much waits; who waited may go on."""

import asyncio
from typing import Any

import pytest

from landlord.clients.allowance import Allowance


class Clock:
    now = 100.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: found)
    return found


def test_what_was_taken_is_forgotten_little_by_little(clock: Clock) -> None:
    allowance = Allowance(burst=2.0, share=0.5)
    assert not allowance.is_used_up("a")
    allowance.charge("a", 1.5)
    assert not allowance.is_used_up("a")
    allowance.charge("a", 1.5)
    assert allowance.is_used_up("a")
    clock.now += 1.5
    assert allowance.is_used_up("a")
    clock.now += 1
    assert not allowance.is_used_up("a")


def test_nobody_waits_for_others(clock: Clock) -> None:
    allowance = Allowance(burst=2.0, share=0.5)
    allowance.charge("a", 100)
    assert not allowance.is_used_up("b")


def test_the_memory_is_bounded(clock: Clock, monkeypatch: Any) -> None:
    monkeypatch.setattr("landlord.clients.allowance._MOST_REMEMBERED", 3)
    allowance = Allowance(burst=1.0, share=0.1)
    for user in "abcde":
        allowance.charge(user, 5)
    assert [user for user in "abcde" if allowance.is_used_up(user)] == ["c", "d", "e"]
