"""CRDs of another version: what the API server would refuse or drop is named, and nothing else is."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from landlord.api.crd import APPRELEASE, KINDS, TENANT, Kind, render, status_schema
from landlord.core.definitions import shortfalls, trouble

Json = dict[str, Any]


def served(kind: Kind = APPRELEASE) -> Json:
    return copy.deepcopy(render(kind))


def status_of(definition: Json) -> Json:
    found: Json = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_our_own_crds_fit(kind: Kind) -> None:
    assert trouble(status_schema(kind), served(kind), "v1alpha1") == ""


def test_a_crd_that_knows_more_fits() -> None:
    status = {"type": "object", "properties": {"new": {"type": "string"}}}
    assert list(shortfalls({"type": "object", "properties": {}}, status)) == []
    wider = {"type": "string", "enum": ["A", "B"], "maxLength": 9}
    assert list(shortfalls({"type": "string", "enum": ["A"], "maxLength": 8}, wider)) == []
    assert list(shortfalls({"type": "string", "enum": ["A"]}, {"type": "string"})) == []
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert list(shortfalls({"type": "object", "properties": {"a": {"type": "string"}}}, anything)) == []


LACKS: dict[str, tuple[Callable[[Json], object], str]] = {
    "a field": (lambda status: status["properties"].pop("drift"), "status.drift is unknown"),
    "a field of a list": (
        lambda status: status["properties"]["checks"]["items"]["properties"].pop("state"),
        "status.checks[].state is unknown",
    ),
    "a value": (
        lambda status: status["properties"]["conditions"]["items"]["properties"]["status"]["enum"].remove("Unknown"),
        "status.conditions[].status may not be Unknown",
    ),
    "room for a text": (
        lambda status: status["properties"]["held"]["properties"]["message"].update(maxLength=10),
        "status.held.message has maxLength 10",
    ),
    "room without a limit of ours": (lambda status: status.update(maxProperties=2), "status has maxProperties 2"),
    "a field it asks for": (lambda status: status.update(required=["phase"]), "status.phase is required"),
    "all": (lambda status: status.clear(), "status is unknown"),
}


@pytest.mark.parametrize("what", LACKS)
def test_what_a_crd_lacks_is_named(what: str) -> None:
    definition = served()
    change, words = LACKS[what]
    change(status_of(definition))
    told = trouble(status_schema(APPRELEASE), definition, "v1alpha1")
    assert told.startswith("CRD appreleases.landlord.dev of this cluster is of another Landlord: ")
    assert f": {words}. " in told


def test_of_many_gaps_a_few_are_named() -> None:
    definition = served()
    status_of(definition)["properties"] = {}
    told = trouble(status_schema(APPRELEASE), definition, "v1alpha1")
    assert told.count("is unknown") == 4
    assert ", and 11 more. " in told


@pytest.mark.parametrize("change", [{"name": "v1"}, {"served": False}], ids=["another", "not served"])
def test_a_version_that_is_not_served_is_told(change: Json) -> None:
    definition = served(TENANT)
    definition["spec"]["versions"][0].update(change)
    assert "tenants.landlord.dev of this cluster does not serve v1alpha1" in trouble({}, definition, "v1alpha1")
