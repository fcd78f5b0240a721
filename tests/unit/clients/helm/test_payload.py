"""What Helm stores is read within bounds, whoever wrote it, and written back as Helm reads it."""

import base64
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.api.failures import Invalid
from landlord.clients.helm.payload import LARGEST, decode, encode, stored

WORDS = st.text(max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


def secret(packed: bytes) -> dict[str, Any]:
    twice = base64.b64encode(base64.b64encode(packed)).decode()
    return {"metadata": {"name": "sh.helm.release.v1.web.v1"}, "data": {"release": twice}}


@given(payload=st.dictionaries(WORDS, JSON, max_size=4))
def test_what_is_written_is_read_back(payload: dict[str, Any]) -> None:
    assert decode({"data": {"release": encode(payload)}}) == payload


@given(payload=st.dictionaries(st.sampled_from(["info", "chart", "hooks", "version", "config", "manifest"]), JSON))
def test_no_forged_payload_breaks_the_reader(payload: dict[str, Any]) -> None:
    found = stored(payload)

    assert isinstance(found.config, dict)
    assert isinstance(found.number, int)


def test_a_payload_that_was_not_packed_is_read() -> None:
    assert decode(secret(b'{"name": "web"}')) == {"name": "web"}


@pytest.mark.parametrize(
    "forged",
    [
        {"metadata": {"name": "a"}},
        {"data": {"release": "%%%"}},
        secret(b"{"),
        secret(b"[]"),
        secret(b"[" * 100_000),
        secret(gzip.compress(b"{}")[:-9]),
        secret(gzip.compress(b" " * (LARGEST + 1) + b"{}")),
    ],
    ids=["empty", "no base64", "no json", "no object", "too deep", "cut off", "bomb"],
)
def test_what_holds_no_release_is_invalid(forged: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="holds no Helm release"):
        decode(forged)


def test_the_files_that_helm_keeps_whole_are_told_by_digest() -> None:
    data = base64.b64encode(b"{{ .Values.a }}").decode()
    chart = {"metadata": {"name": "web", "version": "1.0.0"}, "templates": [{"name": "templates/a.yaml", "data": data}]}

    found = stored({"name": "web", "version": 3, "chart": {**chart, "schema": base64.b64encode(b"{}").decode()}})

    digests = {name: digest.partition(":")[0] for name, digest in found.chart_files.items()}
    assert digests == {"templates/a.yaml": "sha256", "values.schema.json": "sha256"}
    assert (found.name, found.number, found.chart_version) == ("web", 3, "1.0.0")
    assert json.dumps(dict(found.config)) == "{}"
