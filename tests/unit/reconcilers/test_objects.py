"""What our kinds have alike: suspension, requests, and a finalizer that changes of others do not get in the way of."""

from typing import Any, cast

import pytest

from landlord.api.failures import Conflict, LandlordFailure
from landlord.api.refs import TENANTS, Ref
from landlord.clients.cluster import Cluster
from landlord.reconcilers import objects
from tests.unit.reconcilers.memory_cluster import MemoryCluster

SHOP = Ref("Tenant", None, "shop")
FINALIZER = "landlord.dev/finalizer"


def stored(cluster: MemoryCluster, **meta: Any) -> dict[str, Any]:
    return cluster.store("Tenant", {"metadata": {"name": "shop", **meta}, "spec": {}})


def client(cluster: MemoryCluster) -> Cluster:
    return cast("Cluster", cluster)


def finalizers(cluster: MemoryCluster) -> list[str]:
    found: list[str] = cluster.objects[SHOP]["metadata"].get("finalizers") or []
    return found


async def test_an_object_is_held_once() -> None:
    cluster = MemoryCluster()
    body = await objects.hold(client(cluster), TENANTS, stored(cluster, finalizers=["example.org/other"]))
    assert finalizers(cluster) == ["example.org/other", FINALIZER]
    assert await objects.hold(client(cluster), TENANTS, body) is body


async def test_an_object_that_changed_meanwhile_is_held_as_it_is_now() -> None:
    cluster = MemoryCluster()
    old = stored(cluster)
    stored(cluster, finalizers=["example.org/late"])
    refused: list[str] = []

    def refuse_once(verb: str, name: str) -> LandlordFailure | None:
        if verb != "patch" or refused:
            return None
        refused.append(name)
        return Conflict("It changed.")

    cluster.failing = refuse_once
    await objects.hold(client(cluster), TENANTS, old)
    assert finalizers(cluster) == ["example.org/late", FINALIZER]


@pytest.mark.parametrize("fate", ["gone", "made anew", "going"])
async def test_an_object_that_is_not_to_be_held_any_more_is_not(fate: str) -> None:
    cluster = MemoryCluster()
    body = stored(cluster)
    cluster.failing = lambda verb, name: Conflict("It changed.") if verb == "patch" else None
    if fate != "going":
        cluster.destroy(SHOP)
    if fate == "made anew":
        stored(cluster)
    if fate == "going":
        stored(cluster, finalizers=["example.org/other"], deletionTimestamp="2026-01-01T00:00:00Z")
    with pytest.raises(Conflict):
        await objects.hold(client(cluster), TENANTS, body)


async def test_an_object_is_let_go_whatever_changed_and_only_that_very_object() -> None:
    cluster = MemoryCluster()
    body = stored(cluster, finalizers=[FINALIZER])
    stored(cluster, finalizers=["example.org/late", FINALIZER])
    await objects.release(client(cluster), TENANTS, body)
    assert finalizers(cluster) == ["example.org/late"]
    await objects.release(client(cluster), TENANTS, body)
    cluster.destroy(SHOP)
    await objects.release(client(cluster), TENANTS, body)
    stored(cluster, finalizers=[FINALIZER])
    await objects.release(client(cluster), TENANTS, body)
    assert finalizers(cluster) == [FINALIZER]


@pytest.mark.parametrize(
    ("body", "is_suspended"),
    [
        ({"metadata": {}}, False),
        ({"metadata": {}, "spec": None}, False),
        ({"metadata": {}, "spec": {"suspend": True}}, True),
        ({"metadata": {"annotations": {"landlord.dev/suspend": "true"}}}, True),
        ({"metadata": {"annotations": {"landlord.dev/suspend": "True"}}}, True),
        ({"metadata": {"annotations": {"landlord.dev/suspend": "until monday"}}}, True),
        ({"metadata": {"annotations": {"landlord.dev/suspend": "false"}}}, False),
        ({"metadata": {"annotations": {"landlord.dev/suspend": " No"}}}, False),
        ({"metadata": {"annotations": {"landlord.dev/suspend": ""}}}, False),
        ({"metadata": {"annotations": None}}, False),
    ],
)
def test_an_object_is_suspended_by_its_spec_or_by_annotation(body: dict[str, Any], *, is_suspended: bool) -> None:
    assert objects.is_suspended(body) is is_suspended


@pytest.mark.parametrize(
    ("annotations", "asked"),
    [
        (None, None),
        ({}, None),
        ({"landlord.dev/requested-at": "a", "reconcile.fluxcd.io/requestedAt": "b"}, "a"),
        ({"reconcile.fluxcd.io/requestedAt": "b"}, "b"),
        ({"landlord.dev/requested-at": "x" * 300}, "x" * 253),
        ({"landlord.dev/requested-at": ""}, None),
    ],
)
def test_a_request_is_ours_or_fluxs_and_fits_the_status(annotations: dict[str, str] | None, asked: str | None) -> None:
    assert objects.asked_at({"metadata": {"annotations": annotations}}) == asked


def test_older_objects_come_first_and_of_the_same_age_by_name() -> None:
    bodies = [
        {"metadata": {"name": name, "creationTimestamp": when}}
        for name, when in (("c", "2026-01-01T00:00:01Z"), ("b", "2026-01-01T00:00:00Z"), ("a", "2026-01-01T00:00:00Z"))
    ]
    assert [body["metadata"]["name"] for body in sorted(bodies, key=objects.age_key)] == ["a", "b", "c"]


def test_an_object_without_a_generation_has_none() -> None:
    assert objects.generation({"metadata": {}}) == 0
