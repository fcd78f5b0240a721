"""Bounded requests over the guarded connector: no cookies, no foreign redirects, every trouble a failure of ours."""

import hashlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal

import aiohttp
from yarl import URL

from landlord import __version__
from landlord.api.failures import Busy, LandlordFailure, Refused, Transient
from landlord.clients.addresses import guarded_connector, host_matches
from landlord.clients.charts.credentials import Credentials
from landlord.clients.charts.faults import ChartFault
from landlord.clients.charts.limits import Limits, Reach

Method = Literal["GET", "HEAD", "POST"]
Excess = Callable[[str], LandlordFailure]
CA_SECRET: Final = "spec.chart.caSecretRef"  # noqa: S105 - a path, no password
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_HOPS: Final = 4
_CONTEXTS_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class Access:
    """With what a release comes: its credentials, and whom it trusts (None: whom everybody trusts)."""

    credentials: Credentials | None = None
    tls: ssl.SSLContext | None = None
    trust: str = ""
    """Tells two authorities apart."""

    def fingerprint(self) -> str:
        """Tells two accesses apart without giving anything away."""
        return f"{self.credentials.fingerprint() if self.credentials else ''}/{self.trust}"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. ``authorization`` goes to the URL's own origin only."""

    url: URL
    method: Method = "GET"
    accept: str = "*/*"
    authorization: str | None = None
    form: Mapping[str, str] | None = None
    limit: int = 0
    """How many bytes of the body are taken; 0 reads none."""
    excess: Excess = Refused
    """What it means when there are more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and as much of the body as was asked for."""

    url: URL
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Web:
    """One pool of guarded connections for all fetches."""

    def __init__(self, reach: Reach, limits: Limits) -> None:
        self._reach = reach
        self._limits = limits
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._contexts: dict[str, ssl.SSLContext] = {}

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def access(self, credentials: Credentials | None, ca: str | None) -> Access:
        """What a release comes with; raises ``ChartFault`` when ``ca`` holds no certificates."""
        if ca is None:
            return Access(credentials)
        trust = hashlib.sha256(ca.encode()).hexdigest()
        if trust not in self._contexts:
            if len(self._contexts) >= _CONTEXTS_KEPT:
                self._contexts.clear()
            self._contexts[trust] = _context(ca)
        return Access(credentials, self._contexts[trust], trust)

    def check(self, url: URL) -> None:
        """Raise ``Refused`` unless the URL is https, or http to a host that may be spoken to so, without a user."""
        plain = url.scheme == "http" and self.speaks_plainly(url)
        if not url.host or url.user is not None or not (url.scheme == "https" or plain):
            raise Refused(f"{shown(url)} is not a URL that charts may come from; it must be https, without a user.")

    def speaks_plainly(self, url: URL) -> bool:
        """Whether the host may be spoken to without TLS."""
        host = url.host or ""
        return any(host_matches(name, self._reach.plain_http) for name in (host, f"{host}:{url.port}"))

    async def ask(self, ask: Ask, access: Access) -> Answer:
        """The answer, redirects within the origin and to the platform's stores followed; raises on 429 and 5xx."""
        url, authorization = ask.url, ask.authorization
        for _ in range(_HOPS):
            self.check(url)
            answer = await self._ask(ask, url, authorization, access)
            if answer.status not in _REDIRECTS or "Location" not in answer.headers or ask.method == "POST":
                return _settled(answer)
            target = _joined(url, answer.headers["Location"])
            if target.origin() != url.origin():
                self._check_leaving(url, target)
                authorization = None
            url = target
        raise Refused(f"{shown(ask.url)} redirects more than {_HOPS - 1} times.")

    def _check_leaving(self, url: URL, target: URL) -> None:
        self.check(target)
        if "*" not in self._reach.stores and not host_matches(target.host or "", self._reach.stores):
            raise Refused(
                f"{shown(url)} redirects to another host, {origin(target)}; "
                "the platform has to name that host among its stores for charts first."
            )

    async def _ask(self, ask: Ask, url: URL, authorization: str | None, access: Access) -> Answer:
        headers = {"Accept": ask.accept} | ({"Authorization": authorization} if authorization else {})
        # A context of its own also keeps connections apart from those of other authorities.
        tls = access.tls if access.tls is not None else True
        try:
            async with self._open().request(
                ask.method, url, headers=headers, data=ask.form, allow_redirects=False, ssl=tls
            ) as answer:
                body = await _body(answer, ask) if ask.limit and answer.status == 200 else b""
                return Answer(url, answer.status, answer.headers, body)
        except aiohttp.ClientConnectorCertificateError as error:
            raise Refused(
                f"The certificate of {origin(url)} is not trusted ({error.certificate_error}); "
                "name a Secret with its authority in chart.caSecretRef."
            ) from error
        except TimeoutError as error:
            raise Transient(f"{origin(url)} did not answer in time.") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Transient(f"{origin(url)} could not be asked: {_words(error)}.") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise Transient("Charts are fetched no longer, since the operator ends.")
        if self._session is None:
            limits = self._limits
            self._session = aiohttp.ClientSession(
                connector=guarded_connector(self._reach.allow),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"landlord/{__version__}", "Accept-Encoding": "identity"},
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(
                    total=limits.total, sock_connect=limits.connect, sock_read=limits.silence
                ),
            )
        return self._session


