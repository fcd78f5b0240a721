"""The steps of up, down, reset and status, in the order they are taken."""

import datetime
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sandbox import controlplane, kubeconfig, kwok, process
from sandbox.api import Api
from sandbox.components import KUBERNETES_VERSION
from sandbox.controlplane import Part
from sandbox.faults import SandboxFault
from sandbox.folder import Folder, Phase, Record, read_record, write_record
from sandbox.locks import exclusively
from sandbox.pki import IDENTITIES, create_pki
from sandbox.ports import HeldPorts
from sandbox.process import Running
from sandbox.programs import core_programs, kubectl
from sandbox.waiting import wait_until

_USABLE_SECONDS: Final = 120.0
_LOG_LINES_SHOWN: Final = 15

_PARTS: Final[dict[str, Callable[[Folder, dict[str, int]], Part]]] = {
    "etcd": controlplane.etcd,
    "kube-apiserver": controlplane.apiserver,
    "kube-controller-manager": controlplane.controller_manager,
    "kube-scheduler": controlplane.scheduler,
    "kwok": controlplane.kwok,
}
_BEFORE_API: Final = ("etcd", "kube-apiserver")
_AFTER_API: Final = ("kube-controller-manager", "kube-scheduler", "kwok")


@dataclass(frozen=True, slots=True)
class PartStatus:
    """What there is to say about one part."""

    name: str
    running: Running | None
    alive: bool
    address: str
    log: Path
    resident: int | None


@dataclass(frozen=True, slots=True)
class Status:
    """The record of a sandbox, and its parts in the order they start in."""

    record: Record
    parts: tuple[PartStatus, ...]

    @property
    def dead(self) -> tuple[PartStatus, ...]:
        """The parts that should run and do not."""
        return tuple(part for part in self.parts if not part.alive)


def up(path: str | Path) -> Record:
    """A running, usable sandbox at `path`: the one that runs there already, or a new one.

    What an unfinished start has left is removed first. If this one cannot be finished, its processes are ended and its
    logs stay.

    :raises SandboxFault: if a part dies while starting, or a sandbox lies here of which parts have died.
    """
    _must_be_linux()
    folder = Folder.at(path)
    if folder.path.exists() and not folder.is_ours() and any(folder.path.iterdir()):
        raise SandboxFault(f"{folder.path} holds something that is not a sandbox; choose another --dir.")
    programs = core_programs()
    with _command(folder):
        record = read_record(folder)
        if record and record.phase is Phase.READY:
            return _still_whole(folder, record)
        _clear(folder)
        with _ending_all_on_failure(folder):
            return _start(folder, programs)


def down(path: str | Path, *, keep: bool = False) -> int:
    """End all processes of the sandbox and remove its folder, or keep the folder; returns how many were ended.

    Works on whatever a killed start has left, and on processes whose folder somebody has removed already.
    """
    folder = Folder.at(path)
    if not folder.path.exists():
        return process.end_all(folder.path, folder.presence)
    if not folder.is_ours():
        if not any(folder.path.iterdir()):
            folder.path.rmdir()
            return 0
        raise SandboxFault(f"{folder.path} holds something that is not a sandbox; nothing was done.")
    with exclusively(folder.command_lock, waiting_for="another command on this sandbox"):
        ended = process.end_all(folder.path, folder.presence)
        if not keep:
            folder.remove()
    return ended


def reset(path: str | Path) -> Record:
    """The same cluster, empty again, at the same addresses and with the same keys.

    Whoever was connected must start anew: resource versions begin again where they were when the cluster was born.
    """
    folder = Folder.at(path)
    record = _record(folder)
    if not folder.pristine.is_dir():
        raise SandboxFault(f"The sandbox in {folder.path} never became usable; run `up` instead.")
    with exclusively(folder.command_lock, waiting_for="another command on this sandbox"):
        process.end_all(folder.path, folder.presence)
        record = replace(record, phase=Phase.STARTING, parts={})
        shutil.rmtree(folder.etcd, ignore_errors=True)
        shutil.copytree(folder.pristine, folder.etcd)
        folder.audit_log.unlink(missing_ok=True)
        with _ending_all_on_failure(folder), HeldPorts() as held:
            for port in record.ports.values():
                held.hold(port)
            return _start_parts(folder, record)


def status(path: str | Path) -> Status:
    """What is true of the sandbox and each of its parts now."""
    folder = Folder.at(path)
    record = _record(folder)
    return Status(record, tuple(_part_status(folder, record, name) for name in _PARTS))


def log_end(log: Path, lines: int = _LOG_LINES_SHOWN) -> str:
    """The last lines of a log, each shortened, indented for people."""
    try:
        end = log.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        end = []
    return "\n".join(f"    {line[:300]}" for line in end) or "    (it has printed nothing)"


def _start(folder: Folder, programs: dict[str, str]) -> Record:
    create_pki(folder.pki, datetime.datetime.fromtimestamp(time.time(), datetime.UTC))
    with HeldPorts() as held:
        ports = held.choose(controlplane.PORTS)
        record = _new_record(folder, programs, ports)
        _write_configuration(folder, record.server)
        write_record(folder, record)
        return _start_parts(folder, record)


