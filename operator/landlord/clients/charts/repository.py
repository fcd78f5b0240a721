"""HTTPS repositories: an index.yaml that lists versions, and packages at the URLs it names."""

import asyncio
import difflib
import re
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Final

from yarl import URL

from landlord.api.failures import Refused, Transient
from landlord.api.releases import ChartSource
from landlord.clients.charts.faults import CHART, VERSION, ChartFault, ChartUnfit, ChartUnknown
from landlord.clients.charts.indexes import Indexes
from landlord.clients.charts.limits import Limits
from landlord.clients.charts.outline import Entry, Listing, OutlineFault, listing
from landlord.clients.charts.places import Located
from landlord.clients.charts.web import Access, Answer, Ask, Excess, Method, Web, denied, shown

Permits = Callable[[str], bool]
_DIGEST: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_NO_HEAD: Final = frozenset({405, 501})
_SHOWN: Final = 8


class Repository:
    """One repository, with the access of one release. ``permits`` judges packages that lie on another host."""

    def __init__(
        self,
        web: Web,
        limits: Limits,
        source: ChartSource,
        access: Access,
        indexes: Indexes,
        permits: Permits | None,
    ) -> None:
        self._web = web
        self._limits = limits
        self._access = access
        self._indexes = indexes
        self._permits = permits
        self._root = _root(source)
        self._key = f"{self._root} {source.name} {access.fingerprint()}"

    async def locate(self, source: ChartSource) -> Located:
        """The package under the index's entry of that version; a listing that lacks it is read anew first."""
        fault: ChartUnknown | None = None
        for fresh in (False, True):
            seen = await self._indexes.read(self._key, partial(self._listing, source.name), fresh=fresh)
            entry = _entry(seen, source.version)
            if entry is None:
                fault = ChartUnknown(VERSION, self._what_there_is(seen, source))
            elif (located := await self._prove(entry, source)) is not None:
                return located
            else:
                fault = ChartUnknown(VERSION, f"{self._root} lists {source.name} {source.version}, but has no package.")
        raise fault or ChartUnknown(VERSION, "It is not there.")

    async def locate_pinned(self, source: ChartSource) -> Located | None:
        """Nothing: a repository gives out packages by version only."""

    async def _prove(self, entry: Entry, source: ChartSource) -> Located | None:
        """The entry's package, if the release may have it now; None when it is not there."""
        url = self._package(entry)
        answer = await self._ask("HEAD", url)
        if answer.status in _NO_HEAD:
            answer = await self._ask("GET", url)
        if answer.status == 404:
            return None
        _good(answer, self._access)
        form = _DIGEST.fullmatch(entry.digest)
        digest = f"sha256:{form[1]}" if form else ""
        # Without a digest in the index only what the server says of this file can tell that it is the same still.
        mark = digest or " ".join(answer.headers.get(name, "") for name in ("ETag", "Last-Modified")).strip()
        key = f"{url} {mark} {answer.headers.get('Content-Length', '')} {source.version}" if mark else ""
        return Located(key, digest, partial(self._load, url, digest))

    async def _load(self, url: URL, digest: str) -> bytes:
        answer = await self._ask("GET", url, self._limits.packed, partial(ChartUnfit, CHART))
        body = _good(answer, self._access).body
        if digest and f"sha256:{sha256(body).hexdigest()}" != digest:
            self._indexes.forget(self._key)
            raise Transient(f"{shown(url)} has other bytes than the index of {self._root} promises.")
        return body

    async def _listing(self, name: str) -> Listing:
        answer = await self._ask("GET", self._root / "index.yaml", self._limits.index)
        if answer.status == 404:
            raise ChartFault(f"{CHART}.repository", f"There is no chart repository: {shown(answer.url)} is not there.")
        body = _good(answer, self._access).body
        try:
            return await asyncio.to_thread(listing, body, name)
        except OutlineFault as fault:
            raise Transient(f"{shown(answer.url)} is no index of charts: {fault}.") from fault

    def _package(self, entry: Entry) -> URL:
        """Where an entry's package lies; raises ``Refused`` when it is a host that policy does not name."""
        nowhere = Refused(f"The index of {self._root} names no URL for version {entry.version[:64]}.")
        if not entry.url:
            raise nowhere
        try:
            url = (self._root / "").join(URL(entry.url)).with_fragment(None)
            foreign = url.origin() != self._root.origin()
        except ValueError as error:
            raise nowhere from error
        self._web.check(url)
        if foreign and self._permits is not None and not self._permits(str(url)):
            raise Refused(
                f"The index of {self._root} leads to another place, {shown(url)}, "
                "which the policy chartSources does not name."
            )
        return url

    async def _ask(self, method: Method, url: URL, limit: int = 0, excess: Excess = Refused) -> Answer:
        own = url.origin() == self._root.origin() and self._access.credentials is not None
        basic = self._access.credentials.basic() if own and self._access.credentials else None
        ask = Ask(url, method, authorization=basic, limit=limit, excess=excess)
        return await self._web.ask(ask, self._access)

    def _what_there_is(self, seen: Listing, source: ChartSource) -> str:
        if seen.entries:
            versions = ", ".join(entry.version[:64] for entry in seen.entries[:_SHOWN])
            more = "among others " if len(seen.entries) > _SHOWN else ""
            return f"{self._root} has {source.name} not in version {source.version}; it has {more}{versions}."
        near = difflib.get_close_matches(source.name, seen.names, n=3) or list(seen.names[:_SHOWN])
        instead = f"; it has {', '.join(name[:64] for name in near)}" if near else ", nor any other"
        return f"{self._root} has no chart {source.name}{instead}."


def _root(source: ChartSource) -> URL:
    try:
        url = URL(source.repository.rstrip("/"))
        url.origin()
    except ValueError as error:
        raise ChartFault(f"{CHART}.repository", f"{source.repository[:200]!r} is no URL.") from error
    return url.with_query(None).with_fragment(None)


def _entry(seen: Listing, version: str) -> Entry | None:
    """The entry of exactly that version; a leading v is no difference."""
    exact = (entry for entry in seen.entries if entry.version == version)
    alike = (entry for entry in seen.entries if entry.version.removeprefix("v") == version.removeprefix("v"))
    return next(exact, None) or next(alike, None)


def _good(answer: Answer, access: Access) -> Answer:
    if answer.status in {401, 403}:
        raise denied(answer, access)
    if answer.status != 200:
        raise Refused(f"{shown(answer.url)} answered {answer.status}.")
    return answer
