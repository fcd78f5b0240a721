"""Reads tar archives from strangers: regular files and folders in plain form, everything else is a fault.

The standard library's reader is made to take anything (sparse files, links, negative sizes, headers that cost minutes
to parse); what a chart needs is little, so this takes only that and stops at the first oddity.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

BLOCK: Final = 512
LONGEST_HEADER: Final = 64 * 1024
_OCTAL: Final = re.compile(rb"[ \0]*([0-7]+)[ \0]*")
_KINDS: Final = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a pipe",
    b"K": "a link with a long name",
    b"S": "a sparse file",
}

Read = Callable[[int], bytes]


class TarFault(Exception):
    """The archive is damaged, or holds what no chart may hold; the text says what, without its place."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file or folder; a file's data is read already."""

    path: str
    is_folder: bool
    data: bytes


def members(read: Read, one_file: int) -> Iterator[Member]:
    """Every member in order. ``read`` gives up to so many bytes, fewer only at the end; may raise what it wants."""
    path: str | None = None
    while header := _header(read):
        size, kind = _number(header[124:136]), header[156:157]
        if kind in {b"x", b"g", b"L"}:
            extra = _data(read, size, LONGEST_HEADER, "a header")
            path = _announced(kind, extra, path)
            continue
        name, path = path if path is not None else _name(header), None
        if kind not in {b"0", b"\0", b"7", b"5"}:
            raise TarFault(f"{name[:200]!r} is {_KINDS.get(kind, f'of the unknown type {kind!r}')}")
        data = _data(read, size, one_file, repr(name[:200]))
        yield Member(name, kind == b"5" or name.endswith("/"), data)


def _header(read: Read) -> bytes:
    """The next header; empty at the archive's end."""
    block = read(BLOCK)
    if len(block) not in {0, BLOCK}:
        raise TarFault("the archive ends in the middle of a header")
    if not block.strip(b"\0"):
        return b""
    told = _number(block[148:156])
    if told != sum(block[:148]) + 8 * ord(" ") + sum(block[156:]):
        raise TarFault("a header is damaged (checksum)")
    return block


def _number(field: bytes) -> int:
    """A size or checksum; only plain octal, since nothing a chart holds needs more digits."""
    form = _OCTAL.fullmatch(field)
    if form is None:
        raise TarFault("a header is damaged (number)")
    return int(form[1], 8)


def _data(read: Read, size: int, limit: int, what: str) -> bytes:
    if size > limit:
        raise TarFault(f"{what} has {size} bytes; {limit} are allowed")
    padded = -(-size // BLOCK) * BLOCK
    data = read(padded)
    if len(data) != padded:
        raise TarFault(f"the archive ends in the middle of {what}")
    return data[:size]


def _name(header: bytes) -> str:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _announced(kind: bytes, extra: bytes, before: str | None) -> str | None:
    """The path that a header gives to the member after it."""
    if kind == b"L":
        return _text(extra.rstrip(b"\0"))
    told = dict(_records(extra))
    if any(key.startswith(b"GNU.sparse") for key in told):
        raise TarFault("the archive holds a sparse file")
    if b"size" in told:
        raise TarFault("a file's size stands in a second place")
    return before if kind == b"g" or b"path" not in told else _text(told[b"path"])


def _records(extra: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a pax header: ``LENGTH KEY=VALUE`` and a newline each, the length counting itself."""
    while extra:
        length, space, _ = extra[:24].partition(b" ")
        if not (space and length.isdigit() and len(length) < 8 and len(length) + 3 <= int(length) <= len(extra)):
            raise TarFault("a header is damaged (pax)")
        record, extra = extra[len(length) + 1 : int(length)], extra[int(length) :]
        key, equals, value = record.partition(b"=")
        if not equals or not record.endswith(b"\n"):
            raise TarFault("a header is damaged (pax)")
        yield key, value[:-1]


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TarFault(f"the name {raw[:200]!r} is no UTF-8") from error
