"""The three pages, asked over real HTTP."""

import aiohttp
import pytest

from landlord.api.failures import Refused
from landlord.runtime.server import Server
from landlord.telemetry.metrics import Metrics


async def ask(server: Server, path: str, **headers: str) -> tuple[int, str, str]:
    host, port = server.address
    url = f"http://{host}:{port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.text(), answer.headers["Content-Type"]


async def test_each_page_tells_its_own_truth() -> None:
    troubles: list[str] = []
    scrape = Metrics().expose
    async with Server(("127.0.0.1", 0), unhealthy=list, unready=lambda: troubles, scrape=scrape) as server:
        assert (await ask(server, "/healthz"))[:2] == (200, "ok\n")
        assert (await ask(server, "/readyz"))[:2] == (200, "ok\n")
        troubles += ["Tenant: not listed yet", "Namespace: forbidden"]
        assert (await ask(server, "/readyz"))[:2] == (503, "Tenant: not listed yet\nNamespace: forbidden\n")
        assert (await ask(server, "/healthz"))[0] == 200
        status, text, kind = await ask(server, "/metrics")
        assert (status, kind.split(";")[0]) == (200, "text/plain")
        assert "landlord_build_info" in text


async def test_what_somebody_should_know_does_not_make_it_unready() -> None:
    remarks = ["CRD tenants.landlord.dev is of another Landlord."]
    troubles: list[str] = []
    async with Server(
        ("127.0.0.1", 0), unhealthy=list, unready=lambda: troubles, scrape=Metrics().expose, remarks=lambda: remarks
    ) as server:
        assert (await ask(server, "/readyz"))[:2] == (200, f"ok\n{remarks[0]}\n")
        assert (await ask(server, "/healthz"))[:2] == (200, "ok\n")
        troubles.append("Tenant: not listed yet")
        assert (await ask(server, "/readyz"))[:2] == (503, f"{troubles[0]}\n{remarks[0]}\n")


async def test_a_scraper_that_knows_openmetrics_gets_it() -> None:
    async with Server(("127.0.0.1", 0), unhealthy=list, unready=list, scrape=Metrics().expose) as server:
        _, text, kind = await ask(server, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert kind.startswith("application/openmetrics-text")
        assert text.endswith("# EOF\n")


async def test_an_address_that_is_taken_is_told() -> None:
    async with Server(("127.0.0.1", 0), unhealthy=list, unready=list, scrape=Metrics().expose) as first:
        second = Server(first.address, unhealthy=list, unready=list, scrape=Metrics().expose)
        with pytest.raises(Refused, match=r"Cannot listen on 127\.0\.0\.1:.*Address already in use"):
            await second.__aenter__()
