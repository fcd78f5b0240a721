"""All parts a sandbox can have, in the order they start in; and stopping and starting a single one of them."""

from collections.abc import Callable
from typing import Final

from sandbox import addons, controlplane, node, process, prometheus, registry
from sandbox.controlplane import Part
from sandbox.faults import SandboxFault
from sandbox.folder import Folder, Record, read_record, write_record
from sandbox.locks import exclusively
from sandbox.process import Running
from sandbox.site import EXTRAS, Site

PARTS: Final[dict[str, Callable[[Folder, Site], Part]]] = {
    node.HOLDER: node.holder,
    registry.OPEN: registry.open_part,
    registry.PRIVATE: registry.private_part,
    "etcd": controlplane.etcd,
    "kube-apiserver": controlplane.apiserver,
    "kube-controller-manager": controlplane.controller_manager,
    "kube-scheduler": controlplane.scheduler,
    "kwok": controlplane.kwok,
    "containerd": node.containerd,
    "kubelet": node.kubelet,
    addons.NAME: addons.part,
    "prometheus": prometheus.part,
}
_OF_THE_NODE: Final = (node.HOLDER, "containerd", "kubelet", addons.NAME)


def parts_of(site: Site) -> tuple[str, ...]:
    """The names of the parts that this sandbox has."""
    absent = {*(name for name in EXTRAS if name not in site.extras), *(() if site.node else _OF_THE_NODE)}
    return tuple(name for name in PARTS if name not in absent)


def part(record: Record, name: str) -> Part:
    """How this part of the sandbox is run.

    :raises SandboxFault: if the sandbox has no such part.
    """
    if name not in parts_of(record.site):
        known = ", ".join(parts_of(record.site))
        raise SandboxFault(f"This sandbox has no part {name}; it has {known}.")
    return PARTS[name](record.folder, record.site)


def spawn(record: Record, name: str) -> Record:
    """Start one part; the record with its process, written down."""
    folder, one = record.folder, part(record, name)
    entering = node.entering(record.parts[node.HOLDER], one.inside) if one.inside else ()
    running = process.spawn(
        [*entering, record.programs.get(one.program, one.program), *one.arguments],
        log=folder.log(name),
        folder=folder.path,
        presence=folder.presence,
    )
    record = record.playing(name, running)
    write_record(folder, record)
    return record


def stop(record: Record, name: str) -> None:
    """End one part at once, as a crash would, and leave all others running; nothing happens if it does not run."""
    part(record, name)
    now = read_record(record.folder) or record
    process.end(now.parts[name], record.folder.path)


def start(record: Record, name: str) -> Running:
    """Start a stopped part again, at its old address; its process, or that of the part that still runs."""
    folder = record.folder
    with exclusively(folder.command_lock, waiting_for="another command on this sandbox"):
        now = read_record(folder)
        if now is None:
            raise SandboxFault(f"There is no sandbox in {folder.path}. Start one with `up`.")
        if name not in now.parts or not process.is_alive(now.parts[name]):
            now = spawn(now, name)
        return now.parts[name]
