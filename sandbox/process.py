"""Starts processes that outlive their starter, and finds and ends exactly those again.

Two facts make this safe however a starter dies. Every process carries its sandbox's folder in its environment from its
first instruction on, so it can be found without any record. And every process holds the folder's presence lock from its
very fork on, so the kernel itself says when the last one is gone.
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox import locks
from sandbox.faults import SandboxFault
from sandbox.waiting import wait_until

MARKER: Final = "LANDLORD_SANDBOX_FOLDER"
_PROC: Final = Path("/proc")
_PRESENCE_DESCRIPTOR: Final = 3
_END_SECONDS: Final = 60.0
"""A killed process goes when the kernel has done its writes for it: on a slow or busy disk that takes its time."""


@dataclass(frozen=True, slots=True)
class Running:
    """One process, told apart from a later one of the same number by its start, in clock ticks since boot."""

    pid: int
    started: int


def spawn(argv: Sequence[str], *, log: Path, folder: Path, presence: Path) -> Running:
    """Start a program in a session of its own, appending what it prints to `log`.

    Only what the program needs is inherited: PATH and HOME, the marker and the presence lock.

    :raises SandboxFault: if there is no such program.
    """
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    held = locks.share(presence)
    try:
        pid = os.posix_spawn(
            argv[0],
            list(argv),
            {**environment, MARKER: str(folder)},
            file_actions=[
                *((os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in _inheritable()),
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, held, _PRESENCE_DESCRIPTOR),
            ],
            setsid=True,
        )
    except OSError as refused:
        raise SandboxFault(f"{argv[0]} cannot be started: {refused.strerror}.") from refused
    finally:
        os.close(held)
    running = Running(pid, started(pid) or 0)
    # The kernel shows the environment of a program a moment after it lets the starter of that program go on.
    wait_until(lambda: _belongs(pid, folder) or not is_alive(running), seconds=10, what=f"The start of {argv[0]}")
    return running


def is_alive(running: Running) -> bool:
    """Whether this very process still runs; one that has ended but was not yet reaped does not."""
    _reap(running.pid)
    return started(running.pid) == running.started


def resident_bytes(running: Running) -> int | None:
    """The memory the process occupies now."""
    try:
        pages = int((_PROC / str(running.pid) / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def processes_of(folder: Path) -> list[int]:
    """The numbers of all processes that carry this folder's marker."""
    return [pid for pid in _all_processes() if _belongs(pid, folder)]


def end_all(folder: Path, presence: Path, also: Callable[[], bool] = lambda: True) -> int:
    """End every process of the folder and wait until the kernel says that none is left; returns how many there were.

    They are killed, not asked: nothing here needs a farewell, since etcd's log survives the death of its process, and a
    stopped process could not answer. `also` ends what carries no marker, and says whether there was none of it.
    """
    ended: set[int] = set()

    def none_left() -> bool:
        for pid in processes_of(folder):
            if _signal(pid, folder, signal.SIGKILL):
                ended.add(pid)
        for pid in ended:
            _reap(pid)
        return also() and not locks.is_held(presence) and not processes_of(folder)

    wait_until(none_left, seconds=_END_SECONDS, what=f"The end of all processes of {folder}")
    return len(ended)


def end(running: Running, folder: Path) -> bool:
    """End one process of the folder and wait until it is gone; False if it was gone already."""
    if not is_alive(running) or not _signal(running.pid, folder, signal.SIGKILL):
        return False
    wait_until(lambda: not is_alive(running), seconds=_END_SECONDS, what=f"The end of process {running.pid}")
    return True


def freeze(running: Running, folder: Path) -> bool:
    """Stop the process where it stands, without ending it; False if it is gone."""
    return _signal(running.pid, folder, signal.SIGSTOP)


def thaw(running: Running, folder: Path) -> bool:
    """Let a frozen process go on; False if it is gone."""
    return _signal(running.pid, folder, signal.SIGCONT)


def _inheritable() -> Iterator[int]:
    """Descriptors beyond the standard ones that a child would get by accident and keep open for ever."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the descriptor of the listing itself is gone by now
            if int(name) > 2 and os.get_inheritable(int(name)):
                yield int(name)


def _signal(pid: int, folder: Path, number: signal.Signals) -> bool:
    """Send a signal only to a process that carries the marker; a number given away meanwhile is never hit."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not _belongs(pid, folder):
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def _all_processes() -> Iterator[int]:
    for entry in os.listdir(_PROC):
        if entry.isdigit():
            yield int(entry)


def _belongs(pid: int, folder: Path) -> bool:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return f"{MARKER}={folder}".encode() in environment.split(b"\0")


def started(pid: int) -> int | None:
    """When the process began; None if it is gone or only waits to be reaped."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _reap(pid: int) -> None:
    """Let go of an ended child of this very process; all others are reaped by whoever adopted them."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
