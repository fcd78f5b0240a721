"""The rendered CRDs: everything bounded, described, structural, and as kstatus and GitOps tools expect."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from landlord.api.crd import APPRELEASE, ENVIRONMENT, KINDS, TENANT, Kind, open_api_schema, render
from landlord.api.structural import INT_OR_STRING, LIST_KEYS, LIST_TYPE, PRESERVE_UNKNOWN, RULES, Schema
from tests import specimens

STRUCTURAL = {
    "description",
    "type",
    "anyOf",
    "format",
    "enum",
    "default",
    "required",
    "properties",
    "additionalProperties",
    "items",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    INT_OR_STRING,
    LIST_KEYS,
    LIST_TYPE,
    PRESERVE_UNKNOWN,
    RULES,
}


INTEGER_OR_STRING = [{"type": "integer"}, {"type": "string"}]


def nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema within a schema, with its path."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from nodes(field, f"{path}.{name}")
    for inside in ("items", "additionalProperties"):
        if inside in schema:
            yield from nodes(schema[inside], f"{path}[]")


EVERY_NODE = [(f"{kind.name}{path}", node) for kind in KINDS for path, node in nodes(open_api_schema(kind))]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def test_every_string_list_and_map_has_an_upper_bound() -> None:
    for path, node in EVERY_NODE:
        if INT_OR_STRING in node or (node["type"] == "string" and "enum" not in node):
            assert "maxLength" in node, path
        if node.get("type") == "array":
            assert "maxItems" in node, path
        if "additionalProperties" in node:
            assert "maxProperties" in node, path


def test_no_keyword_is_used_that_structural_schemas_lack() -> None:
    for path, node in EVERY_NODE:
        assert set(node) <= STRUCTURAL, path
        assert ("type" in node) != (INT_OR_STRING in node), path
        assert node.get("anyOf", INTEGER_OR_STRING) == INTEGER_OR_STRING, path
        assert not {"properties", "additionalProperties"} <= set(node), path


def test_only_values_of_charts_are_kept_whatever_they_say() -> None:
    kept = {path for path, node in EVERY_NODE if PRESERVE_UNKNOWN in node}

    assert kept == {
        "Environment.spec.releaseDefaults.values",
        "AppRelease.spec.values",
        "AppRelease.spec.environmentValues[]",
    }


def test_every_list_says_how_it_is_merged() -> None:
    for path, node in EVERY_NODE:
        if node.get("type") != "array":
            continue
        assert node[LIST_TYPE] in {"map", "set", "atomic"}, path
        if node[LIST_TYPE] == "set":
            assert node["items"]["type"] == "string", path
        for key in node.get(LIST_KEYS, ()):
            assert key in node["items"]["required"] or "default" in node["items"]["properties"][key], path


def test_defaults_are_scalars_or_empty_objects() -> None:
    for path, node in EVERY_NODE:
        assert node.get("default", {}) == {} or isinstance(node["default"], bool | int | str), path


def test_rules_point_at_fields_that_exist_and_say_what_to_write() -> None:
    for path, node in EVERY_NODE:
        for rule in node.get(RULES, ()):
            assert set(rule) <= {"rule", "message", "fieldPath", "reason"}, path
            assert rule["message"].strip(), path
            assert _field(node, rule.get("fieldPath", "")), path


@every_kind
def test_every_field_is_described_in_plain_text(kind: Kind) -> None:
    for path, node in nodes(open_api_schema(kind)):
        if path and not path.endswith("[]") and not path.startswith(".metadata"):
            assert node["description"].strip(), path
        assert "`" not in node.get("description", ""), path


@every_kind
def test_a_new_object_says_that_nobody_has_looked_at_it(kind: Kind) -> None:
    status = open_api_schema(kind)["properties"]["status"]

    assert status["default"] == {}
    assert status["properties"]["observedGeneration"]["default"] == -1


@every_kind
def test_conditions_take_words_that_this_version_does_not_know(kind: Kind) -> None:
    condition = open_api_schema(kind)["properties"]["status"]["properties"]["conditions"]["items"]["properties"]

    for field in ("type", "reason"):
        assert "enum" not in condition[field]
        assert re.search(condition[field]["pattern"], "NewlyInvented")


@every_kind
def test_columns_show_fields_that_exist(kind: Kind) -> None:
    schema = open_api_schema(kind)
    for column in kind.columns:
        path = re.sub(r"\[\?\(@\.type==\"Ready\"\)\]", ".items", column["jsonPath"])
        if path.startswith(".metadata."):
            continue
        node = schema
        for step in path.removeprefix(".").split("."):
            node = node["items"] if step == "items" else node["properties"][step]
        assert node["type"] == column["type"]


@pytest.mark.parametrize(
    ("kind", "scope", "short", "columns"),
    [
        (TENANT, "Cluster", "ltn", ["Ready", "Environments", "Reason", "Age"]),
        (ENVIRONMENT, "Cluster", "lenv", ["Tier", "Ready", "Tenants", "Failed", "Drifted", "Age"]),
        (APPRELEASE, "Namespaced", "arel", ["Chart", "Version", "Revision", "Ready", "Reason", "Age"]),
    ],
    ids=["Tenant", "Environment", "AppRelease"],
)
def test_names_and_columns_are_those_that_people_learn(kind: Kind, scope: str, short: str, columns: list[str]) -> None:
    spec = render(kind)["spec"]
    version = spec["versions"][0]

    assert spec["scope"] == scope
    assert spec["names"]["shortNames"] == [short]
    assert spec["names"]["categories"] == ["landlord"]
    assert version["subresources"] == {"status": {}}
    assert [each["name"] for each in version["additionalPrinterColumns"] if not each["priority"]] == columns


@pytest.mark.parametrize(
    ("kind", "specimen"),
    [
        (TENANT, specimens.tenant("full")),
        (ENVIRONMENT, specimens.environment("full")),
        (APPRELEASE, specimens.apprelease("full")),
    ],
    ids=["Tenant", "Environment", "AppRelease"],
)
def test_specimens_give_every_field(kind: Kind, specimen: dict[str, Any]) -> None:
    missing = set(_fields(open_api_schema(kind)["properties"]["spec"])) - set(_given(specimen["spec"]))

    assert not missing


def _field(node: Schema, path: str) -> Schema:
    for step in path.removeprefix(".").split(".") if path else ():
        node = node["properties"][step]
    return node


def _fields(schema: Schema, path: str = "") -> Iterator[str]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from _fields(field, f"{path}.{name}")
    if "items" in schema:
        yield from _fields(schema["items"], path)


def _given(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _given(item, path)
    elif isinstance(value, dict):
        for name, field in value.items():
            yield f"{path}.{name}"
            yield from _given(field, f"{path}.{name}")
