"""The cgroup that holds all containers of a sandbox's node: by it they are found and ended, whoever started them."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mounts")
_CONTROLLERS: Final = ("cpu", "cpuset", "io", "memory", "pids")


def may_be_made() -> bool:
    """Whether there are hierarchies, and all of them can be written to."""
    found = [hierarchy for hierarchy, _ in _hierarchies()]
    return bool(found) and all(os.access(hierarchy, os.W_OK) for hierarchy in found)


def create(name: str) -> None:
    """Make the cgroup in every hierarchy; kubelet refuses to make its own root."""
    for hierarchy, kind in _hierarchies():
        (hierarchy / name).mkdir(exist_ok=True)
        if kind == "cgroup2":
            _delegate(hierarchy)
            _delegate(hierarchy / name)


def kill_all(name: str) -> bool:
    """Kill every process in the cgroup and below it; whether there was none."""
    pids = {pid for folder in _folders(name) for pid in _processes(folder)}
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return not pids


def remove(name: str) -> bool:
    """Remove the cgroup with all below it; whether nothing of it is left."""
    left = False
    for folder in _folders(name):
        try:
            folder.rmdir()
        except FileNotFoundError:
            continue
        except OSError:
            left = True
    return not left


def exists(name: str) -> bool:
    """Whether any hierarchy has it."""
    return any((hierarchy / name).is_dir() for hierarchy, _ in _hierarchies())


def _hierarchies() -> Iterator[tuple[Path, str]]:
    for line in _MOUNTS.read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind in {"cgroup", "cgroup2"}:
            yield Path(place), kind


def _folders(name: str) -> Iterator[Path]:
    """All folders of the cgroup, the innermost first."""
    for hierarchy, _ in _hierarchies():
        for place, _, _ in os.walk(hierarchy / name, topdown=False):
            yield Path(place)


def _processes(folder: Path) -> list[int]:
    try:
        return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def _delegate(folder: Path) -> None:
    """Let children of a v2 cgroup have controllers, as far as this one has them."""
    for controller in _CONTROLLERS:
        with suppress(OSError):
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")
