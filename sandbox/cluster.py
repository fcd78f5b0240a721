"""What can be done with a sandbox: up, down, reset, status. One command at a time works on a folder."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox import cgroups, network, node, process
from sandbox.faults import SandboxFault
from sandbox.folder import Folder, Phase, Record, read_record
from sandbox.locks import exclusively
from sandbox.packages import obstacle
from sandbox.programs import programs as programs_of
from sandbox.start import start_again, start_new
from sandbox.status import Status, log_end, observe
from sandbox.waiting import wait_until

_LEFT_SECONDS = 20.0


def up(path: str | Path, *, with_node: bool = False, extras: tuple[str, ...] = ()) -> Record:
    """A running, usable sandbox at `path`: the one that runs there already, or a new one, with what was asked for.

    What an unfinished start has left is removed first. If this one cannot be finished, its processes are ended and its
    logs stay.

    :raises SandboxFault: if a part dies while starting, or if the sandbox that lies here lacks what was asked for, or
        parts of it have died.
    """
    _must_be_linux()
    if with_node and (why := obstacle()):
        raise SandboxFault(why)
    folder = Folder.at(path)
    if folder.path.exists() and not folder.is_ours() and any(folder.path.iterdir()):
        raise SandboxFault(f"{folder.path} holds something that is not a sandbox; choose another --dir.")
    programs = programs_of(with_node=with_node, extras=extras)
    with _command(folder):
        record = read_record(folder)
        if record and record.phase is Phase.READY:
            _must_offer(record, with_node, extras)
            return _still_whole(folder, record)
        _clear(folder)
        with _ending_all_on_failure(folder):
            return start_new(folder, programs, with_node=with_node, extras=extras)


def down(path: str | Path, *, keep: bool = False) -> int:
    """End all processes of the sandbox and remove its folder, or keep the folder; returns how many were ended.

    Works on whatever a killed start has left, and on processes whose folder somebody has removed already.
    """
    folder = Folder.at(path)
    if not folder.path.exists():
        return _end_all(folder)
    if not folder.is_ours():
        if not any(folder.path.iterdir()):
            folder.path.rmdir()
            return 0
        raise SandboxFault(f"{folder.path} holds something that is not a sandbox; nothing was done.")
    with _command(folder):
        ended = _end_all(folder)
        if not keep:
            folder.remove()
    return ended


def reset(path: str | Path) -> Record:
    """The same cluster, empty again, at the same addresses and with the same keys.

    Whoever was connected must start anew: resource versions begin again where they were when the cluster was born.
    """
    folder = Folder.at(path)
    _record(folder)  # else waiting for the lock would make the folder
    with _command(folder):
        record = _record(folder)
        if not folder.pristine.is_dir():
            raise SandboxFault(f"The sandbox in {folder.path} never became usable; run `up` instead.")
        _end_all(folder)
        shutil.rmtree(folder.etcd, ignore_errors=True)
        node.forget(folder)
        shutil.copytree(folder.pristine, folder.etcd)
        folder.audit_log.unlink(missing_ok=True)
        with _ending_all_on_failure(folder):
            return start_again(folder, record)


def status(path: str | Path) -> Status:
    """What is true of the sandbox and each of its parts now."""
    folder = Folder.at(path)
    return observe(folder, _record(folder))


def _still_whole(folder: Folder, record: Record) -> Record:
    dead = observe(folder, record).dead
    if not dead:
        return record
    words = "\n".join(f"{part.name}, the end of {part.log}:\n{log_end(part.log)}" for part in dead)
    raise SandboxFault(
        f"A sandbox lies in {folder.path}, but parts of it have died. "
        f"`reset` starts it anew, empty; `down` removes it.\n{words}"
    )


def _must_offer(record: Record, with_node: bool, extras: tuple[str, ...]) -> None:
    lacking = ["a real node"] if with_node and not record.node else []
    lacking += [name for name in extras if name not in record.extras]
    if lacking:
        raise SandboxFault(
            f"The sandbox in {record.folder.path} runs without {', '.join(lacking)}; `down` and `up`, or another --dir."
        )


def _end_all(folder: Folder) -> int:
    """End all processes of the sandbox, its containers too, and remove what a real node had on this machine."""
    cgroup = node.cgroup_name(folder.path)
    ended = process.end_all(folder.path, folder.presence, lambda: cgroups.kill_all(cgroup))
    network.remove(folder.path)
    wait_until(lambda: cgroups.remove(cgroup), seconds=_LEFT_SECONDS, what=f"The removal of the cgroup {cgroup}")
    return ended


def _record(folder: Folder) -> Record:
    record = read_record(folder)
    if record is None:
        raise SandboxFault(f"There is no sandbox in {folder.path}. Start one with `up`.")
    return record


@contextmanager
def _command(folder: Folder) -> Iterator[None]:
    """Be the only command at work on this sandbox; marks the folder as a sandbox before anything runs."""
    folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with exclusively(folder.command_lock, waiting_for="another command on this sandbox"):
        folder.presence.touch(mode=0o600)
        yield


def _clear(folder: Folder) -> None:
    """Remove all that an earlier, unfinished start has left, but not the locks."""
    _end_all(folder)
    for entry in folder.path.iterdir():
        if entry not in (folder.command_lock, folder.presence):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    folder.create()


@contextmanager
def _ending_all_on_failure(folder: Folder) -> Iterator[None]:
    try:
        yield
    except BaseException:
        _end_all(folder)
        raise


def _must_be_linux() -> None:
    if sys.platform != "linux":
        raise SandboxFault("The sandbox runs on Linux. Elsewhere, point KUBECONFIG at a cluster such as kind or k3d.")
