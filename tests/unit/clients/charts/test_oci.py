"""Charts out of OCI registries."""

import asyncio
import contextlib
import json
from dataclasses import replace

import pytest
from aiohttp import web

from landlord import __version__
from landlord.api.failures import Busy, Refused, Transient
from landlord.api.releases import Chart, ChartSource
from landlord.clients.addresses import Allow
from landlord.clients.charts.client import Charts
from landlord.clients.charts.credentials import Credentials
from landlord.clients.charts.faults import ChartDigestMismatch, ChartFault, ChartUnfit, ChartUnknown
from landlord.clients.charts.limits import Reach
from landlord.clients.charts.oci import CONFIG, _address
from tests.polling import eventually
from tests.unit.clients.charts.conftest import LIMITS, LOOPBACK, Make
from tests.unit.clients.charts.packages import contents, head, package
from tests.unit.clients.charts.servers import FakeRegistry, Trouble, digest_of, serving

JANE = Credentials("jane", "word")
MAX = Credentials("max", "other")


def source(registry: FakeRegistry, version: str = "1.2.3", digest: str | None = None) -> ChartSource:
    """The chart web in the folder team."""
    return ChartSource(f"oci://{registry.host}/team", "web", version, digest)


async def test_a_chart_is_fetched_and_lies_in_the_cache(registry: FakeRegistry, charts: Charts) -> None:
    registry.push("team/web", "1.2.3", package())
    chart = await charts.fetch(source(registry))
    assert (chart.name, chart.version, chart.app_version) == ("web", "1.2.3", "7")
    assert chart.path.endswith(f"{chart.digest.removeprefix('sha256:')}.tgz")
    assert registry.agents == {f"landlord/{__version__}"}


async def test_a_second_fetch_asks_once_whether_it_may_and_downloads_nothing(
    registry: FakeRegistry, charts: Charts
) -> None:
    registry.push("team/web", "1.2.3", package())
    first = await charts.fetch(source(registry))
    registry.seen.clear()
    assert await charts.fetch(source(registry)) == first
    assert registry.seen == ["HEAD /v2/team/web/manifests/1.2.3"]


async def test_many_fetches_at_once_download_once(registry: FakeRegistry, charts: Charts) -> None:
    registry.push("team/web", "1.2.3", package())
    fetched = await asyncio.gather(*(charts.fetch(source(registry)) for _ in range(20)))
    assert len({chart.path for chart in fetched}) == 1
    assert len([line for line in registry.seen if "/blobs/" in line]) == 1
    assert len([line for line in registry.seen if line.startswith("HEAD")]) == 20


async def test_build_metadata_stands_in_the_tag_as_an_underscore(registry: FakeRegistry, charts: Charts) -> None:
    registry.push("team/web", "1.2.3_b7", package(contents(version="1.2.3+b7")))
    assert (await charts.fetch(source(registry, "1.2.3+b7"))).version == "1.2.3+b7"


async def test_a_registry_that_tells_no_digest_is_asked_for_the_manifest(
    registry: FakeRegistry, charts: Charts
) -> None:
    registry.tells_digest = False
    registry.push("team/web", "1.2.3", package())
    assert await charts.fetch(source(registry)) == await charts.fetch(source(registry))
    assert len([line for line in registry.seen if "/blobs/" in line]) == 1


@pytest.mark.parametrize("basic", [False, True])
async def test_credentials_open_what_is_private(registry: FakeRegistry, charts: Charts, basic: bool) -> None:
    registry.users, registry.basic = {"jane": "word"}, basic
    registry.push("team/web", "1.2.3", package())
    assert await charts.fetch(source(registry), JANE)
    with pytest.raises(Refused, match="pullSecretRef"):
        await charts.fetch(source(registry))
    with pytest.raises(Refused, match="not accepted"):
        await charts.fetch(source(registry), replace(JANE, password="wrong"))


async def test_an_identity_token_is_exchanged(registry: FakeRegistry, charts: Charts) -> None:
    registry.users = {"jane": "word"}
    registry.push("team/web", "1.2.3", package())
    assert await charts.fetch(source(registry), Credentials(identity_token="refresh-jane"))
    assert registry.forms[0]["grant_type"] == "refresh_token"


async def test_a_private_chart_in_the_cache_is_not_had_by_its_name_or_digest(
    registry: FakeRegistry, charts: Charts
) -> None:
    registry.users, registry.readers = {"jane": "word", "max": "other"}, {"team/web": {"jane"}}
    manifest = registry.push("team/web", "1.2.3", package())
    chart = await charts.fetch(source(registry), JANE)
    for digest in (None, chart.digest, manifest):
        assert await charts.fetch(source(registry, digest=digest), JANE) == chart
        for credentials in (None, MAX):
            with pytest.raises(Refused):
                await charts.fetch(source(registry, digest=digest), credentials)


