"""Names for pods: a server that knows the cluster's services and nothing else."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from typing import Final, cast

DOMAIN: Final = "cluster.local"
_A: Final = 1
_TTL: Final = 1
_RESPONSE: Final = 0x8180
_NO_SUCH_NAME: Final = 3


def answer(query: bytes, names: Mapping[str, list[str]]) -> bytes | None:
    """The response to one question; None if it is none that can be read."""
    try:
        identity, _, questions = struct.unpack_from("!HHH", query)
        name, end = _name(query, 12)
        kind, _ = struct.unpack_from("!HH", query, end)
    except (struct.error, IndexError, UnicodeDecodeError):
        return None
    if questions != 1:
        return None
    known = names.get(name.lower())
    addresses = (known or []) if kind == _A else []
    flags = _RESPONSE | (0 if known is not None else _NO_SUCH_NAME)
    header = struct.pack("!HHHHHH", identity, flags, 1, len(addresses), 0, 0)
    # Each record points back at the name in the question.
    records = b"".join(struct.pack("!HHHIH", 0xC00C, _A, 1, _TTL, 4) + socket.inet_aton(ip) for ip in addresses)
    return header + query[12 : end + 4] + records


def _name(query: bytes, at: int) -> tuple[str, int]:
    labels: list[str] = []
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii"))
        at += 1 + length
    return ".".join(labels), at + 1


class NameServer(asyncio.DatagramProtocol):
    """Answers over UDP from `names`, which somebody keeps up to date."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # not a subclass before Python 3.12

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        said = answer(data, self.names)
        if said and self._transport:
            self._transport.sendto(said, addr)
