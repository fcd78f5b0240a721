"""A release from the first install to its end: proven, upgraded, rolled back, held, fixed, uninstalled."""

from tests.manifests import condition
from tests.releases import Home, home, release_operator, shop

__all__ = ["home", "release_operator", "shop"]


async def test_a_release_is_installed_proven_and_upgraded(home: Home) -> None:
    await home.push()
    first = await home.proven()
    assert first["status"]["proven"]["revision"] == 1
    assert first["status"]["environment"]
    await home.push(values={"message": "two"})
    second = await home.proven()
    assert second["status"]["deployed"]["revision"] == 2
    assert await home.revisions() == [(1, "superseded"), (2, "deployed")]


async def test_a_bad_release_is_rolled_back_and_held_until_the_fix(home: Home) -> None:
    await home.push()
    await home.proven()
    await home.push(image={"tag": "crash-loop"})
    bad = await home.until(reason="RolledBack", status="False")
    assert bad["status"]["held"]["reason"] == "CrashLooping"
    assert bad["status"]["held"]["failedRevision"] == 2
    assert condition(bad, "Stalled")["status"] == "True"
    assert await home.revisions() == [(1, "superseded"), (2, "superseded"), (3, "deployed")]
    await home.push(image={"tag": "1.0.1"})
    assert (await home.proven())["status"]["proven"]["revision"] == 4


async def test_a_release_goes_with_its_apprelease(home: Home) -> None:
    await home.push()
    await home.proven()
    await home.delete()
    assert await home.revisions() == []
    assert await home.admin.list(f"/apis/apps/v1/namespaces/{home.namespace}/deployments") == []


async def test_nothing_is_deployed_twice_when_only_the_interval_changes(home: Home) -> None:
    await home.push()
    await home.proven()
    await home.push(interval="30m")
    await home.proven()
    assert await home.revisions() == [(1, "deployed")]


async def test_an_apprelease_outside_of_tenants_says_so(home: Home, namespace: str) -> None:
    manifest = home.manifest()
    manifest["metadata"]["namespace"] = namespace
    path = home.path().replace(home.namespace, namespace)
    await home.admin.apply(path, manifest)
    outside = Home(home.admin, namespace, home.shop)
    body = await outside.until(reason="NotATenantNamespace", status="False")
    assert condition(body, "Stalled")["status"] == "True"
    await outside.delete()
