"""What is known of the API server's kinds, from scripted answers."""

import asyncio
from typing import Any

from landlord.api.refs import DEPLOYMENTS, NAMESPACES, PODS
from landlord.clients.discovery import AGGREGATED, FRESH_FOR, MISS_PAUSE, Capabilities, Discovery

Object = dict[str, Any]


def resource(plural: str, kind: str, *, scope: str = "Namespaced") -> Object:
    sub = {"subresource": "status", "responseKind": {"kind": kind}, "verbs": ["get"]}
    return {"resource": plural, "responseKind": {"kind": kind}, "scope": scope, "subresources": [sub]}


def group(name: str, *resources: Object, version: str = "v1", **rest: Any) -> Object:
    return {"metadata": {"name": name}, "versions": [{"version": version, "resources": list(resources), **rest}]}


CORE = {"metadata": {}, "versions": [{"version": "v1", "resources": [resource("pods", "Pod")]}]}
CORE["versions"][0]["resources"].append(resource("namespaces", "Namespace", scope="Cluster"))
APPS = group("apps", resource("deployments", "Deployment"))
WIDGETS = group("example.org", resource("widgets", "Widget"))


class Server:
    """Answers with groups that the test may change; counts how often it is asked for them."""

    def __init__(self, *groups: Object) -> None:
        self.groups = list(groups)
        self.asked = 0
        self.now = 1000.0

    async def read(self, path: str, accept: str = "application/json") -> Object:
        await asyncio.sleep(0)
        if path == "/version":
            return {"gitVersion": "v1.36.4"}
        assert accept == AGGREGATED
        self.asked += path == "/apis"
        return {"items": [CORE] if path == "/api" else list(self.groups)}

    def pass_time(self, seconds: float) -> None:
        self.now += seconds


def discovery(*groups: Object) -> tuple[Server, Discovery]:
    server = Server(*groups)
    return server, Discovery(server, clock=lambda: server.now)


async def test_kinds_are_found_where_they_live() -> None:
    _, known = discovery(APPS)
    assert await known.resource("apps/v1", "Deployment") == DEPLOYMENTS
    assert await known.resource("v1", "Pod") == PODS
    assert await known.resource("v1", "Namespace") == NAMESPACES
    assert await known.resource("apps/v1beta1", "Deployment") is None


async def test_many_questions_at_once_are_one_request() -> None:
    server, known = discovery(APPS)
    await asyncio.gather(*(known.resource("apps/v1", "Deployment") for _ in range(50)))
    await known.resource("v1", "Pod")
    assert server.asked == 1


async def test_a_kind_that_is_not_served_is_looked_for_again_but_not_with_every_question() -> None:
    server, known = discovery(APPS)
    assert await known.resource("example.org/v1", "Widget") is None
    server.groups.append(WIDGETS)
    assert await known.resource("example.org/v1", "Widget") is None
    assert server.asked == 1
    server.pass_time(MISS_PAUSE.total_seconds())
    found = await known.resource("example.org/v1", "Widget")
    assert found is not None
    assert found.plural == "widgets"
    assert server.asked == 2


async def test_whether_a_kind_has_namespaces_is_told_once_learned() -> None:
    _, known = discovery(APPS)
    assert known.is_namespaced("v1", "Pod") is None
    await known.learn([("v1", "Pod"), ("v1", "Namespace"), ("x/v1", "Unknown")])
    assert known.is_namespaced("v1", "Pod") is True
    assert known.is_namespaced("v1", "Namespace") is False
    assert known.is_namespaced("x/v1", "Unknown") is None


async def test_templates_are_told_versions_and_kinds_without_subresources() -> None:
    _, known = discovery(APPS)
    told = await known.capabilities()
    assert told == Capabilities("v1.36.4", ("apps/v1", "apps/v1/Deployment", "v1", "v1/Namespace", "v1/Pod"))


async def test_templates_hear_of_new_kinds_within_a_minute_and_the_digest_differs() -> None:
    server, known = discovery(APPS)
    before = await known.capabilities()
    server.groups.append(WIDGETS)
    assert await known.capabilities() == before
    server.pass_time(FRESH_FOR.total_seconds())
    after = await known.capabilities()
    assert "example.org/v1/Widget" in after.api_versions
    assert after.digest != before.digest
    server.groups.reverse()
    server.pass_time(FRESH_FOR.total_seconds())
    assert (await known.capabilities()).digest == after.digest


async def test_a_group_whose_server_is_down_keeps_the_kinds_it_had() -> None:
    server, known = discovery(APPS, WIDGETS)
    before = await known.capabilities()
    server.groups[1] = group("example.org", freshness="Stale")
    server.pass_time(FRESH_FOR.total_seconds())
    assert await known.capabilities() == before
    server.groups[1] = group("example.org", resource("gadgets", "Gadget"), freshness="Current")
    server.pass_time(FRESH_FOR.total_seconds())
    assert "example.org/v1/Widget" not in (await known.capabilities()).api_versions
