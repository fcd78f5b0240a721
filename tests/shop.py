"""Charts on offer: a registry on loopback, and charts small enough to read in a test."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import yaml
from aiohttp import web

from landlord.clients.charts.oci import CONFIG, CONTENT, MANIFEST

MODEST = """\
          resources:
            requests: {cpu: 10m, memory: 16Mi}
            limits: {cpu: 100m, memory: 32Mi}
          securityContext:
            allowPrivilegeEscalation: false
            runAsNonRoot: true
            runAsUser: 1000
            capabilities: {drop: [ALL]}
            seccompProfile: {type: RuntimeDefault}
"""
"""How a container is written down that any tenant may run: small, and within the restricted level."""
WEB = (
    """
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  progressDeadlineSeconds: {{ .Values.progressDeadlineSeconds }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
      annotations: {message: {{ .Values.message | quote }}}
    spec:
      containers:
        - name: web
          image: {{ .Values.image.repository }}:{{ .Values.image.tag }}
"""
    + MODEST
)
SETTINGS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settings}
data: {message: {{ .Values.message | quote }}}
"""
VALUES = {
    "replicas": 1,
    "message": "hello",
    "progressDeadlineSeconds": 600,
    "image": {"repository": "registry.example.org/web", "tag": "1.0.0"},
}


def package(name: str, version: str, files: Mapping[str, str], values: Mapping[str, Any] = VALUES) -> bytes:
    """A packed chart: ``files`` by path within it, Chart.yaml and values.yaml besides."""
    head = {"apiVersion": "v2", "name": name, "version": version, "appVersion": version}
    every = {"Chart.yaml": yaml.safe_dump(head), "values.yaml": yaml.safe_dump(dict(values)), **files}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, text in every.items():
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)


@dataclass
class Shop:
    """An OCI registry of charts, spoken to without TLS: tell the operator so by ``flags``."""

    port: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    users: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name and password that a chart is given for; the others are given to everybody."""
    is_closed: bool = False

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """What goes into spec.chart.repository."""
        return f"oci://{self.host}/charts"

    @property
    def flags(self) -> tuple[str, ...]:
        """What an operator must be told to buy here."""
        return ("--plain-http", self.host, "--reachable", "127.0.0.0/8")

    def offer(
        self, name: str, version: str, files: Mapping[str, str] | None = None, values: Mapping[str, Any] = VALUES
    ) -> None:
        """Put a chart on offer; without ``files`` a Deployment and a ConfigMap."""
        files = files or {"templates/web.yaml": WEB, "templates/settings.yaml": SETTINGS}
        self.offer_packed(name, version, package(name, version, files, values))

    def offer_packed(self, name: str, version: str, packed: bytes) -> None:
        """Put whatever this is on offer as a chart."""
        layer = self._blob(packed)
        config = self._blob(json.dumps({"name": name, "version": version, "apiVersion": "v2"}).encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, **config},
            "layers": [{"mediaType": CONTENT, **layer}],
        }
        self.manifests[name, version] = json.dumps(manifest).encode()

    def pin(self, name: str = "web", version: str = "1.0.0") -> dict[str, str]:
        """The chart as an AppRelease names it."""
        return {"repository": self.url, "name": name, "version": version}

    def _blob(self, data: bytes) -> dict[str, Any]:
        digest = _digest(data)
        self.blobs[digest] = data
        return {"digest": digest, "size": len(data)}

    async def answer(self, request: web.Request) -> web.Response:
        """One request."""
        self.asked.append(f"{request.method} {request.path}")
        if self.is_closed:
            return web.Response(status=503)
        *_, name, kind, reference = request.path.split("/")
        if name in self.users and request.headers.get("Authorization") != _basic(*self.users[name]):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="shop"'})
        if kind == "manifests":
            for (known, version), data in self.manifests.items():
                if known == name and reference in (version, _digest(data)):
                    head = {"Docker-Content-Digest": _digest(data)}
                    return web.Response(body=data, content_type=MANIFEST, headers=head)
        if kind == "blobs" and reference in self.blobs:
            return web.Response(body=self.blobs[reference], content_type="application/octet-stream")
        return web.Response(status=404)


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@asynccontextmanager
async def open_shop() -> AsyncIterator[Shop]:
    """A shop for as long as the block lasts, with chart ``web`` 1.0.0 on offer."""
    shop = Shop()
    shop.offer("web", "1.0.0")
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", shop.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = site._server
    shop.port = server.sockets[0].getsockname()[1]  # type: ignore[union-attr] # it listens
    try:
        yield shop
    finally:
        await runner.cleanup()
