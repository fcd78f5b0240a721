"""Scopes against a scripted API server: what is shared, kept, told and let go."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

import pytest

from landlord.api.failures import Forbidden, LandlordFailure
from landlord.api.names import deployer_username
from landlord.api.refs import CONFIG_MAPS, DEPLOYMENTS, NAMESPACES, PODS, SECRETS, Ref, Resource
from landlord.clients.cluster import Page
from landlord.reconcilers.release.inventory import Indexed
from landlord.runtime.scopes import Scopes
from tests.polling import eventually

Object = dict[str, Any]
SHOP, CART = Ref("AppRelease", "shop", "shop"), Ref("AppRelease", "shop", "cart")
NEVER, SOON, AT_ONCE = timedelta(hours=1), timedelta(milliseconds=50), timedelta(0)


def thing(name: str, **rest: Any) -> Object:
    meta = {"name": name, "uid": name, "resourceVersion": "1", "managedFields": [{"manager": "helm"}]}
    return {"metadata": meta, **rest}


@dataclass
class Server:
    """What there is by kind; watches hand on what is put into their queue."""

    there: dict[Resource, list[Object]] = field(default_factory=dict)
    refused: set[Resource] = field(default_factory=set)
    users: list[str] = field(default_factory=list)
    lists: list[tuple[str | None, str]] = field(default_factory=list)
    watches: dict[tuple[str | None, Resource], asyncio.Queue[Object]] = field(default_factory=dict)

    def acting_as(self, user: str) -> Self:
        self.users.append(user)
        return self

    async def pages(
        self, resource: Resource, namespace: str | None = None, *, selector: str = ""
    ) -> AsyncIterator[Page]:
        self.lists.append((namespace, resource.plural))
        if resource in self.refused:
            raise Forbidden("the deployer may not list them")
        yield Page(tuple(self.there.get(resource, ())), "10")

    async def watch(
        self,
        resource: Resource,
        resource_version: str,
        namespace: str | None = None,
        *,
        selector: str = "",
        seconds: int = 300,
    ) -> AsyncIterator[Object]:
        events = self.watches[namespace, resource] = asyncio.Queue()
        try:
            while True:
                event = await events.get()
                if isinstance(event, LandlordFailure):
                    raise event
                yield event
        finally:
            del self.watches[namespace, resource]

    def say(self, kind: str, obj: Object, resource: Resource = PODS, namespace: str = "shop") -> None:
        self.watches[namespace, resource].put_nowait({"type": kind, "object": obj})


@dataclass
class Stage:
    server: Server
    told: list[Ref]
    scopes: Scopes

    async def until_seen(self, resource: Resource = PODS, namespace: str = "shop") -> None:
        """Until the scope is listed, watched, and its holders have been told so."""
        await eventually(lambda: (namespace, resource) in self.server.watches)
        await eventually(lambda: self.told)
        self.told.clear()

    def names(self, resource: Resource = PODS) -> list[str] | None:
        seen = self.scopes.objects("shop", resource)
        return None if seen is None else sorted(seen)


@pytest.fixture
async def build() -> AsyncIterator[Callable[..., Stage]]:
    made: list[Scopes] = []

    def _build(
        server: Server | None = None, *, linger: timedelta = NEVER, debounce: timedelta = AT_ONCE, **limits: int
    ) -> Stage:
        told: list[Ref] = []
        server = server or Server({PODS: [thing("a"), thing("b")]})
        made.append(Scopes(server, told.append, linger=linger, debounce=debounce, **limits))
        return Stage(server, told, made[-1])

    yield _build
    for scopes in made:
        await scopes.close()
        assert len(scopes) == 0
        assert scopes.size == 0


Build = Callable[..., Stage]


async def test_nothing_is_in_sight_before_the_first_list_and_all_of_it_after(build: Build) -> None:
    stage = build()
    stage.scopes.hold(SHOP, "shop", [PODS])
    assert stage.names() is None
    await stage.until_seen()
    assert stage.names() == ["a", "b"]
    assert stage.scopes.objects("shop", CONFIG_MAPS) is None


async def test_objects_are_seen_as_the_deployer_of_their_namespace(build: Build) -> None:
    stage = build()
    stage.scopes.hold(SHOP, "shop", [PODS])
    await stage.until_seen()
    assert stage.server.users == [deployer_username("shop")]


async def test_what_is_kept_has_a_head_and_neither_managed_fields_nor_values_of_secrets(build: Build) -> None:
    stage = build(Server({SECRETS: [thing("token", data={"key": "c2VjcmV0"}, type="Opaque")]}))
    stage.scopes.hold(SHOP, "shop", [SECRETS])
    await stage.until_seen(SECRETS)
    seen = stage.scopes.objects("shop", SECRETS)
    assert seen is not None
    metadata = {"name": "token", "uid": "token"}
    assert seen["token"] == {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata}


async def test_changes_are_told_to_every_holder_of_the_scope_and_to_nobody_else(build: Build) -> None:
    stage = build(Server({PODS: [thing("a")], DEPLOYMENTS: []}))
    other = Ref("AppRelease", "shop", "other")
    stage.scopes.hold(SHOP, "shop", [PODS])
    stage.scopes.hold(CART, "shop", [PODS, DEPLOYMENTS])
    stage.scopes.hold(other, "shop", [DEPLOYMENTS])
    await stage.until_seen(DEPLOYMENTS)
    await eventually(lambda: stage.names() == ["a"])
    stage.told.clear()
    stage.server.say("ADDED", thing("c"))
    await eventually(lambda: sorted(stage.told) == [CART, SHOP])
    assert stage.names() == ["a", "c"]
    stage.server.say("DELETED", thing("a"))
    await eventually(lambda: stage.names() == ["c"])


async def test_a_change_in_what_is_not_kept_is_told_to_nobody(build: Build) -> None:
    stage = build()
    stage.scopes.hold(SHOP, "shop", [PODS])
    await stage.until_seen()
    renewed = thing("a")
    renewed["metadata"] |= {"resourceVersion": "12", "managedFields": []}
    stage.server.say("MODIFIED", renewed)
    stage.server.say("MODIFIED", thing("b", status={"phase": "Running"}))
    await eventually(lambda: stage.told)
    assert stage.told == [SHOP]


async def test_a_burst_of_changes_is_told_once(build: Build) -> None:
    stage = build(Server({PODS: []}), debounce=SOON)
    stage.scopes.hold(SHOP, "shop", [PODS])
    await stage.until_seen()
    for number in range(100):
        stage.server.say("ADDED", thing(f"p{number}"))
    await eventually(lambda: stage.told)
    assert stage.told == [SHOP]
    assert len(stage.names() or ()) == 100


async def test_releases_of_one_namespace_share_a_watch_and_holding_again_adds_none(build: Build) -> None:
    stage = build()
    for ref in (SHOP, CART, SHOP):
        stage.scopes.hold(ref, "shop", [PODS, NAMESPACES])
    await stage.until_seen()
    assert stage.server.lists == [("shop", "pods")]
    assert len(stage.scopes) == 1


async def test_the_last_to_let_go_ends_the_watch_after_a_while(build: Build) -> None:
    stage = build(linger=AT_ONCE)
    stage.scopes.hold(SHOP, "shop", [PODS])
    stage.scopes.hold(CART, "shop", [PODS])
    await stage.until_seen()
    stage.scopes.release(SHOP)
    stage.server.say("ADDED", thing("c"))
    await eventually(lambda: stage.told == [CART])
    stage.scopes.release(CART)
    await eventually(lambda: not stage.server.watches)
    assert stage.names() is None
    assert stage.scopes.size == 0


async def test_who_comes_back_in_time_finds_everything_still_in_sight(build: Build) -> None:
    stage = build()
    stage.scopes.hold(SHOP, "shop", [PODS])
    await stage.until_seen()
    stage.scopes.release(SHOP)
    stage.scopes.hold(SHOP, "shop", [PODS])
    assert stage.names() == ["a", "b"]
    assert stage.server.lists == [("shop", "pods")]


async def test_to_hold_other_kinds_lets_go_of_the_former(build: Build) -> None:
    stage = build(linger=AT_ONCE)
    stage.scopes.hold(SHOP, "shop", [PODS])
    await stage.until_seen()
    stage.scopes.hold(SHOP, "shop", [CONFIG_MAPS])
    await eventually(lambda: set(stage.server.watches) == {("shop", CONFIG_MAPS)})


async def test_a_kind_that_may_not_be_listed_says_so_and_is_not_in_sight(build: Build) -> None:
    stage = build(Server(refused={PODS}))
    stage.scopes.hold(SHOP, "shop", [PODS])
    await eventually(lambda: stage.scopes.problem("shop", PODS))
    assert stage.scopes.problem("shop", PODS) == "the deployer may not list them"
    assert stage.names() is None


async def test_what_does_not_fit_into_memory_is_dropped_and_says_so(build: Build) -> None:
    stage = build(Server({PODS: [thing(f"p{number}") for number in range(100)]}), most_bytes=5000)
    stage.scopes.hold(SHOP, "shop", [PODS])
    await eventually(lambda: "too much of pods" in (stage.scopes.problem("shop", PODS) or ""))
    assert stage.names() is None
    assert stage.scopes.size == 0
    await eventually(lambda: not stage.server.watches)


async def test_what_grows_too_large_while_watched_is_dropped_too(build: Build) -> None:
    stage = build(most_bytes=5000)
    stage.scopes.hold(SHOP, "shop", [PODS])
    await stage.until_seen()
    stage.server.say("ADDED", thing("c", status={"message": "x" * 5000}))
    await eventually(lambda: not stage.server.watches)
    assert "too much of pods" in (stage.scopes.problem("shop", PODS) or "")
    assert stage.told == [SHOP]


async def test_watches_beyond_the_limit_wait_until_others_are_let_go(build: Build) -> None:
    stage = build(most_watches=1)
    stage.scopes.hold(SHOP, "shop", [PODS])
    stage.scopes.hold(CART, "shop", [CONFIG_MAPS])
    assert "More than 1 kinds" in (stage.scopes.problem("shop", CONFIG_MAPS) or "")
    stage.scopes.release(SHOP)
    stage.scopes.hold(CART, "shop", [CONFIG_MAPS])
    await stage.until_seen(CONFIG_MAPS)
    assert stage.scopes.problem("shop", CONFIG_MAPS) is None
    assert stage.names() is None


async def test_who_let_go_is_told_nothing_any_more(build: Build) -> None:
    stage = build(debounce=SOON)
    stage.scopes.hold(SHOP, "shop", [PODS])
    stage.scopes.hold(CART, "shop", [PODS])
    await stage.until_seen()
    stage.server.say("ADDED", thing("c"))
    await eventually(lambda: stage.names() == ["a", "b", "c"])
    stage.scopes.release(SHOP)
    await eventually(lambda: stage.told == [CART])


async def test_what_is_read_is_the_readers_own_and_stays_as_it_was(build: Build) -> None:
    stage = build()
    stage.scopes.hold(SHOP, "shop", [PODS])
    await stage.until_seen()
    seen = stage.scopes.objects("shop", PODS)
    assert seen is not None
    seen["a"]["metadata"]["name"] = "changed"
    stage.server.say("DELETED", thing("a"))
    await eventually(lambda: stage.names() == ["b"])
    assert seen["a"]["metadata"]["name"] == "a"


async def test_objects_are_picked_by_their_own_uid_or_an_owners(build: Build) -> None:
    owned, other = thing("owned"), thing("other")
    owned["metadata"]["ownerReferences"] = [{"uid": "set"}, {"uid": "second"}]
    stage = build(Server({PODS: [owned, other, thing("bare")]}))
    stage.scopes.hold(SHOP, "shop", [PODS])
    await stage.until_seen()
    seen = stage.scopes.objects("shop", PODS)
    assert isinstance(seen, Indexed)
    assert [pod["metadata"]["name"] for pod in seen.of({"set", "bare"})] == ["owned", "bare"]
    assert seen.of(()) == ()
