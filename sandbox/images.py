"""Container images made of one static busybox: a pause image, and an application that behaves as its tag says.

All share one layer and differ in their environment alone. They are written as a docker archive, for containerd, and can
be pushed into a registry.
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sandbox.packages import BUSYBOX

PORT: Final = 8080
PAUSE: Final = "localhost/pause:1"
_SCRIPTS: Final = Path(__file__).parent / "app"
_APPLETS: Final = ("sh", "cat", "date", "dd", "kill", "ls", "mkdir", "nc", "printf", "sleep", "wc", "wget")
_NOBODY: Final = "65534:65534"
_WELL: Final = {
    "BEHAVIOUR": "ok",
    "AFTER": "0",
    "VERSION": "1",
    "PORT": str(PORT),
    "ERROR_PERCENT": "0",
    "DRAIN": "1",
    "EAT": "512M",
}
# Tag of the application's image, and how it differs from a good one.
BEHAVIOURS: Final[dict[str, dict[str, str]]] = {
    "1": {"VERSION": "1"},
    "2": {"VERSION": "2"},
    "3": {"VERSION": "3"},
    "crash": {"BEHAVIOUR": "crash"},
    "oom": {"BEHAVIOUR": "oom"},
    "unready": {"BEHAVIOUR": "unready"},
    "sick": {"BEHAVIOUR": "sick", "AFTER": "5"},
    "faulty": {"ERROR_PERCENT": "50"},
}


@dataclass(frozen=True, slots=True)
class Image:
    """One image: its short name such as `app:1`, and the settings a container of it runs with."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def local(self) -> str:
        """The reference under which a real node has it, pulled from nowhere."""
        return f"localhost/{self.name}"

    def config(self, layer: str) -> bytes:
        """The image's configuration for a layer of this digest."""
        return _json(
            {
                "architecture": _architecture(),
                "os": "linux",
                "config": {
                    "User": _NOBODY,
                    "Env": ["PATH=/bin", *(f"{name}={value}" for name, value in self.environment.items())],
                    "Entrypoint": list(self.command),
                    "WorkingDir": "/",
                },
                "rootfs": {"type": "layers", "diff_ids": [layer]},
                "history": [{"created_by": "landlord-sandbox"}],
            }
        )


IMAGES: Final = (
    # A process of number 1 that reaps nothing; nobody here shares process namespaces.
    Image("pause:1", ("/bin/sleep", "2147483647")),
    *(Image(f"app:{tag}", ("/app/run.sh",), {**_WELL, **differs, "TAG": tag}) for tag, differs in BEHAVIOURS.items()),
)


def digest(content: bytes) -> str:
    """The name of a blob."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer(busybox: Path = BUSYBOX) -> bytes:
    """The one layer: busybox, its names, the application's scripts, and a /tmp for everybody; the same on each call."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for folder, mode in (("bin", 0o755), ("app", 0o755), ("tmp", 0o1777)):
            _add(tar, folder, mode=mode, kind=tarfile.DIRTYPE)
        _add(tar, "bin/busybox", busybox.read_bytes())
        for applet in _APPLETS:
            _add(tar, f"bin/{applet}", kind=tarfile.SYMTYPE, target="busybox")
        for script in sorted(_SCRIPTS.glob("*.sh")):
            _add(tar, f"app/{script.name}", script.read_bytes())
    return packed.getvalue()


def write_archive(path: Path, content: bytes) -> None:
    """All images in one docker archive, with `content` as their layer."""
    name = digest(content)
    described: list[dict[str, Any]] = []
    with tarfile.open(path, "w") as tar:
        _add(tar, f"{name.partition(':')[2]}.tar", content, mode=0o644)
        for image in IMAGES:
            config = image.config(name)
            file = f"{digest(config).partition(':')[2]}.json"
            _add(tar, file, config, mode=0o644)
            described.append({"Config": file, "RepoTags": [image.local], "Layers": [f"{name.partition(':')[2]}.tar"]})
        _add(tar, "manifest.json", _json(described), mode=0o644)


def manifest(config: bytes, content: bytes) -> bytes:
    """The OCI manifest of an image, as a registry keeps it."""
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _described("application/vnd.oci.image.config.v1+json", config),
            "layers": [_described("application/vnd.oci.image.layer.v1.tar", content)],
        }
    )


def _described(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest(blob), "size": len(blob)}


def _json(document: Any) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _architecture() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _add(
    tar: tarfile.TarFile,
    name: str,
    content: bytes = b"",
    *,
    mode: int = 0o755,
    kind: bytes = tarfile.REGTYPE,
    target: str = "",
) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.linkname, entry.size = kind, mode, target, len(content)
    tar.addfile(entry, io.BytesIO(content))
