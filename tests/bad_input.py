"""Objects of our kinds as people and programs get them wrong (and right): one change each, every one with a name.

The specimens' fields are changed one at a time by what their schema says: left out, emptied, of another type, at and
past each bound, every word of an enum; then come breaches of the rules that no schema can say. The order and the names
are the same in every run.
"""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as field_of
from typing import Any

from landlord.api.crd import APPRELEASE, ENVIRONMENT, TENANT, Kind, open_api_schema
from landlord.api.names import ANNOTATION_FLUX_REQUESTED_AT, ANNOTATION_REQUESTED_AT, ANNOTATION_SUSPEND, API_VERSION
from landlord.api.structural import INT_OR_STRING, LIST_TYPE, Schema
from tests import specimens
from tests.bad_rules import APPRELEASE_BREACHES, ENVIRONMENT_BREACHES, TENANT_BREACHES, Breach
from tests.specimens import JsonObject

Path = tuple[str | int, ...]

# Beyond what 64 bits hold; clients of other languages send such numbers.
_HUGE = 2**63
_ODD_TEXT = "Schloß ☃ \"${x}\" 'y'\n- {{ z }}"
_ODD_TYPES: tuple[tuple[str, Any], ...] = (
    ("string", "landlord"),
    ("integer", 7),
    ("boolean", True),
    ("array", ["landlord"]),
    ("object", {"landlord": "landlord"}),
)
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Variation:
    """One object to send.

    :param field: what was changed; a refusal must name it.
    :param refused: whether it must be refused; None where that depends on the fields beside it.
    :param metadata: what stands there beside, or instead of, the name.
    """

    name: str
    kind: Kind
    field: str
    spec: JsonObject
    refused: bool | None = None
    metadata: JsonObject = field_of(default_factory=dict)

    def manifest(self, name: str) -> JsonObject:
        """The object under a name of the test's choice, unless its name is what is varied."""
        spec = json.loads(json.dumps(self.spec).replace(_NAME, name))
        return {
            "apiVersion": API_VERSION,
            "kind": self.kind.name,
            "metadata": {"name": name} | self.metadata,
            "spec": spec,
        }

    def is_named_by(self, refusal: JsonObject) -> bool:
        """Whether a refusal (the API server's Status) points at what was changed.

        Where a rule about several fields may refuse, it may point at a field beside the changed one.
        """
        if self.field in refusal["message"]:
            return True
        beside = re.sub(r"(\[\d+\])?\.[^.]*$", "", self.field)
        causes = refusal.get("details", {}).get("causes", ())
        return self.refused is None and any(cause.get("field", "").startswith(beside) for cause in causes)


_NAME = "specimen-name"


def variations(*, environment: str = "staging") -> list[Variation]:
    """All variations of the cluster-scoped kinds; those of Tenants live in the Environment of the given name."""
    tenant = specimens.tenant(_NAME, environment)["spec"]
    stage = specimens.environment(_NAME)["spec"]
    return [
        *_of_kind(TENANT, tenant, TENANT_BREACHES),
        *_of_kind(ENVIRONMENT, stage, ENVIRONMENT_BREACHES),
        *_of_metadata(TENANT, tenant),
        *_of_metadata(ENVIRONMENT, stage),
        Variation(
            "Tenant: a name that is too long with its environment",
            TENANT,
            "spec.environments",
            tenant | {"environments": [{"name": "e" * 40}]},
            refused=True,
            metadata={"name": "t" * 23},
        ),
    ]


def release_variations() -> list[Variation]:
    """All variations of AppReleases."""
    release = specimens.apprelease(_NAME)["spec"]
    return [*_of_kind(APPRELEASE, release, APPRELEASE_BREACHES), *_of_metadata(APPRELEASE, release)]


def _of_kind(kind: Kind, spec: JsonObject, breaches: tuple[Breach, ...]) -> Iterator[Variation]:
    schema = open_api_schema(kind)["properties"]["spec"]
    yield Variation(f"{kind.name}: as it should be", kind, "spec", spec, refused=False)
    for place in _places(schema, spec, ()):
        for change, value, refused in _changes(place):
            changed = _with(spec, place.path, value)
            yield Variation(f"{kind.name}: {_spell(place.path)} {change}", kind, _spell(place.path), changed, refused)
    for breach in breaches:
        changed = _with(spec, breach.path, breach.value)
        yield Variation(f"{kind.name}: {breach.name}", kind, breach.field or _spell(breach.path), changed, refused=True)


def _of_metadata(kind: Kind, spec: JsonObject) -> Iterator[Variation]:
    for name in ("n" * 54 if kind.namespaced else "n" * 41, "with.dots", "-dash", "Capital", "under_score", "0" * 254):
        what, metadata = f"{kind.name}: the name {name[:42]}", {"name": name}
        yield Variation(what, kind, "metadata.name", spec, refused=True, metadata=metadata)
    for value in ("", "true", "false", "maybe", "9" * 1000, _ODD_TEXT):
        for key in (ANNOTATION_SUSPEND, ANNOTATION_REQUESTED_AT, ANNOTATION_FLUX_REQUESTED_AT):
            what, annotations = f"{kind.name}: {key} = {value[:9]!r}", {"annotations": {key: value}}
            yield Variation(what, kind, "metadata.annotations", spec, refused=False, metadata=annotations)


