"""The link between this machine and a real node: one virtual cable, one subnet, seen from both ends.

This machine has the first address of the subnet, the node the second, its pods the rest. All of them are neighbours on
the node's bridge, so nothing is routed, forwarded or translated, and nothing of this machine's own is changed.
"""

import hashlib
import ipaddress
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.build import cache_folder
from sandbox.faults import SandboxFault
from sandbox.locks import exclusively

_RANGE: Final = ipaddress.IPv4Network("10.213.0.0/16")
# As many ranges as there are subnets, so that this machine reaches the services of each sandbox, and thousands in each.
_SERVICES: Final = ipaddress.IPv4Network("10.224.0.0/12")
_OF_ONE: Final = 20
BRIDGE: Final = "cni0"


@dataclass(frozen=True, slots=True)
class Subnet:
    """The addresses of one sandbox with a real node: the neighbours' network, and the range of services behind it."""

    network: ipaddress.IPv4Network

    @classmethod
    def around(cls, host: str) -> "Subnet":
        """The subnet this address is in."""
        return cls(ipaddress.IPv4Network(f"{host}/24", strict=False))

    @property
    def host(self) -> str:
        """The address of this machine."""
        return str(self.network[1])

    @property
    def node(self) -> str:
        """The node's address."""
        return str(self.network[2])

    @property
    def services(self) -> ipaddress.IPv4Network:
        """The range of its services, which no other subnet has."""
        number = self.network.network_address.packed[2]
        return ipaddress.IPv4Network((int(_SERVICES[0]) + number * 2 ** (32 - _OF_ONE), _OF_ONE))

    @property
    def pods(self) -> tuple[str, str]:
        """The first and the last address of pods."""
        return str(self.network[10]), str(self.network[250])


def link_name(folder: Path) -> str:
    """The name of this machine's end, known from the folder alone so that it is found without any record."""
    return f"lls{hashlib.sha256(str(folder).encode()).hexdigest()[:10]}"


def reserve(folder: Path, wanted: Subnet | None = None) -> Subnet:
    """Make the link, both ends still here, with a subnet that nothing on this machine uses, or the wanted one.

    :raises SandboxFault: if there is none left.
    """
    name = link_name(folder)
    with exclusively(cache_folder() / "network.lock", waiting_for="another sandbox that chooses its addresses"):
        subnet = wanted or _free_subnet()
        _ip("link", "add", name, "type", "veth", "peer", "name", _far_end(name))
        _ip("address", "add", f"{subnet.host}/24", "dev", name)
        _ip("link", "set", name, "up")
    return subnet


def connect(folder: Path, subnet: Subnet, services: str, namespaces_of: int) -> None:
    """Give the far end to the node: its bridge, its address and its neighbours, all in that process's namespace.

    Services are on the node's side; this machine finds them there.
    """
    far = _far_end(link_name(folder))
    _ip("link", "set", far, "netns", str(namespaces_of))
    for command in (
        ("link", "set", "lo", "up"),
        ("link", "add", BRIDGE, "type", "bridge"),
        ("address", "add", f"{subnet.node}/24", "dev", BRIDGE),
        ("link", "set", far, "master", BRIDGE, "up"),
        ("link", "set", BRIDGE, "up"),
        ("route", "add", "default", "via", subnet.host),
    ):
        _run("nsenter", f"--target={namespaces_of}", "--net", "--", "ip", *command)
    _ip("route", "add", services, "via", subnet.node)


def exists(folder: Path) -> bool:
    """Whether this machine's end is there."""
    return Path("/sys/class/net", link_name(folder)).exists()


def remove(folder: Path) -> None:
    """Remove both ends, wherever the other one is."""
    if exists(folder):
        subprocess.run(["ip", "link", "delete", link_name(folder)], capture_output=True, check=False)


def _far_end(name: str) -> str:
    return f"llu{name.removeprefix('lls')}"


def _free_subnet() -> Subnet:
    used = [ipaddress.IPv4Network(text, strict=False) for text in _addresses_in_use()]
    for subnet in map(Subnet, _RANGE.subnets(new_prefix=24)):
        wanted = (subnet.network, subnet.services)
        if not any(one.overlaps(other) for one in wanted for other in used if other.prefixlen > 0):
            return subnet
    raise SandboxFault(f"No subnet of {_RANGE} is free for a real node; `ip route` shows who has them.")


def _addresses_in_use() -> list[str]:
    routes = json.loads(_ip("-json", "-4", "route", "show", "table", "all") or "[]")
    addresses = json.loads(_ip("-json", "-4", "address", "show") or "[]")
    here = [f"{one['local']}/{one['prefixlen']}" for link in addresses for one in link.get("addr_info", [])]
    return here + [route["dst"] for route in routes if route["dst"][0].isdigit()]


def _ip(*arguments: str) -> str:
    return _run("ip", *arguments)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SandboxFault(f"The node's network could not be made. `{' '.join(command)}` says: {done.stderr.strip()}")
    return done.stdout
