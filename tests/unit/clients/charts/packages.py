"""Chart packages for tests: good ones in several hands' writing, and raw archives for bad ones."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping

HEAD = "apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: '7'\n"


def head(name: str = "web", version: str = "1.2.3", more: str = "") -> bytes:
    """A Chart.yaml."""
    return (HEAD.format(name=name, version=version) + more).encode()


def contents(name: str = "web", version: str = "1.2.3") -> dict[str, bytes]:
    """The files of a small chart."""
    return {
        "Chart.yaml": head(name, version),
        "values.yaml": b"replicas: 1\n",
        "templates/deployment.yaml": b"kind: Deployment\n",
    }


def entry(path: str, data: bytes = b"", **more: object) -> tuple[tarfile.TarInfo, bytes]:
    """A member of an archive, with any attribute of ``tarfile.TarInfo``."""
    info = tarfile.TarInfo(path)
    info.size = len(data)
    for name, value in more.items():
        setattr(info, name, value)
    return info, data


def archive(
    members: Iterable[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.USTAR_FORMAT, level: int = 9
) -> bytes:
    """A tgz of exactly these members."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=level) as stream,
        tarfile.open(fileobj=stream, mode="w", format=form) as tar,
    ):
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def package(files: Mapping[str, bytes] | None = None, name: str = "web", **more: object) -> bytes:
    """A tgz of a chart."""
    held = contents(name) if files is None else files
    return archive(entry(f"{name}/{path}", data, **more) for path, data in held.items())
