"""Texts out of the cluster: base64, and YAML that must be a mapping. No words of them get into an error."""

import base64
import binascii
from typing import Any, Final

import yaml

from landlord.api.failures import SpecFault

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def decoded(text: str, what: str) -> str:
    """The UTF-8 text of a Secret's value; raises ``SpecFault`` that names ``what``."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SpecFault(what, "is no text in UTF-8.") from error


def loaded(text: str, what: str) -> dict[str, Any]:
    """A YAML mapping, an empty text being an empty one; raises ``SpecFault`` that names ``what`` and the line."""
    try:
        value = yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader, C's where there is one
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise SpecFault(what, f"is no YAML{where}.") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SpecFault(what, "must hold a mapping, such as 'replicas: 2'.")
    return value


def documents(text: str) -> list[Any]:
    """Every YAML document of a manifest that Helm rendered or stored; raises ``SpecFault``."""
    try:
        return list(yaml.load_all(text, Loader=_LOADER))
    except yaml.YAMLError as error:
        raise SpecFault("spec.chart", "what the chart renders is no YAML.") from error
