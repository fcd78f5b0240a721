"""Leaving: environments taken out and Tenants deleted, as the policy says, and nothing that is not theirs."""

from datetime import timedelta
from typing import Any

import pytest

from landlord.api.conditions import ConditionType
from landlord.api.failures import Forbidden, LandlordFailure
from landlord.api.refs import Ref
from landlord.api.tenant import TenantStatus
from landlord.core.conditions import find, is_true
from landlord.reconcilers.outcome import Outcome
from tests.unit.reconcilers.memory_cluster import CRD, kinds
from tests.unit.reconcilers.operators import NAMESPACE, QUOTA, SHOP, Operator

JANE = {"kind": "User", "name": "jane", "role": "owner"}
PROD = Ref("Namespace", None, "shop-prod")
OWNER = Ref("RoleBinding", "shop-dev", "landlord-owner")
SPEC: dict[str, Any] = {"defaults": {"quota": {"hard": {"pods": 10}}}, "members": [JANE]}
POLL = Outcome(timedelta(seconds=5))


async def settled(*environments: str, **spec: Any) -> Operator:
    """A Tenant that is Ready in its environments."""
    one = Operator()
    for name in ("dev", "prod"):
        one.environment(name)
    one.tenant(*environments or ("dev", "prod"), **SPEC, **spec)
    await one.run()
    assert one.ready() == ("True", "Applied")
    one.events.clear()
    return one


async def test_an_environment_that_is_taken_out_is_orphaned_by_default_without_its_members() -> None:
    one = await settled()
    one.tenant("prod", **SPEC)
    await one.run()
    notes = one.cluster.objects[NAMESPACE]["metadata"]["annotations"]
    assert notes["landlord.dev/orphaned-from"] == "shop"
    assert OWNER not in one.cluster.objects
    assert QUOTA in one.cluster.objects
    assert one.status()["summary"] == "1/1"
    assert one.ready() == ("True", "Applied")
    assert ("LetGo", "Let go of namespace shop-dev (Orphan).") in one.events
    assert await one.writes_of() == {}


async def test_an_orphan_comes_back_to_the_tenant_that_let_it_go() -> None:
    one = await settled()
    one.tenant("prod", **SPEC)
    await one.run()
    one.tenant("dev", "prod", **SPEC)
    await one.run()
    assert one.ready() == ("True", "Applied")
    annotations = one.cluster.objects[NAMESPACE]["metadata"].get("annotations") or {}
    assert not [key for key in annotations if "orphaned" in key]
    assert OWNER in one.cluster.objects


async def test_an_environment_that_is_taken_out_is_deleted_where_the_policy_says_so() -> None:
    one = await settled(deletionPolicy="Delete")
    one.tenant("prod", deletionPolicy="Delete", **SPEC)
    assert await one.run() == POLL
    assert "deletionTimestamp" in one.cluster.objects[NAMESPACE]["metadata"]
    assert OWNER not in one.cluster.objects
    assert one.ready(one.entry("dev")) == ("Unknown", "Deleting")
    assert one.ready() == ("Unknown", "Deleting")
    TenantStatus.model_validate(one.status())
    one.cluster.destroy(NAMESPACE)
    one.look()
    await one.run()
    assert one.entry("dev") == {}
    assert one.ready() == ("True", "Applied")


async def test_rights_go_before_the_namespace() -> None:
    one = await settled(deletionPolicy="Delete")
    one.tenant("prod", deletionPolicy="Delete", **SPEC)
    one.cluster.requests.clear()
    await one.run()
    deleted = [name for verb, name in one.cluster.requests if verb == "delete"]
    assert deleted == [str(OWNER), str(NAMESPACE)]


async def test_protection_holds_what_was_taken_out_and_says_so() -> None:
    one = await settled(deletionPolicy="Delete", deletionProtection=True)
    one.tenant("prod", deletionPolicy="Delete", deletionProtection=True, **SPEC)
    await one.run()
    assert one.ready(one.entry("dev")) == ("False", "Deleting")
    assert "deletionProtection is true" in find(one.entry("dev")["conditions"], ConditionType.READY)["message"]
    assert OWNER in one.cluster.objects
    one.tenant("prod", deletionPolicy="Delete", **SPEC)
    await one.run()
    assert "deletionTimestamp" in one.cluster.objects[NAMESPACE]["metadata"]


async def test_a_namespace_whose_environment_label_is_gone_has_a_storable_name_all_the_same() -> None:
    one = await settled(deletionPolicy="Delete", deletionProtection=True)
    labels = one.cluster.objects[NAMESPACE]["metadata"]["labels"]
    one.edit(NAMESPACE, metadata={"labels": {**labels, "landlord.dev/environment": ""}})
    one.tenant("prod", deletionProtection=True, **SPEC)
    await one.run()
    TenantStatus.model_validate(one.status())


async def test_a_departing_namespace_that_is_refused_holds_up_nothing_else() -> None:
    one = await settled(deletionPolicy="Delete")
    one.environment("test")
    one.tenant("test", deletionPolicy="Delete", **SPEC)

    def refuse(verb: str, name: str) -> LandlordFailure | None:
        return Forbidden("Not this one.") if verb == "delete" and name == str(NAMESPACE) else None

    one.cluster.failing = refuse
    assert isinstance(await one.run(), Forbidden)
    assert "deletionTimestamp" in one.cluster.objects[PROD]["metadata"]
    assert one.ready(one.entry("test")) == ("True", "Applied")
    assert "Not this one." in str(one.entry("dev"))


