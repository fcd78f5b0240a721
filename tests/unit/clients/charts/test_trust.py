"""TLS: whom a release trusts, and that one's trust is not another's."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from landlord.api.failures import Refused
from landlord.api.releases import ChartSource
from landlord.clients.addresses import Allow
from landlord.clients.charts.client import Charts
from landlord.clients.charts.faults import ChartFault
from landlord.clients.charts.limits import Reach
from sandbox.pki import create_pki
from tests.unit.clients.charts.conftest import Make
from tests.unit.clients.charts.packages import package
from tests.unit.clients.charts.servers import FakeRegistry, FakeRepository, Server, serving

STRICT = Reach(Allow.of(["127.0.0.1/32"]))


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority and a server's certificate for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("pki")
    create_pki(folder, datetime.now(UTC))  # noqa: TID251 - certificates are of now
    return folder


@pytest.fixture
def strict(make: Make) -> Charts:
    """A client that speaks TLS only."""
    return make(reach=STRICT)


def of_server(pki: Path) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pki / "serving.crt", pki / "serving.key")
    return context


def source(server: Server) -> ChartSource:
    """The chart web at either kind of server."""
    if isinstance(server, FakeRegistry):
        server.push("team/web", "1.2.3", package())
        return ChartSource(f"oci://{server.host}/team", "web", "1.2.3")
    assert isinstance(server, FakeRepository)
    server.publish(("web", "1.2.3", "web-1.2.3.tgz", package()))
    return ChartSource(f"https://{server.host}/stable", "web", "1.2.3")


@pytest.mark.parametrize("kind", [FakeRegistry, FakeRepository])
async def test_a_private_authority_is_trusted_by_those_alone_who_name_it(
    pki: Path, strict: Charts, kind: type[Server]
) -> None:
    async with serving(server := kind(), of_server(pki)):
        wanted, ca = source(server), (pki / "ca.crt").read_text()
        with pytest.raises(Refused, match=f"The certificate of {server.host} is .*caSecretRef"):
            await strict.fetch(wanted)
        chart = await strict.fetch(wanted, ca=ca)
        assert await strict.fetch(wanted, ca=ca) == chart
        for other in (None, (pki / "proxy-ca.crt").read_text()):
            with pytest.raises(Refused, match="not trusted"):
                await strict.fetch(wanted, ca=other)


@pytest.mark.parametrize(
    "ca", ["", "  \n", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
async def test_what_is_no_certificate_is_a_fault_of_the_spec_and_not_trust_in_everybody(
    strict: Charts, ca: str
) -> None:
    with pytest.raises(ChartFault) as raised:
        await strict.fetch(ChartSource("https://127.0.0.1:1/stable", "web", "1.2.3"), ca=ca)
    assert raised.value.path == "spec.chart.caSecretRef"
