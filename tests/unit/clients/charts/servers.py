"""A registry and a repository on loopback, as strict as real ones and with every trouble on request."""

import base64
import hashlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler

from landlord.clients.charts.oci import CONFIG, CONTENT, MANIFEST

Trouble = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


def digest_of(data: bytes) -> str:
    """``sha256:...``."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Server:
    """What both have: the requests they saw, credentials they want, and trouble they make."""

    port: int = 0
    users: dict[str, str] = field(default_factory=dict)
    """Name and password; nobody needs any when there are none."""
    seen: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    trouble: Trouble | None = None

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def user(self, request: web.Request) -> str | None:
        """Who asks, by Basic credentials that are right."""
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return None
        name, _, password = base64.b64decode(value).decode().partition(":")
        return name if self.users.get(name) == password else None

    def app(self) -> web.Application:
        """The application; subclasses add routes."""

        @web.middleware
        async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.seen.append(f"{request.method} {request.path}")
            self.authorizations.append(request.headers.get("Authorization"))
            self.queries.append(request.rel_url.raw_query_string)
            self.agents.add(request.headers.get("User-Agent", ""))
            odd = await self.trouble(request) if self.trouble else None
            return odd if odd is not None else await handler(request)

        return web.Application(middlewares=[watch])


@dataclass
class FakeRegistry(Server):
    """Speaks the distribution protocol, with the token flow when it has users."""

    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    readers: dict[str, set[str]] = field(default_factory=dict)
    """Who may read a repository; without an entry every user."""
    realm: str = ""
    basic: bool = False
    tells_digest: bool = True
    forms: list[dict[str, str]] = field(default_factory=list)

    def push(self, repository: str, tag: str, packed: bytes, *, config: str = CONFIG, content: str = CONTENT) -> str:
        """Put a chart under a tag; the manifest's digest."""
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": config, "digest": digest_of(b"{}"), "size": 2},
                "layers": [{"mediaType": content, "digest": digest_of(packed), "size": len(packed)}],
            }
        ).encode()
        self.blobs[repository, digest_of(packed)] = packed
        self.manifests[repository, digest_of(manifest)] = self.manifests[repository, tag] = manifest
        return digest_of(manifest)

    def app(self) -> web.Application:
        """All of the protocol that reading a chart needs."""
        app = super().app()
        app.router.add_get("/token", self._token)
        app.router.add_post("/token", self._exchange)
        app.router.add_get("/v2/{repository:.+}/manifests/{reference}", self._manifest)
        app.router.add_get("/v2/{repository:.+}/blobs/{digest}", self._blob)
        app.router.add_get("/v2/{repository:.+}/tags/list", self._tags)
        return app

    def _may(self, user: str | None, repository: str) -> bool:
        return not self.users or (user is not None and user in self.readers.get(repository, self.users))

    async def _token(self, request: web.Request) -> web.Response:
        user = self.user(request)
        if "Authorization" in request.headers and user is None:
            return web.Response(status=401)
        return web.json_response({"token": f"{user or ''}|{request.query['scope']}"})

    async def _exchange(self, request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.forms.append(form)
        user = form["refresh_token"].removeprefix("refresh-")
        return web.json_response({"access_token": f"{user}|{form['scope']}"})

    def _shut(self, request: web.Request) -> web.Response | None:
        """The answer to who may not read, or None."""
        repository = request.match_info["repository"]
        if self.basic and self._may(self.user(request), repository):
            return None
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        user, _, scope = token.partition("|")
        if self._may(user or None, repository) and scope in {f"repository:{repository}:pull", ""}:
            return None
        realm = self.realm or f"{request.scheme}://{self.host}/token"
        challenge = 'Basic realm="x"' if self.basic else f'Bearer realm="{realm}",service="fake",scope="x"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    async def _manifest(self, request: web.Request) -> web.Response:
        if shut := self._shut(request):
            return shut
        found = self.manifests.get((request.match_info["repository"], request.match_info["reference"]))
        if found is None:
            return web.Response(status=404)
        told = {"Docker-Content-Digest": digest_of(found)} if self.tells_digest else {}
        return web.Response(body=found, headers={"Content-Type": MANIFEST} | told)

    async def _blob(self, request: web.Request) -> web.Response:
        if shut := self._shut(request):
            return shut
        found = self.blobs.get((request.match_info["repository"], request.match_info["digest"]))
        return web.Response(status=404) if found is None else web.Response(body=found)

    async def _tags(self, request: web.Request) -> web.Response:
        if shut := self._shut(request):
            return shut
        tags = [tag for repository, tag in self.manifests if repository == request.match_info["repository"]]
        tags = [tag for tag in tags if ":" not in tag]
        return web.json_response({"tags": tags}) if tags else web.Response(status=404)


@dataclass
class FakeRepository(Server):
    """An index.yaml and files."""

    index: str = "apiVersion: v1\nentries: {}\n"
    files: dict[str, bytes] = field(default_factory=dict)
    no_head: bool = False
    tags: bool = True

    def publish(self, *entries: tuple[str, str, str, bytes], digests: bool = True) -> None:
        """Write the index of (name, version, url, package) and keep the packages that lie here."""
        listed: dict[str, list[dict[str, object]]] = {}
        for name, version, url, packed in entries:
            digest = {"digest": digest_of(packed).removeprefix("sha256:")} if digests else {}
            listed.setdefault(name, []).append({"name": name, "version": version, "urls": [url]} | digest)
            self.files["/stable/" + url.rpartition("/")[2]] = packed
        self.index = json.dumps({"apiVersion": "v1", "entries": listed})

    def app(self) -> web.Application:
        """Every path is a file."""
        app = super().app()
        app.router.add_route("*", "/{path:.*}", self._file)
        return app

    async def _file(self, request: web.Request) -> web.Response:
        if self.users and self.user(request) is None:
            return web.Response(status=401)
        if request.method == "HEAD" and self.no_head:
            return web.Response(status=405)
        body = self.index.encode() if request.path == "/stable/index.yaml" else self.files.get(request.path)
        if body is None:
            return web.Response(status=404)
        return web.Response(body=body, headers={"ETag": f'"{digest_of(body)[:20]}"'} if self.tags else {})


@asynccontextmanager
async def serving(server: Server, tls: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    """Serve on a free port of loopback."""
    runner = web.AppRunner(server.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield
    finally:
        await runner.cleanup()
