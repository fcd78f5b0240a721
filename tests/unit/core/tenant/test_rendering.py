"""Files to manifests with no cluster: what the cluster would refuse is refused here, by name."""

from typing import Any

import pytest

from landlord.api.failures import SpecFault
from landlord.core.tenant.rendering import Documents, render, sort_out
from tests.unit.core import building

Json = dict[str, Any]


def document(kind: str, name: str, **spec: Any) -> Json:
    return {"apiVersion": "landlord.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def tenant(name: str = "shop", *environments: Json, **spec: Any) -> Json:
    return document("Tenant", name, environments=list(environments) or [{"name": "dev"}], **spec)


DEV, PROD = document("Environment", "dev"), document("Environment", "prod", tier="production")


def rendered(*documents: Json) -> list[Json]:
    return render(sort_out(documents), building.PLATFORM)


def test_our_kinds_are_sorted_out_and_others_are_left_out() -> None:
    others: list[Json] = [
        {"apiVersion": "v1", "kind": "Tenant", "metadata": {"name": "not-ours"}},
        {"apiVersion": "landlord.dev/v1alpha1", "kind": "AppRelease", "metadata": {"name": "later"}},
        {"kind": "Tenant"},
        {},
    ]
    found = sort_out([tenant(), DEV, *others])
    assert isinstance(found, Documents)
    assert list(found.tenants) == ["shop"]
    assert list(found.environments) == ["dev"]


def test_tenants_come_by_name_and_their_environments_in_the_order_of_the_spec() -> None:
    found = rendered(PROD, tenant("web", {"name": "prod"}, {"name": "dev"}), tenant("app"), DEV)
    namespaces = [each["metadata"]["name"] for each in found if each["kind"] == "Namespace"]
    assert namespaces == ["app-dev", "web-prod", "web-dev"]


def test_an_environment_without_a_spec_has_its_defaults() -> None:
    bare = {key: value for key, value in DEV.items() if key != "spec"}
    assert rendered(bare, tenant()) == rendered(DEV, tenant())


@pytest.mark.parametrize(
    ("documents", "words"),
    [
        ([tenant()], "Tenant shop: spec.environments: There is no Environment dev in the given files; add its file."),
        ([DEV, tenant(), tenant()], "Tenant shop: It stands twice in the given files; remove one."),
        ([DEV, DEV], "Environment dev: It stands twice in the given files; remove one."),
        ([tenant(colour="red")], "Tenant shop: spec.colour: Extra inputs are not permitted"),
        ([document("Environment", "dev", tier="best")], "Environment dev: spec.tier: Input should be"),
        ([tenant(suspend={"a": 1})], "Tenant shop: spec.suspend"),
        ([document("Tenant", "shop")], "Tenant shop: spec.environments: Field required"),
        ([{**DEV, "metadata": {}}], "Environment without a name: metadata.name: A name is a DNS label"),
        ([{**DEV, "metadata": None}], "Environment without a name: metadata.name"),
        ([{**DEV, "metadata": "dev"}], "Environment without a name: metadata.name"),
        ([document("Tenant", "Web_Shop")], "Tenant Web_Shop: metadata.name: A name is a DNS label"),
        ([document("Tenant", "t" * 41)], "at most 40 characters"),
        ([DEV, tenant("shop", {"name": "dev", "namespace": "kube-system"})], "Namespace kube-system is protected"),
        ([DEV, tenant("shop", {"name": "dev", "namespace": "monitoring"})], "Tenant shop: spec.environments[dev]"),
        ([DEV, tenant("shop", {"name": "dev"}, {"name": "dev"})], "spec.environments: dev stands twice; remove one."),
        (
            [document("Environment", "e" * 40), tenant("t" * 30, {"name": "e" * 40})],
            "has more than 63 characters; shorten a name or give a namespace.",
        ),
        (
            [DEV, PROD, tenant("shop", {"name": "dev", "namespace": "shop-prod"}, {"name": "prod"})],
            "Tenant shop: Namespace shop-prod stands here already",
        ),
        (
            [DEV, tenant("shop"), tenant("store", {"name": "dev", "namespace": "shop-dev"})],
            "Tenant store: Namespace shop-dev stands in Tenant shop already",
        ),
        (
            [DEV, tenant("shop", {"name": "dev", "serviceAccounts": [{"name": "web"}, {"name": "web"}]})],
            "Tenant shop: ServiceAccount shop-dev/web stands here already; remove or rename one of the two.",
        ),
        (
            [DEV, tenant("shop", {"name": "dev", "network": {"allowTo": [{"peer": "mesh"}]}})],
            "Tenant shop: spec.environments[dev].network: The platform has no peer named mesh",
        ),
        (
            [DEV, tenant(quota={"aggregate": {"pods": 1}})],
            "Tenant shop: spec.quota.aggregate: quota.aggregate limits pods, but dev says no quota.hard for it",
        ),
    ],
)
def test_what_could_not_be_made_true_is_refused_and_named(documents: list[Json], words: str) -> None:
    with pytest.raises(SpecFault) as fault:
        rendered(*documents)
    assert words in str(fault.value)
