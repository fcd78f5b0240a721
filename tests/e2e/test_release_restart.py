"""What outlives the operator: a hold, the status it is told by, and what was seen of a bake."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.admin import Admin
from tests.audit import Audit
from tests.manifests import Object, condition
from tests.operator_process import OperatorProcess, running_operator
from tests.polling import eventually
from tests.releases import Home, move_in, shop
from tests.shop import SETTINGS, WEB, Shop, package

__all__ = ["shop"]

LEASE = "/apis/coordination.k8s.io/v1/namespaces/landlord-system/leases/landlord"


@dataclass(frozen=True)
class Office:
    """Where one operator serves after another, and the tenant it is for."""

    admin: Admin
    tenant: str
    shop: Shop
    kubeconfig: Path
    folder: Path

    @asynccontextmanager
    async def held_by(self, name: str) -> AsyncIterator[OperatorProcess]:
        """A serving operator; its name is that of its log."""
        with running_operator(self.kubeconfig, self.folder, *self.shop.flags, name=name) as operator:
            await operator.until_serving()
            yield operator

    @asynccontextmanager
    async def begun(self) -> AsyncIterator[tuple[OperatorProcess, Home]]:
        """The first operator, and a fresh tenant that it has made true."""
        async with self.held_by("first") as first:
            yield first, await move_in(self.admin, self.tenant, self.shop)


@pytest.fixture
def office(admin: Admin, tenant_name: str, shop: Shop, operator_kubeconfig: Path, tmp_path: Path) -> Office:
    """A fresh one."""
    return Office(admin, tenant_name, shop, operator_kubeconfig, tmp_path)


async def test_a_hold_outlives_the_operator(office: Office, audit: Audit) -> None:
    """And a status that was lost meanwhile: the next operator reads the ledger, and starts no Helm."""
    async with office.begun() as (first, home):
        await home.push()
        await home.proven()
        await home.push(image={"tag": "image-pull"})
        before = await home.until(reason="RolledBack", status="False")
        assert await first.stop() == 0
    revisions = await home.revisions()
    await home.breaker.patch(f"{home.path()}/status", {"status": {"held": None, "conditions": [], "history": []}})
    await audit.mark()
    async with office.held_by("second") as second:
        after = await home.until(reason="RolledBack", status="False", words="Held")
        await home.looked_at()
        assert after["status"]["held"] == before["status"]["held"]
        assert await home.revisions() == revisions
        written = await audit.writes(user_agent="Helm")
        assert [each for each in written if each.namespace == home.namespace] == []
        await home.push(image={"tag": "1.0.1"})
        await home.proven()
        assert await second.stop() == 0


async def test_a_hand_on_helm_while_the_registry_is_away_is_told(office: Office, shop: Shop, tmp_path: Path) -> None:
    """An operator that knows nothing any more meets a revision of somebody else's, and cannot get the chart."""
    async with office.begun() as (first, home):
        await home.push()
        await home.proven()
        assert await first.stop() == 0
    chart = tmp_path / "web-1.0.0.tgz"
    chart.write_bytes(package("web", "1.0.0", {"templates/web.yaml": WEB, "templates/settings.yaml": SETTINGS}))
    await home.helm("upgrade", "web", str(chart), "--set", "message=by hand")
    shop.is_closed = True
    try:
        async with office.held_by("second") as second:
            body = await home.looked_at()
            assert condition(body)["status"] != "True"
            assert _bugs(second, home.namespace) == []
            assert await home.data() == {"message": "by hand"}
            shop.is_closed = False
            await home.annotate(requested_at="again")
            await home.proven()
            assert await home.data() == {"message": "hello"}
    finally:
        shop.is_closed = False


