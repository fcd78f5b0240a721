"""Being asked to end is met as Ctrl-C is."""

import os
import signal
from collections.abc import Iterator

import pytest

from sandbox.signals import unwind_when_asked_to_end

ASKED = (signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def as_a_new_process() -> Iterator[None]:
    before = {number: signal.signal(number, signal.SIG_DFL) for number in ASKED}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ASKED)
def test_who_is_asked_to_end_clears_up_and_is_not_disturbed_meanwhile(number: signal.Signals) -> None:
    unwind_when_asked_to_end()
    with pytest.raises(KeyboardInterrupt, match=number.name):
        os.kill(os.getpid(), number)
    for again in ASKED:
        os.kill(os.getpid(), again)


def test_what_somebody_chose_to_ignore_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    unwind_when_asked_to_end()
    os.kill(os.getpid(), signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
