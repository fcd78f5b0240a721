"""A TCP proxy before the API server that can break, stall and refuse connections, as networks do."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml


@dataclass
class Network:
    """What lies between a client and the API server. `kubeconfig` leads through it."""

    host: str
    port: int
    kubeconfig: Path
    refusing: bool = False
    refused: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    flowing: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        """Break every connection; new ones are let through."""
        for writer in list(self.open):
            writer.transport.abort()

    def go_down(self) -> None:
        """Break every connection and refuse new ones."""
        self.refusing = True
        self.cut()

    def come_up(self) -> None:
        """Let connections through, and bytes in them."""
        self.refusing = False
        self.flowing.set()

    def stall(self) -> None:
        """Keep connections open, but let no byte pass: what a lost route looks like."""
        self.flowing.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client, to its end."""
        if self.refusing:
            self.refused += 1
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection(self.host, self.port)
        pair = {writer, back}
        self.open |= pair
        try:
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        finally:
            self.open -= pair
            for end in pair:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                await self.flowing.wait()
                writer.write(chunk)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def network(kubeconfig: str, folder: Path) -> AsyncIterator[Network]:
    """A network to the cluster of `kubeconfig`, in good order at first."""
    document = yaml.safe_load(Path(kubeconfig).read_text())
    cluster = document["clusters"][0]["cluster"]
    server = urlsplit(cluster["server"])
    through = Network(str(server.hostname), int(server.port or 443), folder / "through-the-network.kubeconfig")
    through.flowing.set()
    listening = await asyncio.start_server(through.serve, "127.0.0.1", 0)
    cluster["server"] = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    through.kubeconfig.write_text(json.dumps(document))
    try:
        yield through
    finally:
        listening.close()
        through.flowing.set()
        through.cut()