def _start_parts(folder: Folder, record: Record) -> Record:
    """All parts running and the cluster usable."""
    api = Api.as_admin(record.ports["kube-apiserver"], folder.pki)
    for name in _BEFORE_API:
        record = _spawn(folder, record, name)
    # The status is asked for, not the body: a failing report contains the word ok too. Ready includes the roles the
    # controllers need; started any earlier they would end at once.
    _wait(folder, record, lambda: api.status("/readyz") == 200, "The API server's being ready")
    if not folder.pristine.exists():
        _save_pristine(folder, record)
    for name in _AFTER_API:
        record = _spawn(folder, record, name)
    _wait(folder, record, lambda: api.create("/api/v1/nodes", kwok.node()), "The creation of the fake node")
    _wait(folder, record, lambda: kwok.is_ready(api.get(f"/api/v1/nodes/{kwok.NODE}")), "The fake node's being ready")
    account = "/api/v1/namespaces/default/serviceaccounts/default"
    _wait(folder, record, lambda: api.get(account) is not None, "The default service account")
    record = replace(record, phase=Phase.READY)
    write_record(folder, record)
    return record


def _spawn(folder: Folder, record: Record, name: str) -> Record:
    part = _PARTS[name](folder, record.ports)
    running = process.spawn(
        [record.programs[name], *part.arguments], log=folder.log(name), folder=folder.path, presence=folder.presence
    )
    record = record.playing(name, running)
    write_record(folder, record)
    return record


def _wait(folder: Folder, record: Record, happened: Callable[[], bool], what: str) -> None:
    """Wait for what the running parts must bring about; a part that dies ends the waiting with its last words."""

    def happened_or_died() -> bool:
        for name, running in record.parts.items():
            if not process.is_alive(running):
                words = log_end(folder.log(name))
                raise SandboxFault(f"{name} has died while starting. The end of {folder.log(name)}:\n{words}")
        return happened()

    wait_until(happened_or_died, seconds=_USABLE_SECONDS, what=what)


def _save_pristine(folder: Folder, record: Record) -> None:
    """Copy etcd's data while etcd stands still: what lies there then is what a killed etcd would find again.

    No controller has run yet: a reset cluster meets them as a new one does, without leases of their former lives.
    """
    etcd = record.parts["etcd"]
    process.freeze(etcd, folder.path)
    try:
        draft = folder.pristine.with_suffix(".new")
        shutil.copytree(folder.etcd, draft)
        draft.rename(folder.pristine)
    finally:
        process.thaw(etcd, folder.path)


def _new_record(folder: Folder, programs: dict[str, str], ports: dict[str, int]) -> Record:
    return Record(
        phase=Phase.STARTING,
        server=controlplane.apiserver(folder, ports).address,
        kubeconfig=str(folder.kubeconfig),
        audit_log=str(folder.audit_log),
        kubectl=kubectl(),
        helm=programs["helm"],
        kubernetes=KUBERNETES_VERSION,
        programs=programs,
        ports=ports,
    )


def _write_configuration(folder: Folder, server: str) -> None:
    (folder.config / "audit-policy.json").write_text(json.dumps(controlplane.AUDIT_POLICY, indent=1))
    (folder.config / "kwok.yaml").write_text(kwok.configuration())
    for identity in IDENTITIES:
        document = kubeconfig.with_certificate(server, folder.pki, identity.name)
        path = (
            folder.kubeconfig if identity.name == "admin" else Path(controlplane.kubeconfig_of(folder, identity.name))
        )
        kubeconfig.write(path, document)


def _still_whole(folder: Folder, record: Record) -> Record:
    dead = status(folder.path).dead
    if not dead:
        return record
    words = "\n".join(f"{part.name}, the end of {part.log}:\n{log_end(part.log)}" for part in dead)
    raise SandboxFault(
        f"A sandbox lies in {folder.path}, but parts of it have died. "
        f"`reset` starts it anew, empty; `down` removes it.\n{words}"
    )


def _part_status(folder: Folder, record: Record, name: str) -> PartStatus:
    running = record.parts.get(name)
    alive = running is not None and process.is_alive(running)
    return PartStatus(
        name=name,
        running=running,
        alive=alive,
        address=_PARTS[name](folder, record.ports).address,
        log=folder.log(name),
        resident=process.resident_bytes(running) if running and alive else None,
    )


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
    process.end_all(folder.path, folder.presence)
    for entry in folder.path.iterdir():
        if entry not in (folder.command_lock, folder.presence):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    folder.create()


@contextmanager
def _ending_all_on_failure(folder: Folder) -> Iterator[None]:
    try:
        yield
    except BaseException:
        process.end_all(folder.path, folder.presence)
        raise


def _must_be_linux() -> None:
    if sys.platform != "linux":
        raise SandboxFault("The sandbox runs on Linux. Elsewhere, point KUBECONFIG at a cluster such as kind or k3d.")
