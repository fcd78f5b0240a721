"""Packages of charts as somebody packs them who means harm, and the words in which each is refused."""

import gzip
import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MIB = 1024 * 1024
NAME = "rotten"
HEAD = b"apiVersion: v2\nname: rotten\nversion: 1.0.0\n"


@dataclass(frozen=True, slots=True)
class Item:
    """One member of an archive."""

    path: str
    data: bytes = b""
    kind: bytes = tarfile.REGTYPE
    leads_to: str = ""


@dataclass(frozen=True, slots=True)
class Rotten:
    """A chart that holds more than it should; ``words`` are in the refusal."""

    what: str
    words: str
    items: tuple[Item, ...] = ()
    head: Item = field(default_factory=lambda: Item(f"{NAME}/Chart.yaml", HEAD))

    def packed(self) -> bytes:
        """The archive."""
        return pack(self.head, *self.items)

    def __str__(self) -> str:
        return self.what


def pack(*items: Item) -> bytes:
    """A gzipped archive of exactly these members, well-behaved or not."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for item in items:
            entry = tarfile.TarInfo(item.path)
            entry.size, entry.type, entry.linkname = len(item.data), item.kind, item.leads_to
            tar.addfile(entry, io.BytesIO(item.data))
    return gzip.compress(written.getvalue(), mtime=0)


def sound() -> bytes:
    """The chart as it would be without harm: one ConfigMap."""
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sound}\n"
    return Rotten("", "", (Item(f"{NAME}/templates/a.yaml", text),)).packed()


def _template(name: str, **other: object) -> Item:
    return Item(f"{NAME}/templates/{name}", **other)  # type: ignore[arg-type] # fields of Item


def every() -> Iterator[Rotten]:
    """All of them."""
    yield Rotten("symbolic link", "symbolic link", (_template("a", kind=tarfile.SYMTYPE, leads_to="/etc/passwd"),))
    yield Rotten("hard link", "hard link", (_template("a", kind=tarfile.LNKTYPE, leads_to=f"{NAME}/Chart.yaml"),))
    yield Rotten("device", "device", (_template("a", kind=tarfile.CHRTYPE),))
    yield Rotten("pipe", "pipe", (_template("a", kind=tarfile.FIFOTYPE),))
    yield Rotten("large file", "are allowed", (Item(f"{NAME}/files/a", b"x" * (5 * MIB + 1)),))
    yield Rotten("bomb", "unpacked", tuple(Item(f"{NAME}/files/{number}", bytes(5 * MIB)) for number in range(7)))
    yield Rotten("crowd", "more than 4096 files", tuple(Item(f"{NAME}/files/{number}") for number in range(4100)))
    yield Rotten("way out", "not plain", (Item(f"{NAME}/../../../tmp/a", b"x"),))
    yield Rotten("absolute path", "absolute", (Item("/etc/cron.d/a", b"x"),))
    yield Rotten("second folder", "one folder", (Item("other/templates/a.yaml", b"x"),))
    yield Rotten("file twice", "twice", (_template("a", data=b"x"), _template("a", data=b"y")))
    yield Rotten(
        "another name", "names another chart", head=Item(f"{NAME}/Chart.yaml", HEAD.replace(b"rotten", b"web"))
    )
    yield Rotten("another version", "says version", head=Item(f"{NAME}/Chart.yaml", HEAD.replace(b"1.0.0", b"2.0.0")))
    yield Rotten(
        "schema that reads files",
        "values.schema.json",
        (Item(f"{NAME}/values.schema.json", b'{"$ref": "file:///etc/passwd"}'),),
    )


ROTTEN: tuple[Rotten, ...] = tuple(every())
NO_ARCHIVES: dict[str, Callable[[], bytes]] = {
    "no gzip": lambda: b"apiVersion: v2",
    "cut off": lambda: sound()[:80],
    "nothing": lambda: gzip.compress(b""),
}
