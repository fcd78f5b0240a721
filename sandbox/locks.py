"""File locks that the kernel releases when their holder dies, however it dies."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.waiting import pause

_PATIENCE = 1.0
_REPORT_EVERY = 15.0


@contextmanager
def exclusively(path: Path, *, waiting_for: str) -> Iterator[None]:
    """Hold `path` alone; makes its folder, and says on stderr what it waits for while somebody else holds it."""
    descriptor = _acquire(path, waiting_for)
    try:
        yield
    finally:
        os.close(descriptor)


def _acquire(path: Path, waiting_for: str) -> int:
    tell_at = time.monotonic() + _PATIENCE
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if _try(descriptor, fcntl.LOCK_EX) and _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)
        if time.monotonic() >= tell_at:
            tell_at = time.monotonic() + _REPORT_EVERY
            sys.stderr.write(f"waiting for {waiting_for}\n")
        pause()


def share(path: Path) -> int:
    """A descriptor that holds `path` together with others; whoever inherits it holds it too, to its own end."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def is_held(path: Path) -> bool:
    """Whether anybody holds `path`, as the kernel knows it."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _try(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether the locked file still is the one at `path`: the holder before may have removed the folder."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))
