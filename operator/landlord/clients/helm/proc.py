"""Whether a process that somebody wrote down still lives, as /proc tells it."""

import os
from dataclasses import dataclass
from pathlib import Path

from landlord.api.failures import Transient

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_START_TIME = 19  # of the fields behind the program's name
_DEAD = frozenset("ZXx")


@dataclass(frozen=True, slots=True)
class ProcessHome:
    """Where a pid means something: one boot of one kernel, and one PID namespace of it."""

    boot_id: str
    pid_namespace: str
    """The namespace's inode and the start time of its first process, since inodes are used again."""


def here() -> ProcessHome:
    """The home of this process and of its children."""
    inode = os.readlink("/proc/self/ns/pid")
    return ProcessHome(_BOOT_ID.read_text("ascii").strip(), f"{inode}@{start_time(1)}")


def start_time(pid: int) -> int | None:
    """When a living process started, in clock ticks since boot; None when there is none. A zombie is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError as error:
        raise Transient(f"/proc/{pid} cannot be read: {error.strerror}.") from error
    # The name stands in brackets and may hold brackets and blanks itself.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in _DEAD else int(fields[_START_TIME - 1])


def is_alive(pid: int, started: int) -> bool:
    """Whether exactly the process that started then still lives in this home; a stopped one does."""
    return start_time(pid) == started


def is_proven_gone(pid: int, started: int, home: ProcessHome) -> bool:
    """Whether nothing of that process can ever act again, as far as this machine can know.

    True when it is dead in this home, or when its PID namespace ended: the kernel kills whoever is left in one. False
    means not known: a process of another pod or node needs another proof.
    """
    now = here()
    if home == now:
        return not is_alive(pid, started)
    same_inode = home.pid_namespace.partition("@")[0] == now.pid_namespace.partition("@")[0]
    return home.boot_id == now.boot_id and same_inode
