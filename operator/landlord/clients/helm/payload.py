"""What a revision Secret holds: base64 of gzip of JSON, read within bounds and written back the same way."""

import base64
import binascii
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from landlord.api.failures import Invalid
from landlord.api.releases import StoredRelease

KEY: Final = "release"
LARGEST: Final = 64 * 1024 * 1024
"""Bytes of JSON; a Secret holds at most 1 MiB packed, and what unpacks to more is a bomb."""

_GZIP: Final = b"\x1f\x8b\x08"
Payload = dict[str, Any]


def decode(secret: Mapping[str, Any]) -> Payload:
    """The release within a revision Secret; raises ``Invalid`` when there is none that can be read."""
    name = secret.get("metadata", {}).get("name", "")
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"][KEY], validate=True), validate=True)
        payload = json.loads(_unpacked(packed) if packed[:3] == _GZIP else packed)
    except (KeyError, TypeError, ValueError, RecursionError, binascii.Error, zlib.error) as error:
        raise Invalid(f"Secret {name} holds no Helm release: {type(error).__name__}.") from error
    if not isinstance(payload, dict):
        raise Invalid(f"Secret {name} holds no Helm release: it is no object.")
    return payload


def encode(payload: Payload) -> str:
    """The value of the Secret's key for this release, as Helm would write it."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return base64.b64encode(base64.b64encode(gzip.compress(text, mtime=0))).decode("ascii")


def stored(payload: Payload) -> StoredRelease:
    """The release a payload describes; what is missing or of a wrong type is empty."""
    info, chart = _mapping(payload.get("info")), _mapping(payload.get("chart"))
    metadata = _mapping(chart.get("metadata"))
    hooks = payload.get("hooks")
    number = payload.get("version")
    return StoredRelease(
        name=_text(payload.get("name")),
        namespace=_text(payload.get("namespace")),
        number=number if isinstance(number, int) else 0,
        status=_text(info.get("status")),
        description=_text(info.get("description")),
        manifest=_text(payload.get("manifest")),
        config=_mapping(payload.get("config")),
        hooks=tuple(_mapping(hook) for hook in hooks) if isinstance(hooks, list) else (),
        chart_name=_text(metadata.get("name")),
        chart_version=_text(metadata.get("version")),
        app_version=_text(metadata.get("appVersion")),
        apply_method=_text(payload.get("apply_method")),
        chart_files=dict(_files(chart)),
        last_deployed=_text(info.get("last_deployed")),
    )


def _unpacked(packed: bytes) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    text = reader.decompress(packed, LARGEST)
    if not reader.eof:
        raise ValueError("too large, or cut off")
    return text


def _files(chart: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Digest by path of all that Helm keeps byte by byte: Chart.yaml, values.yaml and subcharts it does not."""
    for group in ("templates", "files"):
        files = chart.get(group)
        for file in files if isinstance(files, list) else ():
            name, data = _mapping(file).get("name"), _mapping(file).get("data")
            if isinstance(name, str) and isinstance(data, str):
                yield name, _digest(data)
    if isinstance(schema := chart.get("schema"), str) and schema:
        yield "values.schema.json", _digest(schema)


def _digest(data: str) -> str:
    try:
        return f"sha256:{hashlib.sha256(base64.b64decode(data, validate=True)).hexdigest()}"
    except (ValueError, binascii.Error):
        return ""


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
