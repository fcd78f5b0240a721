"""The steps that turn an empty folder into a usable cluster, and a stopped sandbox into a running one."""

import datetime
import ipaddress
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from sandbox import (
    addons,
    cgroups,
    controlplane,
    kubeconfig,
    kwok,
    network,
    node,
    parts,
    process,
    prometheus,
    registry,
    volumes,
)
from sandbox.api import Api
from sandbox.components import KUBERNETES_VERSION
from sandbox.faults import SandboxFault
from sandbox.folder import Folder, Phase, Record, write_record
from sandbox.images import IMAGES
from sandbox.network import Subnet
from sandbox.pki import IDENTITIES, NODE, create_pki
from sandbox.ports import HeldPorts
from sandbox.programs import kubectl
from sandbox.site import LOOPBACK, Site
from sandbox.status import log_end
from sandbox.waiting import wait_until

_USABLE_SECONDS: Final = 120.0
# Ports of the address that a real node reaches too; all others are of loopback.
_FOR_THE_NODE: Final = ("kube-apiserver", registry.OPEN, registry.PRIVATE)
_CONTROLLERS: Final = ("kube-controller-manager", "kube-scheduler", "kwok")


def start_new(folder: Folder, programs: dict[str, str], *, with_node: bool, extras: tuple[str, ...]) -> Record:
    """A usable cluster in an empty folder."""
    subnet = network.reserve(folder.path) if with_node else None
    site = Site(host=subnet.host, node=subnet.node, extras=extras) if subnet else Site(extras=extras)
    kubernetes = str(ipaddress.IPv4Network(site.services)[1])  # the service of that name has the first address
    addresses = (kubernetes, subnet.host, subnet.node) if subnet else (kubernetes,)
    create_pki(folder.pki, datetime.datetime.fromtimestamp(time.time(), datetime.UTC), addresses)
    with HeldPorts() as held:
        near = [name for name in (*controlplane.PORTS, *extras) if name not in _FOR_THE_NODE]
        far = [name for name in (*controlplane.PORTS, *extras) if name in _FOR_THE_NODE]
        site = replace(site, ports={**held.choose(near, LOOPBACK), **held.choose(far, site.host)})
        record = _new_record(folder, programs, site)
        _write_configuration(folder, site)
        write_record(folder, record)
        return _start_parts(record)


def start_again(folder: Folder, record: Record) -> Record:
    """A usable cluster from what the folder holds, at the addresses the record names."""
    record = replace(record, phase=Phase.STARTING, parts={})
    write_record(folder, record)
    if record.node:
        network.reserve(folder.path, Subnet.around(record.host))
    with HeldPorts() as held:
        for name, port in record.ports.items():
            held.hold(port, record.host if name in _FOR_THE_NODE else LOOPBACK)
        return _start_parts(record)


def _start_parts(record: Record) -> Record:
    """All parts running and the cluster usable."""
    if record.node:
        record = _start_namespaces(record)
    record = _start_control_plane(record)
    if record.node:
        record = _start_node(record)
    if record.prometheus:
        record = parts.spawn(record, "prometheus")
    _wait_until_usable(record)
    record = replace(record, phase=Phase.READY)
    write_record(record.folder, record)
    return record


def _start_namespaces(record: Record) -> Record:
    """An empty node: namespaces, network and cgroup."""
    cgroups.create(node.cgroup_name(record.folder.path))
    record = parts.spawn(record, node.HOLDER)
    holder = record.parts[node.HOLDER]
    _wait(record, lambda: node.is_held(holder), "The making of the node's namespaces")
    network.connect(record.folder.path, Subnet.around(record.host), record.site.services, holder.pid)
    return record


