"""A plain asynchronous client for tests: dictionaries in, dictionaries out, paths as they stand in the API."""

import json
import os
import ssl
import subprocess
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import yaml
from kubernetes.aio.config import new_client_from_config

from sandbox.programs import kubectl

Object = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_FIELD_MANAGER = "test"
_PAGE = 500


class ApiError(Exception):
    """An answer other than 2xx, with the API server's own words."""

    def __init__(self, status: int, body: Object) -> None:
        self.status = status
        self.reason = str(body.get("reason", ""))
        self.message = str(body.get("message", ""))
        self.body = body
        super().__init__(f"{status} {self.reason}: {self.message}")


@dataclass(frozen=True, slots=True)
class Admin:
    """Whoever the kubeconfig says, or somebody that it speaks for.

    `kubectl_flags` make kubectl the same person as this client; `scratch` is a folder for kubeconfigs and caches.
    """

    kubeconfig: str
    scratch: Path
    server: str
    session: aiohttp.ClientSession
    tls: ssl.SSLContext
    headers: tuple[tuple[str, str], ...] = ()
    kubectl_flags: tuple[str, ...] = ()
    discovered: dict[str, dict[str, tuple[str, bool]]] = field(default_factory=dict, repr=False, compare=False)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints; blocks the event loop, so run it in a thread while an operator runs in the same loop.

        :raises AssertionError: with kubectl's complaint if it fails.
        """
        command = [kubectl(), f"--cache-dir={self.scratch / 'kubectl-cache'}", *self.kubectl_flags, *arguments]
        environment = {**os.environ, "KUBECONFIG": self.kubeconfig}
        done = subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr.strip()}"
        return done.stdout

    async def get(self, path: str, **query: str) -> Object:
        """The object or list at `path`."""
        return await self.request("GET", path, query=query)

    async def find(self, path: str) -> Object | None:
        """The object at `path`, or None if there is none."""
        try:
            return await self.get(path)
        except ApiError as failure:
            if failure.status == 404:
                return None
            raise

    async def list(self, path: str, **query: str) -> list[Object]:
        """All items of the collection at `path`, page by page."""
        items: list[Object] = []
        page: dict[str, str] = {"limit": str(_PAGE), **query}
        while True:
            answer = await self.get(path, **page)
            items += answer["items"]
            following = answer["metadata"].get("continue")
            if not following:
                return items
            page = {**page, "continue": following}

    async def create(self, path: str, body: Object, **query: str) -> Object:
        """POST to the collection, or subresource, at `path`."""
        return await self.request("POST", path, body, query=query)

    async def apply(self, path: str, body: Object, *, manager: str = _FIELD_MANAGER, **query: str) -> Object:
        """Server-side apply of the object at `path`, taking fields over from others."""
        query = {"fieldManager": manager, "force": "true", **query}
        return await self.request("PATCH", path, body, content=APPLY_PATCH, query=query)

    async def patch(self, path: str, body: Object | Sequence[Object], **query: str) -> Object:
        """A merge patch of the object at `path`; a JSON patch if `body` is a list of operations."""
        content = MERGE_PATCH if isinstance(body, Mapping) else JSON_PATCH
        return await self.request("PATCH", path, body, content=content, query=query)

    async def replace(self, path: str, body: Object, **query: str) -> Object:
        """PUT the object at `path`."""
        return await self.request("PUT", path, body, query=query)

    async def delete(self, path: str, body: Object | None = None, **query: str) -> Object:
        """DELETE the object at `path`; `body` may hold DeleteOptions such as preconditions."""
        return await self.request("DELETE", path, body, query=query)

    async def apply_manifests(self, *manifests: Object) -> None:
        """Server-side apply of whole manifests, in this order."""
        for manifest in manifests:
            await self.apply(await self.path_of(manifest), manifest)

    async def path_of(self, manifest: Object) -> str:
        """The API path of a manifest's object, as the server's discovery tells it."""
        version, kind, metadata = manifest["apiVersion"], manifest["kind"], manifest["metadata"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if kind not in self.discovered.get(root, {}):
            self.discovered[root] = await self._discover(root)
        plural, namespaced = self.discovered[root][kind]
        scope = f"/namespaces/{metadata.get('namespace', 'default')}" if namespaced else ""
        return f"{root}{scope}/{plural}/{metadata['name']}"

    def as_user(self, name: str, groups: Sequence[str] = ()) -> "Admin":
        """A user of this name and these groups, by impersonation."""
        return replace(
            self,
            headers=(*self.headers, ("Impersonate-User", name), *(("Impersonate-Group", group) for group in groups)),
            kubectl_flags=(f"--as={name}", *(f"--as-group={group}" for group in groups)),
        )

    async def token_of(self, namespace: str, name: str) -> str:
        """A fresh token of an existing ServiceAccount, good for an hour."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
        answer = await self.create(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", review)
        token: str = answer["status"]["token"]
        return token

    async def as_service_account(self, namespace: str, name: str) -> "Admin":
        """An existing ServiceAccount by a token of its own: nothing is impersonated, no certificate is shown."""
        path = self.scratch / f"{namespace}-{name}-{uuid.uuid4().hex[:8]}.kubeconfig"
        write_token_kubeconfig(path, self.kubeconfig, await self.token_of(namespace, name))
        _, tls, headers = await _credentials(str(path))
        return replace(self, kubeconfig=str(path), tls=tls, headers=headers, kubectl_flags=())

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Object:
        """Any request; the answer's JSON.

        :raises ApiError: for any answer other than 2xx.
        """
        url = f"{self.server}{path}" + (f"{'&' if '?' in path else '?'}{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body)
        headers = [*self.headers, ("Content-Type", content), ("Accept", "application/json")]
        async with self.session.request(method, url, data=data, headers=headers, ssl=self.tls) as response:
            answer: Object = json.loads(await response.text() or "{}")
            if not response.ok:
                raise ApiError(response.status, answer)
            return answer

    async def _discover(self, root: str) -> dict[str, tuple[str, bool]]:
        resources = (await self.get(root))["resources"]
        return {r["kind"]: (r["name"], r["namespaced"]) for r in resources if "/" not in r["name"]}


@asynccontextmanager
async def open_admin(kubeconfig: str, scratch: Path) -> AsyncIterator[Admin]:
    """The client of whoever `kubeconfig` says, for as long as the context lasts."""
    server, tls, headers = await _credentials(kubeconfig)
    async with aiohttp.ClientSession(headers={"User-Agent": "landlord-tests"}) as session:
        yield Admin(kubeconfig, scratch, server, session, tls, headers)


def write_token_kubeconfig(path: Path, like: str, token: str) -> Path:
    """A kubeconfig at `path` for the same cluster as `like`, with this token and nothing else to show."""
    known = yaml.safe_load(Path(like).read_text())
    context = next(c["context"] for c in known["contexts"] if c["name"] == known["current-context"])
    cluster = next(c for c in known["clusters"] if c["name"] == context["cluster"])
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster],
        "users": [{"name": "token", "user": {"token": token}}],
        "contexts": [{"name": "token", "context": {"cluster": cluster["name"], "user": "token"}}],
        "current-context": "token",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(document))
    return path


async def _credentials(kubeconfig: str) -> tuple[str, ssl.SSLContext, tuple[tuple[str, str], ...]]:
    """What the kubeconfig has to show, by the library's own reading, so that every way to log in works."""
    client = await new_client_from_config(kubeconfig, persist_config=False)  # type: ignore[no-untyped-call]
    try:
        bearer = (await client.configuration.auth_settings()).get("BearerToken")
        headers = (("Authorization", bearer["value"]),) if bearer else ()
        return client.configuration.host, client.rest_client.ssl_context, headers
    finally:
        await client.close()
