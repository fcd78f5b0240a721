"""Who owns what of an object, however much of it there is."""

from time import process_time
from typing import Any

import pytest

from landlord.core.release.blame import SOMEBODY, Owners


def owners(obj: dict[str, Any], *entries: dict[str, Any]) -> Owners:
    return Owners({**obj, "metadata": {"managedFields": list(entries)}})


def entry(manager: str, fields: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "fieldsV1": fields, **rest}


def test_who_has_the_place_something_below_it_or_the_whole_it_stands_in_is_to_blame() -> None:
    obj = {"spec": {"selector": {"app": "web"}, "strategy": {"type": "x"}}}
    found = owners(obj, entry("hand", {"f:spec": {"f:selector": {}, "f:strategy": {".": {}, "f:type": {}}}}))
    for pointer in ("/spec", "/spec/selector", "/spec/selector/app", "/spec/strategy/type"):
        assert found.changer(pointer) == "hand"
    for pointer in ("/data", "/spec/replicas", "/spec/strategy/other"):
        assert found.changer(pointer) == SOMEBODY


def test_items_are_found_by_their_key_fields_or_by_their_value() -> None:
    ports = [{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP"}]
    fields = {
        "f:ports": {'k:{"containerPort":80,"protocol":"UDP"}': {"f:name": {}}},
        "f:finalizers": {'v:"x/mine"': {}},
    }
    found = owners({"ports": ports, "finalizers": ["x/other", "x/mine"]}, entry("hand", fields))
    assert [found.changer(each) for each in ("/ports/0", "/ports/1", "/ports/1/name")] == [SOMEBODY, "hand", "hand"]
    assert [found.changer(f"/finalizers/{index}") for index in range(3)] == [SOMEBODY, "hand", SOMEBODY]


def test_helm_is_only_blamed_where_nobody_else_is() -> None:
    mine = {"f:data": {"f:a": {}}}
    helm = entry("helm", mine, time="2026", operation="Apply")
    assert owners({"data": {"a": "x"}}, helm).changer("/data/a") == "helm"
    assert owners({"data": {"a": "x"}}, helm, entry("hand", mine, time="2025")).changer("/data/a") == "hand"
    newer = entry("newer", mine, time="2027")
    assert owners({"data": {"a": "x"}}, entry("hand", mine, time="2025"), newer).changer("/data/a") == "newer"


def test_a_map_that_can_only_be_owned_whole_is_told_from_one_that_can_be_shared() -> None:
    obj = {"spec": {"selector": {"app": "web"}, "labels": {"app": "web"}}}
    found = owners(obj, entry("hand", {"f:spec": {"f:selector": {}, "f:labels": {"f:app": {}}}}))
    assert found.is_whole(["spec", "selector"])
    assert not found.is_whole(["spec", "labels"])
    assert not found.is_whole(["spec", "selector", "app"])
    assert not found.is_whole(["data"])


@pytest.mark.parametrize("kind", ["map", "list"])
def test_an_object_with_very_many_changes_does_not_hold_everybody_up(kind: str) -> None:
    """A ConfigMap of a megabyte has tens of thousands of keys; each may be changed."""
    many = 20_000
    if kind == "map":
        obj: dict[str, Any] = {"data": {f"key{n}": "x" for n in range(many)}}
        fields = {"f:data": {f"f:key{n}": {} for n in range(many)}}
        pointers = [f"/data/key{n}" for n in range(many)]
    else:
        obj = {"data": [{"name": f"key{n}", "value": "x"} for n in range(many)]}
        fields = {"f:data": {f'k:{{"name":"key{n}"}}': {"f:value": {}} for n in range(many)}}
        pointers = [f"/data/{n}/value" for n in range(many)]
    found = owners(obj, entry("hand", fields))
    began = process_time()
    assert {found.changer(pointer) for pointer in pointers} == {"hand"}
    assert process_time() - began < 3
