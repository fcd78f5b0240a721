"""Looks into a chart's package before Helm does: bounded, plain, complete, and the chart that was asked for.

What passes is packed anew, so that Helm reads an archive of ours whose every header we wrote.
"""

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from typing import Final

from landlord.clients.charts.faults import CHART, ChartUnfit
from landlord.clients.charts.limits import Limits
from landlord.clients.charts.outline import OutlineFault, scalars
from landlord.clients.charts.schemas import SchemaFault, check_schema
from landlord.clients.charts.tar import Member, TarFault, members

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\\]")
_SUBCHART: Final = re.compile(r"(?:charts/[^/]+/)*charts/[^/]+\.tgz")
_SCHEMA: Final = re.compile(r"(?:charts/[^/]+/)*values\.schema\.json")
_DEEPEST: Final = 6
_NAME_BYTES: Final = 255
_API_VERSIONS: Final = ("v1", "v2")


@dataclass(frozen=True, slots=True)
class Package:
    """A checked chart: ``packed`` is the archive for Helm, ``files`` the digest of each file by its path."""

    name: str
    version: str
    app_version: str
    digest: str
    files: Mapping[str, str]
    packed: bytes


def inspect(packed: bytes, name: str, version: str, limits: Limits) -> Package:
    """The package, checked; raises ``ChartUnfit``. Costs up to a second: not for the event loop."""
    try:
        contents = _unpack(packed, _Budget(limits), name, _DEEPEST)
        head = scalars(contents.get("Chart.yaml") or _missing())
    except (TarFault, OutlineFault) as fault:
        raise _unfit(name, version, str(fault)) from fault
    _check_head(head, name, version)
    digests = {path: f"sha256:{sha256(data).hexdigest()}" for path, data in sorted(contents.items())}
    digest = content_digest(digests)
    return Package(name, head["version"], head.get("appVersion", ""), digest, digests, _pack(name, contents))


def content_digest(files: Mapping[str, str]) -> str:
    r"""The digest of a chart's content, the same whoever packed it, when, and in which order.

    It is the SHA-256 of what ``sha256sum`` prints of all files, sorted by path; this makes it in a chart's folder:
    ``find -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum``
    """
    lines = sha256()
    for path, digest in sorted((path.encode(), digest) for path, digest in files.items()):
        lines.update(digest.removeprefix("sha256:").encode() + b"  " + path + b"\n")
    return f"sha256:{lines.hexdigest()}"


class _Budget:
    """What is left of sizes and counts, over a package and all packages within it."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._bytes = limits.unpacked
        self._files = limits.files

    def take_bytes(self, count: int) -> None:
        self._bytes -= count
        if self._bytes < 0:
            raise TarFault(f"unpacked it has more than {self.limits.unpacked} bytes")

    def take_file(self) -> None:
        self._files -= 1
        if self._files < 0:
            raise TarFault(f"it holds more than {self.limits.files} files and folders")


def _unpack(packed: bytes, budget: _Budget, top: str | None, depth: int) -> dict[str, bytes]:
    """The files within a package, by their path below its one folder; subcharts' packages are looked into too."""
    if depth < 0:
        raise TarFault("packages lie in packages too deeply")
    found: dict[str, bytes] = {}
    for member in _members(packed, budget):
        budget.take_file()
        folder, path = _split(member, budget.limits)
        top = top or folder
        if folder != top:
            raise TarFault(f"it holds {member.path[:200]!r}; everything must lie in one folder named {top}")
        if member.is_folder or not path:
            continue
        if path in found:
            raise TarFault(f"it holds {path!r} twice")
        found[path] = member.data
    _check_folders(found)
    for path, data in found.items():
        if _SUBCHART.fullmatch(path):
            _unpack(data, budget, None, depth - 1)
        if _SCHEMA.fullmatch(path):
            _look_at_schema(path, data)
    return found


def _look_at_schema(path: str, data: bytes) -> None:
    try:
        check_schema(data)
    except SchemaFault as fault:
        raise TarFault(f"{path} {fault}") from fault


def _members(packed: bytes, budget: _Budget) -> Iterator[Member]:
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:

        def read(count: int) -> bytes:
            budget.take_bytes(count)
            return stream.read(count)

        try:
            yield from members(read, budget.limits.one_file)
        except (OSError, EOFError, zlib.error) as error:
            raise TarFault(f"it is no gzip archive, or a damaged one ({error})") from error


def _split(member: Member, limits: Limits) -> tuple[str, str]:
    """The top folder and the path below it; raises ``TarFault`` for a path that could lead anywhere else."""
    path = member.path.removeprefix("./")
    shown = repr(member.path[:200])
    if len(path.encode()) > limits.path or any(len(part.encode()) > _NAME_BYTES for part in path.split("/")):
        raise TarFault(f"the path {shown} is longer than {limits.path} bytes")
    if path.startswith("/"):
        raise TarFault(f"the path {shown} is absolute")
    parts = (path.removesuffix("/") if member.is_folder else path).split("/")
    if _CONTROL.search(path) or any(part in {"", ".", ".."} for part in parts):
        raise TarFault(f"the path {shown} is not plain")
    if len(parts) == 1 and not member.is_folder:
        raise TarFault(f"the file {shown} lies outside the chart's folder")
    return parts[0], "/".join(parts[1:])


def _check_folders(found: Mapping[str, bytes]) -> None:
    for path in found:
        for folder in accumulate(path.split("/")[:-1], lambda left, right: f"{left}/{right}"):
            if folder in found:
                raise TarFault(f"it holds {folder!r} both as a file and as a folder")


def _check_head(head: Mapping[str, str], name: str, version: str) -> None:
    """Raise ``ChartUnfit`` unless Chart.yaml is the one of the chart that was asked for."""
    if head.get("apiVersion") not in _API_VERSIONS:
        raise _unfit(name, version, f"its apiVersion is {head.get('apiVersion', '')[:50]!r}, not v2")
    if head.get("name") != name:
        raise _unfit(name, version, f"its Chart.yaml names another chart, {head.get('name', '')[:100]!r}")
    if head.get("version", "").removeprefix("v") != version.removeprefix("v"):
        raise _unfit(name, version, f"its Chart.yaml says version {head.get('version', '')[:100]!r}")
    if head.get("type") == "library":
        raise _unfit(name, version, "it is a library chart, which cannot be installed by itself")


def _pack(name: str, contents: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, compresslevel=6) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, data in sorted(contents.items()):
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def _missing() -> bytes:
    raise OutlineFault("it has no Chart.yaml, or an empty one")


def _unfit(name: str, version: str, why: str) -> ChartUnfit:
    return ChartUnfit(CHART, f"The package of chart {name} {version} is not usable: {why}.")
