"""Objects in which one list or map, and all that lead to it, are as full as can be: CEL rules must afford them."""

from collections.abc import Iterator
from typing import Any

from landlord.api.structural import INT_OR_STRING, LIST_KEYS, Schema

Path = tuple[str, ...]
ITEM = "[]"


def crowds(schema: Schema, path: Path = ()) -> Iterator[Path]:
    """Paths of all lists and maps."""
    if "maxItems" in schema or "maxProperties" in schema:
        yield path
    for step, child in schema.get("properties", {}).items():
        yield from crowds(child, (*path, step))
    if "items" in schema:
        yield from crowds(schema["items"], (*path, ITEM))


def crowded(schema: Schema, specimen: Any, path: Path, length: int) -> Any:
    """The specimen with all along the path full and little beside it; strings have up to ``length`` characters."""
    if "items" in schema:
        return _full_list(schema, specimen, path, length)
    if "additionalProperties" in schema:
        ((key, value), *_) = specimen.items()
        bounds = {"maxLength": 127 if INT_OR_STRING in schema["additionalProperties"] else 63}
        return {_distinct(key, bounds, number, length): value for number in range(schema["maxProperties"])}
    if not path:
        return specimen
    fields = schema["properties"]
    beside = {name: _little(fields[name], value) for name, value in specimen.items() if name != path[0]}
    kept = {name: value for name, value in beside.items() if value is not None or name in schema.get("required", ())}
    return kept | {path[0]: crowded(fields[path[0]], specimen[path[0]], path[1:], length)}


def _full_list(schema: Schema, specimen: list[Any], path: Path, length: int) -> list[Any]:
    items = schema["items"]
    if "enum" in items:
        return list(items["enum"])
    keys = schema.get(LIST_KEYS, ())
    if keys == ["scope"]:
        return specimen
    chosen = next(item for item in specimen if _has(item, path[1:]))
    one = crowded(items, chosen, path[1:], length)
    return [_numbered(items, one, number, length) for number in range(schema["maxItems"])]


def _numbered(schema: Schema, item: Any, number: int, length: int) -> Any:
    """The item, made another than all others by its name."""
    if isinstance(item, str):
        return _distinct(item, schema, number, length)
    if not isinstance(item, dict):
        return item
    names = {
        name: _distinct(item[name], schema["properties"][name], number, length)
        for name in ("name", "namespace")
        if name in item and item.get("kind") != "ServiceAccount"
    }
    return item | names


def _distinct(text: str, schema: Schema, number: int, length: int) -> str:
    if text.startswith("10."):
        return f"10.{number // 256}.{number % 256}.0/24"
    tail = str(number)
    wanted = min(length, schema["maxLength"]) - len(text) - len(tail)
    return f"{text}{'x' * wanted}{tail}"


def _has(item: Any, path: Path) -> bool:
    for step in path:
        if step == ITEM:
            return True
        if step not in item:
            return False
        item = item[step]
    return True


def _little(schema: Schema, value: Any) -> Any:
    """The value if it is small, the least of it if it must be there, else None."""
    if isinstance(value, list):
        scalars = [item for item in value if not isinstance(item, dict)]
        return scalars[:1] if scalars else [_little(schema["items"], value[0])] if schema.get("minItems") else None
    if isinstance(value, dict) and "additionalProperties" in schema:
        return dict(list(value.items())[:1])
    if isinstance(value, dict):
        if "required" not in schema:
            return None
        fields = schema["properties"]
        kept = {name: _little(fields[name], each) for name, each in value.items()}
        return {name: each for name, each in kept.items() if each is not None}
    return value