async def test_another_registry_that_claims_the_digest_gets_nothing_out_of_the_cache(
    registry: FakeRegistry, charts: Charts
) -> None:
    registry.users = {"jane": "word"}
    manifest = registry.push("team/web", "1.2.3", package())
    chart = await charts.fetch(source(registry), JANE)
    async with serving(liar := FakeRegistry()):

        async def claim(request: web.Request) -> web.Response | None:
            held = request.method == "HEAD"
            return web.Response(headers={"Docker-Content-Digest": manifest}) if held else None

        liar.trouble = claim
        for digest in (None, chart.digest, manifest):
            with pytest.raises(Transient, match="gone"):
                await charts.fetch(source(liar, digest=digest))


async def test_rights_that_are_taken_away_close_the_cache(registry: FakeRegistry, charts: Charts) -> None:
    registry.users, registry.readers = {"jane": "word"}, {"team/web": {"jane"}}
    registry.push("team/web", "1.2.3", package())
    assert await charts.fetch(source(registry), JANE)
    registry.readers["team/web"].clear()
    with pytest.raises(Refused):
        await charts.fetch(source(registry), JANE)


async def test_a_moved_tag_is_noticed_and_its_content_named(registry: FakeRegistry, charts: Charts) -> None:
    registry.push("team/web", "1.2.3", package())
    first = await charts.fetch(source(registry))
    registry.push("team/web", "1.2.3", package(contents() | {"values.yaml": b"replicas: 2\n"}))
    assert (await charts.fetch(source(registry))).digest != first.digest


async def test_a_package_made_anew_of_the_same_content_is_the_same_chart(
    registry: FakeRegistry, charts: Charts
) -> None:
    one = registry.push("team/web", "1.2.3", package())
    first = await charts.fetch(source(registry))
    assert registry.push("team/web", "1.2.3", package(mtime=77, uname="max")) != one
    assert await charts.fetch(source(registry, digest=first.digest)) == first


async def test_a_pin_may_be_of_the_content_or_of_the_manifest(registry: FakeRegistry, charts: Charts) -> None:
    manifest = registry.push("team/web", "1.2.3", package())
    chart = await charts.fetch(source(registry))
    assert await charts.fetch(source(registry, digest=chart.digest)) == chart
    assert await charts.fetch(source(registry, digest=manifest)) == chart
    with pytest.raises(ChartDigestMismatch, match=chart.digest) as raised:
        await charts.fetch(source(registry, digest="sha256:" + "0" * 64))
    assert raised.value.path == "spec.chart.digest"


async def test_a_pinned_manifest_is_had_though_its_tag_has_moved_or_gone(
    registry: FakeRegistry, charts: Charts
) -> None:
    manifest = registry.push("team/web", "1.2.3", package())
    registry.push("team/web", "1.2.3", package(contents() | {"values.yaml": b"moved: true\n"}))
    moved = await charts.fetch(source(registry))
    pinned = await charts.fetch(source(registry, digest=manifest))
    assert pinned.digest != moved.digest
    del registry.manifests["team/web", "1.2.3"]
    assert await charts.fetch(source(registry, digest=manifest)) == pinned
    with pytest.raises(ChartUnknown):
        await charts.fetch(source(registry))


async def test_an_unknown_version_says_what_there_is(registry: FakeRegistry, charts: Charts) -> None:
    registry.push("team/web", "1.2.3", package())
    with pytest.raises(ChartUnknown, match=r"no version 1\.2\.4; it has 1\.2\.3") as raised:
        await charts.fetch(source(registry, "1.2.4"))
    assert raised.value.path == "spec.chart.version"
    assert f": {registry.host}/team/web has no version" in raised.value.why
    with pytest.raises(ChartUnknown, match=f"There is no chart {registry.host}/team/wbe;"):
        await charts.fetch(replace(source(registry), name="wbe"))


@pytest.mark.parametrize(
    "repository", ["oci://user:x@{}/team", "oci://{}/team?x=1", "oci://{}/TEAM", "oci://", "oci://{}:x"]
)
async def test_what_is_no_place_in_a_registry_is_a_fault_of_the_spec(
    registry: FakeRegistry, charts: Charts, repository: str
) -> None:
    with pytest.raises(ChartFault):
        await charts.fetch(ChartSource(repository.format(registry.host), "web", "1.2.3"))
    assert registry.seen == []


