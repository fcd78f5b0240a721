"""Which addresses a URL that a tenant wrote may lead to, checked on the very address that is about to be dialled.

A name may answer with another address each time it is asked, so checking it beforehand proves nothing. Here the
check sits in the connector: names are looked up and judged in one step, literal addresses are judged as they are,
and a redirect that somebody should follow passes the same door again.
"""

import contextlib
import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from landlord.api.failures import Refused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_METADATA: Final = tuple(
    ip_network(text) for text in ("169.254.169.254/32", "fd00:ec2::254/128", "100.100.100.200/32", "192.0.0.192/32")
)
_THIS_NETWORK: Final = IPv4Network("0.0.0.0/8")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_TRANSLATED: Final = IPv6Network("64:ff9b:1::/48")
_LEGACY: Final = IPv6Network("::/96")


@dataclass(frozen=True, slots=True)
class Allow:
    """What may be reached besides public addresses.

    ``networks`` may be reached whatever they are, loopback included. ``hosts`` are names (``*.svc.example`` for all
    names below) that may have private addresses. ``private`` lets every name have one. ``denied`` are networks, with
    a port or with None for all ports, that nothing else opens: the API server's. ``denied_names`` are the same by
    name; what they lead to is looked up whenever a connection is made.
    """

    networks: tuple[Network, ...] = ()
    hosts: tuple[str, ...] = ()
    private: bool = False
    denied: tuple[tuple[Network, int | None], ...] = ()
    denied_names: tuple[tuple[str, int | None], ...] = ()

    @classmethod
    def of(
        cls,
        entries: Iterable[str] = (),
        *,
        private: bool = False,
        denied: Iterable[tuple[str, int | None]] = (),
    ) -> "Allow":
        """The same from texts: each of ``entries`` is a network, an address or a name, as are those of ``denied``."""
        networks, hosts = [], []
        for entry in entries:
            network = network_of(entry)
            if network is None:
                hosts.append(entry.lower())
            else:
                networks.append(network)
        shut = [(network_of(place), place, port) for place, port in denied if place]
        return cls(
            tuple(networks),
            tuple(hosts),
            private,
            tuple((network, port) for network, _, port in shut if network is not None),
            tuple((place, port) for network, place, port in shut if network is None),
        )


def host_matches(host: str, patterns: Iterable[str]) -> bool:
    """Whether a host is one of the names, ``*.example.org`` standing for every name below example.org."""
    host = host.lower().rstrip(".")
    return any(
        host.endswith(pattern[1:]) and len(host) > len(pattern) - 1 if pattern.startswith("*.") else host == pattern
        for pattern in (each.lower().rstrip(".") for each in patterns)
    )


def check_address(address: str, host: str, port: int, allow: Allow) -> None:
    """Raise ``Refused`` unless ``host`` may be reached at ``address``."""
    plain = _unwrapped(ip_address(address.partition("%")[0]))
    named = any(host_matches(host, (name,)) and wanted in {None, port} for name, wanted in allow.denied_names)
    if named or any(_within(plain, network) and wanted in {None, port} for network, wanted in allow.denied):
        raise Refused(f"{host} leads to {plain}, the Kubernetes API server; that is not reachable from here.")
    if any(_within(plain, network) for network in allow.networks):
        return
    if special := _special(plain):
        raise Refused(f"{host} leads to {plain}, {special}; that is never reachable from here.")
    if not (plain.is_global or allow.private or host_matches(host, allow.hosts)):
        raise Refused(
            f"{host} leads to {plain}, a private address; the platform has to allow that network or host first."
        )


def guarded_connector(
    allow: Allow, *, resolver: AbstractResolver | None = None, per_host: int = 8
) -> "GuardedConnector":
    """A connector for ``aiohttp.ClientSession`` that dials only what ``allow`` lets through, else raises ``Refused``.

    ``resolver`` looks names up (default: the system's) and is closed with the connector. ``per_host`` keeps a host
    that hangs from holding all connections. Make it in a running loop.
    """
    return GuardedConnector(allow, resolver or aiohttp.ThreadedResolver(), per_host)


class GuardedConnector(aiohttp.TCPConnector):
    """Dials checked addresses only; ``guarded_connector`` makes one."""

    def __init__(self, allow: Allow, resolver: AbstractResolver, per_host: int) -> None:
        self._guard = _GuardedResolver(allow, resolver)
        super().__init__(resolver=self._guard, use_dns_cache=False, limit=128, limit_per_host=per_host)

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature is aiohttp's
    ) -> aiohttp.connector.Connection:
        """A connection for the request, unless its host is an address that may not be dialled."""
        host = (req.url.host or "").strip("[]")
        if network_of(host) is not None:
            check_address(host, host, req.url.port or 0, await self._guard.allow())
        return await super().connect(req, traces, timeout)

    async def close(self, *, abort_ssl: bool = False) -> None:
        """Close every connection and the resolver."""
        await super().close(abort_ssl=abort_ssl)
        await self._guard.close()


class _GuardedResolver(AbstractResolver):
    """Looks names up and judges every answer: one bad address among several refuses the name."""

    def __init__(self, allow: Allow, inner: AbstractResolver) -> None:
        self._allow = allow
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The checked addresses of a name."""
        allow = await self.allow()
        found = await self._inner.resolve(host, port, family)
        for one in found:
            check_address(one["host"], host, port, allow)
        return found

    async def allow(self) -> Allow:
        """What is allowed, the names that are denied looked up."""
        shut = list(self._allow.denied)
        for name, port in self._allow.denied_names:
            with contextlib.suppress(OSError):
                shut += [(ip_network(one["host"].partition("%")[0]), port) for one in await self._inner.resolve(name)]
        return replace(self._allow, denied=tuple(shut))

    async def close(self) -> None:
        """Close the resolver within."""
        await self._inner.close()


def network_of(text: str) -> Network | None:
    """The network or address that the text is, in brackets or not; None for anything else, such as a name."""
    try:
        return ip_network(text.strip("[]").partition("%")[0], strict=False)
    except ValueError:
        return None


def _within(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it stands for one."""
    if isinstance(address, IPv4Address):
        return address
    if inner := address.ipv4_mapped or address.sixtofour:
        return inner
    if address in _NAT64 or (address in _LEGACY and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _special(address: Address) -> str:
    """What makes an address one that no tenant's URL may lead to; empty when nothing does."""
    if any(_within(address, network) for network in _METADATA):
        return "a metadata service"
    if _within(address, _THIS_NETWORK) or _within(address, _TRANSLATED) or address.is_unspecified:
        return "no address of a host"
    for kind, words in (
        ("is_loopback", "this machine itself"),
        ("is_link_local", "a link-local address"),
        ("is_site_local", "a site-local address"),
        ("is_multicast", "a multicast address"),
        ("is_reserved", "a reserved address"),
    ):
        if getattr(address, kind, False):
            return words
    return ""
