"""Before a namespace is deleted its AppReleases go, are waited for and named; nothing of that where it is let go."""

from datetime import timedelta
from typing import Any

import pytest

from landlord.api.conditions import ConditionType
from landlord.api.failures import Forbidden, LandlordFailure
from landlord.api.names import FINALIZER
from landlord.api.refs import APPRELEASES, Ref
from landlord.core.conditions import find
from landlord.reconcilers.outcome import Outcome
from tests.unit.reconcilers.operators import NAMESPACE, SHOP, Operator

POLL = Outcome(timedelta(seconds=5))


async def leaving(*releases: str, **spec: Any) -> Operator:
    """A Ready Tenant with policy Delete and these AppReleases, whose deletion has just been asked for."""
    one = Operator()
    one.environment()
    one.tenant(**{"deletionPolicy": "Delete", **spec})
    await one.run()
    for name in releases:
        release(one, name)
    one.delete(SHOP)
    one.events.clear()
    one.cluster.requests.clear()
    return one


def release(one: Operator, name: str, status: Any = None, finalizers: tuple[str, ...] = (FINALIZER,)) -> None:
    ref = of(name)
    before = one.cluster.objects.get(ref, {"metadata": {}})["metadata"]
    meta = {"name": name, "namespace": "shop-dev", "generation": 1, "finalizers": list(finalizers), **before}
    one.cluster.store(APPRELEASES.kind, {"metadata": {**meta, "finalizers": list(finalizers)}, "status": status or {}})


def told(reason: str, message: str, generation: int = 1) -> Any:
    condition = {"type": "Ready", "status": "Unknown", "reason": reason, "message": message}
    return {"observedGeneration": generation, "conditions": [condition]}


def of(name: str) -> Ref:
    return Ref(APPRELEASES.kind, "shop-dev", name)


def is_going(one: Operator, ref: Ref) -> bool:
    return "deletionTimestamp" in one.cluster.objects[ref]["metadata"]


def deleting(one: Operator) -> str:
    return str(find(one.status()["conditions"], ConditionType.DELETING).get("message"))


async def test_releases_go_first_and_are_waited_for_by_name() -> None:
    one = await leaving("db", "web")
    assert await one.run() == POLL
    assert is_going(one, of("db"))
    assert is_going(one, of("web"))
    assert not is_going(one, NAMESPACE)
    assert deleting(one) == "Namespace shop-dev waits until its AppReleases are gone: db, web."
    assert one.ready() == ("Unknown", "Deleting")
    assert ("Deleting", "Uninstalling db, web before namespace shop-dev is deleted.") in one.events
    assert await one.writes_of() == {}
    assert [reason for reason, _ in one.events].count("Deleting") <= 2


async def test_the_namespace_follows_once_they_are_gone() -> None:
    one = await leaving("web")
    await one.run()
    one.cluster.destroy(of("web"))
    assert await one.run() == POLL
    assert is_going(one, NAMESPACE)
    assert ("Deleting", "Deleting namespace shop-dev.") in one.events


async def test_a_release_that_cannot_be_uninstalled_is_told_with_what_to_do() -> None:
    one = await leaving("web")
    await one.run()
    release(one, "web", told("Uninstalling", "Helm removes what it installed."))
    await one.run()
    assert "cannot be uninstalled" not in deleting(one)
    release(one, "web", told("UninstallFailed", "The hook failed."))
    await one.run()
    assert "AppRelease web cannot be uninstalled (UninstallFailed): The hook failed. Mend that" in deleting(one)
    assert "set its spec.deletionPolicy to Orphan" in deleting(one)
    assert await one.writes_of() == {}


async def test_in_a_cordoned_tenant_it_is_the_cordon_that_must_be_lifted() -> None:
    one = await leaving("web", cordoned=True)
    await one.run()
    assert is_going(one, of("web"))
    release(one, "web", told("Rejected", "The namespace shop-dev is cordoned."))
    await one.run()
    assert "Set spec.cordoned of the Tenant to false" in deleting(one)
    assert "Mend that" not in deleting(one)
    assert not is_going(one, NAMESPACE)


async def test_what_was_told_before_the_deletion_is_no_reason() -> None:
    one = await leaving("web")
    await one.run()
    release(one, "web", told("RolledBack", "It was bad.", generation=0))
    await one.run()
    assert "It was bad" not in deleting(one)


async def test_a_release_that_others_hold_is_told_with_their_finalizers() -> None:
    one = await leaving("web")
    await one.run()
    release(one, "web", finalizers=("example.org/stone",))
    await one.run()
    assert "AppRelease web is held by the finalizers example.org/stone." in deleting(one)


async def test_one_that_may_not_be_deleted_holds_up_none_of_the_others() -> None:
    one = await leaving("db", "web")

    def refuse(verb: str, name: str) -> LandlordFailure | None:
        return Forbidden("Not this one.") if (verb, name) == ("delete", str(of("db"))) else None

    one.cluster.failing = refuse
    assert isinstance(await one.run(), Forbidden)
    assert is_going(one, of("web"))
    assert not is_going(one, NAMESPACE)
    assert "Not this one." in deleting(one)


async def test_releases_of_an_environment_that_is_taken_out_go_first_too() -> None:
    one = Operator()
    for name in ("dev", "prod"):
        one.environment(name)
    one.tenant("dev", "prod", deletionPolicy="Delete")
    await one.run()
    release(one, "web")
    one.tenant("prod", deletionPolicy="Delete")
    assert await one.run() == POLL
    assert is_going(one, of("web"))
    assert not is_going(one, NAMESPACE)
    assert "web" in find(one.entry("dev")["conditions"], ConditionType.READY)["message"]


@pytest.mark.parametrize("spec", [{"deletionPolicy": "Orphan"}, {"deletionProtection": True}, {"suspend": True}])
async def test_where_the_namespace_stays_its_releases_stay(spec: Any) -> None:
    one = await leaving("web", **spec)
    await one.run()
    assert not is_going(one, of("web"))


async def test_in_a_namespace_that_is_going_already_nothing_is_asked() -> None:
    one = await leaving("web")
    one.edit(NAMESPACE, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    await one.run()
    assert not is_going(one, of("web"))
    assert "is being deleted" in deleting(one)


async def test_releases_in_a_namespace_that_somebody_made_anew_are_left_alone() -> None:
    one = await leaving("web")
    one.is_blind = True
    one.cluster.destroy(NAMESPACE)
    one.cluster.store("Namespace", {"metadata": {"name": "shop-dev"}})
    release(one, "web")
    await one.run()
    assert not is_going(one, of("web"))


async def test_a_cordon_that_is_lifted_meanwhile_is_lifted_in_the_namespace() -> None:
    one = await leaving("web", cordoned=True)
    await one.run()
    assert one.cluster.objects[NAMESPACE]["metadata"]["labels"].get("landlord.dev/cordoned") == "true"
    one.tenant(deletionPolicy="Delete", cordoned=False)
    await one.run()
    assert not one.cluster.objects[NAMESPACE]["metadata"]["labels"].get("landlord.dev/cordoned")
    assert not is_going(one, NAMESPACE)
