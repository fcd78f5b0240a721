"""Whether the CRDs that a cluster serves can hold the statuses that this Landlord writes.

An API server drops fields that a CRD does not know, without a word, and refuses whole statuses for a value that it
does not allow. Versions and labels of a CRD prove nothing (charts are upgraded without their CRDs), so the schemas
themselves are compared.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

_MOST: Final = ("maxLength", "maxItems", "maxProperties")
_NAMED: Final = 4


def trouble(wanted: Schema, found: Mapping[str, Any], version: str) -> str:
    """Why statuses of the schema ``wanted`` do not all fit the CRD ``found``, as a sentence; empty while they do."""
    name, versions = found["metadata"]["name"], found["spec"]["versions"]
    served = next((each for each in versions if each["name"] == version and each["served"]), None)
    if served is None:
        return f"CRD {name} of this cluster does not serve {version}, which this Landlord reads and writes."
    gaps = list(shortfalls(wanted, _status(served)))
    if not gaps:
        return ""
    more = f", and {len(gaps) - _NAMED} more" if len(gaps) > _NAMED else ""
    what = f"{', '.join(gaps[:_NAMED])}{more}"
    return f"CRD {name} of this cluster is of another Landlord: {what}. Statuses may be refused or lose fields."


def _status(version: Schema) -> Schema:
    found: Schema = version.get("schema", {}).get("openAPIV3Schema", {}).get("properties", {}).get("status", {})
    return found


def shortfalls(wanted: Schema, found: Schema, path: str = "status") -> Iterator[str]:
    """Each place where ``found`` refuses or drops what ``wanted`` allows, with what is wrong there."""
    if not found:
        yield f"{path} is unknown"
        return
    if missing := [str(each) for each in wanted.get("enum", ()) if each not in found.get("enum", wanted.get("enum"))]:
        yield f"{path} may not be {' or '.join(missing)}"
    for limit in _MOST:
        if limit in found and found[limit] < wanted.get(limit, found[limit] + 1):
            yield f"{path} has {limit} {found[limit]}"
    for name in sorted(set(found.get("required", ())) - set(wanted.get("required", ()))):
        yield f"{path}.{name} is required"
    for key, suffix in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(wanted.get(key), Mapping) and isinstance(found.get(key), Mapping):
            yield from shortfalls(wanted[key], found[key], f"{path}{suffix}")
    if found.get("x-kubernetes-preserve-unknown-fields"):
        return
    for name, field in wanted.get("properties", {}).items():
        yield from shortfalls(field, found.get("properties", {}).get(name, {}), f"{path}.{name}")