async def test_an_image_is_no_chart(registry: FakeRegistry, charts: Charts) -> None:
    registry.push("team/web", "1.2.3", package(), config="application/vnd.oci.image.config.v1+json")
    with pytest.raises(ChartUnfit, match="no Helm chart"):
        await charts.fetch(source(registry))
    registry.push("team/web", "1.2.3", package(), config=CONFIG, content="application/tar")
    with pytest.raises(ChartUnfit, match="exactly one layer"):
        await charts.fetch(source(registry))


async def test_another_chart_under_the_name_or_version_is_refused(registry: FakeRegistry, charts: Charts) -> None:
    registry.push("team/web", "1.2.3", package(contents(version="9.9.9")))
    with pytest.raises(ChartUnfit, match=r"says version '9\.9\.9'"):
        await charts.fetch(source(registry))
    registry.push("team/web", "1.2.3", package({"Chart.yaml": head("other")}))
    with pytest.raises(ChartUnfit, match="names another chart"):
        await charts.fetch(source(registry))


async def test_one_manifest_under_two_versions_is_the_chart_of_one(registry: FakeRegistry, charts: Charts) -> None:
    registry.push("team/web", "1.2.3", package())
    registry.push("team/web", "2.0.0", package())
    assert await charts.fetch(source(registry))
    with pytest.raises(ChartUnfit):
        await charts.fetch(source(registry, "2.0.0"))


async def test_bytes_that_are_not_those_of_their_digest_are_not_taken(registry: FakeRegistry, charts: Charts) -> None:
    registry.push("team/web", "1.2.3", package())
    registry.blobs["team/web", digest_of(package())] = package(contents() | {"evil": b"x"})
    with pytest.raises(Transient, match="other bytes"):
        await charts.fetch(source(registry))
    registry.manifests["team/web", digest_of(registry.manifests["team/web", "1.2.3"])] = json.dumps({}).encode()
    with pytest.raises(Transient, match="other bytes"):
        await charts.fetch(source(registry))


async def test_a_package_above_the_bound_is_not_read_to_its_end(registry: FakeRegistry, charts: Charts) -> None:
    registry.push("team/web", "1.2.3", b"x" * (LIMITS.packed + 1))
    with pytest.raises(ChartUnfit, match="more than"):
        await charts.fetch(source(registry))


@pytest.mark.parametrize(
    ("status", "failure"), [(500, Transient), (503, Transient), (429, Busy), (403, Refused), (418, Refused)]
)
@pytest.mark.parametrize("where", ["manifests", "blobs"])
async def test_trouble_of_the_registry_has_its_own_failure(
    registry: FakeRegistry, charts: Charts, status: int, failure: type[Exception], where: str
) -> None:
    async def trouble(request: web.Request) -> web.Response | None:
        return web.Response(status=status, headers={"Retry-After": "7"}) if where in request.path else None

    registry.push("team/web", "1.2.3", package())
    registry.trouble = trouble
    with pytest.raises(failure) as raised:
        await charts.fetch(source(registry))
    assert registry.host in raised.value.why
    assert not isinstance(raised.value, Busy) or raised.value.after.total_seconds() == 7
    registry.trouble = None
    assert await charts.fetch(source(registry))


async def trickle(request: web.Request) -> web.StreamResponse | None:
    """A byte now and then, for ever."""
    if "/blobs/" not in request.path:
        return None
    answer = web.StreamResponse()
    await answer.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await answer.write(b"x")
            await asyncio.sleep(0.05)
    return answer


async def silence(request: web.Request) -> web.StreamResponse | None:
    """No answer at all."""
    await asyncio.Event().wait()
    return None


@pytest.mark.parametrize("trouble", [trickle, silence])
async def test_a_registry_that_is_silent_or_trickles_is_given_up(
    registry: FakeRegistry, make: Make, trouble: Trouble
) -> None:
    registry.push("team/web", "1.2.3", package())
    registry.trouble = trouble
    with pytest.raises(Transient, match=f"{registry.host} did not answer in time"):
        await make(limits=replace(LIMITS, total=0.5)).fetch(source(registry))


async def test_all_of_a_fetch_together_is_bounded_though_each_part_is_in_time(
    registry: FakeRegistry, make: Make
) -> None:
    async def dawdle(request: web.Request) -> web.StreamResponse | None:
        await asyncio.sleep(0.2)
        return None

    registry.push("team/web", "1.2.3", package())
    registry.trouble = dawdle
    with pytest.raises(Transient, match="did not arrive in time"):
        await make(limits=replace(LIMITS, fetch=0.5)).fetch(source(registry))


