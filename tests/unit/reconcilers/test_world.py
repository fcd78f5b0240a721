"""The World: whatever is late, doubled or out of order, in the end it is what the cluster is, and who cares is told."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from landlord.api.environment import Tier
from landlord.api.refs import Ref
from landlord.core.child import Child
from landlord.reconcilers import world as worlds
from landlord.reconcilers.world import World, claims_of

Json = dict[str, Any]
NAMESPACE = Ref("Namespace", None, "shop-dev")
QUOTA = Ref("ResourceQuota", "shop-dev", "landlord")
LIMITS = Ref("LimitRange", "shop-dev", "landlord")
REFS = (NAMESPACE, QUOTA, LIMITS)


def child(ref: Ref = QUOTA, version: int = 1, uid: str = "u1", tenant: str = "shop", **facts: Any) -> Child:
    base: dict[str, Any] = {"environment": "dev", "digest": "d", "deleting": False}
    return Child(ref, uid, version, tenant, **{**base, **facts})


def body(name: str, version: int = 1, uid: str = "u1", *environments: Json, **meta: Any) -> Json:
    spec = {"environments": [*environments]} if environments else {}
    return {"metadata": {"name": name, "uid": uid, "resourceVersion": str(version), **meta}, "spec": spec}


def test_an_object_is_known_by_key_and_by_tenant_and_a_namespace_by_name() -> None:
    world = World()
    assert world.upsert(child(NAMESPACE)) == {"shop"}
    assert world.upsert(child(QUOTA)) == {"shop"}
    assert world.child(QUOTA) == child(QUOTA)
    assert world.namespace("shop-dev") == child(NAMESPACE)
    assert world.namespace("other") is None
    assert set(world.children("shop")) == {NAMESPACE, QUOTA}
    assert world.children("bank") == {}
    assert {each.ref for each in world.all_children()} == {NAMESPACE, QUOTA}


def test_an_echo_and_an_older_sight_change_nothing() -> None:
    world = World()
    world.upsert(child(version=5))
    assert world.upsert(child(version=5)) == set()
    assert world.upsert(child(version=4, digest="old")) == set()
    assert world.child(QUOTA) == child(version=5)


def test_a_newer_sight_is_kept_even_when_it_is_no_news() -> None:
    world = World()
    world.upsert(child(version=5))
    assert world.upsert(child(version=6)) == set()
    assert world.child(QUOTA) == child(version=6)


def test_an_object_made_anew_is_not_taken_for_the_old_one() -> None:
    world = World()
    world.upsert(child(version=9, uid="new"))
    assert world.upsert(child(version=3, uid="old")) == set()
    assert world.remove(child(version=4, uid="old")) == set()
    assert world.child(QUOTA) == child(version=9, uid="new")


def test_what_is_gone_does_not_come_back_by_a_late_answer_but_it_does_when_it_is_labelled_anew() -> None:
    world = World()
    world.upsert(child(version=5))
    assert world.remove(child(version=6)) == {"shop"}
    assert world.upsert(child(version=5)) == set()
    assert world.child(QUOTA) is None
    assert world.upsert(child(version=7)) == {"shop"}
    assert world.remove(child(version=6)) == set()
    assert world.child(QUOTA) == child(version=7)


def test_what_never_was_known_can_be_removed() -> None:
    world = World()
    assert world.remove(child(version=6)) == set()
    assert world.upsert(child(version=5)) == set()


def test_an_object_that_changes_hands_concerns_both() -> None:
    world = World()
    world.upsert(child(version=1))
    assert world.upsert(child(version=2, tenant="bank")) == {"shop", "bank"}
    assert world.children("shop") == {}
    assert world.upsert(child(version=3, tenant="")) == {"bank"}
    assert world.child(QUOTA) is None


def test_a_namespace_concerns_everybody_who_claims_it() -> None:
    world = World()
    world.put_tenant(body("shop", 1, "a", {"name": "dev"}))
    world.put_tenant(body("bank", 2, "b", {"name": "dev", "namespace": "shop-dev"}))
    assert world.upsert(child(NAMESPACE)) == {"shop", "bank"}
    assert world.upsert(child(QUOTA)) == {"shop"}
    assert world.remove(child(NAMESPACE, version=2)) == {"shop", "bank"}


def test_a_full_list_drops_what_it_does_not_have_even_when_it_has_nothing() -> None:
    world = World()
    world.upsert(child(QUOTA, version=90))
    world.upsert(child(LIMITS, version=10))
    assert world.replace(world.known("ResourceQuota"), []) == {"shop"}
    assert world.child(QUOTA) is None
    assert world.child(LIMITS) is not None


def test_a_full_list_keeps_what_came_while_it_was_read_and_does_not_bring_back_what_went() -> None:
    world = World()
    world.upsert(child(LIMITS, version=1))
    before = world.known()
    world.remove(child(LIMITS, version=3))
    world.upsert(child(QUOTA, version=4))
    assert world.replace(before, [child(LIMITS, version=1)]) == set()
    assert {each.ref for each in world.all_children()} == {QUOTA}


def test_a_list_of_one_tenant_leaves_the_others_alone() -> None:
    world = World()
    world.upsert(child(QUOTA))
    other = Ref("ResourceQuota", "bank-dev", "landlord")
    world.upsert(child(other, tenant="bank"))
    assert world.known(tenant="shop") == {QUOTA: "u1"}
    assert world.replace(world.known(tenant="shop"), []) == {"shop"}
    assert world.child(other) is not None


def test_memory_of_what_went_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "REMEMBERED", 2)
    world = World()
    for number in range(3):
        world.remove(child(version=9, uid=f"u{number}"))
    assert world.upsert(child(version=1, uid="u2")) == set()
    assert world.upsert(child(version=1, uid="u0")) == {"shop"}


def test_bodies_are_kept_unless_older_and_dropped_unless_made_anew() -> None:
    world = World()
    assert world.put_tenant(body("shop", 5))
    assert not world.put_tenant(body("shop", 4))
    assert world.put_tenant(body("shop", 5))
    assert world.put_tenant(body("shop", 9, "u2"))
    assert not world.drop_tenant("shop", "u1")
    assert world.tenants["shop"]["metadata"]["uid"] == "u2"
    assert world.drop_tenant("shop", "u2")
    assert not world.put_tenant(body("shop", 10, "u2"))
    assert not world.put_tenant(body("shop", 10, "u1"))
    assert world.tenants == {}
    assert not world.drop_tenant("shop", "u2")


def test_claims_follow_the_spec() -> None:
    world = World()
    world.put_tenant(body("shop", 1, "a", {"name": "dev"}, {"name": "prod", "namespace": "store"}))
    assert world.claimants("shop-dev") == world.claimants("store") == {"shop"}
    world.put_tenant(body("store-team", 2, "b", {"name": "x", "namespace": "store"}))
    assert world.claimants("store") == {"shop", "store-team"}
    world.put_tenant(body("shop", 3, "a", {"name": "dev"}))
    assert world.claimants("store") == {"store-team"}
    world.drop_tenant("shop", "a")
    assert world.claimants("shop-dev") == set()
    world.drop_tenant("store-team", "b")
    assert world.claimants("store") == set()


@pytest.mark.parametrize("spec", [None, {}, {"environments": None}, {"environments": []}])
def test_a_tenant_that_says_nothing_claims_nothing(spec: Json | None) -> None:
    assert claims_of({"metadata": {"name": "shop"}, "spec": spec}) == set()
    world = World()
    world.put_tenant({"metadata": {"name": "shop", "uid": "u"}, "spec": spec})
    assert world.tenants_in("dev") == []


def test_tenants_of_an_environment_come_by_name() -> None:
    world = World()
    for number, name in enumerate(("web", "app", "db")):
        world.put_tenant(body(name, number, name, {"name": "prod" if name == "db" else "dev"}))
    assert world.tenants_in("dev") == ["app", "web"]


def test_an_environment_is_parsed_once_for_each_generation_and_object() -> None:
    world = World()
    assert world.environment("dev") is None
    world.put_environment(body("dev", 1, "a", generation=1) | {"spec": {"tier": "staging"}})
    first = world.environment("dev")
    assert first is not None
    assert first.spec.tier is Tier.STAGING
    world.put_environment(body("dev", 2, "a", generation=1) | {"spec": {"tier": "staging"}})
    assert world.environment("dev") is first
    world.put_environment(body("dev", 3, "a", generation=2) | {"spec": {"tier": "production"}})
    assert world.environment("dev") is not first
    world.drop_environment("dev", "a")
    assert world.environment("dev") is None
    world.put_environment(body("dev", 9, "b", generation=2) | {"spec": {"tier": "testing"}})
    fresh = world.environment("dev")
    assert fresh is not None
    assert fresh.spec.tier is Tier.TESTING


@dataclass(frozen=True)
class Event:
    is_removal: bool
    child: Child


class Server:
    """The objects as they are, and the events of a watch on everything that carries our label."""

    def __init__(self) -> None:
        self.objects: dict[Ref, Child] = {}
        self.events: list[Event] = []
        self.version = 0

    def write(self, ref: Ref, tenant: str, digest: str) -> Child:
        self.version += 1
        before = self.objects.get(ref)
        uid = before.uid if before else f"uid-{self.version}"
        now = child(ref, self.version, uid, tenant, digest=digest)
        self.objects[ref] = now
        if tenant:
            self.events.append(Event(False, now))
        elif before and before.tenant:
            self.events.append(Event(True, replace(before, version=self.version)))
        return now

    def delete(self, ref: Ref) -> None:
        self.version += 1
        gone = self.objects.pop(ref)
        if gone.tenant:
            self.events.append(Event(True, replace(gone, version=self.version)))

    @property
    def labelled(self) -> dict[Ref, Child]:
        return {ref: each for ref, each in self.objects.items() if each.tenant}


def tell(world: World, event: Event) -> set[str]:
    return world.remove(event.child) if event.is_removal else world.upsert(event.child)


writes = st.tuples(st.sampled_from(REFS), st.sampled_from(("shop", "shop", "bank", "")), st.sampled_from("xy"))


few_writes = st.tuples(st.sampled_from(REFS[:2]), st.sampled_from(("shop", "shop", "")), st.sampled_from("xy"))


@given(st.data(), st.lists(few_writes | st.sampled_from(REFS[:2]), min_size=1, max_size=8))
@settings(max_examples=400)
def test_events_in_any_order_and_any_number_of_times_end_in_the_truth(data: st.DataObject, steps: list[Any]) -> None:
    server, world = Server(), World()
    for step in steps:
        if isinstance(step, Ref):
            if step in server.objects:
                server.delete(step)
        else:
            server.write(*step)
    again = data.draw(st.lists(st.sampled_from(server.events), max_size=6)) if server.events else []
    for event in data.draw(st.permutations([*server.events, *again])):
        tell(world, event)
    assert {each.ref: each for each in world.all_children()} == server.labelled


class Watching(RuleBasedStateMachine):
    """A watch that lags, breaks and lists again, while passes put their own answers in at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.server, self.world = Server(), World()
        self.told = 0
        self.heard: list[Event] = []
        self.answers: list[Child] = []
        self.list: tuple[dict[Ref, str], list[Child]] | None = None
        self.world.put_tenant(body("rival", 1, "r", {"name": "dev", "namespace": "shop-dev"}))

    @rule(write=writes)
    def somebody_writes(self, write: tuple[Ref, str, str]) -> None:
        self.server.write(*write)

    @rule(write=writes.filter(lambda write: write[1] != ""))
    def we_write(self, write: tuple[Ref, str, str]) -> None:
        self.answers.append(self.server.write(*write))

    @rule(ref=st.sampled_from(REFS))
    def somebody_deletes(self, ref: Ref) -> None:
        if ref in self.server.objects:
            self.server.delete(ref)

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def an_answer_comes(self, data: st.DataObject) -> None:
        position = data.draw(st.integers(0, len(self.answers) - 1))
        answer = self.answers.pop(position)
        self.checked(lambda: self.world.upsert(answer))

    @precondition(lambda self: self.told < len(self.server.events))
    @rule()
    def the_watch_tells(self) -> None:
        event = self.server.events[self.told]
        self.told += 1
        self.heard.append(event)
        self.checked(lambda: tell(self.world, event))

    @precondition(lambda self: self.heard)
    @rule(data=st.data())
    def the_watch_repeats_itself(self, data: st.DataObject) -> None:
        event = self.heard[data.draw(st.integers(0, len(self.heard) - 1))]
        self.checked(lambda: tell(self.world, event))

    @precondition(lambda self: self.list is None)
    @rule()
    def a_pass_begins_to_list(self) -> None:
        """The watch goes on meanwhile. Answers to earlier writes have come, for a pass waits for them."""
        for answer in self.answers:
            self.world.upsert(answer)
        self.answers.clear()
        self.list = (self.world.known(), list(self.server.labelled.values()))

    @precondition(lambda self: self.list is not None)
    @rule()
    def the_list_is_read(self) -> None:
        assert self.list is not None
        before, listed = self.list
        self.list = None
        self.checked(lambda: self.world.replace(before, listed))

    @rule()
    def the_watch_breaks_and_lists_anew(self) -> None:
        """What happened meanwhile is never told, nor what was told before; answers as old as that have come."""
        self.answers.clear()
        self.heard.clear()
        self.list = None
        before, listed = self.world.known(), list(self.server.labelled.values())
        self.told = len(self.server.events)
        self.checked(lambda: self.world.replace(before, listed))
        assert {each.ref: each for each in self.world.all_children()} == self.server.labelled

    def checked(self, change: Any) -> None:
        """Make the change; whose view of the world it changes must be told, and nobody else for nothing."""
        before = {tenant: dict(self.world.children(tenant)) for tenant in ("shop", "bank")}
        told: set[str] = change()
        changed = {tenant for tenant, view in before.items() if self.is_news(view, self.world.children(tenant))}
        assert changed <= told
        assert told - {"rival"} <= {"shop", "bank"}
        if not changed:
            assert told <= {"rival"}

    @staticmethod
    def is_news(before: dict[Ref, Child], after: dict[Ref, Child]) -> bool:
        return set(before) != set(after) or any(not after[ref].matters_like(before[ref]) for ref in before)

    @invariant()
    def every_object_is_in_one_place_only(self) -> None:
        by_tenant = [each for tenant in ("shop", "bank") for each in self.world.children(tenant).values()]
        assert sorted(by_tenant, key=lambda each: each.ref) == sorted(
            self.world.all_children(), key=lambda each: each.ref
        )
        assert all(each.version <= self.server.version for each in by_tenant)

    def teardown(self) -> None:
        """When everything was told and every list was read, the World is the truth."""
        if self.list is not None:
            self.world.replace(*self.list)
        for answer in self.answers:
            self.world.upsert(answer)
        for event in self.server.events[self.told :]:
            tell(self.world, event)
        assert {each.ref: each for each in self.world.all_children()} == self.server.labelled


Watching.TestCase.settings = settings(max_examples=200, stateful_step_count=25, deadline=None)
TestWatching = Watching.TestCase


def test_an_environment_that_is_not_understood_is_none_and_tells_the_field() -> None:
    world = World()
    body = {"metadata": {"name": "dev", "uid": "u", "generation": 1, "resourceVersion": "1"}, "spec": {"tier": "huge"}}
    world.put_environment(body)
    assert world.environment("dev") is None
    assert world.environment_fault("dev").startswith("spec.tier: ")
    assert world.environment_fault("nowhere") == ""