def _start_control_plane(record: Record) -> Record:
    folder, api = record.folder, _api(record)
    for name in (registry.OPEN, registry.PRIVATE):
        if name in record.extras:
            record = parts.spawn(record, name)
    for name in ("etcd", "kube-apiserver"):
        record = parts.spawn(record, name)
    # The status is asked for, not the body: a failing report contains the word ok too. Ready includes the roles the
    # controllers need; started any earlier they would end at once.
    _wait(record, lambda: api.status("/readyz") == 200, "The API server's being ready")
    if not folder.pristine.exists():
        _save_pristine(folder, record)
    for name in _CONTROLLERS:
        record = parts.spawn(record, name)
    fake = kwok.node(shunned=bool(record.node))
    _wait(record, lambda: api.create("/api/v1/nodes", fake), "The creation of the fake node")
    return record


def _start_node(record: Record) -> Record:
    folder, holder = record.folder, record.parts[node.HOLDER]
    record = parts.spawn(record, "containerd")
    _wait(record, lambda: node.runtime_answers(folder, holder), "The container runtime's being ready")
    node.import_images(folder, holder)
    record = parts.spawn(record, "kubelet")
    return parts.spawn(record, addons.NAME)


def _wait_until_usable(record: Record) -> None:
    api = _api(record)
    for name in (kwok.NODE, *([NODE] if record.node else [])):
        _wait(record, partial(_is_node_ready, api, name), f"The being ready of {name}")
    account = "/api/v1/namespaces/default/serviceaccounts/default"
    _wait(record, lambda: api.get(account) is not None, "The default service account")
    if record.node:
        _wait(record, lambda: api.get(volumes.CLASS_PATH) is not None, "The being ready of services and volumes")
    for address in registry.addresses(record.site):
        _wait(record, partial(registry.is_ready, address), f"The being ready of the registry at {address}")
    if record.registry and record.node:
        registry.push_images(record.registry)
    if record.prometheus:
        _wait(record, lambda: prometheus.is_ready(record.site), "Prometheus's being ready")


def _is_node_ready(api: Api, name: str) -> bool:
    return kwok.is_ready(api.get(f"/api/v1/nodes/{name}"))


def _api(record: Record) -> Api:
    return Api.as_admin(record.ports["kube-apiserver"], record.folder.pki, record.host)


def _wait(record: Record, happened: Callable[[], bool], what: str) -> None:
    """Wait for what the running parts must bring about; a part that dies ends the waiting with its last words."""

    def happened_or_died() -> bool:
        for name, running in record.parts.items():
            if not process.is_alive(running):
                log = record.folder.log(name)
                raise SandboxFault(f"{name} has died while starting. The end of {log}:\n{log_end(log)}")
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


def _new_record(folder: Folder, programs: dict[str, str], site: Site) -> Record:
    return Record(
        phase=Phase.STARTING,
        server=site.server,
        kubeconfig=str(folder.kubeconfig),
        audit_log=str(folder.audit_log),
        kubectl=kubectl(),
        helm=programs["helm"],
        kubernetes=KUBERNETES_VERSION,
        programs=programs,
        ports=site.ports,
        host=site.host,
        node=site.node,
        extras=site.extras,
        registry=registry.address_of(registry.OPEN, site),
        private_registry=registry.address_of(registry.PRIVATE, site),
        prometheus=prometheus.part(folder, site).address if "prometheus" in site.extras else None,
        images=tuple(image.local for image in IMAGES) if site.node else (),
    )


def _write_configuration(folder: Folder, site: Site) -> None:
    (folder.config / "audit-policy.json").write_text(json.dumps(controlplane.AUDIT_POLICY, indent=1))
    (folder.config / "kwok.yaml").write_text(kwok.configuration())
    for identity in IDENTITIES:
        document = kubeconfig.with_certificate(site.server, folder.pki, identity.name)
        path = (
            folder.kubeconfig if identity.name == "admin" else Path(controlplane.kubeconfig_of(folder, identity.name))
        )
        kubeconfig.write(path, document)
    registry.write_configuration(folder, site)
    if "prometheus" in site.extras:
        prometheus.write_configuration(folder)
    if site.node:
        node.write_configuration(folder, site, registry.addresses(site))
