"""Schemas that would make Helm fetch something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.clients.charts.archive import inspect
from landlord.clients.charts.faults import ChartUnfit
from landlord.clients.charts.limits import Limits
from landlord.clients.charts.schemas import SchemaFault, check_schema
from tests.unit.clients.charts.packages import contents, package


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"true",
        b"\xef\xbb\xbf{}",
        b'{"$ref": "#/$defs/x", "$defs": {"x": {"type": "object"}}}',
        b'{"$schema": "http://json-schema.org/draft-07/schema#"}',
        b'{"$schema": "https://json-schema.org/draft/2020-12/schema"}',
        b'{"$id": "https://example.org/values.json", "properties": {"$ref": {"type": "string"}}}',
    ],
)
def test_a_schema_that_stays_within_itself_is_fine(text: bytes) -> None:
    check_schema(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"$ref": "http://169.254.169.254/latest"}',
        b'{"$ref": "file:///dev/zero"}',
        b'{"$ref": "/dev/zero"}',
        b'{"$ref": "other.json#/x"}',
        b'{"$ref": ""}',
        b'{"properties": {"a": {"anyOf": [{"$ref": "https://example.org/x"}]}}}',
        b'{"$dynamicRef": "https://example.org/x"}',
        b'{"$recursiveRef": "https://example.org/x"}',
        b'{"\\u0024ref": "https://example.org/x"}',
        b'{"$ref": "https://example.org/x", "$ref": "#"}',
        b'{"$schema": "https://example.org/x"}',
        b'{"$schema": "https://json-schema.org.evil.test/draft-07/schema"}',
        b'{"$schema": "https://json-schema.org/draft-07/../x"}',
    ],
)
def test_a_schema_that_leads_out_of_itself_is_a_fault(text: bytes) -> None:
    with pytest.raises(SchemaFault, match=r"refers to|dialect"):
        check_schema(text)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 100_000])
def test_what_is_no_json_is_a_fault(text: bytes) -> None:
    with pytest.raises(SchemaFault, match="no JSON"):
        check_schema(text)


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_else(text: bytes) -> None:
    try:
        check_schema(text)
    except SchemaFault as fault:
        assert str(fault)  # noqa: PT017 - both ends are right


BAD = {"values.schema.json": b'{"$ref": "http://169.254.169.254/"}'}


@pytest.mark.parametrize(
    "files",
    [
        BAD,
        {"charts/sub/values.schema.json": BAD["values.schema.json"]},
        {"charts/a/charts/b/values.schema.json": BAD["values.schema.json"]},
        {"charts/sub.tgz": package(contents("sub") | BAD, name="sub")},
    ],
)
def test_schemas_are_looked_at_wherever_helm_would(files: dict[str, bytes]) -> None:
    harmless = {path: data.replace(b"http://169.254.169.254/", b"#") for path, data in files.items()}
    if "charts/sub.tgz" in files:
        harmless = {"charts/sub.tgz": package(contents("sub"), name="sub")}
    assert inspect(package(contents() | harmless), "web", "1.2.3", Limits())
    with pytest.raises(ChartUnfit, match=r"values\.schema\.json refers to"):
        inspect(package(contents() | files), "web", "1.2.3", Limits())
