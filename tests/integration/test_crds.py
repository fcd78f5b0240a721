"""The CRDs on a real API server: accepted, explained, afforded at their largest, and each rule naming its field."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from landlord.api.crd import ENVIRONMENT, KINDS, TENANT, Kind, open_api_schema
from landlord.api.names import API_VERSION
from tests import specimens
from tests.admin import Admin, ApiError, Object
from tests.bad_input import Variation, variations
from tests.cluster import Cluster, short_name
from tests.crowds import crowded, crowds
from tests.served import serve_crds, writer_of_status

API = f"/apis/{API_VERSION}"
# What etcd takes in one request, less what the API server adds.
_LARGEST = 1_400_000
large_bodies = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
_AT_ONCE = 8


@pytest.fixture(scope="module", autouse=True)
def crds(cluster: Cluster) -> None:
    """The committed CRDs, served."""
    serve_crds(cluster)


@pytest.fixture
async def tenant(admin: Admin, tenant_name: str) -> AsyncIterator[Object]:
    """A Tenant with two environments, one in a namespace of the user's choice; gone after the test."""
    environments = [{"name": "staging"}, {"name": "production", "namespace": f"{tenant_name}-live"}]
    yield await admin.create(f"{API}/tenants", tenant_manifest(tenant_name, environments=environments))
    await forget(admin, f"{API}/tenants/{tenant_name}")