async def test_a_tenant_whose_registry_hangs_holds_up_itself_alone(registry: FakeRegistry, charts: Charts) -> None:
    registry.push("team/web", "1.2.3", package())
    async with serving(hung := FakeRegistry()):
        hung.trouble = silence
        red = [asyncio.create_task(charts.fetch(source(hung), tenant="red")) for _ in range(200)]
        await eventually(lambda: len(hung.seen) == 3, deadline=5)
        async with asyncio.timeout(0.8):
            assert await charts.fetch(source(registry), tenant="blue")
        assert len(hung.seen) == 3
        for task in red:
            task.cancel()
        await asyncio.gather(*red, return_exceptions=True)


async def test_one_who_may_not_fetch_does_not_spoil_it_for_who_comes_along(
    registry: FakeRegistry, charts: Charts
) -> None:
    registry.users = {"jane": "word", "max": "other"}

    async def shut(request: web.Request) -> web.StreamResponse | None:
        held = "/blobs/" in request.path and "max" in request.headers.get("Authorization", "")
        return web.Response(status=403) if held else None

    registry.trouble = shut
    registry.push("team/web", "1.2.3", package())
    several = [charts.fetch(source(registry), each) for each in (MAX, JANE, MAX, JANE)]
    first, second, _, fourth = await asyncio.gather(*several, return_exceptions=True)
    assert isinstance(first, Refused)
    assert isinstance(second, Chart)
    assert second == fourth


async def test_no_byte_of_an_answer_that_is_no_http_gets_into_a_message(charts: Charts) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"hidden words\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Transient, match="could not be asked") as raised:
            await charts.fetch(ChartSource(f"oci://127.0.0.1:{port}/team", "web", "1.2.3"))
    assert "hidden" not in raised.value.why


@pytest.mark.parametrize("where", ["HEAD", "manifests/sha256", "/blobs/", "/token"])
@pytest.mark.parametrize("how", ["cut short", "hung up", "other words"])
async def test_an_answer_that_breaks_off_is_an_outage_and_leaves_nothing(
    registry: FakeRegistry, charts: Charts, where: str, how: str
) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse | None:
        if where not in f"{request.method} {request.path}":
            return None
        assert request.transport is not None
        if how == "hung up":
            request.transport.abort()
            return web.Response()
        if how == "other words":
            request.transport.write(b"hidden words\r\n\r\n")
            request.transport.close()
            return web.Response()
        answer = web.StreamResponse(headers={"Content-Length": "100000"})
        await answer.prepare(request)
        if request.method != "HEAD":
            await answer.write(b"{")
        request.transport.close()
        return answer

    registry.users, registry.tells_digest = {"jane": "word"}, how != "cut short"
    registry.push("team/web", "1.2.3", package())
    registry.trouble = break_off
    if (where, how) != ("HEAD", "cut short"):
        with pytest.raises(Transient) as raised:
            await charts.fetch(source(registry), JANE)
        assert "hidden" not in raised.value.why
    registry.trouble = None
    assert await charts.fetch(source(registry), JANE)


async def test_a_registry_that_is_not_there_is_an_outage(charts: Charts) -> None:
    with pytest.raises(Transient, match=r"127\.0\.0\.1:1 could not be asked"):
        await charts.fetch(ChartSource("oci://127.0.0.1:1/team", "web", "1.2.3"))


async def test_nothing_is_opened_again_after_the_end(registry: FakeRegistry, charts: Charts) -> None:
    registry.push("team/web", "1.2.3", package())
    async with charts:
        assert await charts.fetch(source(registry))
    with pytest.raises(Transient, match="the operator ends"):
        await charts.fetch(source(registry))


async def test_a_registry_without_tls_needs_leave_of_the_platform(registry: FakeRegistry, make: Make) -> None:
    registry.push("team/web", "1.2.3", package())
    charts = make(reach=Reach(Allow.of(["127.0.0.1/32"])))
    with pytest.raises(Transient):
        await charts.fetch(source(registry))
    assert registry.seen == []


async def test_loopback_needs_leave_of_the_platform(registry: FakeRegistry, make: Make) -> None:
    registry.push("team/web", "1.2.3", package())
    charts = make(reach=Reach(plain_http=("127.0.0.1",)))
    with pytest.raises(Refused, match="never reachable"):
        await charts.fetch(source(registry))
    assert registry.seen == []


