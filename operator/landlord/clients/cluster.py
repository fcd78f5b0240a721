"""The Kubernetes API on plain dicts, through ``kubernetes.aio``: get, list, watch, create, apply, patch, delete.

Vendor errors become ``landlord.api.failures`` here. Nothing is decided here, nothing is cached, nothing is retried:
a caller that must survive a stumble runs its pass again.
"""

import copy
from collections.abc import AsyncIterator, MutableSequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self

from kubernetes.aio.client import ApiClient

from landlord.api.failures import Transient
from landlord.api.names import FIELD_MANAGER
from landlord.api.refs import Resource
from landlord.clients.connection import JSON, Connection, Observer
from landlord.clients.fence import Fence, unfenced
from landlord.clients.identity import Identity, current, log_in

Object = dict[str, Any]

METADATA = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
PAGE_SIZE = 500
_PATHS: Final = Resource("", "", "paths", "Path", namespaced=False)
"""What requests that are about no kind of object are counted as."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a LIST: its objects, and the resourceVersion from which a watch may go on."""

    items: tuple[Object, ...]
    resource_version: str


def _ignore(verb: str, resource: str, status: int, seconds: float) -> None:
    """Watch nobody's requests: what a client does that was given no observer."""


class Cluster:
    """One authenticated connection pool to one API server. Use as an async context manager, or call ``close``.

    A write is started only while ``fence`` gives it time, and waited for no longer than that; otherwise ``Transient``.
    """

    def __init__(
        self,
        api: ApiClient,
        *,
        user_agent: str,
        observe: Observer = _ignore,
        seconds: float = 30,
        parallel: int = 32,
        fence: Fence = unfenced,
    ) -> None:
        self._connection = Connection(
            api, user_agent=user_agent, observe=observe, seconds=seconds, parallel=parallel, fence=fence
        )
        self._user: str | None = None

    @classmethod
    async def connect(
        cls,
        kubeconfig: str | None = None,
        context: str | None = None,
        *,
        user_agent: str = "landlord",
        observe: Observer = _ignore,
        parallel: int = 32,
        seconds: float = 30,
        fence: Fence = unfenced,
    ) -> Self:
        """Log in by the file ``kubeconfig``, else the pod's ServiceAccount, else ``KUBECONFIG`` or ~/.kube/config.

        Raises ``Refused`` when none of them gives a usable identity.
        """
        return cls(
            ApiClient(await log_in(kubeconfig, context)),
            user_agent=user_agent,
            observe=observe,
            parallel=parallel,
            seconds=seconds,
            fence=fence,
        )

    def acting_as(self, user: str) -> Self:
        """The same connection as somebody else, by impersonation of the user alone; close only the first one."""
        other = copy.copy(self)
        other._user = user
        return other

    @property
    def server(self) -> str:
        """The API server's address."""
        return str(self._connection.api.configuration.host)

    async def identity(self) -> Identity:
        """Address and credentials as they are now, for a library that must log in by itself."""
        return await current(self._connection.api.configuration)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._connection.close()

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        """The live object, or None when there is none."""
        return await self._ask("GET", resource, resource.path(namespace, name), missing_ok=True)

    async def read(self, path: str, accept: str = JSON) -> Object:
        """The answer to a GET of any path, such as ``/version``, in the form that ``accept`` asks for."""
        return await self._must("GET", _PATHS, path, content=accept)

    async def list_all(
        self, resource: Resource, namespace: str | None = None, *, selector: str = ""
    ) -> tuple[Object, ...]:
        """Every object of a kind, read in pages, with the head (apiVersion, kind) that list items lack."""
        head = {"apiVersion": resource.api_version, "kind": resource.kind}
        pages = self.pages(resource, namespace, selector=selector)
        return tuple([{**head, **item} async for page in pages for item in page.items])

    async def pages(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        selector: str = "",
        fields: str = "",
        size: int = PAGE_SIZE,
        metadata_only: bool = False,
    ) -> AsyncIterator[Page]:
        """Every object of a kind, page by page; raises ``Gone`` when the server forgot the list half-way.

        ``fields`` is a field selector. With ``metadata_only`` objects have ``metadata`` and nothing else that counts.
        """
        token = ""
        while True:
            query = {"limit": str(size), "labelSelector": selector, "fieldSelector": fields, "continue": token}
            wanted = METADATA if metadata_only else JSON
            answer = await self._ask("LIST", resource, resource.path(namespace), query=query, content=wanted)
            meta = (answer or {}).get("metadata", {})
            yield Page(tuple((answer or {}).get("items") or ()), meta.get("resourceVersion", ""))
            token = meta.get("continue", "")
            if not token:
                return

    async def watch(
        self,
        resource: Resource,
        resource_version: str,
        namespace: str | None = None,
        *,
        selector: str = "",
        seconds: int = 300,
    ) -> AsyncIterator[Object]:
        """Watch events (``{"type": ..., "object": ...}``, bookmarks included) until the server ends the stream.

        ``seconds`` is how long the server may keep it open. Raises ``Gone`` when ``resource_version`` is too old,
        ``Transient`` when the connection is lost or nothing, not even a bookmark, came for 90 seconds.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
            "labelSelector": selector,
        }
        events = self._connection.stream(resource, resource.path(namespace), query, user=self._user)
        async for event in events:
            yield event

    async def create(self, resource: Resource, manifest: Object, *, dry_run: bool = False) -> Object:
        """The object as created; raises ``Conflict`` when one of that name exists already."""
        path = resource.path(manifest["metadata"].get("namespace"))
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"} | _dry(dry_run)
        return await self._must("CREATE", resource, path, query=query, body=manifest)

    async def apply(
        self,
        resource: Resource,
        manifest: Object,
        *,
        force: bool = True,
        subresource: str | None = None,
        manager: str = FIELD_MANAGER,
        warnings: MutableSequence[str] | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Server-side apply; the object as stored. A ``metadata.uid`` in the manifest must match.

        ``manager`` is the field manager in whose name it is done. What the API server warns of goes into ``warnings``.
        """
        meta = manifest["metadata"]
        path = resource.path(meta.get("namespace"), meta["name"], subresource)
        query = {"fieldManager": manager, "force": str(force).lower(), "fieldValidation": "Strict"} | _dry(dry_run)
        return await self._must("APPLY", resource, path, query=query, body=manifest, content=APPLY, heard=warnings)

    async def merge(
        self,
        resource: Resource,
        name: str,
        patch: Object,
        namespace: str | None = None,
        *,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """JSON merge patch; put ``metadata.uid`` or ``metadata.resourceVersion`` in it to make it conditional."""
        path = resource.path(namespace, name, subresource)
        query = {"fieldManager": FIELD_MANAGER} | _dry(dry_run)
        return await self._must("PATCH", resource, path, query=query, body=patch, content=MERGE)

    async def warnings_of_merge(self, resource: Resource, name: str, patch: Object) -> tuple[str, ...]:
        """What the API server would warn of if ``patch`` were made; nothing is written."""
        heard: list[str] = []
        path, query = resource.path(None, name), {"fieldManager": FIELD_MANAGER} | _dry(dry_run=True)
        await self._must("PATCH", resource, path, query=query, body=patch, content=MERGE, heard=heard)
        return tuple(heard)

    async def json_patch(
        self, resource: Resource, name: str, operations: list[Object], namespace: str | None = None
    ) -> Object:
        """JSON patch (RFC 6902); a failing ``test`` operation raises ``Invalid``."""
        path = resource.path(namespace, name)
        return await self._must(
            "PATCH", resource, path, query={"fieldManager": FIELD_MANAGER}, body=operations, content=JSON_PATCH
        )

    async def replace(self, resource: Resource, manifest: Object) -> Object:
        """PUT; with ``metadata.resourceVersion`` in the manifest a stale write raises ``Conflict``."""
        meta = manifest["metadata"]
        path = resource.path(meta.get("namespace"), meta["name"])
        return await self._must("UPDATE", resource, path, query={"fieldManager": FIELD_MANAGER}, body=manifest)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str,
        propagation: Literal["Background", "Foreground", "Orphan"] = "Background",
        dry_run: bool = False,
    ) -> bool:
        """Delete exactly the object with this UID; False when it is gone already, ``Conflict`` when it is another.

        ``propagation`` is what becomes of the objects it owns.
        """
        body: Object = {"preconditions": {"uid": uid}, "propagationPolicy": propagation}
        body |= {"dryRun": ["All"]} if dry_run else {}
        path = resource.path(namespace, name)
        return await self._ask("DELETE", resource, path, body=body, missing_ok=True) is not None

    async def _must(self, verb: str, resource: Resource, path: str, **rest: Any) -> Object:
        answer = await self._ask(verb, resource, path, **rest)
        if answer is None:
            raise Transient(f"The API server gave no answer to {verb.lower()} {resource.plural}.")
        return answer

    async def _ask(self, verb: str, resource: Resource, path: str, **rest: Any) -> Object | None:
        return await self._connection.ask(verb, resource, path, user=self._user, **rest)


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}
