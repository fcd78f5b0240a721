"""The Environment's pass: it counts, it holds, it lets go, and it writes nothing twice."""

from landlord.api.conditions import ConditionType
from landlord.api.environment import EnvironmentStatus
from landlord.core.conditions import find, is_true
from landlord.reconcilers.outcome import Outcome
from tests.unit.reconcilers.operators import DEV, SHOP, Operator, operator

FINALIZER = "landlord.dev/finalizer"


async def test_an_environment_is_held_by_our_finalizer_and_counts_its_tenants() -> None:
    one = operator()
    await one.run(DEV)
    assert one.cluster.objects[DEV]["metadata"]["finalizers"] == [FINALIZER]
    assert one.status(DEV)["tenants"] == {"total": 1, "ready": 0, "failed": 0, "drifted": 0}
    EnvironmentStatus.model_validate(one.status(DEV))
    await one.run()
    await one.run(DEV)
    assert one.status(DEV)["tenants"]["ready"] == 1
    assert one.ready(one.status(DEV)) == ("True", "Applied")


async def test_a_pass_without_news_writes_nothing() -> None:
    one = operator()
    await one.run(DEV)
    assert await one.writes_of(DEV) == {}
    one.restart()
    assert await one.writes_of(DEV) == {}


async def test_a_deleted_environment_is_held_while_a_tenant_names_it() -> None:
    one = operator()
    await one.run()
    await one.run(DEV)
    one.delete(DEV)
    await one.run(DEV)
    assert DEV in one.cluster.objects
    assert one.ready(one.status(DEV)) == ("Unknown", "TenantsPresent")
    assert "shop" in find(one.status(DEV)["conditions"], ConditionType.READY)["message"]
    assert await one.writes_of(DEV) == {}
    one.environment("other")
    one.tenant("other")
    await one.run(DEV)
    assert DEV not in one.cluster.objects


async def test_an_environment_without_our_finalizer_is_not_held_again_once_it_goes() -> None:
    one = operator()
    one.edit(DEV, metadata={"finalizers": ["example.org/other"], "deletionTimestamp": "2026-01-01T00:00:00Z"})
    assert await one.writes_of(DEV) == {}


async def test_an_environment_that_is_gone_needs_nothing() -> None:
    assert await Operator().run(DEV) == Outcome()


async def test_a_suspended_environment_says_so() -> None:
    one = operator(environment={"suspend": True})
    await one.run(DEV)
    assert one.ready(one.status(DEV)) == ("True", "Suspended")
    assert is_true(one.status(DEV)["conditions"], ConditionType.IN_USE)


async def test_a_request_by_annotation_is_echoed() -> None:
    one = operator()
    one.edit(DEV, metadata={"annotations": {"reconcile.fluxcd.io/requestedAt": "now"}})
    await one.run(DEV)
    assert one.status(DEV)["lastHandledReconcileAt"] == "now"


async def test_tenants_that_failed_or_drifted_are_counted_as_such() -> None:
    one = operator(environment={"drift": {"mode": "Warn"}})
    await one.run()
    body = one.cluster.objects[SHOP]
    conditions = [
        {"type": "Ready", "status": "False", "reason": "Forbidden", "lastTransitionTime": "x"},
        {"type": "Drifted", "status": "True", "reason": "DriftFound", "lastTransitionTime": "x"},
    ]
    entries = [{"name": "dev", "conditions": conditions}, {"name": "elsewhere", "conditions": []}]
    one.cluster.store("Tenant", {**body, "status": {**body["status"], "environments": entries}})
    one.look()
    await one.run(DEV)
    assert one.status(DEV)["tenants"] == {"total": 1, "ready": 0, "failed": 1, "drifted": 1}


async def test_releases_that_come_after_the_start_are_counted_by_state() -> None:
    one = operator()
    await one.run()
    states = {"web": {"Ready": "True"}, "api": {"Ready": "False", "Held": "True"}, "new": {}}
    for name, said in states.items():
        conditions = [{"type": kind, "status": status} for kind, status in said.items()]
        one.bodies.put({"metadata": {"name": name, "namespace": "shop-dev"}, "status": {"conditions": conditions}})
    one.bodies.put({"metadata": {"name": "web", "namespace": "elsewhere"}})
    await one.run(DEV)
    assert one.status(DEV)["releases"] == {"total": 3, "ready": 1, "progressing": 1, "held": 1, "failed": 0}


async def test_an_environment_that_is_not_understood_leaves_its_tenants_as_they_are_until_it_is_mended() -> None:
    one = operator(defaults={"quota": {"hard": {"pods": 10}}})
    await one.run()
    one.environment(tier="unheard-of")
    one.tenant(defaults={"quota": {"hard": {"pods": 20}}})
    await one.run(DEV)
    assert one.ready(one.status(DEV)) == ("False", "InvalidSpec")
    assert "spec.tier" in find(one.status(DEV)["conditions"], ConditionType.READY)["message"]
    assert set(await one.writes_of()) == {"patch status"}
    assert one.ready() == ("False", "EnvironmentInvalid")
    await one.run(DEV)
    assert one.status(DEV)["tenants"]["failed"] == 1
    assert await one.writes_of(DEV) == {}
    one.environment()
    await one.run()
    assert one.ready() == ("True", "Applied")