def tenant_manifest(name: str, **spec: Any) -> Object:
    """A Tenant with one environment unless the test says otherwise."""
    body = {"environments": [{"name": "staging"}]} | spec
    return {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": name}, "spec": body}


async def forget(admin: Admin, path: str) -> None:
    """Remove an object of ours at once, whether or not an operator runs that would hold it."""
    await admin.delete(path)
    if await admin.find(path):
        await admin.patch(path, {"metadata": {"finalizers": None}})


async def refusal(admin: Admin, manifest: Object) -> tuple[set[str], str]:
    """The fields that the API server names, and its words."""
    plural = {kind.name: kind.plural for kind in KINDS}[manifest["kind"]]
    with pytest.raises(ApiError) as refused:
        await admin.create(f"{API}/{plural}", manifest, dryRun="All", fieldValidation="Strict")
    causes = refused.value.body.get("details", {}).get("causes", ())
    return {cause.get("field", "") for cause in causes}, refused.value.message


async def test_a_new_object_says_that_nobody_has_looked_at_it(admin: Admin, tenant_name: str) -> None:
    for kind, specimen in ((TENANT, specimens.tenant), (ENVIRONMENT, specimens.environment)):
        path = f"{API}/{kind.plural}"
        made = await admin.create(path, specimen(tenant_name), dryRun="All", fieldValidation="Strict")
        assert made["status"]["observedGeneration"] == -1

    bare = {"apiVersion": API_VERSION, "kind": "Environment", "metadata": {"name": tenant_name}}
    made = await admin.create(f"{API}/environments", bare, dryRun="All")
    assert made["spec"] == {"tier": "development", "suspend": False}


@pytest.mark.parametrize("status", [None, {"observedGeneration": None}])
async def test_a_status_that_is_wiped_says_so_too(admin: Admin, tenant: Object, status: Object | None) -> None:
    path = f"{API}/tenants/{tenant['metadata']['name']}"
    await writer_of_status(admin).patch(f"{path}/status", {"status": {"observedGeneration": 1, "summary": "0/2"}})

    wiped = await writer_of_status(admin).patch(f"{path}/status", {"status": status})

    assert wiped["status"]["observedGeneration"] == -1


async def test_status_takes_the_longest_words_and_those_of_later_versions(admin: Admin, tenant: Object) -> None:
    condition = {
        "type": "InventedLater",
        "status": "Unknown",
        "reason": "InventedLaterToo",
        "message": "m" * 32768,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,
    }
    status = {"observedGeneration": 1, "conditions": [condition], "environments": [{"name": "e" * 40}]}

    kept = await writer_of_status(admin).patch(f"{API}/tenants/{tenant['metadata']['name']}/status", {"status": status})

    assert kept["status"]["conditions"] == [condition]


@pytest.mark.parametrize("field", ["tenant", "tenant.spec", "tenant.spec.environments", "environment.spec.drift"])
def test_explain_speaks_in_sentences_without_markup(admin: Admin, field: str) -> None:
    text = admin.kubectl("explain", field, f"--api-version={API_VERSION}")

    assert "DESCRIPTION:" in text
    assert "<empty>" not in text
    assert "`" not in text


def test_explain_of_environments_tells_what_each_field_is_for(admin: Admin) -> None:
    text = " ".join(admin.kubectl("explain", "tenant.spec.environments", f"--api-version={API_VERSION}").split())

    assert "Where the tenant lives: one namespace in each" in text
    assert "name <string> -required- Name of the Environment." in text
    assert "enum: Never, Preview, Enforce" in text
    assert "default TENANT-ENVIRONMENT. Cannot be changed." in text
    for field in ("quota", "limits", "network", "podSecurity", "policies", "serviceAccounts", "deployer"):
        assert f" {field} <" in text


async def test_columns_tell_how_each_object_is(admin: Admin, tenant: Object) -> None:
    name = tenant["metadata"]["name"]
    ready = {"type": "Ready", "status": "False", "reason": "EnvironmentMissing", "message": "no Environment production"}
    ready |= {"lastTransitionTime": "2026-01-01T00:00:00Z"}
    await writer_of_status(admin).patch(
        f"{API}/tenants/{name}/status", {"status": {"summary": "1/2", "conditions": [ready]}}
    )

    short = admin.kubectl("get", "ltn", name).splitlines()
    wide = admin.kubectl("get", "tenants", name, "--output=wide").splitlines()

    assert short[0].split() == ["NAME", "READY", "ENVIRONMENTS", "REASON", "AGE"]
    assert short[1].split()[:4] == [name, "False", "1/2", "EnvironmentMissing"]
    assert "no Environment production" in wide[1]


async def test_both_kinds_are_listed_together(admin: Admin, tenant: Object) -> None:
    stage = short_name("e")
    await admin.create(f"{API}/environments", {"metadata": {"name": stage}, "spec": {"tier": "testing"}} | _HEAD)
    try:
        both = admin.kubectl("get", "tenants,lenv")
        assert f"tenant.landlord.dev/{tenant['metadata']['name']}" in both
        assert f"environment.landlord.dev/{stage}" in both
        assert f"environment.landlord.dev/{stage}" in admin.kubectl("get", "landlord")
        assert admin.kubectl("get", "lenv", stage).split()[:7] == [
            *("NAME", "TIER", "READY", "TENANTS", "FAILED", "DRIFTED", "AGE")
        ]
    finally:
        await forget(admin, f"{API}/environments/{stage}")


_HEAD = {"apiVersion": API_VERSION, "kind": "Environment"}


def _peers(*peers: Object) -> Object:
    return {"environments": [{"name": "staging", "network": {"allowFrom": list(peers)}}]}


ACCEPTED: dict[str, Object] = {
    "quantities as numbers and as strings": {"quota": {"aggregate": {"pods": 4, "cpu": "1500m", "memory": ".5Gi"}}},
    "blocks of both families": _peers(
        {"cidr": "10.1.0.0/16"}, {"cidr": "2001:db8::/32", "except": ["2001:db8:1::/48"]}
    ),
    "peers of all kinds": _peers(
        {"peer": "ingress"}, {"namespaces": ["a"], "podLabels": {"b": "c"}}, {"podLabels": {"d": ""}}
    ),
    "one person with two roles": {
        "members": [{"kind": "User", "name": "jane", "role": role} for role in ("owner", "viewer")],
    },
    "accounts of one name in two namespaces": {
        "members": [
            {"kind": "ServiceAccount", "name": "ci", "namespace": namespace, "role": "editor"}
            for namespace in ("a", "b")
        ],
    },
    "a long environment in a namespace of its own": {"environments": [{"name": "e" * 40, "namespace": "short"}]},
    "lists that are empty on purpose": {
        "environments": [{"name": "staging", "policies": {"registries": [], "serviceTypes": []}}]
    },
}


@pytest.mark.parametrize("spec", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_what_is_right_is_accepted(admin: Admin, tenant_name: str, spec: Object) -> None:
    manifest = tenant_manifest(tenant_name, **spec)

    await admin.create(f"{API}/tenants", manifest, dryRun="All", fieldValidation="Strict")


_FIRST = "spec.environments[0].network.allowFrom[0]"
REFUSED: dict[str, tuple[Object, str, str]] = {
    "an environment twice": (
        {"environments": [{"name": "one"}, {"name": "one"}]},
        "spec.environments[1]",
        "Duplicate value",
    ),
    "a namespace twice": (
        {"environments": [{"name": "one", "namespace": "both"}, {"name": "two", "namespace": "both"}]},
        "spec.environments",
        "each environment needs a namespace of its own",
    ),
    "a contact twice": ({"contacts": ["a@example.org"] * 2}, "spec.contacts[1]", "Duplicate value"),
    "no environment": ({"environments": []}, "spec.environments", "at least 1"),
    "too many environments": (
        {"environments": [{"name": f"e{number}"} for number in range(65)]},
        "spec.environments",
        "must have at most 64 items",
    ),
    "a name that does not fit": (
        {"environments": [{"name": "e" * 40}]},
        "spec.environments",
        "must fit into 63 characters",
    ),
    "a negative quantity": ({"quota": {"aggregate": {"cpu": "-1"}}}, "spec.quota.aggregate.cpu", "should match"),
    "a negative number": ({"quota": {"aggregate": {"pods": -1}}}, "spec.quota.aggregate.pods", "greater than or equal"),
    "a fraction as a number": ({"quota": {"aggregate": {"cpu": 1.5}}}, "spec.quota.aggregate.cpu", "integer,string"),
    "a quantity in words": ({"quota": {"aggregate": {"cpu": "2 cores"}}}, "spec.quota.aggregate.cpu", "should match"),
    "a resource without a name": ({"quota": {"aggregate": {"": 1}}}, "spec.quota.aggregate", "resource names have 1"),
    "a block with host bits": (_peers({"cidr": "10.1.2.3/16"}), f"{_FIRST}.cidr", "no host bits set"),
    "a block that is an address": (_peers({"cidr": "10.1.2.3"}), f"{_FIRST}.cidr", "must be a CIDR"),
    "an exception beside its block": (
        _peers({"cidr": "10.1.0.0/16", "except": ["10.2.0.0/24"]}),
        f"{_FIRST}.except",
        "must name parts of cidr",
    ),
    "two kinds of peers": (_peers({"peer": "a", "cidr": "10.0.0.0/8"}), _FIRST, "give exactly one of peer, cidr"),
    "no peer": (_peers({"ports": [{"port": 80}]}), _FIRST, "give exactly one of peer, cidr"),
    "ports that run backwards": (
        _peers({"peer": "a", "ports": [{"port": 9, "endPort": 8}]}),
        f"{_FIRST}.ports[0].endPort",
        "may not be below port",
    ),
    "a label that is none": (_peers({"podLabels": {"a b": "c"}}), f"{_FIRST}.podLabels", "must be labels"),
    "a user in a namespace": (
        {"members": [{"kind": "User", "name": "jane", "namespace": "a", "role": "owner"}]},
        "spec.members[0].namespace",
        "namespace is for kind ServiceAccount",
    ),
    "an account without a namespace": (
        {"members": [{"kind": "ServiceAccount", "name": "ci", "role": "owner"}]},
        "spec.members[0].namespace",
        "which needs it",
    ),
    "a group of Kubernetes": (
        {"members": [{"kind": "Group", "name": "system:authenticated", "role": "viewer"}]},
        "spec.members[0].name",
        "belong to Kubernetes",
    ),
    "a role nobody knows": (
        {"members": [{"kind": "User", "name": "jane", "role": "admin"}]},
        "spec.members[0].role",
        'supported values: "owner", "editor", "viewer"',
    ),
}


@pytest.mark.parametrize(("spec", "field", "words"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_wrong_is_refused_by_field(
    admin: Admin, tenant_name: str, spec: Object, field: str, words: str
) -> None:
    name = tenant_name.ljust(23, "x") if field == "spec.environments" else tenant_name

    fields, message = await refusal(admin, tenant_manifest(name, **spec))

    assert field in fields
    assert words in message


@pytest.mark.parametrize(
    ("drift", "field", "words"),
    [
        ({"interval": "30s"}, "spec.drift.interval", "a duration of at least a minute"),
        ({"interval": "1d"}, "spec.drift.interval", "a duration of at least a minute"),
        ({"maxCorrectionsPerHour": 0}, "spec.drift.maxCorrectionsPerHour", "greater than or equal to 1"),
        (
            {"ignore": [{"kind": "ResourceQuota", "pointers": ["spec.hard"]}]},
            "spec.drift.ignore[0].pointers[0]",
            "should match",
        ),
        (
            {
                "ignore": [
                    {"kind": "Namespace", "pointers": ["/spec/a"]},
                    {"kind": "Namespace", "pointers": ["/spec/b"]},
                ]
            },
            "spec.drift.ignore[1]",
            "Duplicate value",
        ),
    ],
)
async def test_drift_policies_are_refused_by_field(admin: Admin, drift: Object, field: str, words: str) -> None:
    fields, message = await refusal(admin, {"metadata": {"name": short_name("e")}, "spec": {"drift": drift}} | _HEAD)

    assert field in fields
    assert words in message


@pytest.mark.parametrize("kind", [TENANT, ENVIRONMENT], ids=lambda kind: kind.name)
@pytest.mark.parametrize("name", ["n" * 41, "with.dots"])
async def test_a_name_that_makes_no_namespace_is_refused(admin: Admin, kind: Kind, name: str) -> None:
    manifest = tenant_manifest(name, environments=[{"name": "e", "namespace": "n"}]) | {"kind": kind.name}
    if kind is ENVIRONMENT:
        manifest["spec"] = {}

    fields, message = await refusal(admin, manifest)

    assert "metadata.name" in fields
    assert "is a DNS label of at most 40 characters" in message


async def test_a_namespace_stays_what_it_was(admin: Admin, tenant: Object) -> None:
    by_name = {each["name"]: index for index, each in enumerate(tenant["spec"]["environments"])}
    staging, production = by_name["staging"], by_name["production"]

    for index, change in (
        (staging, {"namespace": "added"}),
        (production, {"namespace": "changed"}),
        (production, {"namespace": None}),
    ):
        changed = copy.deepcopy(tenant)
        where = changed["spec"]["environments"][index]
        where |= change
        if change["namespace"] is None:
            del where["namespace"]
        with pytest.raises(ApiError) as refused:
            await admin.replace(f"{API}/tenants/{tenant['metadata']['name']}", changed)
        fields = {cause["field"] for cause in refused.value.body["details"]["causes"]}
        assert f"spec.environments[{index}].namespace" in fields
        assert "remove the environment, then add it anew" in refused.value.message


async def test_environments_may_be_reordered_added_and_removed(admin: Admin, tenant: Object) -> None:
    path = f"{API}/tenants/{tenant['metadata']['name']}"
    staging, production = tenant["spec"]["environments"]

    for environments in ([production, staging], [{"name": "new"}, production, staging], [production]):
        await admin.patch(path, {"spec": {"environments": environments}})


_SPECIMENS = {
    "Tenant": specimens.tenant,
    "Environment": specimens.environment,
    "AppRelease": specimens.apprelease,
}


def _all_crowds() -> list[Any]:
    cases = []
    for kind in KINDS:
        schema = open_api_schema(kind)["properties"]["spec"]
        cases += [pytest.param(kind, path, id=f"{kind.name}.{'.'.join(path)}") for path in crowds(schema)]
    return cases


@large_bodies
@pytest.mark.parametrize(("kind", "path"), _all_crowds())
async def test_rules_can_be_afforded_where_everything_is_full(
    admin: Admin, tenant_name: str, kind: Kind, path: tuple[str, ...]
) -> None:
    specimen = _SPECIMENS[kind.name](tenant_name)
    schema = open_api_schema(kind)["properties"]["spec"]
    for length in (300, 60, 20, 8, 1):
        manifest = specimen | {"spec": crowded(schema, specimen["spec"], path, length)}
        if len(json.dumps(manifest)) < _LARGEST:
            break

    path = f"{API}/namespaces/default/{kind.plural}" if kind.namespaced else f"{API}/{kind.plural}"
    await admin.create(path, manifest, dryRun="All", fieldValidation="Strict")


async def test_a_full_tenant_can_be_changed(admin: Admin, tenant_name: str) -> None:
    specimen = specimens.tenant(tenant_name)
    schema = open_api_schema(TENANT)["properties"]["spec"]
    full = specimen | {"spec": crowded(schema, specimen["spec"], ("environments", "[]", "quota", "hard"), 20)}
    made = await admin.create(f"{API}/tenants", full)
    try:
        await admin.replace(f"{API}/tenants/{tenant_name}", made | {"spec": made["spec"] | {"displayName": "changed"}})
    finally:
        await forget(admin, f"{API}/tenants/{tenant_name}")


async def test_every_variation_is_judged_as_it_should_be_and_every_refusal_names_the_field(
    admin: Admin, tenant_name: str
) -> None:
    cases = variations()
    gate = asyncio.Semaphore(_AT_ONCE)

    async def judge(variation: Variation) -> str:
        async with gate:
            return await _judged(admin, variation, tenant_name)

    wrong = [verdict for verdict in await asyncio.gather(*map(judge, cases)) if verdict]

    assert len(cases) >= 500
    assert not wrong


async def _judged(admin: Admin, variation: Variation, name: str) -> str:
    """What is wrong with the API server's judgement; empty if nothing."""
    path = f"{API}/{variation.kind.plural}"
    try:
        await admin.create(path, variation.manifest(name), dryRun="All", fieldValidation="Strict")
    except ApiError as refused:
        if variation.refused is False:
            return f"{variation.name}: refused: {refused.message}"
        named = refused.status in (400, 422) and variation.is_named_by(refused.body)
        return "" if named else f"{variation.name}: {variation.field} is not named: {refused.message}"
    return f"{variation.name}: let through" if variation.refused else ""
