"""OCI registries on plain HTTP, one open and one that wants a password: how they start and how things get into them."""

import http.client
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sandbox import images
from sandbox.controlplane import Part
from sandbox.faults import SandboxFault
from sandbox.folder import Folder, Record
from sandbox.site import Site

OPEN: Final = "registry"
PRIVATE: Final = "private-registry"
USER: Final = "reader"
PASSWORD: Final = "sandbox"  # noqa: S105 - it guards nothing; tests must know it
_PASSWORD_HASH: Final = "$2y$05$abcdefghijklmnopqrstuuKRCM4P211LOQMG/2wRBo2GyNq4J5CyW"  # noqa: S105 - see above
_SECONDS: Final = 20.0
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"


def open_part(folder: Folder, site: Site) -> Part:
    """The registry for everybody."""
    return _part(OPEN, folder, site)


def private_part(folder: Folder, site: Site) -> Part:
    """The registry that wants a password for everything."""
    return _part(PRIVATE, folder, site)


def address_of(name: str, site: Site) -> str | None:
    """Host and port of one registry, as they stand in a reference; None if the sandbox has none of this name."""
    return f"{site.host}:{site.ports[name]}" if name in site.extras else None


def addresses(site: Site) -> tuple[str, ...]:
    """The addresses of all registries that the sandbox has."""
    return tuple(address for name in (OPEN, PRIVATE) if (address := address_of(name, site)))


def write_configuration(folder: Folder, site: Site) -> None:
    """Write what the registries are configured with; JSON is YAML too."""
    passwords = folder.config / "registry.htpasswd"
    passwords.write_text(f"{USER}:{_PASSWORD_HASH}\n")
    for name in {OPEN, PRIVATE} & set(site.extras):
        document: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(folder.path / name)}, "delete": {"enabled": True}},
            "http": {"addr": address_of(name, site)},
        }
        if name == PRIVATE:
            document["auth"] = {"htpasswd": {"realm": "sandbox", "path": str(passwords)}}
        (folder.config / f"{name}.yaml").write_text(json.dumps(document, indent=1))


def is_ready(address: str) -> bool:
    """Whether the registry takes requests, or says that it wants a password for them."""
    try:
        return _request(address, "GET", "/v2/")[0] in {http.client.OK, http.client.UNAUTHORIZED}
    except OSError:
        return False


def push_images(address: str) -> tuple[str, ...]:
    """Push the sandbox's own images; returns their references in the registry."""
    content = images.layer()
    name = images.digest(content)
    return tuple(push_image(address, image.name, image.config(name), content) for image in images.IMAGES)


def push_image(address: str, name: str, config: bytes, content: bytes) -> str:
    """Push an image of one layer under a name such as `app:1`; returns its reference."""
    repository, _, tag = name.partition(":")
    for blob in (config, content):
        _push_blob(address, repository, blob)
    body = images.manifest(config, content)
    path = f"/v2/{repository}/manifests/{tag}"
    status, _ = _request(address, "PUT", path, body, {"Content-Type": _MANIFEST})
    _expect(status, http.client.CREATED, path)
    return f"{address}/{repository}:{tag}"


def push_chart(
    record: Record, chart: Path, *, under: str = "charts", version: str | None = None, private: bool = False
) -> str:
    """Push a chart, a folder or a packed one, with Helm; returns what an AppRelease names as its repository.

    :param version: packs the folder under this version instead of its own.
    :param private: pushes it into the registry that wants a password.
    """
    with tempfile.TemporaryDirectory() as scratch:
        packed = chart if chart.is_file() else _pack(record, chart, Path(scratch), version)
        repository = f"oci://{record.private_registry if private else record.registry}/{under}"
        login = (f"--username={USER}", f"--password={PASSWORD}") if private else ()
        _helm(record, Path(scratch), "push", str(packed), repository, "--plain-http", *login)
    return repository


def _part(name: str, folder: Folder, site: Site) -> Part:
    address = address_of(name, site)
    return Part(name, "registry", ("serve", str(folder.config / f"{name}.yaml")), f"http://{address}")


def _pack(record: Record, chart: Path, scratch: Path, version: str | None) -> Path:
    _helm(
        record, scratch, "package", str(chart), f"--destination={scratch}", *([f"--version={version}"] * bool(version))
    )
    (packed,) = scratch.glob("*.tgz")
    return packed


def _helm(record: Record, home: Path, *arguments: str) -> None:
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([record.helm, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SandboxFault(f"helm {arguments[0]} failed: {done.stderr.strip()}")


def _push_blob(address: str, repository: str, blob: bytes) -> None:
    name = images.digest(blob)
    if _request(address, "HEAD", f"/v2/{repository}/blobs/{name}")[0] == http.client.OK:
        return
    path = f"/v2/{repository}/blobs/uploads/"
    status, headers = _request(address, "POST", path)
    _expect(status, http.client.ACCEPTED, path)
    place = headers["Location"].removeprefix(f"http://{address}")
    place += f"{'&' if '?' in place else '?'}digest={quote(name)}"
    status, _ = _request(address, "PUT", place, blob, {"Content-Type": "application/octet-stream"})
    _expect(status, http.client.CREATED, path)


def _expect(status: int, wanted: int, path: str) -> None:
    if status != wanted:
        raise SandboxFault(f"The registry answered {status} to {path}.")


def _request(
    address: str, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection(address, timeout=_SECONDS)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        response.read()
        return response.status, response.headers
    finally:
        connection.close()
