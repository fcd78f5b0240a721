"""Http checks that want to go where no tenant may: they are told so, nobody is asked, and honest ones still pass."""

from typing import Any

import pytest

from tests.admin import ApiError
from tests.e2e.sites import http, open_site
from tests.manifests import condition
from tests.polling import eventually
from tests.releases import Home, home, release_operator, shop

__all__ = ["home", "release_operator", "shop"]

OPERATOR_FLAGS = ("--check-hosts", "127.0.0.1,localhost")
"""As if the platform let tenants ask this machine: what else runs on it, such as the API server, stays out of reach."""


FORBIDDEN = {
    "metadata address": ("http://169.254.169.254/latest/meta-data/iam", "leads out of the tenant"),
    "metadata address as a number": ("http://2852039166/latest/meta-data", "leads out of the tenant"),
    "metadata address in hex": ("http://0xa9fea9fe/", "leads out of the tenant"),
    "metadata address in IPv6": ("http://[::ffff:169.254.169.254]/", "leads out of the tenant"),
    "metadata name": ("http://metadata.google.internal/computeMetadata/v1/", "leads out of the tenant"),
    "the API server by its service": ("https://kubernetes.default.svc/api", "which is not the tenant's"),
    "another namespace": ("http://web.kube-system.svc/", "which is not the tenant's"),
    "a user in the URL": ("http://127.0.0.1@evil.example/", ""),
    "a backslash": ("http://127.0.0.1\\@evil.example/", "percent-encoded"),
    "an allowed name as prefix": ("http://localhost.evil.example/", "leads out of the tenant"),
    "a variable for a host": ("http://{{release}}.evil.example/", "leads out of the tenant"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
async def test_a_check_of_a_forbidden_place_is_refused_before_the_deploy(home: Home, what: str) -> None:
    url, words = FORBIDDEN[what]
    if "@" in url:
        with pytest.raises(ApiError) as refusal:
            await home.editor.push(healthChecks=[http(url)])
        assert refusal.value.status == 422
        return
    await home.editor.push(healthChecks=[http(url)])
    body = await home.until(status="False", words=words)
    assert condition(body, "Stalled")["status"] == "True"
    assert condition(body)["reason"] == "InvalidSpec"
    assert condition(body)["message"].startswith("spec.healthChecks[0].http (check ")
    assert await home.revisions() == []


async def test_a_check_of_a_permitted_place_passes(home: Home) -> None:
    with open_site() as site:
        await home.editor.push(healthChecks=[http(f"{site.url}/healthz")])
        body = await home.proven()
    assert "/healthz" in site.asked
    assert [check["state"] for check in body["status"]["checks"]] in ([], ["Passing"])


async def test_a_check_that_fails_condemns(home: Home) -> None:
    await home.editor.push()
    await home.proven()
    with open_site() as site:
        check = http(f"{site.url}/", expectedStatus=[204])
        await home.editor.push(healthChecks=[check | {"ignoreBaseline": True}], values={"message": "two"}, bake="5s")
        body = await home.until(reason="RolledBack", status="False")
    assert body["status"]["held"]["reason"] == "CheckFailed"


@pytest.mark.parametrize("to", ["another site", "metadata address"])
async def test_a_redirect_is_not_followed(home: Home, to: str) -> None:
    with open_site() as goal, open_site(goal.url if to == "another site" else "http://169.254.169.254/") as site:
        check = http(f"{site.url}/", expectedStatus=[302])
        await home.editor.push(healthChecks=[check])
        await home.proven()
        assert site.asked
        assert goal.asked == []


async def test_the_api_server_is_out_of_reach_by_its_address(home: Home) -> None:
    """Its host is one that tenants may ask; its port is not."""
    url = f"{home.admin.server}/version"
    await home.editor.push(healthChecks=[http(url) | {"onError": "Fail"}], bake="2s")
    body = await home.until(kind="Ready", words="API server", deadline=30)
    assert condition(body)["status"] != "True" or "API server" in condition(body)["message"]


SERVICES: dict[str, tuple[dict[str, Any], dict[str, Any] | None, str]] = {
    "by another name": ({"type": "ExternalName", "externalName": "kubernetes.default.svc"}, None, "ExternalName"),
    "by a slice of a stranger's address": (
        {"ports": [{"port": 80}]},
        {"endpoints": [{"addresses": ["10.255.0.8"]}], "ports": [{"port": 80}]},
        "no address of a pod",
    ),
    "by a slice that names a pod": (
        {"ports": [{"port": 80}]},
        {
            "endpoints": [{"addresses": ["10.255.0.9"], "targetRef": {"kind": "Pod", "name": "none", "uid": "x"}}],
            "ports": [{"port": 80}],
        },
        "no address of a pod",
    ),
}


@pytest.mark.parametrize("what", SERVICES)
async def test_a_service_leads_to_pods_of_its_namespace_or_nowhere(home: Home, what: str) -> None:
    spec, piece, words = SERVICES[what]
    root, namespace = home.admin, home.namespace
    head = {"name": "trap", "namespace": namespace}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": head, "spec": spec}
    await root.apply(f"/api/v1/namespaces/{namespace}/services/trap", service)
    if piece is not None:
        labels = {"kubernetes.io/service-name": "trap"}
        kind = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4"}
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices/trap"
        await root.apply(path, {**kind, "metadata": {**head, "labels": labels}, **piece})
    await home.editor.push(healthChecks=[http(service="trap")], bake="2s")

    seen: dict[str, Any] = {}

    async def told() -> bool:
        body = await home.body()
        seen.update(body.get("status") or {})
        return any(words in str(check.get("message")) for check in seen.get("checks") or ())

    await eventually(told, deadline=60, describe=lambda: f"{words}; {seen.get('checks')} {seen.get('conditions')}")