@dataclass(frozen=True, slots=True)
class _Place:
    """A value in a specimen and what the schema says about it."""

    path: Path
    schema: Schema
    value: Any
    required: bool


def _places(schema: Schema, value: Any, path: Path, *, required: bool = False) -> Iterator[_Place]:
    """Every value in the specimen; of a list the first item stands for all, and what a tenant says once for all its
    environments is not varied again within each."""
    if path:
        yield _Place(path, schema, value, required)
    if path == ("defaults",):
        return
    if "properties" in schema:
        for name, each in value.items():
            needed = name in schema.get("required", ())
            yield from _places(schema["properties"][name], each, (*path, name), required=needed)
    elif "items" in schema:
        for index, item in enumerate(value):
            if index == 0 or (isinstance(item, dict) and set(item) - set(value[0])):
                yield from _places(schema["items"], item, (*path, index), required=True)
    elif "additionalProperties" in schema:
        key, item = next(iter(value.items()))
        yield from _places(schema["additionalProperties"], item, (*path, key), required=False)


Change = tuple[str, Any, bool | None]


def _changes(place: _Place) -> Iterator[Change]:
    in_list = isinstance(place.path[-1], int)
    if not in_list:
        # The API server leaves out what is null.
        yield from (
            (change, value, place.required or None) for change, value in (("left out", _MISSING), ("null", None))
        )
    yield from _other_types(place.schema)
    if "enum" in place.schema:
        yield from (("= " + word, word, None) for word in place.schema["enum"])
        yield "= a word that is not in the enum", "Surprise", True
    elif INT_OR_STRING in place.schema:
        yield from _quantities()
    elif place.schema["type"] == "string":
        yield from _strings(place.schema)
    elif place.schema["type"] == "integer":
        yield from _integers(place.schema)
    elif place.schema["type"] == "number":
        yield from ((f"= {number}", number, None) for number in (-1, 0.5, 1e300))
    elif place.schema["type"] == "boolean":
        yield "flipped", not place.value, None
    else:
        yield from _containers(place.schema, place.value)


def _other_types(schema: Schema) -> Iterator[Change]:
    right = {"integer", "string"} if INT_OR_STRING in schema else {schema["type"]}
    wrong = [odd for odd in _ODD_TYPES if odd[0] not in right]
    # One scalar and one container are enough to see that the type is checked.
    for name, value in (wrong[0], wrong[-1]):
        yield f"of type {name}", value, True


def _strings(schema: Schema) -> Iterator[Change]:
    longest = schema["maxLength"]
    for change, text in (
        ("empty", ""),
        ("odd", _ODD_TEXT),
        ("longest", "a" * longest),
        ("too long", "a" * (longest + 1)),
        ("blank", "  "),
    ):
        yield change, text, None if _may_be(schema, text) else True


def _may_be(schema: Schema, text: str) -> bool:
    fits = schema.get("minLength", 0) <= len(text) <= schema["maxLength"]
    return fits and ("pattern" not in schema or re.search(schema["pattern"], text) is not None)


def _quantities() -> Iterator[Change]:
    yield from ((f"= {good}", good, False) for good in (0, 3, "0.5", "1500m", "2Gi", "1e3"))
    yield from ((f"= {bad!r}", bad, True) for bad in (-1, "-1", 1.5, "", "8 GiB", "1Gb", "ten", "1e999", "9" * 33))


def _integers(schema: Schema) -> Iterator[Change]:
    least, most = schema["minimum"], schema["maximum"]
    yield from ((f"= {number}", number, None) for number in (least, most))
    yield from ((f"= {number}", number, True) for number in (least - 1, most + 1, -1, 1.5, _HUGE))


def _containers(schema: Schema, value: Any) -> Iterator[Change]:
    if schema["type"] == "array":
        unique = schema[LIST_TYPE] in ("map", "set")
        yield "empty", [], True if schema.get("minItems") else None
        yield "with an item twice", [*value, value[0]], True if unique else None
        yield "too many", value[:1] * (schema["maxItems"] + 1), True
    elif "properties" in schema:
        yield "empty", {}, True if schema.get("required") else None
        yield "with a field nobody knows", value | {"surprise": 1}, True
    elif "additionalProperties" in schema:
        one = next(iter(value.values()))
        yield "empty", {}, True if schema.get("minProperties") else None
        yield "too many", {f"key{number}": one for number in range(schema["maxProperties"] + 1)}, True
        yield from ((f"with the key {key[:9]!r}", value | {key: one}, True) for key in ("", "a b", "é", "k" * 400))


def _with(spec: JsonObject, path: Path, value: Any) -> JsonObject:
    """A copy of the spec in which the value at the path is another one, or is missing."""
    changed = copy.deepcopy(spec)
    where: Any = changed
    for step in path[:-1]:
        where = where[step]
    if value is _MISSING:
        del where[path[-1]]
    else:
        where[path[-1]] = value(where[path[-1]]) if callable(value) else value
    return changed


def _spell(path: Path) -> str:
    """The path as the API server writes it."""
    return "spec" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
