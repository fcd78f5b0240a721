"""Durations as users write them, and their spread over time."""

import re
from datetime import timedelta
from hashlib import sha256

_PART = re.compile(r"(\d+)(s|m|h)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def parse(text: str) -> timedelta:
    """A duration such as ``90s`` or ``1h30m``; the schema has checked its form."""
    return timedelta(seconds=sum(int(count) * _SECONDS[unit] for count, unit in _PART.findall(text)))


def jittered(interval: timedelta, seed: str) -> timedelta:
    """The interval, up to a tenth shorter, the same for the same ``seed``: so that not all come due at once."""
    share = int.from_bytes(sha256(seed.encode()).digest()[:4]) / 2**32
    return interval * (1 - share / 10)
