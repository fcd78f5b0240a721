"""PromQL queries to the platform's Prometheus, narrowed to the tenant's namespace before they come here.

Three answers: pass, fail and inconclusive. A Prometheus that is down, slow, overloaded or confused says nothing about
a release.
"""

import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isnan
from typing import Any, Final

import aiohttp
import orjson

from landlord.api.checks import PromqlCheck
from landlord.api.failures import SpecFault
from landlord.api.releases import Outcome, Sample
from landlord.clients.answers import words
from landlord.clients.probes.looks import OUTCOMES, Look, Target

LARGEST_ANSWER: Final = 2**20
MOST_SERIES: Final = 1000
_PATH: Final = "spec.healthChecks[].promql"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The platform's Prometheus, or what speaks like it. ``authorization`` gives the header as it is now, or ""."""

    url: str
    authorization: Callable[[], str] = field(default=str, repr=False)
    ca_file: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """Further headers, such as the tenant of Mimir."""


class _NoAnswer(Exception):
    """Prometheus did not say; the argument is why."""


@dataclass(frozen=True, slots=True)
class _Series:
    labels: str
    value: float


class PrometheusProbe:
    """Asks one Prometheus, whose address and credentials are the platform's; None when the platform has none."""

    def __init__(self, prometheus: Prometheus | None, *, parallel: int = 16) -> None:
        self._prometheus = prometheus
        self._parallel = parallel
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
        self._session = None

    async def admit(self, look: Look, target: Target) -> None:
        """Raise ``SpecFault`` for a check that can never be carried out."""
        if self._prometheus is None:
            raise SpecFault(_PATH, "The platform has no Prometheus for checks.")
        check = _check(look)
        if check.min is not None and check.max is not None and check.min > check.max:
            raise SpecFault(_PATH, "min is more than max, so nothing can pass.")

    async def sample(self, look: Look, target: Target, now: datetime) -> Sample:
        """One query and whether its result is within bounds."""
        if self._prometheus is None:
            return look.found(now, Outcome.INCONCLUSIVE, "The platform has no Prometheus for checks.")
        try:
            series = _series(await self._ask(self._prometheus, look))
        except _NoAnswer as trouble:
            return look.unanswered(now, f"Prometheus gave no answer: {trouble}")
        except TimeoutError:
            return look.unanswered(now, f"Prometheus did not answer within {look.timeout.total_seconds():g} s.")
        except (aiohttp.ClientError, OSError) as error:
            return look.unanswered(now, f"Prometheus cannot be asked: {words(error)}.")
        return _judged(look, _check(look), series, now)

    async def _ask(self, prometheus: Prometheus, look: Look) -> Any:
        seconds = look.timeout.total_seconds()
        form = {"query": look.query, "timeout": f"{seconds:g}s", "limit": str(MOST_SERIES + 1)}
        headers = dict(prometheus.headers)
        if authorization := prometheus.authorization():
            headers["Authorization"] = authorization
        async with self._open(prometheus).post(
            f"{prometheus.url.rstrip('/')}/api/v1/query",
            data=form,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=seconds),
        ) as response:
            return _data(response.status, await _body(response))

    def _open(self, prometheus: Prometheus) -> aiohttp.ClientSession:
        if self._session is None:
            context = _trusting(prometheus.ca_file) if prometheus.ca_file else True
            connector = aiohttp.TCPConnector(limit=self._parallel, ssl=context)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


async def _body(response: aiohttp.ClientResponse) -> bytes:
    held = bytearray()
    async for chunk in response.content.iter_chunked(2**16):
        held += chunk
        if len(held) > LARGEST_ANSWER:
            raise _NoAnswer("the result is too large; aggregate it, such as by sum().")
    return bytes(held)


def _data(status: int, body: bytes) -> Any:
    """The result, or why there is none in Prometheus' words."""
    try:
        answer = orjson.loads(body)
        if answer["status"] == "success":
            return answer["data"]
        raise _NoAnswer(f"{status} {answer.get('errorType', '')}: {str(answer.get('error', ''))[:200]}")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _NoAnswer(f"it answered {status}, and not as Prometheus does.") from None


def _series(data: Any) -> Sequence[_Series]:
    try:
        if data["resultType"] == "scalar":
            return (_Series("", float(data["result"][1])),)
        if data["resultType"] == "vector":
            return tuple(_elements(data["result"]))
        raise _NoAnswer(f"the result is a {data['resultType']}, no number.")
    except (ValueError, KeyError, TypeError, IndexError):
        raise _NoAnswer("the result cannot be read.") from None


def _elements(result: Sequence[Any]) -> Iterator[_Series]:
    if len(result) > MOST_SERIES:
        raise _NoAnswer(f"the result has more than {MOST_SERIES} series; aggregate it, such as by sum().")
    for each in result:
        # Native histograms have no one value.
        value = float(each["value"][1]) if "value" in each else float("nan")
        yield _Series(",".join(f"{key}={label}" for key, label in sorted(each.get("metric", {}).items())), value)


def _judged(look: Look, check: PromqlCheck, series: Sequence[_Series], now: datetime) -> Sample:
    """Every series must be within bounds; what is no number is no data."""
    numbers = [each for each in series if not isnan(each.value)]
    for each in numbers:
        if why := _out_of_bounds(check, each.value):
            named = f" ({each.labels})" if each.labels else ""
            return look.found(now, Outcome.FAIL, f"{why}{named}.", f"{each.value:g}")
    if not series or len(numbers) < len(series):
        why = "The query gave not a number (NaN)." if series else "The query gave no data."
        return look.found(now, OUTCOMES[check.on_no_data], why)
    return look.found(now, Outcome.PASS, value=f"{numbers[0].value:g}")


def _out_of_bounds(check: PromqlCheck, value: float) -> str:
    if check.max is not None and value > check.max:
        return f"{value:g} is more than {check.max:g}"
    if check.min is not None and value < check.min:
        return f"{value:g} is less than {check.min:g}"
    return ""


def _check(look: Look) -> PromqlCheck:
    if look.check.promql is None:
        raise SpecFault("spec.healthChecks[]", "is no promql check.")
    return look.check.promql


def _trusting(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)
