"""Texts out of the cluster: base64, and YAML that must be a mapping. No words of them get into an error."""

import base64
import binascii
import re
from typing import Any, Final

import yaml

from landlord.api.failures import SpecFault
from landlord.core.release.values import bounded

_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SAFE):  # type: ignore[misc] # either of PyYAML's safe loaders
    """YAML as Helm reads it: ``12:30`` and dates are texts, ``1e3`` is a number. PyYAML follows YAML 1.1 there."""


_ODD: Final = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp")
_INT: Final = re.compile(r"^[-+]?(0|[1-9][0-9]*|0x[0-9a-fA-F]+|0o?[0-7]+)$")
_FLOAT: Final = re.compile(
    r"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
)
_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag not in _ODD]
    for letter, resolvers in _SAFE.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


def decoded(text: str, what: str) -> str:
    """The UTF-8 text of a Secret's value; raises ``SpecFault`` that names ``what``."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SpecFault(what, "is no text in UTF-8.") from error


def loaded(text: str, what: str) -> dict[str, Any]:
    """A YAML mapping, an empty text being an empty one; raises ``SpecFault`` that names ``what`` and the line."""
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - made of a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise SpecFault(what, f"is no YAML{where}.") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SpecFault(what, "must hold a mapping, such as 'replicas: 2'.")
    bounded(value, what)  # aliases can make an endless tree of a few lines
    return value


def documents(text: str) -> list[Any]:
    """Every YAML document of a manifest that Helm rendered or stored; raises ``SpecFault``."""
    try:
        return list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise SpecFault("spec.chart", "what the chart renders is no YAML.") from error
