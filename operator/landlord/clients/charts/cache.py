"""Checked packages on disk, each content once, named by its digest; what is found there is checked again once.

``content/HEX.tgz`` are the packages, ``known/HEX`` say which content the bytes at some place hold. Neither is believed
after a restart before the package has been looked into anew. Nothing here waits, but all of it reads and writes
files: not for the event loop.
"""

import os
import re
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from landlord.api.failures import Transient
from landlord.api.releases import Chart
from landlord.clients.charts.archive import Package, inspect
from landlord.clients.charts.faults import ChartUnfit
from landlord.clients.charts.limits import Limits

_HEX: Final = re.compile(r"[0-9a-f]{64}")
_FILES_REMEMBERED: Final = 100_000
"""Over all charts; what is not remembered is looked into anew when it is asked for."""
_KNOWN_KEPT: Final = 8192


@dataclass(frozen=True, slots=True)
class _Verified:
    """A chart whose file was looked into, and the file as it was then."""

    chart: Chart
    seal: tuple[int, int, int]


class Cache:
    """A directory that only this process writes. Sizes are bounded; what was used longest ago goes first."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        self._content = directory / "content"
        self._known = directory / "known"
        self._limits = limits
        self._lock = threading.Lock()
        self._verified: OrderedDict[str, _Verified] = OrderedDict()
        self._ready = False

    def find(self, key: str, name: str, version: str) -> Chart | None:
        """The chart that the bytes called ``key`` hold, if it is here and whole."""
        with self._lock, _told("read"):
            self._prepare()
            digest = self._content_of(key)
            return None if digest is None else self._chart(digest, name, version)

    def put(self, key: str, package: Package) -> Chart:
        """Keep a package, known by ``key`` unless that is empty."""
        digest = package.digest.removeprefix("sha256:")
        with self._lock, _told("written"):
            self._prepare()
            if (chart := self._chart(digest, package.name, package.version)) is None:
                _write(self._path(digest), package.packed)
                chart = self._remember(digest, package)
            if key:
                _write(self._known / _hashed(key), digest.encode())
            self._make_room(digest)
            return chart

    def _prepare(self) -> None:
        if self._ready:
            return
        for folder in (self._content, self._known):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in folder.glob("*.part"):
                left.unlink(missing_ok=True)
        self._ready = True

    def _path(self, digest: str) -> Path:
        return self._content / f"{digest}.tgz"

    def _content_of(self, key: str) -> str | None:
        path = self._known / _hashed(key)
        try:
            digest = path.read_text("ascii")
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        if key and _HEX.fullmatch(digest):
            return digest
        path.unlink(missing_ok=True)
        return None

    def _chart(self, digest: str, name: str, version: str) -> Chart | None:
        """The chart in a file; a file that is not what its name says is dropped."""
        path = self._path(digest)
        try:
            seal = _seal(path)
        except FileNotFoundError:
            self._verified.pop(digest, None)
            return None
        held = self._verified.get(digest)
        if held is None or held.seal != seal:
            held = self._verify(path, digest, name, version)
        if held is None or held.chart.name != name:
            return None
        self._verified.move_to_end(digest)
        _use(path)
        return held.chart

    def _verify(self, path: Path, digest: str, name: str, version: str) -> _Verified | None:
        self._verified.pop(digest, None)
        try:
            package = inspect(path.read_bytes(), name, version, self._limits)
        except ChartUnfit:
            package = None
        if package is None or package.digest != f"sha256:{digest}":
            path.unlink(missing_ok=True)
            return None
        self._remember(digest, package)
        return self._verified[digest]

    def _remember(self, digest: str, package: Package) -> Chart:
        path = self._path(digest)
        chart = Chart(
            str(path), package.digest, package.name, package.version, package.app_version, dict(package.files)
        )
        self._verified[digest] = _Verified(chart, _seal(path))
        count = sum(len(held.chart.files) for held in self._verified.values())
        while count > _FILES_REMEMBERED:
            _, oldest = self._verified.popitem(last=False)
            count -= len(oldest.chart.files)
        return chart

    def _make_room(self, newest: str) -> None:
        """Remove what was used longest ago; what a Helm process may be about to read only when it is far too much."""
        held = [(status.st_atime_ns, status.st_size, path) for path, status in _listed(self._content)]
        too_much = sum(size for _, size, _ in held) - self._limits.cache
        recent = time.time_ns() - int(self._limits.grace * 1e9)
        for used, size, path in sorted(held):
            if too_much <= 0 or path.stem == newest or (used > recent and too_much <= self._limits.cache):
                continue
            path.unlink(missing_ok=True)
            self._verified.pop(path.stem, None)
            too_much -= size
        self._forget()

    def _forget(self) -> None:
        """Keep the number of known places bounded."""
        known = sorted((status.st_mtime_ns, path) for path, status in _listed(self._known))
        for _, path in known[: max(0, len(known) - _KNOWN_KEPT)]:
            path.unlink(missing_ok=True)


@contextmanager
def _told(doing: str) -> Iterator[None]:
    """Trouble with the disk, as something that may pass."""
    try:
        yield
    except OSError as error:
        raise Transient(f"The cache of charts could not be {doing}: {error.strerror or error}.") from error


def _hashed(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def _seal(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _use(path: Path) -> None:
    with suppress(FileNotFoundError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _listed(folder: Path) -> list[tuple[Path, os.stat_result]]:
    return [(path, path.stat()) for path in folder.iterdir() if path.suffix != ".part"]
