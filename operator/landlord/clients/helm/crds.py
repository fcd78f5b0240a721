"""What a chart's files say before Helm reads them: the CRDs it ships, and schemas that would send Helm elsewhere."""

import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from landlord.api.failures import SpecFault
from landlord.api.releases import Chart
from landlord.clients import nesting

_CRD_FILE: Final = re.compile(r"(?:^|/)crds/[^.].*\.(?:ya?ml|json)$")
_SCHEMA_FILE: Final = re.compile(r"(?:^|/)values\.schema\.json$")
_DRAFT: Final = re.compile(r"https?://json-schema\.org/(?:draft-0[4-7]|draft/20(?:19-09|20-12))/schema#?")
_REFERENCES: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_LARGEST: Final = 8 * 1024 * 1024
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class ShippedCrd:
    """One CRD of a chart."""

    name: str
    kind: str
    group: str
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a look into a chart's files found."""

    crds: tuple[ShippedCrd, ...]
    schema_asks_elsewhere: bool
    """Whether checking values against the schema would make Helm open files or addresses of the chart's choice."""


def crds_of(chart: Chart) -> tuple[str, ...]:
    """Names such as ``widgets.example.com``, of the chart and its subcharts, sorted. Reads a file: call in a thread."""
    return tuple(crd.name for crd in look_into(chart).crds)


def look_into(chart: Chart) -> Contents:
    """The chart's CRDs and schemas, subcharts included, packed or not. Reads files: call in a thread."""
    crds: set[ShippedCrd] = set()
    elsewhere = False
    for name, content in _files(Path(chart.path)):
        if _SCHEMA_FILE.search(name):
            elsewhere = elsewhere or _asks_elsewhere(content)
        else:
            crds.update(_crds(name, content))
    return Contents(tuple(sorted(crds, key=lambda crd: crd.name)), elsewhere)


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files that matter, with the chart's own folder as their first part."""
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            name = str(file.relative_to(path))
            if file.is_file() and _matters(name):
                yield name, file.read_bytes()[:_LARGEST]
        return
    with path.open("rb") as archive:
        yield from _packed(archive)


def _packed(file: Any, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(fileobj=file, mode="r:gz") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is None:
                    continue
                if _matters(member.name):
                    yield member.name, content.read(_LARGEST)
                elif "/charts/" in member.name and member.name.endswith(".tgz") and depth < 8:
                    yield from _packed(content, depth + 1)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise SpecFault("spec.chart", f"the chart's archive cannot be read: {error}.") from error


def _matters(name: str) -> bool:
    return bool(_CRD_FILE.search(name) or _SCHEMA_FILE.search(name))


def _crds(name: str, content: bytes) -> Iterator[ShippedCrd]:
    try:
        text = content.decode("utf-8-sig")
        nesting.check(text)
        documents = list(yaml.load_all(text, Loader=_LOADER))
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise SpecFault("spec.chart", f"{name} in the chart is no YAML.") from error
    for document in documents:
        if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
            yield _shipped(name, document)


def _shipped(name: str, document: dict[str, Any]) -> ShippedCrd:
    try:
        spec = document["spec"]
        versions = tuple(version["name"] for version in spec["versions"])
        return ShippedCrd(document["metadata"]["name"], spec["names"]["kind"], spec["group"], versions)
    except (KeyError, TypeError) as error:
        raise SpecFault("spec.chart", f"{name} in the chart is no complete CustomResourceDefinition.") from error


def _asks_elsewhere(content: bytes) -> bool:
    """Whether any reference in a schema is not to a place within it; Helm would open it, a file or an address."""
    try:
        return any(map(_leads_out, _walk(json.loads(content))))
    except (ValueError, RecursionError):
        return True


def _walk(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            yield from _walk(value)
    elif isinstance(node, list):
        for item in node:
            yield from _walk(item)


def _leads_out(entry: tuple[str, Any]) -> bool:
    key, value = entry
    if not isinstance(value, str):
        return False
    if key == "$schema":
        return not _DRAFT.fullmatch(value)
    return key in _REFERENCES and not value.startswith("#")
