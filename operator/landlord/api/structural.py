"""Turns pydantic's JSON schema into Kubernetes' structural schema: the dialect a CRD may be written in.

A structural schema has no references, no ``null`` branches, no titles and no ``additionalProperties: false``;
what pydantic says with those is said here in the way the API server understands.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]

_KEPT = (
    "description",
    "type",
    "anyOf",
    "format",
    "enum",
    "default",
    "required",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
)
RULES = "x-kubernetes-validations"
LIST_TYPE = "x-kubernetes-list-type"
LIST_KEYS = "x-kubernetes-list-map-keys"
INT_OR_STRING = "x-kubernetes-int-or-string"
PRESERVE_UNKNOWN = "x-kubernetes-preserve-unknown-fields"


class Definitions:
    """A model and all models and enums below it, as pydantic describes them, and the ways from one to another."""

    def __init__(self, model: type[BaseModel]) -> None:
        root = model.model_json_schema(by_alias=True, mode="validation")
        self.known: dict[str, Schema] = {**root.pop("$defs", {}), model.__name__: root}

    def target(self, node: Schema) -> str | None:
        """Name of the definition that a node refers to, if it refers to one."""
        for branch in (node, *node.get("anyOf", ())):
            if "$ref" in branch:
                return str(branch["$ref"]).removeprefix("#/$defs/")
        return None

    def resolve(self, node: Schema) -> Schema:
        """The node without its reference or its null branch; what stands beside them wins, CEL rules add up."""
        outer = {key: value for key, value in node.items() if key not in ("$ref", "anyOf")}
        if "$ref" in node:
            return _merge(self.resolve(self.known[node["$ref"].removeprefix("#/$defs/")]), outer)
        branches = [branch for branch in node.get("anyOf", ()) if branch != {"type": "null"}]
        if not branches:
            return outer
        if len(branches) == 1:
            return _merge(self.resolve(branches[0]), outer)
        return _int_or_string(branches, outer)


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of a model, complete in itself."""
    known = Definitions(model)
    return _convert(known, known.known[model.__name__])


def _merge(inner: Schema, outer: Schema) -> Schema:
    rules = [*inner.get(RULES, ()), *outer.get(RULES, ())]
    return inner | outer | ({RULES: rules} if rules else {})


def _int_or_string(branches: list[Schema], outer: Schema) -> Schema:
    """Both branches in one node: ``anyOf`` may hold nothing but the two types, bounds stand beside it."""
    if {branch.get("type") for branch in branches} != {"integer", "string"}:
        raise ValueError(f"no structural schema can say one of {branches}")
    bounds = {key: value for branch in branches for key, value in branch.items() if key != "type"}
    return bounds | outer | {"anyOf": [{"type": "integer"}, {"type": "string"}], INT_OR_STRING: True}


def _convert(known: Definitions, node: Schema, keys: Sequence[str] = ()) -> Schema:
    """The node in the structural dialect; ``keys`` are those of the map list it is an item of."""
    node = known.resolve(node)
    out = {key: node[key] for key in _KEPT if key in node}
    out |= {key: value for key, value in node.items() if key.startswith("x-kubernetes-")}
    if "description" in out:
        out["description"] = out["description"].replace("``", "")
    if "properties" in node:
        out["properties"] = {name: _property(known, name, field, keys) for name, field in node["properties"].items()}
    elif isinstance(node.get("additionalProperties"), dict):
        out["additionalProperties"] = _convert(known, node["additionalProperties"])
    if "items" in node:
        out.setdefault(LIST_TYPE, "atomic")
        out["items"] = _convert(known, node["items"], node.get(LIST_KEYS, ()))
    return out


def _property(known: Definitions, name: str, field: Schema, keys: Sequence[str]) -> Schema:
    """A field with its default, if the API server should write it into objects.

    Defaults of lists and objects stay in the models, where they can change without a trace in stored objects; an
    empty string says nothing, except as part of a key, which must never be absent.
    """
    out = _convert(known, field)
    default = out.pop("default", None)
    if isinstance(default, bool | int | str) and (default != "" or name in keys):
        out["default"] = default
    return out
