"""From events to passes: whoever waits for something is woken by it."""

from typing import Any, cast

from landlord.api.refs import Ref
from landlord.core.child import Child, observe
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.world import World
from landlord.runtime.queue import WorkQueue
from landlord.runtime.release_sight import ReleaseSight
from landlord.runtime.sight import Children, Sight

SHOP = Ref("Tenant", None, "shop")


class Queue:
    """A queue that notes who is woken."""

    def __init__(self) -> None:
        self.woken: list[Ref] = []

    def add(self, ref: Ref, *_: Any, **__: Any) -> None:
        self.woken.append(ref)


def release(uid: str = "w1", **meta: Any) -> dict[str, Any]:
    head = {"name": "web", "namespace": "shop-dev", "uid": uid, "resourceVersion": "1", "generation": 1, **meta}
    return {"metadata": head, "spec": {}}


def test_a_tenant_is_woken_when_a_release_in_its_namespace_is_gone() -> None:
    world, bodies, tenants = World(), Bodies(), Queue()
    queue = cast("WorkQueue[Ref]", tenants)
    others = cast("WorkQueue[Ref]", Queue())
    world.put_tenant({"metadata": {"name": "shop", "uid": "t1", "resourceVersion": "1"}, "spec": {}})
    world.upsert(
        Child(Ref("Namespace", None, "shop-dev"), "n1", 1, "shop", environment="dev", digest="d", deleting=False)
    )
    sight = Sight(world, queue, others, ReleaseSight(world, bodies, others))
    sight.open()
    tenants.woken.clear()
    sight.on_event("AppRelease", "ADDED", release())
    assert tenants.woken == []
    sight.on_event("AppRelease", "DELETED", release())
    assert tenants.woken == [SHOP]


def test_what_a_pass_did_to_a_namespace_wakes_the_others_who_claim_it_and_not_itself() -> None:
    """The echo of an own write is no news to whoever wrote; it may free the namespace for another Tenant."""
    world, bodies, tenants = World(), Bodies(), Queue()
    queue, others = cast("WorkQueue[Ref]", tenants), cast("WorkQueue[Ref]", Queue())
    for name, environment in (("shop", "dev"), ("bank", "test")):
        spec = {"environments": [{"name": environment, "namespace": "shared"}]} if name == "shop" else {}
        world.put_tenant({"metadata": {"name": name, "uid": name, "resourceVersion": "1"}, "spec": spec})
    labels = {"landlord.dev/tenant": "bank", "landlord.dev/environment": "test"}
    namespace = {"metadata": {"name": "shared", "uid": "n1", "resourceVersion": "7", "labels": labels}}
    sight = Sight(world, queue, others, ReleaseSight(world, bodies, others))
    sink = Children("Namespace", world, sight)
    sight.open()
    tenants.woken.clear()
    world.upsert(observe("Namespace", namespace))
    sink.upsert(namespace)
    assert tenants.woken == [SHOP]
    quota = {
        "metadata": {"name": "landlord", "namespace": "shared", "uid": "q1", "resourceVersion": "8", "labels": labels}
    }
    world.upsert(observe("ResourceQuota", quota))
    Children("ResourceQuota", world, sight).upsert(quota)
    assert tenants.woken == [SHOP]


def test_what_a_pass_did_to_a_namespace_wakes_the_releases_in_it() -> None:
    """Left behind by its Tenant, or with the deployer's rights at last: the releases there say something else."""
    world, bodies, releases = World(), Bodies(), Queue()
    others, queue = cast("WorkQueue[Ref]", Queue()), cast("WorkQueue[Ref]", releases)
    sight = Sight(world, others, others, ReleaseSight(world, bodies, queue))
    bodies.put(release())
    sight.open()
    labels = {"landlord.dev/tenant": "shop", "landlord.dev/environment": "dev"}
    written = {
        "Namespace": {"name": "shop-dev", "annotations": {"landlord.dev/orphaned-from": "shop"}},
        "RoleBinding": {"name": "landlord-deployer", "namespace": "shop-dev"},
        "ResourceQuota": {"name": "landlord", "namespace": "shop-dev"},
    }
    for kind, meta in written.items():
        own = {"metadata": {"uid": kind, "resourceVersion": "7", "labels": labels, **meta}}
        world.upsert(observe(kind, own))
        releases.woken.clear()
        Children(kind, world, sight).upsert(own)
        assert releases.woken == ([] if kind == "ResourceQuota" else [Ref("AppRelease", "shop-dev", "web")])
