"""HTTP requests to a tenant's own Services, or to hosts that the platform lets tenants reach.

A Service is always reached by the address of one of its pods, read from the API (see ``endpoints``). The address is
judged once more when it is dialled; redirects are never followed; nobody's proxy, cookies or credentials are used.
"""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import aiohttp

from landlord.api.checks import HttpCheck, HttpMethod
from landlord.api.failures import NotYet, Refused, SpecFault, Transient
from landlord.api.releases import Outcome, Sample
from landlord.clients.addresses import Allow, guarded_connector
from landlord.clients.answers import words
from landlord.clients.expressions import AGAIN, ExpressionFailed, Expressions, ExpressionWaits
from landlord.clients.probes.endpoints import Endpoint, Endpoints, NobodyReady, NotThere
from landlord.clients.probes.looks import Look, Target, filled
from landlord.clients.probes.places import Place, place

LARGEST_BODY: Final = 64 * 1024
_PATH: Final = "spec.healthChecks[].http"
# They say where a message ends or whose it is, which is not for a tenant to say.
_FRAMING: Final = "connection content-length transfer-encoding te trailer upgrade expect keep-alive accept-encoding"
_OURS: Final = frozenset(_FRAMING.split())


class HttpProbe:
    """Sends requests that reach nothing but pods of the tenant, or hosts of the platform's list.

    :param pods: which addresses pods may have; private ones must be allowed, the API server's denied.
    :param outside: which addresses ``hosts`` may have.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        expressions: Expressions,
        *,
        pods: Allow,
        outside: Allow,
        hosts: Sequence[str] = (),
    ) -> None:
        self._endpoints, self._expressions = endpoints, expressions
        self._pods, self._outside, self._hosts = pods, outside, tuple(hosts)
        self._sessions: dict[Allow, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def admit(self, look: Look, target: Target) -> None:
        """Raise ``SpecFault`` for a check that can never be carried out."""
        check = _check(look)
        place(check, target, self._hosts)
        for name, value in check.headers.items():
            filled(value, target)
            if name.lower() in _OURS:
                raise SpecFault(f"{_PATH}.headers", f"{name} is not for a check to set.")
        if check.body_regex is not None:
            try:
                await self._expressions.matches(check.body_regex, "", owner=target.namespace)
            except ExpressionWaits as busy:
                raise NotYet(busy.why, AGAIN) from busy
            except ExpressionFailed as failed:
                raise SpecFault(f"{_PATH}.bodyRegex", failed.why) from failed

    async def sample(self, look: Look, target: Target, now: datetime) -> Sample:
        """One request and what its answer says."""
        try:
            spot = place(_check(look), target, self._hosts)
            endpoint = await self._endpoint(spot, look)
        except NotThere as failed:
            return look.absent(now, str(failed))
        except NobodyReady as failed:
            return look.unanswered(now, str(failed))
        except (SpecFault, Refused, Transient) as failed:
            return look.found(now, Outcome.INCONCLUSIVE, failed.why)
        except TimeoutError:
            return look.found(
                now, Outcome.INCONCLUSIVE, "The API server did not say in time where the Service's pods are."
            )
        return await self._asked(spot, endpoint, look, target, now)

    async def _endpoint(self, spot: Place, look: Look) -> Endpoint | None:
        if not spot.service:
            return None
        async with asyncio.timeout(look.timeout.total_seconds()):
            return await self._endpoints.one(spot.namespace, spot.service, spot.port)

    async def _asked(self, spot: Place, endpoint: Endpoint | None, look: Look, target: Target, now: datetime) -> Sample:
        where = f"{spot.authority}{spot.path}" + (f" (pod {endpoint.pod})" if endpoint else "")
        try:
            return await self._answered(spot, endpoint, look, target, now)
        except TimeoutError:
            return look.unanswered(now, f"{where} did not answer within {look.timeout.total_seconds():g} s.")
        except Refused as refused:
            return look.found(now, Outcome.INCONCLUSIVE, refused.why)
        except ExpressionFailed as failed:
            return look.found(now, Outcome.INCONCLUSIVE, f"bodyRegex: {failed.why}")
        except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
            if endpoint is not None:
                self._endpoints.forget(spot.namespace, spot.service)
            return look.unanswered(now, f"{where} cannot be asked: {words(error)}.")

    async def _answered(
        self, spot: Place, endpoint: Endpoint | None, look: Look, target: Target, now: datetime
    ) -> Sample:
        check, clock = _check(look), asyncio.get_running_loop().time
        wants_body = check.body_regex is not None and check.method is not HttpMethod.HEAD
        started = clock()
        async with self._session(self._pods if endpoint else self._outside).request(
            check.method.value,
            spot.url(endpoint.address, endpoint.port) if endpoint else spot.url(),
            headers=_headers(check, spot, target),
            allow_redirects=False,
            # A pod proves who it is by its address; its certificate is nobody's that we know.
            ssl=endpoint is None,
            server_hostname=spot.host if spot.scheme == "https" else None,
            timeout=aiohttp.ClientTimeout(total=look.timeout.total_seconds()),
        ) as response:
            body = await _body(response) if wants_body else ""
        seconds = clock() - started
        why = _complaint(check, response.status) or _too_slow(look, seconds)
        if not why and check.body_regex is not None:
            found = await self._expressions.matches(check.body_regex, body, owner=target.namespace)
            why = "" if found else "The body does not hold what bodyRegex looks for."
        return look.found(now, Outcome.FAIL if why else Outcome.PASS, why, str(response.status))

    def _session(self, allow: Allow) -> aiohttp.ClientSession:
        if allow not in self._sessions:
            self._sessions[allow] = aiohttp.ClientSession(
                connector=guarded_connector(allow),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._sessions[allow]


def _headers(check: HttpCheck, spot: Place, target: Target) -> dict[str, str]:
    """The check's own headers, unless they are ours to set; each look is a connection of its own, as a kubelet's."""
    own = {name: filled(value, target) for name, value in check.headers.items() if name.lower() not in _OURS}
    known = {name.lower() for name in own}
    ours = {"Host": spot.authority, "User-Agent": "landlord"}
    rest = {name: value for name, value in ours.items() if name.lower() not in known}
    return {**rest, **own, "Connection": "close", "Accept-Encoding": "identity"}


async def _body(response: aiohttp.ClientResponse) -> str:
    """The beginning of the body; the rest is not read."""
    held = bytearray()
    while len(held) < LARGEST_BODY and (chunk := await response.content.read(LARGEST_BODY - len(held))):
        held += chunk
    return held.decode(errors="replace")


def _complaint(check: HttpCheck, status: int) -> str:
    if check.expected_status:
        wanted = ", ".join(str(each) for each in check.expected_status)
        return "" if status in check.expected_status else f"The answer was {status}, not {wanted}."
    return "" if 200 <= status < 400 else f"The answer was {status}."


def _too_slow(look: Look, seconds: float) -> str:
    most = look.max_latency
    if most is None or seconds <= most.total_seconds():
        return ""
    return f"The answer took {seconds:.2f} s, more than {most.total_seconds():g} s."


def _check(look: Look) -> HttpCheck:
    if look.check.http is None:
        raise SpecFault("spec.healthChecks[]", "is no http check.")
    return look.check.http
