"""Where an HTTP check leads: a Service of the tenant's, or a host that the platform lets tenants reach. Never else."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from yarl import URL

from landlord.api.checks import HttpCheck, HttpScheme
from landlord.api.failures import SpecFault
from landlord.clients.addresses import host_matches
from landlord.clients.probes.looks import Target, filled

_PORTS: Final = {"http": 80, "https": 443}
_SERVICE: Final = re.compile(r"([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\.([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\.svc")
_PLAIN: Final = re.compile(r"[!-~]+")
_FAULTY: Final = frozenset('\\"<>^`{|}#')


@dataclass(frozen=True, slots=True)
class Place:
    """A URL in pieces. ``service`` and ``namespace`` are empty for hosts outside the cluster."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""
    service: str = ""
    namespace: str = ""

    @property
    def authority(self) -> str:
        """The value of the ``Host`` header."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    def url(self, address: str = "", port: int = 0) -> URL:
        """The URL, or the same at an address and port; nothing is parsed again on the way."""
        host = address or self.host
        return URL.build(
            scheme=self.scheme,
            host=f"[{host}]" if ":" in host else host,
            port=port or self.port,
            path=self.path,
            query_string=self.query,
            encoded=True,
        )


def place(check: HttpCheck, target: Target, hosts: Sequence[str] = (), domain: str = "cluster.local") -> Place:
    """Where the check leads; ``SpecFault`` when a tenant's check may not lead there. ``hosts`` are the platform's."""
    if check.service is not None:
        scheme = (check.scheme or HttpScheme.HTTP).value
        path, _, query = _plain(filled(check.path or "/", target)).partition("?")
        host = f"{check.service}.{target.namespace}.svc"
        return Place(scheme, host, check.port or _PORTS[scheme], path, query, check.service, target.namespace)
    return _parsed(_plain(filled(check.url or "", target)), target, hosts, domain)


def _parsed(text: str, target: Target, hosts: Sequence[str], domain: str) -> Place:
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise _fault(text, f"is no URL: {error}") from error
    if parts.scheme not in _PORTS or not host:
        raise _fault(text, "must begin with http:// or https:// and a host")
    if "@" in parts.netloc:
        raise _fault(text, "must not hold a user or password")
    rest = (parts.scheme, host, port or _PORTS[parts.scheme], parts.path or "/", parts.query)
    inside = _SERVICE.fullmatch(host.removesuffix(f".{domain}"))
    if inside is None:
        if not host_matches(host, hosts):
            raise _fault(text, "leads out of the tenant; write http://SERVICE.NAMESPACE.svc, or ask the platform")
        return Place(*rest)
    service, namespace = inside.groups()
    if not target.owns(namespace):
        raise _fault(text, f"leads to namespace {namespace}, which is not the tenant's")
    return Place(*rest, service, namespace)


def _plain(text: str) -> str:
    """Only what every parser of URLs reads alike."""
    if not _PLAIN.fullmatch(text) or _FAULTY & set(text):
        raise _fault(text, "holds characters that must be percent-encoded")
    return text


def _fault(url: str, why: str) -> SpecFault:
    return SpecFault("spec.healthChecks[].http", f"{url!r} {why}.")
