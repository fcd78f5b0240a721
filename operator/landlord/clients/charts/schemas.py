"""Whether a chart's schema stays within itself: Helm would fetch whatever URL or file it refers to, as the operator."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

_REFERENCES: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})
_DIALECT: Final = re.compile(
    r"https?://json-schema\.org/(?:draft-0[467]/schema|draft/(?:2019-09|2020-12)/schema|schema)#?"
)
"""Those that Helm knows by heart; it would fetch any other."""


class SchemaFault(Exception):
    """The schema is no JSON, or leads out of itself; the text says what, without its place."""


def check_schema(text: bytes) -> None:
    """Raise ``SchemaFault`` unless every reference begins with ``#`` and the dialect is a known one."""
    try:
        json.loads(text.decode("utf-8-sig"), object_pairs_hook=_check)
    except (ValueError, RecursionError) as error:
        raise SchemaFault(f"is no JSON ({type(error).__name__})") from error


def _check(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs; all of them count, also those that a later one of the same key hides."""
    for key, value in pairs:
        if not isinstance(value, str):
            continue
        if key in _REFERENCES and not value.startswith("#"):
            raise SchemaFault(f"refers to {value[:200]!r}; only references within it, such as #/$defs/x, are possible")
        if key == "$schema" and not _DIALECT.fullmatch(value):
            raise SchemaFault(
                f"is of a dialect of its own, {value[:200]!r}; use https://json-schema.org/draft-07/schema"
            )
    return dict(pairs)
