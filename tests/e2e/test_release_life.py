"""A release from the first install to its end: proven, upgraded, rolled back, held, fixed, uninstalled."""

from tests.cluster import Audit
from tests.manifests import TENANTS, condition
from tests.manifests import tenant as tenant_manifest
from tests.polling import eventually
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


async def test_a_release_in_a_namespace_that_was_left_behind_is_left_alone_and_its_end_is_told(
    home: Home, tenant_name: str
) -> None:
    await home.push(deletionPolicy="Uninstall")
    await home.proven()
    tenant = f"{TENANTS}/{tenant_name}"
    await home.admin.patch(tenant, {"spec": {"deletionPolicy": "Orphan"}})
    await home.admin.delete(tenant)
    await _until_gone(home, tenant)
    words = f"left behind by Tenant {tenant_name}"
    body = await home.until(reason="NotATenantNamespace", status="False", words=words)
    assert body["status"]["deployed"]["revision"] == 1
    own = tenant_manifest(tenant_name, tenant_name, deletionPolicy="Orphan")
    await home.admin.apply_manifests(own)
    await home.proven()
    await home.admin.delete(tenant)
    await _until_gone(home, tenant)
    await home.until(reason="NotATenantNamespace", status="False", words=words)
    await home.breaker.delete(home.path())
    await _until_gone(home, home.path())

    async def is_told() -> bool:
        return any(each.startswith("LetGo") and "stays as it is" in each for each in await home.events())

    await eventually(is_told, describe="an Event that says what stays")
    assert not [each for each in await home.events() if "uninstalled the release" in each]
    assert await home.revisions() == [(1, "deployed")]
    await home.breaker.delete(f"/api/v1/namespaces/{home.namespace}")


async def test_a_tenant_that_goes_has_its_releases_uninstalled_before_its_namespace(
    home: Home, tenant_name: str, audit: Audit
) -> None:
    await home.push()
    await home.proven()
    await audit.mark()
    await home.admin.delete(f"{TENANTS}/{tenant_name}")
    await _until_gone(home, f"{TENANTS}/{tenant_name}")
    written = [each for each in await audit.writes() if home.namespace in (each.namespace, each.name)]
    deleted = [each for each in written if each.verb == "delete"]
    helms = [
        n for n, each in enumerate(deleted) if each.user_agent.startswith("Helm") and each.resource == "deployments"
    ]
    namespaces = [n for n, each in enumerate(deleted) if each.resource == "namespaces"]
    assert helms
    assert helms[0] < namespaces[0]


async def test_a_release_that_cannot_be_uninstalled_holds_its_tenant_in_plain_words(
    home: Home, tenant_name: str
) -> None:
    """A cordon keeps Helm from everything: to lift it, or to leave what runs to the namespace, are the ways out."""
    await home.push()
    await home.proven()
    await home.push("db")
    await home.proven("db")
    tenant = f"{TENANTS}/{tenant_name}"
    await home.admin.patch(tenant, {"spec": {"cordoned": True}})
    await eventually(lambda: _is_cordoned(home), deadline=20, describe="the namespace is cordoned")
    await home.admin.delete(tenant)
    for name in ("db", "web"):
        await _until_told(
            home, tenant, f"AppRelease {name} cannot be uninstalled", "Set spec.cordoned of the Tenant to false"
        )
    assert "deletionTimestamp" not in (await home.admin.get(f"/api/v1/namespaces/{home.namespace}"))["metadata"]
    await home.breaker.patch(home.path("db"), {"spec": {"deletionPolicy": "Orphan"}})
    await _until_gone(home, home.path("db"))
    await home.admin.patch(tenant, {"spec": {"cordoned": False}})
    await _until_gone(home, tenant)


async def _is_cordoned(home: Home) -> bool:
    found = await home.admin.get(f"/api/v1/namespaces/{home.namespace}")
    return "landlord.dev/cordoned" in found["metadata"]["labels"]


async def _until_told(home: Home, tenant: str, *words: str) -> None:
    told: list[str] = []

    async def says_so() -> bool:
        message = str(condition(await home.admin.get(tenant), "Deleting").get("message", ""))
        told[:] = [message]
        return all(word in message for word in words)

    await eventually(says_so, deadline=40, describe=lambda: f"{tenant} tells {words}, found {told}")


async def _until_gone(home: Home, path: str) -> None:
    async def is_gone() -> bool:
        return await home.admin.find(path) is None

    await eventually(is_gone, deadline=60, describe=f"{path} is gone")
