"""Bodies merged from their layers: maps by key, everything else replaced, and silence says nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.api.body import Body, PodSecurityLevel, Protocol, ScopeOperator, Workloads
from landlord.core.tenant import layers
from tests.unit.core import bodies, building

Json = dict[str, Any]


def body(**said: Any) -> Body:
    return Body.model_validate(said)


def merged(*said: Json) -> Json:
    return layers.merged([body(**each) for each in said]).model_dump(by_alias=True, exclude_unset=True, mode="json")


def resolved(
    *,
    operator: Json | None = None,
    tier: str = "development",
    environment: Json | None = None,
    defaults: Json | None = None,
    own: Json | None = None,
) -> Body:
    tenant = building.tenant({"name": "dev", **(own or {})}, **({"defaults": defaults} if defaults else {}))
    stage = building.environment(tier=tier, **({"tenantDefaults": environment} if environment else {}))
    return layers.body(body(**(operator or {})), stage, tenant, tenant.spec.environments[0])


def test_without_any_layer_nothing_is_said() -> None:
    assert layers.merged([None, Body(), None]) == Body()


@pytest.mark.parametrize("layer", ["operator", "environment", "defaults", "own"])
def test_each_layer_alone_is_heard(layer: str) -> None:
    said: dict[str, Any] = {layer: {"podSecurity": {"enforce": "baseline"}}}
    found = resolved(**said).pod_security
    assert found is not None
    assert found.enforce is PodSecurityLevel.BASELINE


def test_each_layer_outweighs_all_below_it_key_by_key() -> None:
    order = ("operator", "environment", "defaults", "own")
    said: dict[str, Any] = {
        layer: {"quota": {"hard": dict.fromkeys(order[order.index(layer) :], number) | {"all": number}}}
        for number, layer in enumerate(order)
    }
    found = resolved(**said).quota
    assert found is not None
    assert found.hard == {"operator": 0, "environment": 1, "defaults": 2, "own": 3, "all": 3}


def test_maps_merge_by_key_and_lists_replace() -> None:
    below = {
        "quota": {
            "hard": {"pods": 10, "services": 5},
            "scopes": [{"name": "a", "match": [{"scope": "Terminating"}], "hard": {"pods": 1}}],
        },
        "network": {"profile": "TenantInternal", "allowFrom": [{"peer": "ingress"}]},
        "serviceAccounts": [{"name": "web"}],
    }
    above = {
        "quota": {"hard": {"pods": 20}, "scopes": []},
        "network": {"allowFrom": [{"peer": "monitoring"}], "allowTo": [{"cidr": "10.0.0.0/8"}]},
        "serviceAccounts": [],
    }
    assert merged(below, above) == {
        "quota": {"hard": {"pods": 20, "services": 5}, "scopes": []},
        "network": {
            "profile": "TenantInternal",
            "allowFrom": [{"peer": "monitoring"}],
            "allowTo": [{"cidr": "10.0.0.0/8"}],
        },
        "serviceAccounts": [],
    }


def test_an_empty_list_of_a_policy_allows_nothing_and_outweighs_a_full_one() -> None:
    assert merged({"policies": {"registries": ["ghcr.io"]}}, {"policies": {"registries": []}}) == {
        "policies": {"registries": []}
    }


def test_a_false_outweighs_a_true_only_because_lists_are_replaced() -> None:
    found = layers.merged(
        [
            body(serviceAccounts=[{"name": "web", "automountToken": True}]),
            body(serviceAccounts=[{"name": "web"}]),
        ]
    )
    assert found.service_accounts is not None
    assert not found.service_accounts[0].automount_token


def test_defaults_of_fields_are_not_said_and_outweigh_nothing() -> None:
    found = resolved(tier="production", defaults={"policies": {"registries": ["ghcr.io"]}}, own={"policies": {}})
    assert found.policies is not None
    assert found.policies.workloads is Workloads.RELEASES_ONLY
    assert found.policies.registries == ("ghcr.io",)


def test_defaults_within_list_items_survive_the_merge() -> None:
    found = resolved(
        own={
            "network": {"allowTo": [{"cidr": "10.0.0.0/8", "ports": [{"port": 53}]}]},
            "quota": {"scopes": [{"name": "a", "match": [{"scope": "Terminating"}], "hard": {"pods": 1}}]},
        }
    )
    assert found.network is not None
    assert found.network.allow_to is not None
    assert found.network.allow_to[0].ports is not None
    assert found.network.allow_to[0].ports[0].protocol is Protocol.TCP
    assert found.quota is not None
    assert found.quota.scopes is not None
    assert found.quota.scopes[0].match[0].operator is ScopeOperator.EXISTS


def test_an_explicit_null_is_silence() -> None:
    found = resolved(environment={"podSecurity": {"enforce": "baseline"}}, own={"podSecurity": None, "quota": None})
    assert found.pod_security is not None
    assert found.pod_security.enforce is PodSecurityLevel.BASELINE


def test_the_word_except_keeps_its_name_through_the_merge() -> None:
    rule = {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}
    found = resolved(defaults={"network": {"allowTo": [rule]}}, own={"network": {"profile": "Open"}}).network
    assert found is not None
    assert found.allow_to is not None
    assert found.allow_to[0].except_ == ("10.1.0.0/16",)


@pytest.mark.parametrize(
    ("tier", "workloads"), [("production", Workloads.RELEASES_ONLY), ("staging", None), ("other", None)]
)
def test_production_is_for_releases_only_unless_somebody_says_otherwise(tier: str, workloads: Workloads | None) -> None:
    found = resolved(tier=tier)
    assert (found.policies and found.policies.workloads) == workloads
    for layer in ("environment", "defaults", "own"):
        relaxed: dict[str, Any] = {layer: {"policies": {"workloads": "Members"}}}
        policies = resolved(tier=tier, **relaxed).policies
        assert policies is not None
        assert policies.workloads is Workloads.MEMBERS
    operator = resolved(tier="production", operator={"policies": {"workloads": "Members"}}).policies
    assert operator is not None
    assert operator.workloads is Workloads.RELEASES_ONLY


def test_what_is_no_part_of_a_body_is_left_out() -> None:
    assert resolved(own={"namespace": "elsewhere", "adopt": "Enforce"}) == Body()


@given(bodies.bodies())
def test_one_layer_is_itself_in_any_place(said: Json) -> None:
    alone = merged(said)
    assert merged({}, said, {}) == alone
    assert merged(said, said) == alone


@given(bodies.bodies(), bodies.bodies(), bodies.bodies())
def test_merging_may_be_done_in_steps(one: Json, two: Json, three: Json) -> None:
    assert merged(merged(one, two), three) == merged(one, merged(two, three)) == merged(one, two, three)


@given(bodies.bodies(), bodies.bodies())
def test_whatever_the_upper_layer_says_holds(below: Json, above: Json) -> None:
    assert_contained(body(**above).model_dump(by_alias=True, exclude_unset=True, mode="json"), merged(below, above))


def assert_contained(part: Any, whole: Any) -> None:
    if isinstance(part, dict):
        for key, value in part.items():
            assert_contained(value, whole[key])
    else:
        assert part == whole


@given(st.sampled_from(("production", "staging")), bodies.guards(), bodies.guards(), bodies.bodies(), bodies.bodies())
def test_all_layers_are_merged_in_their_order(
    tier: str, operator: Json, environment: Json, defaults: Json, own: Json
) -> None:
    found = resolved(tier=tier, operator=operator, environment=environment, defaults=defaults, own=own)
    tiers = {"policies": {"workloads": "ReleasesOnly"}} if tier == "production" else {}
    expected = body(**merged(operator, tiers, environment, defaults, own))
    assert found == expected
