"""Durations as users write them, and their spread over time."""

import re
from datetime import timedelta
from hashlib import sha256

_PART = re.compile(r"(\d+)(ms|s|m|h)")
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def parse(text: str) -> timedelta:
    """A duration such as ``90s``, ``1h30m`` or ``250ms``; the schema has checked its form."""
    return timedelta(milliseconds=sum(int(count) * _MILLISECONDS[unit] for count, unit in _PART.findall(text)))


def jittered(interval: timedelta, seed: str) -> timedelta:
    """The interval, up to a tenth shorter, the same for the same ``seed``: so that not all come due at once."""
    share = int.from_bytes(sha256(seed.encode()).digest()[:4]) / 2**32
    return interval * (1 - share / 10)
