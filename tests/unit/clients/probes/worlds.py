"""A namespace with a Service and its pods, and a server on loopback that stands for a pod."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from landlord.api.checks import CheckPolicy, HealthCheck
from landlord.api.names import deployer_username
from landlord.api.refs import Resource
from landlord.clients.probes.looks import Look, Target

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEAM = "team-prod"
Object = dict[str, Any]


class Cluster:
    """Objects by kind, namespace and name; each may be read only as the deployer of its namespace."""

    def __init__(self, *objects: Object, user: str = "operator") -> None:
        self.objects = list(objects)
        self.user = user
        self.reads: list[str] = []
        self.trouble: Exception | None = None

    def acting_as(self, user: str) -> "Cluster":
        other = Cluster(user=user)
        other.objects, other.reads, other.trouble = self.objects, self.reads, self.trouble
        return other

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        return next((each for each in self._found(resource, namespace) if each["metadata"]["name"] == name), None)

    async def list_all(
        self, resource: Resource, namespace: str | None = None, *, selector: str = ""
    ) -> tuple[Any, ...]:
        key, _, value = selector.partition("=")
        found = self._found(resource, namespace)
        return tuple(each for each in found if each["metadata"].get("labels", {}).get(key) == value)

    def _found(self, resource: Resource, namespace: str | None) -> list[Object]:
        assert self.user == deployer_username(namespace or ""), "read as somebody else than the namespace's deployer"
        if self.trouble is not None:
            raise self.trouble
        self.reads.append(resource.kind)
        return [
            each
            for each in self.objects
            if each["kind"] == resource.kind and each["metadata"]["namespace"] == namespace
        ]


def service(name: str = "web", namespace: str = TEAM, port: int = 80, **spec: Any) -> Object:
    ports = [{"port": port, "protocol": "TCP", "targetPort": "http"}]
    return {
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.9", "ports": ports, **spec},
    }


def pod(name: str = "web-1", namespace: str = TEAM, ip: str = "127.0.0.1", **spec: Any) -> Object:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-of-{name}"},
        "spec": spec,
        "status": {"podIP": ip, "podIPs": [{"ip": ip}]},
    }


def endpoint(name: str = "web-1", ip: str = "127.0.0.1", *, ready: bool | None = True) -> Object:
    reference = {"kind": "Pod", "name": name, "uid": f"uid-of-{name}"}
    return {"addresses": [ip], "conditions": {"ready": ready}, "targetRef": reference}


def slice_of(port: int, *endpoints: Object, name: str = "web", namespace: str = TEAM) -> Object:
    labels = {"kubernetes.io/service-name": name}
    return {
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-abcde", "namespace": namespace, "labels": labels},
        "addressType": "IPv4",
        "ports": [{"name": "", "port": port, "protocol": "TCP"}],
        "endpoints": list(endpoints),
    }


def target(*, objects: tuple[tuple[str, str, str], ...] = ()) -> Target:
    return Target(TEAM, "shop", frozenset({TEAM, "team-staging"}), objects)


def http_look(timeout: float = 5, latency: float | None = None, *, is_baseline: bool = False, **spec: Any) -> Look:
    check = HealthCheck.model_validate({"name": "front", "http": spec})
    most = timedelta(seconds=latency) if latency is not None else None
    return Look(check, timedelta(seconds=timeout), most, CheckPolicy.FAIL, is_baseline=is_baseline)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Server:
    """A server on loopback and what it was asked."""

    port: int = 0
    asked: list[web.Request] = field(default_factory=list)


@asynccontextmanager
async def serving(
    handler: Handler, host: str = "127.0.0.1", context: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """A server that answers every path by ``handler``."""
    server = Server()

    async def answer(request: web.Request) -> web.StreamResponse:
        server.asked.append(request)
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0, ssl_context=context)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        await runner.cleanup()


def self_signed(folder: Path, name: str = "nobody.example") -> ssl.SSLContext:
    """What a server shows that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)  # noqa: TID251 - a certificate is valid by the real clock
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(private + certificate.public_bytes(pem))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    return context