async def test_other_content_of_a_chart_stays_told_by_the_next_operator(office: Office, shop: Shop) -> None:
    """It looks at once, and not an interval later; meanwhile nothing else is told."""
    settings = {"templates/web.yaml": WEB, "templates/settings.yaml": SETTINGS}
    shop.offer("twice", "1.0.0", settings)
    async with office.begun() as (first, home):
        await home.push(chart=shop.pin("twice"), interval="30s")
        await home.proven()
        shop.offer("twice", "1.0.0", {**settings, "files/new": "new"})
        await home.until(reason="ChartContentChanged", status="False", deadline=90)
        await home.push(chart=shop.pin("twice"), interval="1h")
        before = await home.until(reason="ChartContentChanged", status="False")
        assert await first.stop() == 0
    async with office.held_by("second") as second:
        assert condition(await home.looked_at()) == condition(before)
        assert await second.stop() == 0
    shop.offer("twice", "1.0.0", settings)
    async with office.held_by("third") as third:
        await home.proven()
        assert await home.revisions() == [(1, "deployed")]
        assert await third.stop() == 0


async def test_a_namespace_that_is_leaving_takes_its_releases_with_it(office: Office, admin: Admin) -> None:
    """Even when the deployer's rights are gone already: there is nothing left to be done with them."""
    async with office.begun() as (first, home):
        await home.push()
        await home.proven()
        assert await first.stop() == 0
    await home.breaker.delete(f"/api/v1/namespaces/{home.namespace}")
    rights = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{home.namespace}/rolebindings/landlord-deployer"
    await eventually(lambda: _is_gone(home, rights), deadline=60, describe="the deployer's rights are gone")
    assert await admin.find(home.path())
    async with office.held_by("second"):
        await eventually(lambda: _is_gone(home, home.path()), deadline=60, describe="the AppRelease is let go")


async def test_a_release_is_not_proven_by_time_in_which_no_operator_lived(office: Office, admin: Admin) -> None:
    """Killed in the midst of a bake that would be over by now: what counts is how long somebody looked."""
    async with office.begun() as (first, home):
        await home.push(bake="10s")
        await home.until(reason="Baking")
        first.kill()
    await admin.delete(LEASE)
    ledger = await _ledger(home)
    ledger["attempt"]["since"] = (_time(ledger["attempt"]["since"]) - timedelta(hours=1)).isoformat()
    await _rewrite(home, ledger)
    began = datetime.now(UTC)  # noqa: TID251 - what a person's clock would say
    async with office.held_by("second") as second:
        body = await home.proven()
        assert _time(body["status"]["proven"]["at"]) >= began + timedelta(seconds=9)
        assert await home.revisions() == [(1, "deployed")]
        assert await second.stop() == 0


async def test_a_bake_goes_on_where_an_operator_that_stops_in_peace_has_left_it(office: Office) -> None:
    async with office.begun() as (first, home):
        await home.push(bake="10m")
        await home.until(reason="Baking")
        assert await first.stop() == 0
    left = (await _ledger(home))["attempt"]
    baked = _time(left["watch"]["until"]) - _time(left["since"])
    assert timedelta() <= baked < timedelta(minutes=1)
    began = datetime.now(UTC)  # noqa: TID251 - what a person's clock would say
    async with office.held_by("second") as second:

        async def goes_on() -> Object | None:
            attempt: Object = (await _ledger(home))["attempt"]
            return attempt if attempt["since"] != left["since"] else None

        attempt = await eventually(goes_on, deadline=60, describe="the bake is put off by the time nobody looked")
        assert attempt["watch"]["began"] == left["watch"]["began"]
        assert _time(attempt["since"]) >= began - baked
        assert _time(attempt["watch"]["until"]) - _time(attempt["since"]) == baked
        await home.push(bake="1s")
        await home.proven()
        assert await second.stop() == 0


async def _ledger(home: Home) -> Object:
    found = await home.ledger()
    assert found is not None
    ledger: Object = json.loads(found["data"]["ledger"])
    return ledger


async def _rewrite(home: Home, ledger: Object) -> None:
    path = f"/api/v1/namespaces/landlord-system/configmaps/{home.namespace}.web"
    await home.admin.patch(path, {"data": {"ledger": json.dumps(ledger)}})


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


async def _is_gone(home: Home, path: str) -> bool:
    return await home.admin.find(path) is None


def _bugs(operator: OperatorProcess, namespace: str) -> list[str]:
    """What the operator takes for bugs of its own in this namespace; others may have left ruins."""
    errors = [line for line in operator.log_lines() if line["level"] in ("ERROR", "CRITICAL")]
    return [str(line["message"]) for line in errors if namespace in str(line.get("object"))]
