"""From events to passes: whoever waits for something is woken by it."""

from typing import Any, cast

from landlord.api.refs import Ref
from landlord.core.child import Child
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.world import World
from landlord.runtime.queue import WorkQueue
from landlord.runtime.release_sight import ReleaseSight
from landlord.runtime.sight import Sight

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
