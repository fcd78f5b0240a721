"""What real clusters have beside Kubernetes itself, for the real node: services, names and volumes, in one process."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from sandbox.api import Api
from sandbox.controlplane import Part
from sandbox.dns import DOMAIN, NameServer
from sandbox.folder import Folder
from sandbox.services import Relay, routes, zone
from sandbox.site import Site
from sandbox.volumes import CLASS_PATH, serve, storage_class

NAME: Final = "node-addons"
_EVERY: Final = 0.5
_PORT: Final = 53


def part(folder: Folder, site: Site) -> Part:
    """The process, in the node's network but with this machine's files, where its interpreter is."""
    root = str(Path(__file__).parent.parent)
    code = f"import sys; sys.path.insert(0, {root!r}); from sandbox.addons import main; main()"
    arguments = ("-c", code, str(folder.path), site.host, str(site.ports["kube-apiserver"]), str(site.node))
    return Part(NAME, sys.executable, arguments, f"udp://{site.node}:{_PORT}", inside="network")


def main() -> None:
    """Serve until killed."""
    folder, host, port, node = sys.argv[1:]
    asyncio.run(_serve(Folder.at(folder), host, int(port), node))


async def _serve(folder: Folder, host: str, port: int, node: str) -> None:
    api = Api.as_admin(port, folder.pki, host, "addons")
    relay = Relay()
    loop = asyncio.get_running_loop()
    _, names = await loop.create_datagram_endpoint(NameServer, local_addr=(node, _PORT))
    api.create(CLASS_PATH.rpartition("/")[0], storage_class())
    await asyncio.gather(
        _again_and_again(lambda: _look_at_services(api, relay, names)),
        _again_and_again(lambda: asyncio.to_thread(serve, api, folder.path / "node" / "lib" / "volumes")),
    )


async def _look_at_services(api: Api, relay: Relay, names: NameServer) -> None:
    services = await asyncio.to_thread(api.items, "/api/v1/services")
    slices = await asyncio.to_thread(api.items, "/apis/discovery.k8s.io/v1/endpointslices")
    if services and slices:  # none at all means that nobody answered: those of `kubernetes` are always there
        names.names = zone(services, slices, DOMAIN)
        await relay.follow(routes(services, slices))


async def _again_and_again(look: Callable[[], Awaitable[None]]) -> None:
    while True:
        await look()
        await asyncio.sleep(_EVERY)
