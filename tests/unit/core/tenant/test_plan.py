"""Plans: every object of an environment once, in the order of creation, and a digest that moves with what is asked."""

from typing import Any

import pytest
from hypothesis import given

from landlord.core.tenant import plan as planning
from tests.unit.core import bodies, building

Json = dict[str, Any]


def planned(body: Json | None = None, **facts: Any) -> planning.EnvironmentPlan:
    return planning.plan(building.place(body, **facts))


FULL: Json = {
    "quota": {
        "hard": {"requests.cpu": 4},
        "scopes": [{"name": "b", "match": [{"scope": "Terminating"}], "hard": {"pods": 1}}],
    },
    "network": {"allowTo": [{"peer": "ingress"}]},
    "serviceAccounts": [{"name": "web"}],
}


def test_objects_come_in_the_order_of_creation_members_bindings_last() -> None:
    found = planned(FULL, members=[{"kind": "User", "name": "jane", "role": "owner"}])
    assert [str(wanted.ref) for wanted in found.objects] == [
        "Namespace shop-dev",
        "ResourceQuota shop-dev/landlord",
        "ResourceQuota shop-dev/landlord-b",
        "LimitRange shop-dev/landlord",
        "NetworkPolicy shop-dev/landlord-profile",
        "NetworkPolicy shop-dev/landlord-allow-to",
        "ServiceAccount shop-dev/web",
        "RoleBinding shop-dev/landlord-deployer",
        "RoleBinding shop-dev/landlord-owner",
    ]
    assert found.bindings == found.objects[-2:]


def test_a_namespace_is_named_after_tenant_and_environment_unless_it_is_given() -> None:
    tenant = building.tenant("dev", {"name": "prod", "namespace": "web-shop"})
    assert [planning.namespace_of("shop", mine) for mine in tenant.spec.environments] == ["shop-dev", "web-shop"]


def test_places_are_those_of_known_environments_in_the_order_of_the_spec() -> None:
    tenant = building.tenant("staging", "missing", "dev")
    known = {name: building.environment() for name in ("dev", "staging", "other")}
    places = planning.places("shop", tenant, known, building.PLATFORM)
    assert list(places) == ["staging", "dev"]
    assert places["dev"].namespace == "shop-dev"
    assert places["dev"].environment is known["dev"]


def test_the_digest_moves_with_what_is_asked_and_not_with_how_it_is_spelled() -> None:
    assert planned(FULL).digest == planned(FULL).digest
    cpu = {"quota": {**FULL["quota"], "hard": {"requests.cpu": "4000m"}}}
    assert planned({**FULL, **cpu}).digest == planned(FULL).digest
    assert planned(FULL, displayName="Another name").digest == planned(FULL).digest
    assert planned(FULL, cordoned=True).digest != planned(FULL).digest
    assert planned({**FULL, "serviceAccounts": []}).digest != planned(FULL).digest


@given(bodies.bodies(), bodies.members())
def test_every_object_stands_once_carries_the_tenants_labels_and_lives_in_its_namespace(
    body: Json, members: list[Json]
) -> None:
    found = planned(body, members=members)
    refs = [wanted.ref for wanted in found.objects]
    assert len(refs) == len(set(refs))
    for wanted in found.objects:
        meta = wanted.manifest["metadata"]
        assert meta["labels"].items() >= found.place.labels.items()
        assert wanted.ref.namespace == (None if wanted.ref.kind == "Namespace" else "shop-dev")
        assert set(meta) <= {"name", "namespace", "labels", "annotations"}


@given(bodies.bodies())
def test_planning_twice_gives_the_same(body: Json) -> None:
    assert planned(body) == planned(body)


@pytest.mark.parametrize(
    ("namespace", "is_protected"),
    [
        ("kube-system", True),
        ("kube-anything", True),
        ("default", True),
        ("landlord-system", True),
        ("landlord-deployers", True),
        ("monitoring", True),
        ("shop-dev", False),
        ("default-shop", False),
        ("kubeshop", False),
    ],
)
def test_names_of_kubernetes_and_the_platform_are_protected(namespace: str, *, is_protected: bool) -> None:
    assert building.PLATFORM.is_protected(namespace) is is_protected
