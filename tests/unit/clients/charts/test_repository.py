"""Charts out of HTTPS repositories."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from landlord.api.failures import Refused, Transient
from landlord.api.releases import ChartSource
from landlord.clients.charts.client import Charts
from landlord.clients.charts.credentials import Credentials
from landlord.clients.charts.faults import ChartDigestMismatch, ChartFault, ChartUnfit, ChartUnknown
from tests.unit.clients.charts.conftest import LIMITS, Make
from tests.unit.clients.charts.packages import contents, package
from tests.unit.clients.charts.servers import FakeRepository, digest_of, serving

JANE = Credentials("jane", "word")


def source(repository: FakeRepository, version: str = "1.2.3", digest: str | None = None) -> ChartSource:
    """The chart web."""
    return ChartSource(f"http://{repository.host}/stable", "web", version, digest)


def publish(repository: FakeRepository, url: str = "web-1.2.3.tgz", *, digests: bool = True) -> None:
    """The chart web in two versions."""
    repository.publish(
        ("db", "1.0.0", "db-1.0.0.tgz", b""),
        ("web", "1.2.2", "web-1.2.2.tgz", package(contents(version="1.2.2"))),
        ("web", "1.2.3", url, package()),
        digests=digests,
    )


@pytest.fixture
async def elsewhere() -> AsyncIterator[FakeRepository]:
    """A second host that has the package too."""
    async with serving(server := FakeRepository(files={"/charts/web-1.2.3.tgz": package()})):
        yield server


async def test_a_chart_is_fetched_once_and_its_right_proven_each_time(
    repository: FakeRepository, charts: Charts
) -> None:
    publish(repository)
    chart = await charts.fetch(source(repository))
    assert (chart.name, chart.version) == ("web", "1.2.3")
    repository.seen.clear()
    assert await charts.fetch(source(repository)) == chart
    assert repository.seen == ["HEAD /stable/web-1.2.3.tgz"]


async def test_many_fetches_at_once_read_the_index_and_the_package_once(
    repository: FakeRepository, charts: Charts
) -> None:
    publish(repository)
    await asyncio.gather(*(charts.fetch(source(repository)) for _ in range(20)))
    assert repository.seen.count("GET /stable/index.yaml") == 1
    assert repository.seen.count("GET /stable/web-1.2.3.tgz") == 1
    assert repository.seen.count("HEAD /stable/web-1.2.3.tgz") == 20


@pytest.mark.parametrize("tags", [True, False])
async def test_an_index_without_digests_is_served_by_what_the_server_says_of_the_file(
    repository: FakeRepository, charts: Charts, tags: bool
) -> None:
    repository.tags = tags
    publish(repository, digests=False)
    assert await charts.fetch(source(repository)) == await charts.fetch(source(repository))
    assert repository.seen.count("GET /stable/web-1.2.3.tgz") == (1 if tags else 2)
    repository.files["/stable/web-1.2.3.tgz"] = package(contents() | {"new": b"x"})
    assert "new" in (await charts.fetch(source(repository))).files


async def test_a_server_that_knows_no_head_is_asked_without_reading(repository: FakeRepository, charts: Charts) -> None:
    repository.no_head = True
    publish(repository)
    assert await charts.fetch(source(repository))


async def test_a_version_published_meanwhile_is_found_though_the_index_is_kept(
    repository: FakeRepository, make: Make
) -> None:
    charts = make()
    charts._indexes._clock = lambda: float(len(repository.seen) * 20)
    publish(repository)
    await charts.fetch(source(repository))
    entries = ("web", "1.3.0", "web-1.3.0.tgz", package(contents(version="1.3.0")))
    repository.publish(entries)
    assert (await charts.fetch(source(repository, "1.3.0"))).version == "1.3.0"


async def test_an_index_that_was_read_seconds_ago_is_believed_that_it_lacks_a_version(
    repository: FakeRepository, charts: Charts
) -> None:
    publish(repository)
    for _ in range(5):
        with pytest.raises(ChartUnknown):
            await charts.fetch(source(repository, "9.9.9"))
    assert repository.seen.count("GET /stable/index.yaml") == 1


async def test_what_is_not_listed_says_what_there_is(repository: FakeRepository, charts: Charts) -> None:
    publish(repository)
    with pytest.raises(ChartUnknown, match=r"it has 1\.2\.2, 1\.2\.3"):
        await charts.fetch(source(repository, "1.2.4"))
    with pytest.raises(ChartUnknown, match="no chart wbe; it has web"):
        await charts.fetch(replace(source(repository), name="wbe"))
    with pytest.raises(ChartFault, match="no chart repository") as raised:
        await charts.fetch(replace(source(repository), repository=f"http://{repository.host}/other"))
    assert raised.value.path == "spec.chart.repository"


async def test_a_listed_package_that_is_not_there_says_so(repository: FakeRepository, charts: Charts) -> None:
    publish(repository)
    repository.files.clear()
    with pytest.raises(ChartUnknown, match="has no package"):
        await charts.fetch(source(repository))


async def test_credentials_open_a_private_repository_and_nobody_elses(
    repository: FakeRepository, charts: Charts
) -> None:
    repository.users = {"jane": "word"}
    publish(repository)
    chart = await charts.fetch(source(repository), JANE)
    for digest in (None, chart.digest, digest_of(package())):
        for credentials in (None, Credentials("max", "x")):
            with pytest.raises(Refused, match="pullSecretRef"):
                await charts.fetch(source(repository, digest=digest), credentials)


async def test_a_kept_index_does_not_open_the_packages(repository: FakeRepository, charts: Charts) -> None:
    publish(repository)
    assert await charts.fetch(source(repository), JANE)
    repository.users = {"jane": "new"}
    with pytest.raises(Refused, match="not accepted"):
        await charts.fetch(source(repository), JANE)


async def test_a_pin_may_be_of_the_content_or_of_the_package(repository: FakeRepository, charts: Charts) -> None:
    publish(repository)
    chart = await charts.fetch(source(repository))
    assert await charts.fetch(source(repository, digest=chart.digest)) == chart
    assert await charts.fetch(source(repository, digest=digest_of(package()))) == chart
    with pytest.raises(ChartDigestMismatch):
        await charts.fetch(source(repository, digest="sha256:" + "0" * 64))


async def test_bytes_that_the_index_does_not_promise_are_not_taken(repository: FakeRepository, charts: Charts) -> None:
    publish(repository)
    repository.files["/stable/web-1.2.3.tgz"] = package(contents() | {"evil": b"x"})
    with pytest.raises(Transient, match="other bytes"):
        await charts.fetch(source(repository))
    publish(repository)
    assert await charts.fetch(source(repository))


async def test_a_package_elsewhere_needs_leave_of_the_policy_and_gets_no_credentials(
    repository: FakeRepository, elsewhere: FakeRepository, charts: Charts
) -> None:
    url = f"http://{elsewhere.host}/charts/web-1.2.3.tgz"
    publish(repository, url)
    asked: list[str] = []
    assert await charts.fetch(source(repository), JANE)
    assert set(elsewhere.authorizations) == {None}
    assert repository.authorizations == ["Basic " + base64.b64encode(b"jane:word").decode()]
    assert await charts.fetch(source(repository), JANE, permits=lambda there: not asked.append(there))
    assert asked == [url]
    elsewhere.seen.clear()
    with pytest.raises(Refused, match="chartSources"):
        await charts.fetch(source(repository), JANE, permits=lambda _: False)
    assert elsewhere.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/web.tgz",
        "https://10.0.0.1/web.tgz",
        "https://[::1]/web.tgz",
        "http://user@127.0.0.1/web.tgz",
        "file:///etc/passwd",
        "oci://127.0.0.1/web",
        "//169.254.169.254/web.tgz",
        "http://[/x",
        "",
    ],
)
async def test_an_index_leads_nowhere_else(repository: FakeRepository, charts: Charts, url: str) -> None:
    repository.index = json.dumps({"entries": {"web": [{"version": "1.2.3", "urls": [url] if url else []}]}})
    with pytest.raises((Refused, ChartUnknown)):
        await charts.fetch(source(repository))


@pytest.mark.parametrize("index", ["<html>", "entries: [", "", "[]", "a: " + "[" * 50_000])
async def test_an_index_that_is_none_is_trouble_of_the_repository(
    repository: FakeRepository, charts: Charts, index: str
) -> None:
    repository.index = index
    with pytest.raises(Transient, match="no index of charts"):
        await charts.fetch(source(repository))


async def test_an_index_and_a_package_are_bounded(repository: FakeRepository, make: Make) -> None:
    publish(repository)
    with pytest.raises(Refused, match="more than 100 bytes"):
        await make(limits=replace(LIMITS, index=100)).fetch(source(repository))
    with pytest.raises(ChartUnfit, match="more than 100 bytes"):
        await make(limits=replace(LIMITS, packed=100)).fetch(source(repository))


@pytest.mark.parametrize(
    "repository_url",
    ["http://example.org/x", "https://user:x@127.0.0.1/x", "ftp://a.b/c", "file:///x", "http://[", "x"],
)
async def test_what_is_no_https_url_is_refused_before_anything_is_asked(charts: Charts, repository_url: str) -> None:
    with pytest.raises((Refused, ChartFault)):
        await charts.fetch(ChartSource(repository_url, "web", "1.2.3"))


async def test_an_index_may_not_be_redirected_away(
    repository: FakeRepository, elsewhere: FakeRepository, charts: Charts
) -> None:
    async def away(request: web.Request) -> web.Response | None:
        return web.Response(status=301, headers={"Location": f"http://{elsewhere.host}/stable/index.yaml"})

    repository.trouble = away
    with pytest.raises(Refused, match=f"another host, {elsewhere.host};"):
        await charts.fetch(source(repository), JANE)
    assert elsewhere.seen == []
