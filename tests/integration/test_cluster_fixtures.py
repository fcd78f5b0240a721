"""The fixtures every other integration test stands on."""

import asyncio
import json

import pytest

from tests.cluster import Admin, ApiError, Audit, eventually

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"a": "1"}}


async def test_objects_can_be_made_changed_found_listed_and_removed(admin: Admin, namespace: str) -> None:
    collection = f"/api/v1/namespaces/{namespace}/configmaps"
    await admin.create(collection, CONFIG_MAP)
    await admin.patch(f"{collection}/one", {"data": {"b": "2"}})
    await admin.patch(f"{collection}/one", [{"op": "replace", "path": "/data/a", "value": "3"}])
    applied = await admin.apply(f"{collection}/one", {**CONFIG_MAP, "data": {"b": "4"}})

    assert applied["data"] == {"a": "3", "b": "4"}
    assert "one" in [item["metadata"]["name"] for item in await admin.list(collection)]
    await admin.delete(f"{collection}/one")
    assert await admin.find(f"{collection}/one") is None


async def test_long_lists_come_whole_though_they_come_in_pages(admin: Admin, namespace: str) -> None:
    collection = f"/api/v1/namespaces/{namespace}/configmaps"
    for number in range(5):
        await admin.create(collection, {"metadata": {"name": f"m{number}"}})
    names = {item["metadata"]["name"] for item in await admin.list(collection, limit="2")}
    assert names >= {f"m{number}" for number in range(5)}


async def test_a_namespace_holds_hundreds_of_services_with_addresses(admin: Admin, namespace: str) -> None:
    collection = f"/api/v1/namespaces/{namespace}/services"

    async def made(number: int) -> str:
        service = {"metadata": {"name": f"s{number}"}, "spec": {"ports": [{"port": 80}]}}
        return str((await admin.create(collection, service))["spec"]["clusterIP"])

    assert len(set(await asyncio.gather(*(made(number) for number in range(300))))) == 300


async def test_manifests_are_applied_wherever_discovery_says(admin: Admin, namespace: str) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "r", "namespace": namespace},
        "rules": [],
    }
    await admin.apply_manifests(role, {**CONFIG_MAP, "metadata": {"name": "two", "namespace": namespace}})
    assert await admin.get(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/r")
    assert await admin.get(f"/api/v1/namespaces/{namespace}/configmaps/two")


async def test_a_user_is_impersonated_with_groups(admin: Admin) -> None:
    jane = admin.as_user("jane", ["developers"])
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    seen = (await jane.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review))["status"]["userInfo"]
    assert seen["username"] == "jane"
    assert "developers" in seen["groups"]
    with pytest.raises(ApiError) as refused:
        await jane.list("/api/v1/namespaces")
    assert refused.value.status == 403
    assert "jane" in jane.kubectl("auth", "whoami")


async def test_a_service_account_shows_nothing_but_its_own_token(admin: Admin, namespace: str) -> None:
    account = await admin.as_service_account(namespace, "default")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    seen = (await account.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review))["status"]["userInfo"]
    assert seen["username"] == f"system:serviceaccount:{namespace}:default"
    assert "system:masters" not in seen["groups"]
    assert seen["username"] in account.kubectl("auth", "whoami")


def test_kubectl_complains_in_its_own_words(admin: Admin) -> None:
    with pytest.raises(AssertionError, match="not found"):
        admin.kubectl("get", "namespace", "there-is-none")


async def test_the_audit_log_counts_writes_and_not_questions(admin: Admin, audit: Audit, namespace: str) -> None:
    await audit.mark()
    collection = f"/api/v1/namespaces/{namespace}/configmaps"
    await admin.create(collection, CONFIG_MAP)
    await admin.create(collection, {"metadata": {"name": "two"}}, dryRun="All")
    await admin.list(collection)
    await admin.create(
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
    )
    ours = await audit.writes(user_agent="landlord-tests")
    assert [(entry.verb, entry.resource, entry.namespace, entry.status) for entry in ours] == [
        ("create", "configmaps", namespace, 201)
    ]


async def test_what_never_happens_is_told_with_what_was_seen_last() -> None:
    with pytest.raises(AssertionError, match=r"not within 0\.1 s: a miracle; last: 0"):
        await eventually(lambda: 0, deadline=0.1, describe="a miracle")


def test_kubectl_and_the_server_are_of_the_same_cluster(admin: Admin) -> None:
    said = json.loads(admin.kubectl("version", "-o", "json"))
    assert said["serverVersion"]["gitVersion"].startswith("v1.")
