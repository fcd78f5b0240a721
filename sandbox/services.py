"""Services of the real node: what stands behind each, and a relay that listens at their addresses.

A kube-proxy would write rules for the kernel and need packages for it. Here the addresses are the node's own, and each
connection is passed on to one ready endpoint. TCP alone.
"""

import asyncio
import random
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

Object = dict[str, Any]
Address = tuple[str, int]
Routes = dict[Address, tuple[Address, ...]]

_CONNECT_SECONDS: Final = 2.0
_CHUNK: Final = 65536


def routes(services: Sequence[Object], slices: Sequence[Object]) -> Routes:
    """Each service's address and port, with the endpoints behind it that are ready."""
    found: Routes = {}
    for service in services:
        address = service["spec"].get("clusterIP")
        if not address or address == "None":
            continue
        for port in service["spec"].get("ports", []):
            if port.get("protocol", "TCP") == "TCP":
                found[address, port["port"]] = tuple(sorted(set(_behind(service, port.get("name") or "", slices))))
    return found


def zone(services: Sequence[Object], slices: Sequence[Object], domain: str) -> dict[str, list[str]]:
    """The name of each service with its addresses, and of each endpoint that has a name of its own."""
    names: dict[str, list[str]] = {}
    for service in services:
        meta, address = service["metadata"], service["spec"].get("clusterIP")
        name = f"{meta['name']}.{meta['namespace']}.svc.{domain}"
        unready = bool(service["spec"].get("publishNotReadyAddresses"))
        ready = [one for one in _endpoints(service, slices) if unready or _is_ready(one)]
        names[name] = [address] if address and address != "None" else [ip for one in ready for ip in one["addresses"]]
        names |= {f"{one['hostname']}.{name}": list(one["addresses"]) for one in ready if one.get("hostname")}
    return names


class Relay:
    """Listens at the addresses of all services; must run where these addresses may be taken."""

    def __init__(self) -> None:
        self._routes: Routes = {}
        self._servers: dict[Address, asyncio.Server] = {}
        self._taken: set[str] = set()

    async def follow(self, wanted: Routes) -> None:
        """Listen for exactly these services from now on; connections that are there go on."""
        self._routes = wanted
        for gone in self._servers.keys() - wanted.keys():
            self._servers.pop(gone).close()
        for address in sorted(wanted.keys() - self._servers.keys()):
            self._take(address[0])
            with suppress(OSError):  # tried again at the next look
                self._servers[address] = await self._listen(address)

    async def _listen(self, address: Address) -> asyncio.Server:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._relay(address, reader, writer)

        return await asyncio.start_server(connected, *address)

    def _take(self, address: str) -> None:
        if address not in self._taken:
            subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], capture_output=True, check=False)
            self._taken.add(address)

    async def _relay(self, address: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = await _connect(self._routes.get(address, ()))
        if behind is None:
            writer.transport.abort()
            return
        await asyncio.gather(_pass_on(reader, behind[1]), _pass_on(behind[0], writer))
        for end in (writer, behind[1]):
            end.close()
            with suppress(OSError):
                await end.wait_closed()


async def _connect(endpoints: Sequence[Address]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """A connection to any endpoint that takes it."""
    for endpoint in random.sample(endpoints, len(endpoints)):
        with suppress(OSError, TimeoutError):
            return await asyncio.wait_for(asyncio.open_connection(*endpoint), _CONNECT_SECONDS)
    return None


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All bytes of one direction, then its end."""
    try:
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.transport.abort()


def _behind(service: Object, port: str, slices: Sequence[Object]) -> Iterator[Address]:
    for one in _slices(service, slices):
        numbers = [known["port"] for known in one.get("ports") or [] if (known.get("name") or "") == port]
        for endpoint in one.get("endpoints") or []:
            if _is_ready(endpoint):
                yield from ((address, number) for address in endpoint["addresses"] for number in numbers)


def _slices(service: Object, slices: Sequence[Object]) -> Iterator[Object]:
    meta = service["metadata"]
    for one in slices:
        labels = one["metadata"].get("labels") or {}
        ours = (one["metadata"]["namespace"], labels.get("kubernetes.io/service-name"))
        if ours == (meta["namespace"], meta["name"]) and one.get("addressType") == "IPv4":
            yield one


def _endpoints(service: Object, slices: Sequence[Object]) -> list[Object]:
    return [endpoint for one in _slices(service, slices) for endpoint in one.get("endpoints") or []]


def _is_ready(endpoint: Mapping[str, Any]) -> bool:
    return bool((endpoint.get("conditions") or {}).get("ready", True))
