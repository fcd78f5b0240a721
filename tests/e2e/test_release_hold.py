"""Holds, and hands on Helm: what was rejected stays rejected, and what somebody did by hand is noticed."""

from pathlib import Path
from typing import Any

import pytest

from landlord.api.refs import DEPLOYMENTS
from tests.admin import Admin
from tests.manifests import condition
from tests.operator_process import OperatorProcess
from tests.polling import eventually
from tests.releases import Home, home, move_in, release_operator, shop
from tests.shop import SETTINGS, WEB, Shop, package

__all__ = ["home", "release_operator", "shop"]

BAD: dict[str, Any] = {"image": {"tag": "image-pull"}}


async def held(home: Home, **spec: Any) -> Any:
    """A release with a proven revision 1, rolled back from a bad image and held."""
    await home.push(**spec)
    await home.proven()
    await home.push(**spec, **BAD)
    return await home.until(reason="RolledBack", status="False")


@pytest.fixture
def chart(home: Home, tmp_path: Path) -> str:
    """The shop's chart as a file, for whoever runs Helm by hand."""
    file = tmp_path / "web-1.0.0.tgz"
    file.write_bytes(package("web", "1.0.0", {"templates/web.yaml": WEB, "templates/settings.yaml": SETTINGS}))
    return str(file)


async def test_going_back_to_what_runs_needs_no_helm(home: Home) -> None:
    await held(home)
    before = await home.revisions()
    await home.push()
    body = await home.proven()
    assert body["status"].get("held") is None
    assert condition(body, "Held") == {}
    assert await home.revisions() == before


async def test_a_new_bad_thing_is_another_attempt_and_ends_like_the_first(home: Home) -> None:
    await held(home)
    await home.push(image={"tag": "crash-loop"})
    body = await home.until(reason="RolledBack", status="False", words="ended 3 times", deadline=60)
    assert body["status"]["held"]["reason"] == "CrashLooping"
    assert body["status"]["proven"]["revision"] in (1, 3, 5)
    assert [number for number, status in await home.revisions() if status == "deployed"] == [5]
    assert await _image(home) == "registry.example.org/web:1.0.0"


async def test_what_is_held_is_not_tried_again_by_itself(home: Home) -> None:
    await held(home)
    before = await home.revisions()
    for change in ({"interval": "45s"}, {"maxHistory": 5}, {"drift": {"mode": "Correct"}}):
        await home.push(**BAD, **change)
        await home.looked_at()
        await home.until(reason="RolledBack", status="False")
    assert await home.revisions() == before


async def test_a_first_install_that_fails_is_held_as_it_is(home: Home) -> None:
    await home.push(timeout="4s", **BAD)
    body = await home.until(status="False", words="Held")
    assert body["status"].get("proven") is None
    assert await home.revisions() == [(1, "deployed")]
    await home.push()
    await home.proven()


async def test_an_upgrade_by_hand_is_put_right(home: Home, chart: str) -> None:
    await home.push()
    await home.proven()
    await home.helm("upgrade", "web", chart, "--set", "message=by hand")
    await home.annotate(requested_at="now")
    body = await eventually(lambda: _right(home, {"message": "hello"}), deadline=90, describe="what the spec asks for")
    assert body["status"]["proven"]["revision"] == 3


async def test_an_upgrade_by_hand_to_what_is_wanted_is_taken_over(home: Home, chart: str) -> None:
    """Somebody was faster than Git: nothing is deployed again."""
    await home.push()
    await home.proven()
    await home.push(suspend=True)
    await home.until(reason="Suspended")
    await home.helm("upgrade", "web", chart, "--values", "-", stdin='{"message": "two"}')
    await home.push(values={"message": "two"})
    body = await home.proven()
    assert body["status"]["proven"]["revision"] == 2
    assert await home.revisions() == [(1, "superseded"), (2, "deployed")]


async def test_a_rollback_by_hand_is_put_right(home: Home) -> None:
    await home.push()
    await home.proven()
    await home.push(values={"message": "two"})
    await home.proven()
    assert "happy" in (await home.helm("rollback", "web", "1")).lower()
    await home.annotate(requested_at="now")
    await eventually(lambda: _right(home, {"message": "two"}), deadline=90, describe="what the spec asks for")


async def test_an_uninstall_by_hand_is_put_right(home: Home) -> None:
    await home.push()
    await home.proven()
    assert "uninstalled" in await home.helm("uninstall", "web", "--wait")
    await home.annotate(requested_at="now")
    await eventually(lambda: _right(home, {"message": "hello"}), deadline=90, describe="what the spec asks for")
    assert await home.revisions() == [(1, "deployed")]


async def test_a_rejected_thing_that_somebody_deploys_by_hand_is_not_believed(home: Home, chart: str) -> None:
    """A hold binds whoever deploys: the very same by hand is told, not proven."""
    await held(home)
    await home.helm("upgrade", "web", chart, "--set", "image.tag=image-pull")
    await home.annotate(requested_at="now")
    body = await home.looked_at()
    assert condition(body, "Proven").get("status") != "True"
    body = await home.until(status="False", deadline=90)
    assert body["status"]["proven"]["revision"] < 4
    await home.push(image={"tag": "1.0.1"})
    await home.proven()


async def test_an_existing_release_is_taken_over_without_deploying_it(home: Home, chart: str) -> None:
    await home.helm("install", "web", chart, "--values", "-", stdin='{"message": "from the pipeline"}')
    uid = (await home.admin.get(DEPLOYMENTS.path(home.namespace, "web")))["metadata"]["uid"]
    await home.push(values={"message": "from the pipeline"})
    body = await home.proven()
    assert body["status"]["proven"]["revision"] == 1
    assert await home.revisions() == [(1, "deployed")]
    assert (await home.admin.get(DEPLOYMENTS.path(home.namespace, "web")))["metadata"]["uid"] == uid
    await home.push(values={"message": "from Git"})
    await home.proven()
    assert await home.data() == {"message": "from Git"}


async def test_an_existing_release_that_differs_is_upgraded(home: Home, chart: str) -> None:
    await home.helm("install", "web", chart)
    await home.push(values={"message": "from Git"})
    body = await home.proven()
    assert body["status"]["proven"]["revision"] == 2
    assert await home.data() == {"message": "from Git"}


async def test_an_orphan_stays_and_is_taken_back(home: Home) -> None:
    await home.push(deletionPolicy="Orphan")
    await home.proven()
    await home.delete()
    assert await home.revisions() == [(1, "deployed")]
    assert await _image(home) == "registry.example.org/web:1.0.0"
    await home.push()
    await home.proven()
    assert await home.revisions() == [(1, "deployed")]
    await home.delete()
    assert await home.revisions() == []


async def test_production_keeps_what_runs_when_its_release_is_deleted(
    admin: Admin, tenant_name: str, shop: Shop, release_operator: OperatorProcess
) -> None:
    home = await move_in(admin, tenant_name, shop, {"tier": "production"})
    await home.push()
    await home.proven()
    await home.delete()
    assert await home.revisions() == [(1, "deployed")]
    await home.push(deletionPolicy="Uninstall")
    await home.proven()
    await home.delete()
    assert await home.revisions() == []


async def _image(home: Home) -> str:
    found = await home.admin.get(DEPLOYMENTS.path(home.namespace, "web"))
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


async def _right(home: Home, data: dict[str, str]) -> Any:
    """The AppRelease, once this runs and is proven."""
    body = await home.body()
    return body if await home.data() == data and condition(body).get("reason") == "Proven" else None
