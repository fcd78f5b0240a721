"""One sandbox on disk: where its files lie, and the record of what runs in it."""

import json
import os
import shutil
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sandbox.faults import SandboxFault
from sandbox.process import Running
from sandbox.site import LOOPBACK, Site


class Phase(StrEnum):
    """How far the sandbox has come; anything but READY with no command at work means that a command was killed."""

    STARTING = "starting"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Folder:
    """The layout of one sandbox. Nothing of a sandbox lies outside of `path`."""

    path: Path

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> "Folder":
        """The folder at this path, by the one name that its processes carry."""
        return cls(Path(path).resolve())

    @property
    def record(self) -> Path:
        """What runs, where and how to reach it; written for programs to read."""
        return self.path / "sandbox.json"

    @property
    def kubeconfig(self) -> Path:
        """How the admin reaches the cluster."""
        return self.path / "kubeconfig"

    @property
    def command_lock(self) -> Path:
        """Held by the one command that is changing this sandbox."""
        return self.path / "sandbox.lock"

    @property
    def presence(self) -> Path:
        """Held by every process of this sandbox for as long as it lives."""
        return self.path / "presence.lock"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.path / "pki"

    @property
    def config(self) -> Path:
        """Files the parts are configured with."""
        return self.path / "config"

    @property
    def etcd(self) -> Path:
        """The live data of etcd."""
        return self.path / "etcd"

    @property
    def pristine(self) -> Path:
        """The data of etcd as it was before the first controller started."""
        return self.path / "pristine"

    @property
    def audit_log(self) -> Path:
        """One JSON line per request to the API server."""
        return self.path / "logs" / "audit.log"

    def log(self, part: str) -> Path:
        """What a part has printed."""
        return self.path / "logs" / f"{part}.log"

    def create(self) -> None:
        """Make the folders, readable by the owner only, since keys lie in them."""
        for folder in (self.path, self.pki, self.config, self.path / "logs"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def is_ours(self) -> bool:
        """Whether a sandbox was ever started here; keeps `down --dir .` from removing somebody's work."""
        return self.command_lock.is_file() or self.presence.is_file()

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path)


@dataclass(frozen=True, slots=True)
class Record:
    """The content of sandbox.json. `parts` says which process plays which part.

    `registry` and `private_registry` are hosts with ports, `prometheus` is a URL, `node` the address of the real node;
    each is None where there is none. `images` are the references under which the real node has the images made here.
    """

    phase: Phase
    server: str
    kubeconfig: str
    audit_log: str
    kubectl: str
    helm: str
    kubernetes: str
    programs: dict[str, str]
    ports: dict[str, int]
    host: str = LOOPBACK
    node: str | None = None
    extras: tuple[str, ...] = ()
    registry: str | None = None
    private_registry: str | None = None
    prometheus: str | None = None
    images: tuple[str, ...] = ()
    parts: dict[str, Running] = field(default_factory=dict)

    @property
    def folder(self) -> Folder:
        """The folder this is the record of."""
        return Folder.at(Path(self.kubeconfig).parent)

    @property
    def site(self) -> Site:
        """Where its parts listen."""
        return Site(self.ports, self.host, self.node, self.programs.get("kubelet"), self.extras)

    def playing(self, part: str, running: Running) -> "Record":
        """The record with one more part."""
        return replace(self, parts={**self.parts, part: running})


def write_record(folder: Folder, record: Record) -> None:
    """Replace sandbox.json at once, so that no reader and no killed writer ever leaves half of it."""
    draft = folder.record.with_suffix(".json.new")
    draft.write_text(json.dumps(asdict(record), indent=2) + "\n")
    draft.replace(folder.record)


def read_record(folder: Folder) -> Record | None:
    """What sandbox.json says; None if there is none.

    :raises SandboxFault: if another version of the sandbox has written it.
    """
    try:
        said: dict[str, Any] = json.loads(folder.record.read_text())
        parts = {name: Running(**running) for name, running in said.pop("parts").items()}
        lists = {name: tuple(said[name]) for name in ("extras", "images")}
        return Record(**{**said, **lists, "phase": Phase(said["phase"]), "parts": parts})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as odd:
        raise SandboxFault(f"{folder.record} is not of this version of the sandbox; `down` removes it.") from odd
