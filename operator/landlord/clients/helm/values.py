"""Merged values in the form Helm reads from stdin."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from landlord.api.failures import SpecFault

_NOT_YAML: Final = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_LONE: Final = re.compile("[\ud800-\udfff]")


def document(values: Mapping[str, Any]) -> bytes:
    """JSON that every YAML reader takes for the same: all but what YAML forbids stands as it is."""
    try:
        text = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise SpecFault("values", f"they cannot be written down for Helm: {error}.") from error
    if _LONE.search(text):
        raise SpecFault("values", "they hold half a character (a lone surrogate), which is no Unicode text.")
    return _NOT_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode("utf-8")