@pytest.mark.parametrize(
    ("realm", "words"),
    [
        ("http://169.254.169.254/token", "another host|must be https"),
        ("https://evil.test/token", r"127\.0\.0\.1:\d+ wants .* another host, evil\.test"),
        ("https://evil.test:8443/token", r"another host, evil\.test:8443"),
        ("http://127.0.0.2:1/token", "must be https"),
        ("http://jane@127.0.0.1/token", "without a user"),
        ("nowhere", "must be https"),
        ("https://[", "no URL"),
    ],
)
async def test_credentials_go_to_no_other_host_for_a_token(
    registry: FakeRegistry, charts: Charts, realm: str, words: str
) -> None:
    registry.users, registry.realm = {"jane": "word"}, realm
    registry.push("team/web", "1.2.3", package())
    with pytest.raises(Refused, match=words):
        await charts.fetch(source(registry), JANE)


@pytest.mark.parametrize("token", ["", "a\r\nHost: evil", 7, None, "é"])
async def test_what_is_no_token_is_not_sent(registry: FakeRegistry, charts: Charts, token: object) -> None:
    async def odd(request: web.Request) -> web.Response | None:
        return web.json_response({"token": token}) if request.path == "/token" else None

    registry.users, registry.trouble = {"jane": "word"}, odd
    registry.push("team/web", "1.2.3", package())
    with pytest.raises(Transient, match="gave no token"):
        await charts.fetch(source(registry), JANE)


async def test_a_blob_in_a_store_is_followed_only_with_leave_and_without_credentials(
    registry: FakeRegistry, make: Make
) -> None:
    registry.users = {"jane": "word"}
    registry.push("team/web", "1.2.3", package())
    async with serving(store := FakeRegistry()):

        async def hand(request: web.Request) -> web.Response:
            return web.Response(body=package())

        async def send(request: web.Request) -> web.Response | None:
            away = {"Location": f"http://{store.host}/blob?signature=swordfish%2B%2F%3D"}
            return web.Response(status=307, headers=away) if "/blobs/" in request.path else None

        store.trouble, registry.trouble = hand, send
        reach = Reach(Allow.of(["127.0.0.1/32"]), plain_http=("127.0.0.1",))
        with pytest.raises(Refused, match="stores") as raised:
            await make(reach=reach).fetch(source(registry), JANE)
        assert f"another host, {store.host};" in raised.value.why
        assert "swordfish" not in raised.value.why
        assert store.seen == []
        assert await make(reach=replace(reach, stores=("127.0.0.1",))).fetch(source(registry), JANE)
        assert store.authorizations == [None]
        assert store.queries == ["signature=swordfish%2B%2F%3D"]


@pytest.mark.parametrize("to", ["https://169.254.169.254/x", "https://[::ffff:10.0.0.1]/x", "https://127.0.0.2/x"])
async def test_leave_for_every_store_is_none_for_inner_addresses(registry: FakeRegistry, make: Make, to: str) -> None:
    async def send(request: web.Request) -> web.Response | None:
        return web.Response(status=307, headers={"Location": to}) if "/blobs/" in request.path else None

    registry.push("team/web", "1.2.3", package())
    registry.trouble = send
    with pytest.raises(Refused, match=r"never reachable|private address"):
        await make(reach=replace(LOOPBACK, stores=("*",))).fetch(source(registry))


def test_the_short_name_of_docker_hub_is_the_one_that_serves(charts: Charts) -> None:
    for host in ("docker.io", "index.docker.io", "registry-1.docker.io"):
        root, path = _address(charts._web, ChartSource(f"oci://{host}/team", "web", "1.2.3"))
        assert (str(root), path) == ("https://registry-1.docker.io", "team/web")


@pytest.mark.parametrize("to", ["http://169.254.169.254/latest", "http://10.0.0.1/", "file:///etc/passwd", "http://["])
async def test_a_redirect_leads_nowhere_else(registry: FakeRegistry, charts: Charts, to: str) -> None:
    async def send(request: web.Request) -> web.Response | None:
        return web.Response(status=302, headers={"Location": to})

    registry.trouble = send
    with pytest.raises(Refused):
        await charts.fetch(source(registry))


async def test_redirects_within_the_registry_are_followed_to_an_end(registry: FakeRegistry, charts: Charts) -> None:
    async def once(request: web.Request) -> web.Response | None:
        held = "/blobs/" in request.path and "on" not in request.query
        return web.Response(status=307, headers={"Location": f"{request.path}?on=1"}) if held else None

    async def always(request: web.Request) -> web.Response | None:
        return web.Response(status=307, headers={"Location": request.path})

    registry.push("team/web", "1.2.3", package())
    registry.trouble = once
    assert await charts.fetch(source(registry))
    registry.trouble = always
    with pytest.raises(Refused, match="redirects more than"):
        await charts.fetch(source(registry))
