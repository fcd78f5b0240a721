"""A release's surroundings, and how it is to be treated, as its spec or its Environment says."""

from dataclasses import replace
from typing import Any

import pytest

from landlord.api.conditions import Reason
from landlord.api.refs import Ref
from landlord.core.child import Child
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.release.case import Case, homeless, open_case
from landlord.reconcilers.world import World
from tests.unit.reconcilers.release.cases import REF, THEN, body, case


def opened(*environments: str, **spec: Any) -> Case:
    world = World()
    for name in environments:
        meta = {"name": name, "uid": name, "resourceVersion": "1"}
        world.put_environment({"metadata": meta, "spec": {"tier": "development"}})
    return open_case(world, Bodies(), REF, body(**spec), THEN)


def test_a_namespace_that_was_left_behind_is_told_as_that() -> None:
    stop = homeless(replace(opened("dev"), tenant="", orphaned_from="shop"))
    assert stop is not None
    assert "was left behind by Tenant shop" in stop.why
    assert "what runs keeps running" in stop.why


def test_where_no_tenant_is_the_release_is_out_of_reach() -> None:
    outside = opened("dev").closed
    assert outside is not None
    assert (outside.reason, outside.is_final) == (Reason.NOT_A_TENANT_NAMESPACE, True)
    assert "belongs to no Tenant" in outside.why


def test_names_in_environment_values_that_no_environment_has_are_known() -> None:
    values = {"environmentValues": {"dev": {}, "moon": {}, "live": {}}}
    assert opened("dev", "live", **values).strangers == ("moon",)
    assert opened("dev", "live", "moon", **values).strangers == ()
    assert opened("dev").strangers == ()


def test_a_spec_that_is_not_understood_names_nothing() -> None:
    assert opened("dev", chart={}, environmentValues={"moon": {}}).strangers == ()


@pytest.mark.parametrize(
    ("tier", "policy", "is_left"),
    [
        ("production", None, True),
        ("production", "Uninstall", False),
        ("staging", None, False),
        ("development", None, False),
        ("development", "Orphan", True),
    ],
)
def test_what_runs_outlives_its_release_in_production_or_where_the_spec_says_so(
    tier: str, policy: str | None, is_left: bool
) -> None:
    spec = {"deletionPolicy": policy} if policy else {}
    assert case({"tier": tier}, **spec).wish.orphans is is_left


def test_what_runs_outlives_its_release_while_nobody_knows_whether_this_is_production() -> None:
    assert replace(case(), environment=None).wish.orphans
    assert replace(case(), environment=None, release=None).wish.orphans
    assert not replace(case(deletionPolicy="Uninstall"), environment=None).wish.orphans


@pytest.mark.parametrize("is_going", [True, False])
def test_nothing_new_is_deployed_for_a_tenant_that_is_being_deleted(is_going: bool) -> None:
    world = World()
    world.put_environment(
        {"metadata": {"name": "dev", "uid": "dev", "resourceVersion": "1"}, "spec": {"tier": "testing"}}
    )
    meta = {"name": "shop", "uid": "shop", "resourceVersion": "1"}
    world.put_tenant(
        {"metadata": meta | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if is_going else {}), "spec": {}}
    )
    home = Ref("Namespace", None, REF.namespace or "")
    world.upsert(Child(home, "n1", 1, "shop", environment="dev", digest="d", deleting=False))
    closed = open_case(world, Bodies(), REF, body(), THEN).closed
    assert (closed is not None and closed.reason is Reason.DELETING) is is_going
