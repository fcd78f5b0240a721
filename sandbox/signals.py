"""Commands that are asked to end let go of all they hold, as after Ctrl-C."""

import signal
from types import FrameType
from typing import Final

_ASKED: Final = (signal.SIGTERM, signal.SIGHUP)


def unwind_when_asked_to_end() -> None:
    """From now on being asked to end, or the terminal's going away, raises KeyboardInterrupt; what is ignored stays so.

    Only once: who asks again meanwhile does not disturb the clearing up. Ctrl-C does.
    """
    for number in _ASKED:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _unwind)


def _unwind(number: int, _: FrameType | None) -> None:
    for each in _ASKED:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number).name)