def shown(url: URL) -> str:
    """A URL for people: without user and query, which may hold secrets."""
    return f"{url.scheme}://{origin(url)}{url.path}"


def origin(url: URL) -> str:
    """A URL's host for people, with the port where one is written: two registries may share a host."""
    return (url.host_subcomponent or "") + (f":{url.explicit_port}" if url.explicit_port else "")


def denied(answer: Answer, access: Access) -> Refused:
    """What 401 and 403 mean for the one who asked."""
    if access.credentials is None:
        todo = "name a Secret with credentials in chart.pullSecretRef, or correct repository and name"
    else:
        todo = "the credentials of chart.pullSecretRef are not accepted, or may not read it"
    return Refused(f"{shown(answer.url)} is not given to this release ({answer.status}): {todo}.")


def _settled(answer: Answer) -> Answer:
    """The answer, unless it is the server's way to say: later."""
    if answer.status == 429:
        raise Busy(f"{origin(answer.url)} asked to slow down.", _retry_after(answer.headers))
    if answer.status == 408 or answer.status >= 500:
        raise Transient(f"{shown(answer.url)} answered {answer.status}.")
    return answer


def _retry_after(headers: Mapping[str, str]) -> timedelta:
    word = headers.get("Retry-After", "")
    return (
        timedelta(seconds=min(3600, max(1, int(word)))) if word.isdigit() and len(word) < 10 else timedelta(seconds=30)
    )


async def _body(answer: aiohttp.ClientResponse, ask: Ask) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(1 << 16):
        body += chunk
        if len(body) > ask.limit:
            raise ask.excess(f"{shown(answer.url)} has more than {ask.limit} bytes.")
    return bytes(body)


def _joined(url: URL, location: str) -> URL:
    # Kept as it is written, since it may be signed; unless it is not fit to be sent so.
    is_plain = location.isascii() and location.isprintable() and " " not in location
    try:
        target = url.join(URL(location, encoded=is_plain))
        target.origin()
    except ValueError as error:
        raise Refused(f"{shown(url)} redirects to what is no URL.") from error
    return target


def _words(error: Exception) -> str:
    """What went wrong on the way, without a byte of what was answered: that may be somebody's secret."""
    within = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    told = within.strerror if isinstance(within, OSError) and within.strerror else ""
    return told.rstrip(".") or type(within).__name__


def _context(ca: str) -> ssl.SSLContext:
    try:
        # Empty data would mean the system's authorities.
        return ssl.create_default_context(cadata=ca.strip() or "-")
    except (ssl.SSLError, ValueError) as error:
        raise ChartFault(CA_SECRET, "The Secret holds no certificates in PEM.") from error
