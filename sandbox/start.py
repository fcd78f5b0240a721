"""The steps that turn an empty folder into a usable cluster, and a stopped sandbox into a running one."""

import datetime
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from sandbox import controlplane, kubeconfig, kwok, process
from sandbox.api import Api
from sandbox.components import KUBERNETES_VERSION
from sandbox.controlplane import PARTS
from sandbox.faults import SandboxFault
from sandbox.folder import Folder, Phase, Record, write_record
from sandbox.pki import IDENTITIES, create_pki
from sandbox.ports import HeldPorts
from sandbox.programs import kubectl
from sandbox.status import log_end
from sandbox.waiting import wait_until

_USABLE_SECONDS: Final = 120.0
_BEFORE_API: Final = ("etcd", "kube-apiserver")
_AFTER_API: Final = tuple(name for name in PARTS if name not in _BEFORE_API)


def start_new(folder: Folder, programs: dict[str, str]) -> Record:
    """A usable cluster in an empty folder."""
    create_pki(folder.pki, datetime.datetime.fromtimestamp(time.time(), datetime.UTC))
    with HeldPorts() as held:
        ports = held.choose(controlplane.PORTS)
        record = _new_record(folder, programs, ports)
        _write_configuration(folder, record.server)
        write_record(folder, record)
        return _start_parts(folder, record)


def start_again(folder: Folder, record: Record) -> Record:
    """A usable cluster from what the folder holds, at the addresses the record names."""
    record = replace(record, phase=Phase.STARTING, parts={})
    write_record(folder, record)
    with HeldPorts() as held:
        for port in record.ports.values():
            held.hold(port)
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
    part = PARTS[name](folder, record.ports)
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