@pytest.mark.parametrize("policy", ["Orphan", "Delete"])
async def test_a_deleted_tenant_lets_go_of_everything_and_then_of_itself(policy: str) -> None:
    one = await settled(deletionPolicy=policy)
    one.delete(SHOP)
    outcome = await one.run()
    if policy == "Delete":
        assert outcome == POLL
        assert is_true(one.status()["conditions"], ConditionType.DELETING)
        assert one.ready() == ("Unknown", "Deleting")
        for ref in (NAMESPACE, PROD):
            one.cluster.destroy(ref)
        one.look()
        await one.run()
    assert SHOP not in one.cluster.objects
    left = {} if policy == "Delete" else {"Namespace": 2, "ResourceQuota": 2, "NetworkPolicy": 2, "RoleBinding": 2}
    assert kinds(one.cluster.objects) == left


@pytest.mark.parametrize("held", [{"deletionProtection": True}, {"suspend": True}])
async def test_a_deleted_tenant_is_held_by_protection_and_suspension_and_says_by_which(held: dict[str, Any]) -> None:
    one = await settled(deletionPolicy="Delete")
    one.tenant("dev", "prod", deletionPolicy="Delete", **SPEC, **held)
    await one.run()
    one.delete(SHOP)
    await one.run()
    assert SHOP in one.cluster.objects
    assert f"spec.{next(iter(held))}" in find(one.status()["conditions"], ConditionType.DELETING)["message"]
    assert OWNER in one.cluster.objects
    assert await one.writes_of() == {}


async def test_a_tenant_without_our_finalizer_is_left_to_others() -> None:
    one = await settled()
    one.edit(SHOP, metadata={"finalizers": ["example.org/other"], "deletionTimestamp": "2026-01-01T00:00:00Z"})
    assert await one.writes_of() == {}


async def test_other_finalizers_stay() -> None:
    one = await settled()
    one.edit(SHOP, metadata={"finalizers": ["example.org/other", "landlord.dev/finalizer"]})
    one.delete(SHOP)
    await one.run()
    assert one.cluster.objects[SHOP]["metadata"]["finalizers"] == ["example.org/other"]


@pytest.mark.parametrize("is_going", [True, False])
async def test_a_definition_that_goes_takes_no_namespace_along(is_going: bool) -> None:
    one = await settled(deletionPolicy="Delete")
    ref = Ref("CustomResourceDefinition", None, CRD["metadata"]["name"])
    if is_going:
        going = {"metadata": {**CRD["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
        one.cluster.objects[ref] = going
    else:
        del one.cluster.objects[ref]
    one.delete(SHOP)
    await one.run()
    assert SHOP not in one.cluster.objects
    assert kinds(one.cluster.objects)["Namespace"] == 2
    assert OWNER in one.cluster.objects


async def test_a_tenant_with_an_invalid_spec_can_still_be_deleted_and_then_harmlessly() -> None:
    one = await settled()
    one.tenant("dev", "prod", deletionPolicy="Perhaps", members="nobody")
    await one.run()
    assert one.ready() == ("False", "InvalidSpec")
    one.delete(SHOP)
    await one.run()
    assert SHOP not in one.cluster.objects
    assert kinds(one.cluster.objects)["Namespace"] == 2


async def test_a_namespace_that_another_tenant_has_by_now_is_not_deleted() -> None:
    one = await settled("dev", deletionPolicy="Delete")
    labels = one.cluster.objects[NAMESPACE]["metadata"]["labels"]
    one.edit(NAMESPACE, metadata={"labels": {**labels, "landlord.dev/tenant": "bank"}})
    one.delete(SHOP)
    await one.run()
    assert "deletionTimestamp" not in one.cluster.objects[NAMESPACE]["metadata"]
    assert SHOP not in one.cluster.objects


async def test_a_namespace_made_anew_by_somebody_else_is_not_deleted() -> None:
    one = await settled("dev", deletionPolicy="Delete")
    one.is_blind = True
    one.cluster.destroy(NAMESPACE)
    one.cluster.store("Namespace", {"metadata": {"name": "shop-dev"}})
    one.cluster.store(
        "Tenant",
        {
            **one.cluster.objects[SHOP],
            "metadata": {**one.cluster.objects[SHOP]["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"},
        },
    )
    one.world.put_tenant(one.cluster.objects[SHOP])
    await one.run()
    assert "deletionTimestamp" not in one.cluster.objects[NAMESPACE]["metadata"]


async def test_a_namespace_that_merely_carries_our_label_is_let_go_and_never_deleted() -> None:
    one = await settled("dev", deletionPolicy="Delete")
    database = Ref("Namespace", None, "database")
    labels = one.cluster.objects[NAMESPACE]["metadata"]["labels"]
    one.cluster.store("Namespace", {"metadata": {"name": "database", "labels": labels}})
    one.look()
    await one.run()
    assert "deletionTimestamp" not in one.cluster.objects[database]["metadata"]
    assert "landlord.dev/orphaned-from" in one.cluster.objects[database]["metadata"]["annotations"]
    one.delete(SHOP)
    await one.run()
    assert "deletionTimestamp" not in one.cluster.objects[database]["metadata"]
    assert "deletionTimestamp" in one.cluster.objects[NAMESPACE]["metadata"]


async def test_a_namespace_of_which_no_status_tells_is_deleted_because_we_labelled_it() -> None:
    one = await settled("dev", deletionPolicy="Delete")
    body = one.cluster.objects[SHOP]
    one.cluster.store("Tenant", {key: value for key, value in body.items() if key != "status"})
    one.look()
    one.delete(SHOP)
    await one.run()
    assert "deletionTimestamp" in one.cluster.objects[NAMESPACE]["metadata"]
