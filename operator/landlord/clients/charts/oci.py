"""OCI registries: a chart is a manifest under a tag, with one layer that is the package."""

import json
import re
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from typing import Any, Final

from yarl import URL

from landlord.api.failures import Refused, Transient
from landlord.api.releases import ChartSource
from landlord.clients.charts.faults import CHART, VERSION, ChartFault, ChartUnfit, ChartUnknown
from landlord.clients.charts.limits import Limits
from landlord.clients.charts.places import Located
from landlord.clients.charts.tokens import authorize
from landlord.clients.charts.web import Access, Answer, Ask, Excess, Method, Web, denied, origin, shown

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
CONTENT: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_HUB: Final = "registry-1.docker.io"
_HUB_NAMES: Final = frozenset({"docker.io", "index.docker.io"})
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_REPOSITORY: Final = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")


class Registry:
    """One chart's repository in a registry, with the access of one release."""

    def __init__(self, web: Web, limits: Limits, source: ChartSource, access: Access) -> None:
        self._web = web
        self._limits = limits
        self._access = access
        self._authorization: str | None = None
        self._root, self._repository = _address(web, source)

    async def locate(self, source: ChartSource) -> Located:
        """The manifest under the version's tag (``+`` is written ``_`` there)."""
        digest = await self._digest(source.version.replace("+", "_"))
        if digest is None:
            raise ChartUnknown(VERSION, await self._what_there_is(source))
        return self._located(source, digest)

    async def locate_pinned(self, source: ChartSource) -> Located | None:
        """The manifest whose digest is pinned."""
        digest = await self._digest(source.digest) if source.digest and _DIGEST.fullmatch(source.digest) else None
        return self._located(source, digest) if digest else None

    def _located(self, source: ChartSource, digest: str) -> Located:
        # The registry's own name is part of the key: another one that merely claims this digest proves nothing.
        key = f"{self._root} {self._repository} {digest} {source.version}"
        return Located(key, digest, partial(self._load, digest))

    async def _digest(self, reference: str) -> str | None:
        """The digest of the manifest that a tag or digest names, asked with the release's own access."""
        answer = await self._ask("HEAD", f"manifests/{reference}", MANIFEST)
        if answer.status == 404:
            return None
        told = _good(answer, self._access).headers.get("Docker-Content-Digest", "")
        if _DIGEST.fullmatch(told):
            return told
        answer = await self._ask("GET", f"manifests/{reference}", MANIFEST, self._limits.answer)
        return _sha256(_good(answer, self._access).body)

    async def _load(self, digest: str) -> bytes:
        answer = _good(await self._ask("GET", f"manifests/{digest}", MANIFEST, self._limits.answer), self._access)
        _same(answer, digest)
        layer = _layer(answer)
        answer = await self._ask("GET", f"blobs/{layer}", "*/*", self._limits.packed, partial(ChartUnfit, CHART))
        _same(_good(answer, self._access), layer)
        return answer.body

    async def _what_there_is(self, source: ChartSource) -> str:
        """A sentence on which tags the registry has instead; what it will not list is not insisted on."""
        where = f"{origin(self._root)}/{self._repository}"
        answer = await self._ask("GET", "tags/list?n=1000", "application/json", self._limits.answer)
        tags = _json(answer).get("tags") if answer.status == 200 else None
        if not isinstance(tags, list) or not tags:
            return f"There is no chart {where}; the repository is written without the chart's own name."
        return f"{where} has no version {source.version}; it has {_some([str(tag)[:64] for tag in tags])}."

    async def _ask(self, method: Method, path: str, accept: str, limit: int = 0, excess: Excess = Refused) -> Answer:
        url = self._root / "v2" / self._repository
        ask = partial(Ask, URL(f"{url}/{path}"), method, accept, limit=limit, excess=excess)
        answer = await self._web.ask(ask(authorization=self._authorization), self._access)
        if answer.status != 401 or self._authorization is not None:
            return answer
        self._authorization = await authorize(self._web, self._access, answer, self._repository, self._limits.answer)
        return await self._web.ask(ask(authorization=self._authorization), self._access)


def _address(web: Web, source: ChartSource) -> tuple[URL, str]:
    try:
        given = URL(source.repository)
        path = f"{given.path.strip('/')}/{source.name}".strip("/")
        secure = URL.build(scheme="https", host=given.host or "", port=given.explicit_port)
    except ValueError as error:
        raise ChartFault(f"{CHART}.repository", f"{source.repository} is no URL.") from error
    if not given.host or given.user is not None or given.query_string or not _REPOSITORY.fullmatch(path):
        raise ChartFault(
            f"{CHART}.repository", f"{source.repository} with chart {source.name} is no place in a registry."
        )
    secure = secure.with_host(_HUB) if secure.host in _HUB_NAMES else secure
    return secure.with_scheme("http") if web.speaks_plainly(secure) else secure, path


def _good(answer: Answer, access: Access) -> Answer:
    if answer.status in {401, 403}:
        raise denied(answer, access)
    if answer.status == 404:
        raise Transient(f"{shown(answer.url)} was there a moment ago and is gone.")
    if answer.status != 200:
        raise Refused(f"{shown(answer.url)} answered {answer.status}.")
    return answer


def _layer(answer: Answer) -> str:
    """The digest of the layer that is the package; raises ``ChartUnfit`` when the manifest is no chart's."""
    manifest = _json(answer)
    config, layers = manifest.get("config"), manifest.get("layers")
    kind = config.get("mediaType") if isinstance(config, dict) else None
    if kind != CONFIG:
        raise ChartUnfit(CHART, f"{shown(answer.url)} is no Helm chart (its config is {str(kind)[:100]!r}).")
    content = [
        layer
        for layer in (layers if isinstance(layers, list) else [])
        if isinstance(layer, dict) and layer.get("mediaType") == CONTENT
    ]
    if len(content) != 1 or not _DIGEST.fullmatch(str(content[0].get("digest"))):
        raise ChartUnfit(CHART, f"{shown(answer.url)} has not exactly one layer that is a chart's content.")
    return str(content[0]["digest"])


def _json(answer: Answer) -> Mapping[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise Transient(f"{shown(answer.url)} answered something that is no JSON.") from error
    return document if isinstance(document, dict) else {}


def _sha256(body: bytes) -> str:
    return f"sha256:{sha256(body).hexdigest()}"


def _same(answer: Answer, digest: str) -> None:
    if (got := _sha256(answer.body)) != digest:
        raise Transient(f"{shown(answer.url)} gave other bytes ({got}) than its digest promises.")


def _some(names: list[str]) -> str:
    """The last few, for people."""
    newest = names[-8:]
    return ("among others " if len(names) > len(newest) else "") + ", ".join(newest)
