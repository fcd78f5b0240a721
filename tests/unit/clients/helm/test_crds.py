"""A chart's CRDs are known by name, and a schema that would lead Helm out of the chart is noticed."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from landlord.api.failures import SpecFault
from landlord.api.releases import Chart
from landlord.clients.helm.crds import ShippedCrd, crds_of, look_into

WIDGETS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec: {group: example.com, names: {kind: Widget, plural: widgets}, versions: [{name: v1}, {name: v2}]}
---
# nothing
---
apiVersion: v1
kind: ConfigMap
"""
GADGETS = WIDGETS.replace("widget", "gadget").replace("Widget", "Gadget")


def packed(files: Mapping[str, bytes | str], folder: str = "web") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def chart(tmp_path: Path, files: Mapping[str, bytes | str]) -> Chart:
    path = tmp_path / "web.tgz"
    path.write_bytes(packed(files))
    return Chart(str(path), "sha256:1", "web", "1.0.0")


def test_crds_of_the_chart_and_its_subcharts_are_named(tmp_path: Path) -> None:
    files: dict[str, bytes | str] = {
        "Chart.yaml": "name: web",
        "crds/a.yaml": WIDGETS,
        "crds/more/b.json": json.dumps({"kind": "List"}),
        "crds/readme.md": ": not: yaml",
        "templates/crd.yaml": "{{ not yaml",
        "charts/sub.tgz": packed({"crds/g.yml": GADGETS}, "sub"),
    }

    contents = look_into(chart(tmp_path, files))

    assert contents.crds[1] == ShippedCrd("widgets.example.com", "Widget", "example.com", ("v1", "v2"))
    assert crds_of(chart(tmp_path, files)) == ("gadgets.example.com", "widgets.example.com")


def test_a_chart_that_lies_in_a_folder_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "charts/sub/crds").mkdir(parents=True)
    (tmp_path / "charts/sub/crds/a.yaml").write_text(WIDGETS)

    assert crds_of(Chart(str(tmp_path), "sha256:1", "web", "1.0.0")) == ("widgets.example.com",)


@pytest.mark.parametrize("content", ["kind: [", "kind: CustomResourceDefinition\nmetadata: {name: x}\n"])
def test_a_broken_crd_is_the_charts_fault(tmp_path: Path, content: str) -> None:
    with pytest.raises(SpecFault, match=r"web/crds/a.yaml"):
        crds_of(chart(tmp_path, {"crds/a.yaml": content}))


def test_what_is_no_archive_is_the_charts_fault(tmp_path: Path) -> None:
    (tmp_path / "x.tgz").write_bytes(b"no archive")

    with pytest.raises(SpecFault, match="cannot be read"):
        crds_of(Chart(str(tmp_path / "x.tgz"), "sha256:1", "web", "1.0.0"))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://169.254.169.254/latest/meta-data"},
        {"properties": {"a": {"items": [{"$ref": "file:///etc/hostname"}]}}},
        {"$id": "http://inner.example.com/", "properties": {"a": {"$ref": "other.json"}}},
        {"$schema": "http://inner.example.com/schema"},
        {"$dynamicRef": "http://inner.example.com/schema#a"},
        "no json",
    ],
)
@pytest.mark.parametrize("place", ["values.schema.json", "charts/sub/values.schema.json"])
def test_a_schema_that_leads_elsewhere_is_noticed(tmp_path: Path, schema: object, place: str) -> None:
    text = schema if isinstance(schema, str) else json.dumps(schema)

    assert look_into(chart(tmp_path, {place: text})).schema_asks_elsewhere


def test_an_ordinary_schema_is_used(tmp_path: Path) -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://example.com/web.json",
        "definitions": {"port": {"type": "integer"}},
        "properties": {"port": {"$ref": "#/definitions/port"}, "$ref": {"type": "string"}},
    }

    assert not look_into(chart(tmp_path, {"values.schema.json": json.dumps(schema)})).schema_asks_elsewhere
