"""Charts as Helm itself makes and pushes them, out of a real registry and a repository that Helm indexed."""

import asyncio
import json
import os
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from landlord.api.failures import Refused
from landlord.api.releases import ChartSource
from landlord.clients.addresses import Allow
from landlord.clients.charts.client import Charts
from landlord.clients.charts.credentials import Credentials, docker_credentials
from landlord.clients.charts.faults import ChartDigestMismatch, ChartUnfit, ChartUnknown
from landlord.clients.charts.kept import kept_by_helm
from landlord.clients.charts.limits import Reach
from landlord.clients.helm.payload import stored
from sandbox.build import build
from sandbox.components import named
from sandbox.pki import create_pki
from sandbox.ports import HeldPorts
from sandbox.registry import is_ready
from tests.polling import eventually

HTPASSWD = "jane:$2b$04$k8ruaNtr0KbnVnnOvI3JveRHG1woiNx25fvDf5kN8s4giodcx2P06\n"
"""The password is ``word``."""
JANE = Credentials("jane", "word")
LONG = "files/" + "/".join(["çédille and blank " * 4] * 3) + ".txt"
LOOPBACK = Reach(Allow.of(["127.0.0.1/32"]), plain_http=("127.0.0.1",))


@dataclass(frozen=True)
class Workshop:
    """Helm with a home of its own, and a chart with a packed subchart."""

    folder: Path
    program: Path

    @property
    def chart(self) -> Path:
        """The folder of the chart web."""
        return self.folder / "web"

    def helm(self, *words: str, stdin: str = "") -> str:
        """What Helm prints; fails the test when Helm fails."""
        own = {
            name: str(self.folder / "home" / name) for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
        }
        own["HELM_REGISTRY_CONFIG"] = str(self.logins)
        run = subprocess.run(
            [self.program, *words],
            cwd=self.folder,
            env=os.environ | own,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    @property
    def logins(self) -> Path:
        """Where Helm keeps credentials, in the form of a pull Secret."""
        return self.folder / "logins.json"

    def push(self, address: str, version: str = "1.2.3") -> Path:
        """Package the chart and push it; the package."""
        self.helm("package", str(self.chart), "--version", version)
        package = self.folder / f"web-{version}.tgz"
        self.helm("push", str(package), f"oci://{address}/team", "--plain-http")
        return package


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The chart that ``helm create`` makes, with a second one packed into it."""
    (component,) = named(("helm",))
    shop = Workshop(tmp_path_factory.mktemp("workshop"), build(component) / "helm")
    shop.helm("create", "web")
    shop.helm("create", "sub")
    shop.helm("package", "sub", "--version", "0.1.0", "--destination", str(shop.chart / "charts"))
    (shop.chart / LONG).parent.mkdir(parents=True)
    (shop.chart / LONG).write_text("long")
    head = shop.chart / "Chart.yaml"
    head.write_text(head.read_text() + "dependencies:\n- {name: sub, version: 0.1.0, repository: ''}\n")
    return shop


@contextmanager
def running(folder: Path, auth: dict[str, object] | None) -> Iterator[str]:
    """A registry with its data in a folder; its address."""
    (component,) = named(("registry",))
    ports = HeldPorts()
    address = f"127.0.0.1:{ports.hold(0)}"
    configuration = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address},
    } | ({"auth": auth} if auth else {})
    (folder / "registry.yaml").write_text(json.dumps(configuration))
    program = build(component) / "registry"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, "serve", folder / "registry.yaml"], stdout=log, stderr=log)
        try:
            yield address
        finally:
            process.terminate()
            process.wait(10)
            ports.__exit__(None, None, None)


@pytest.fixture(scope="module")
def open_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry for everybody."""
    with running(tmp_path_factory.mktemp("open"), None) as address:
        asyncio.run(eventually(lambda: is_ready(address), describe="the registry answers"))
        yield address


@pytest.fixture(scope="module")
def shut_registry(tmp_path_factory: pytest.TempPathFactory, workshop: Workshop) -> Iterator[str]:
    """A registry that only Jane may use, and where Helm has logged in as Jane."""
    folder = tmp_path_factory.mktemp("shut")
    (folder / "htpasswd").write_text(HTPASSWD)
    with running(folder, {"htpasswd": {"realm": "shut", "path": str(folder / "htpasswd")}}) as address:

        def log_in() -> bool:
            words = ("registry", "login", address, "--plain-http", "--username", "jane", "--password-stdin")
            workshop.helm(*words, stdin="word")
            return True

        asyncio.run(eventually(log_in, describe="Helm logs in"))
        yield address


@pytest.fixture
async def charts(tmp_path: Path) -> AsyncIterator[Charts]:
    """A client with an empty cache that may speak plainly to loopback."""
    async with Charts(tmp_path / "charts", reach=LOOPBACK) as client:
        yield client


def source(address: str, version: str = "1.2.3", digest: str | None = None) -> ChartSource:
    """The chart web in the folder team."""
    return ChartSource(f"oci://{address}/team", "web", version, digest)


async def test_what_helm_pushed_renders_as_the_folder_it_was_made_of(
    workshop: Workshop, open_registry: str, charts: Charts
) -> None:
    workshop.push(open_registry)
    chart = await charts.fetch(source(open_registry))
    assert (chart.name, chart.version, chart.app_version) == ("web", "1.2.3", "1.16.0")
    assert {"charts/sub/Chart.yaml", LONG} <= set(chart.files)
    rendered = workshop.helm("template", "shop", chart.path, "--namespace", "red")
    pushed = workshop.helm("template", "shop", str(workshop.folder / "web-1.2.3.tgz"), "--namespace", "red")
    assert rendered == pushed
    assert "kind: Deployment" in rendered


async def test_a_revision_made_of_a_chart_is_known_by_its_files(
    workshop: Workshop, open_registry: str, charts: Charts
) -> None:
    workshop.push(open_registry)
    chart = await charts.fetch(source(open_registry))
    said = workshop.helm("install", "shop", str(workshop.chart), "--dry-run=client", "--output", "json")
    release = stored(json.loads(said[said.index("{") :]))
    assert release.chart_files == kept_by_helm(chart.files)
    assert "templates/deployment.yaml" in release.chart_files


async def test_the_digest_is_the_same_whoever_packs_the_same_content(
    workshop: Workshop, open_registry: str, charts: Charts
) -> None:
    package = workshop.push(open_registry, "1.3.0")
    first = await charts.fetch(source(open_registry, "1.3.0"))
    (workshop.folder / "again").mkdir()
    subprocess.run(["tar", "xzf", package, "-C", workshop.folder / "again"], check=True)
    subprocess.run(
        ["tar", "czf", package, "--sort=name", "--owner=7", "-C", workshop.folder / "again", "web"], check=True
    )
    workshop.helm("push", str(package), f"oci://{open_registry}/team", "--plain-http")
    assert (await charts.fetch(source(open_registry, "1.3.0", first.digest))) == first


async def test_a_version_pushed_anew_with_other_content_is_another_chart(
    workshop: Workshop, open_registry: str, charts: Charts
) -> None:
    workshop.push(open_registry, "1.4.0")
    first = await charts.fetch(source(open_registry, "1.4.0"))
    values = workshop.chart / "values.yaml"
    before = values.read_text()
    values.write_text(before + "\nchanged: true\n")
    workshop.push(open_registry, "1.4.0")
    values.write_text(before)
    assert (await charts.fetch(source(open_registry, "1.4.0"))).digest != first.digest
    with pytest.raises(ChartDigestMismatch):
        await charts.fetch(source(open_registry, "1.4.0", first.digest))


async def test_build_metadata_survives_the_registry(workshop: Workshop, open_registry: str, charts: Charts) -> None:
    workshop.push(open_registry, "1.5.0+b7")
    assert (await charts.fetch(source(open_registry, "1.5.0+b7"))).version == "1.5.0+b7"


async def test_a_version_that_is_not_there_names_those_that_are(
    workshop: Workshop, open_registry: str, charts: Charts
) -> None:
    workshop.push(open_registry, "1.2.3")
    with pytest.raises(ChartUnknown, match=r"1\.2\.3"):
        await charts.fetch(source(open_registry, "0.0.1"))
    with pytest.raises(ChartUnknown, match="no chart"):
        await charts.fetch(replace(source(open_registry), name="absent"))


async def test_a_login_of_helm_opens_what_stays_shut_for_others(
    workshop: Workshop, shut_registry: str, charts: Charts
) -> None:
    workshop.push(shut_registry)
    credentials = docker_credentials(workshop.logins.read_text(), f"{shut_registry}/team/web")
    assert credentials == JANE
    chart = await charts.fetch(source(shut_registry), credentials)
    for digest in (None, chart.digest):
        for other in (None, Credentials("jane", "wrong"), Credentials("max", "word")):
            with pytest.raises(Refused, match="pullSecretRef"):
                await charts.fetch(source(shut_registry, digest=digest), other)
    assert await charts.fetch(source(shut_registry), JANE) == chart


async def test_the_cache_survives_the_operator(workshop: Workshop, open_registry: str, tmp_path: Path) -> None:
    workshop.push(open_registry)
    found = []
    for _ in range(2):
        async with Charts(tmp_path / "charts", reach=LOOPBACK) as client:
            found.append(await client.fetch(source(open_registry)))
    assert found[0] == found[1]
    assert len(list((tmp_path / "charts" / "content").iterdir())) == 1


async def test_a_schema_that_would_make_helm_fetch_is_refused_before_helm_sees_it(
    workshop: Workshop, open_registry: str, charts: Charts
) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response(True)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    schema = workshop.chart / "values.schema.json"
    schema.write_text(json.dumps({"$ref": f"http://127.0.0.1:{runner.addresses[0][1]}/inside"}))
    try:
        workshop.push(open_registry, "3.0.0")
        package = str(workshop.folder / "web-3.0.0.tgz")
        await asyncio.to_thread(workshop.helm, "template", "shop", package)
        assert asked == ["/inside"], "Helm fetches what a schema refers to"
        with pytest.raises(ChartUnfit, match=r"values\.schema\.json refers to"):
            await charts.fetch(source(open_registry, "3.0.0"))
        assert asked == ["/inside"]
    finally:
        schema.unlink()
        await runner.cleanup()


async def test_a_repository_that_helm_indexed_is_read_over_tls(workshop: Workshop, tmp_path: Path) -> None:
    stable = tmp_path / "stable"
    stable.mkdir()
    for version in ("2.0.0", "2.1.0"):
        workshop.helm("package", str(workshop.chart), "--version", version, "--destination", str(stable))
    workshop.helm("repo", "index", str(stable))
    create_pki(tmp_path, datetime.now(UTC))  # noqa: TID251 - certificates are of now
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "serving.crt", tmp_path / "serving.key")
    app = web.Application()
    app.router.add_static("/stable", stable)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        wanted = ChartSource(f"https://127.0.0.1:{runner.addresses[0][1]}/stable", "web", "2.1.0")
        async with Charts(tmp_path / "charts", reach=LOOPBACK) as client:
            chart = await client.fetch(wanted, ca=(tmp_path / "ca.crt").read_text())
            assert chart.version == "2.1.0"
            with pytest.raises(ChartUnknown, match=r"2\.1\.0, 2\.0\.0"):
                await client.fetch(replace(wanted, version="2.2.0"), ca=(tmp_path / "ca.crt").read_text())
    finally:
        await runner.cleanup()


async def test_the_content_digest_can_be_made_with_common_tools(
    workshop: Workshop, open_registry: str, charts: Charts, tmp_path: Path
) -> None:
    package = workshop.push(open_registry, "1.6.0")
    subprocess.run(["tar", "xzf", package, "-C", tmp_path], check=True)
    command = r"find -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum"
    printed = subprocess.run(["sh", "-c", command], cwd=tmp_path / "web", capture_output=True, text=True, check=False)
    chart = await charts.fetch(source(open_registry, "1.6.0"))
    assert chart.digest == f"sha256:{printed.stdout.split()[0]}"
