"""kopf's settings and our identity in its words; what comes in is remembered."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import kopf

from landlord.api.refs import ENVIRONMENTS, TENANTS
from landlord.clients.identity import Identity
from landlord.runtime.door import LOGIN_SECONDS, Backoffs, Door, Shown, connection, settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def identity(authorization: str | None) -> Identity:
    return Identity("https://api:443", "/ca", False, "/cert", "/key", None, authorization)


def test_a_token_is_used_for_a_while_and_then_asked_for_again() -> None:
    info = connection(identity("bearer secret"), NOW)
    assert info.as_http_headers() == {"Authorization": "bearer secret"}
    assert info.expiration == NOW + timedelta(seconds=LOGIN_SECONDS)
    assert (info.server, info.ca_path, info.insecure) == ("https://api:443", "/ca", False)


def test_a_certificate_is_used_for_good() -> None:
    info = connection(identity(None), NOW)
    assert (info.certificate_path, info.private_key_path, info.expiration) == ("/cert", "/key", None)
    assert info.as_http_headers() == {}


def test_a_token_never_stands_in_the_words_for_an_identity() -> None:
    assert "secret" not in repr(identity("bearer secret"))


def test_backoffs_never_end_and_stay_bounded() -> None:
    pauses = list(islice(Backoffs(), 1000))
    assert max(pauses) <= 30
    assert min(pauses[20:]) >= 15
    assert pauses[0] <= 0.1


def test_kopf_is_told_to_write_nothing_and_to_watch_crds() -> None:
    chosen = settings()
    assert not chosen.posting.enabled
    assert not chosen.scanning.disabled
    assert chosen.peering.standalone
    assert chosen.queueing.worker_limit is None


def test_a_registry_holds_events_and_a_login_and_nothing_that_writes() -> None:
    registry = Door(Nobody(), (TENANTS, ENVIRONMENTS), lambda *_: None)._registry()
    assert isinstance(registry, kopf.OperatorRegistry)
    assert len(registry._watching.get_all_handlers()) == 2
    for writing in (registry._changing, registry._spawning, registry._indexing, registry._webhooks):
        assert list(writing.get_all_handlers()) == []


class Nobody:
    async def identity(self) -> Identity:
        raise NotImplementedError


def body(name: str, uid: str, version: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": uid, "resourceVersion": version}}


def test_what_came_in_is_remembered_until_it_is_deleted() -> None:
    events: list[tuple[str, str | None, dict[str, Any]]] = []
    door = Door(Nobody(), (TENANTS,), lambda *event: events.append(event))
    door.come_in("Tenant", None, body("shop", "u1", "1"))
    door.come_in("Tenant", "MODIFIED", body("shop", "u1", "2"))
    assert door.shown == {"Tenant": {"u1": Shown("shop", "2")}}
    door.come_in("Tenant", "DELETED", body("shop", "u1", "3"))
    assert door.shown == {"Tenant": {}}
    assert [type_ for _, type_, _ in events] == [None, "MODIFIED", "DELETED"]


def test_what_vanished_is_handed_in_once_as_deleted() -> None:
    events: list[tuple[str, str | None, dict[str, Any]]] = []
    door = Door(Nobody(), (TENANTS,), lambda *event: events.append(event))
    door.come_in("Tenant", None, body("shop", "u1", "1"))
    door.declare_gone("Tenant", "u1")
    door.declare_gone("Tenant", "u1")
    assert events[1:] == [("Tenant", "DELETED", {"metadata": {"name": "shop", "uid": "u1"}})]
