"""Texts out of the cluster: base64, and YAML that must be a mapping. No words of them get into an error."""

import base64
import binascii
import json
import math
import re
from typing import Any, Final

import yaml

from landlord.api.failures import SpecFault
from landlord.clients import nesting
from landlord.core.release.values import bounded

_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SAFE):  # type: ignore[misc] # either of PyYAML's safe loaders
    """YAML as Helm and the API server read it, which make JSON of it. PyYAML follows YAML 1.1 more closely.

    ``12:30``, dates and binary data are texts; ``1e3`` and ``1_000`` are numbers, ``y`` is true; keys are texts.
    Compared with Helm 4.3.1, scalar by scalar.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:
        """Keys as texts from the beginning: ``1`` and ``true`` are one and the same key in Python."""
        self.flatten_mapping(node)
        return {_key(self, key): self.construct_object(value, deep=deep) for key, value in node.value}


def _key(loader: Any, node: yaml.Node) -> str:
    key = loader.construct_object(node, deep=True)
    if key is None or isinstance(key, dict | list):
        raise yaml.constructor.ConstructorError(None, None, "a key is no text", node.start_mark)
    whole = int(key) if isinstance(key, float) and key.is_integer() else key
    return whole if isinstance(whole, str) else json.dumps(whole)


def _truth(_: Any, node: yaml.ScalarNode) -> bool:
    return node.value.lower() in ("yes", "true", "on", "y")


def _whole(_: Any, node: yaml.ScalarNode) -> int:
    text = node.value.replace("_", "").lower()
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.removeprefix("+"))
    base = {"0b": 2, "0o": 8, "0x": 16}.get(digits[:2], 8 if digits[0] == "0" else 10)
    return sign * int(digits, base)


def _fraction(loader: Any, node: yaml.ScalarNode) -> float | str:
    number: float = loader.construct_yaml_float(node)
    return number if math.isfinite(number) or "inf" in node.value.lower() or math.isnan(number) else node.value


def _unpacked(loader: Any, node: yaml.Node) -> str:
    return str(loader.construct_yaml_binary(node).decode("utf-8", errors="replace"))


def _tag(name: str) -> str:
    return f"tag:yaml.org,2002:{name}"


_MISFITS: Final = (ValueError, TypeError, AttributeError, IndexError, RecursionError)
"""What PyYAML raises for a tag that does not fit its value, such as ``!!int x``."""
_ODD: Final = {_tag(name) for name in ("bool", "int", "float", "timestamp", "value")}
_BOOL: Final = re.compile(r"^(yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|y|Y|n|N)$")
_INT: Final = re.compile(r"^[-+]?(0|[1-9][0-9_]*|0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+)$")
_FLOAT: Final = re.compile(
    r"^([-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
)
_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag not in _ODD]
    for letter, resolvers in _SAFE.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_tag("bool"), _BOOL, list("yYnNtTfFoO"))
_Loader.add_implicit_resolver(_tag("int"), _INT, list("-+0123456789"))
_Loader.add_implicit_resolver(_tag("float"), _FLOAT, list("-+0123456789."))
for _name, _made in {
    "binary": _unpacked,
    "bool": _truth,
    "float": _fraction,
    "int": _whole,
    "merge": _SAFE.construct_yaml_str,
    "omap": _SAFE.construct_yaml_seq,
    "pairs": _SAFE.construct_yaml_seq,
    "set": _SAFE.construct_yaml_map,
    "timestamp": _SAFE.construct_yaml_str,
}.items():
    _Loader.add_constructor(_tag(_name), _made)


def decoded(text: str, what: str) -> str:
    """The UTF-8 text of a Secret's value; raises ``SpecFault`` that names ``what``."""
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SpecFault(what, "is no text in UTF-8.") from error


def loaded(text: str, what: str) -> dict[str, Any]:
    """A YAML mapping, an empty text being an empty one; raises ``SpecFault`` that names ``what`` and the line."""
    try:
        nesting.check(text)
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - made of a safe loader
    except nesting.TooDeep as error:
        raise SpecFault(what, f"is nested more than {nesting.MOST_LEVELS} levels deep{_where(error)}.") from None
    except (yaml.constructor.ConstructorError, *_MISFITS) as error:
        why = "holds what JSON has not, such as keys that are no texts, or tags that do not fit,"
        raise SpecFault(what, f"{why}{_where(error)}.") from None
    except yaml.YAMLError as error:
        raise SpecFault(what, f"is no YAML{_where(error)}.") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SpecFault(what, "must hold a mapping, such as 'replicas: 2'.")
    bounded(value, what)  # aliases can make an endless tree of a few lines
    return value


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" in line {mark.line + 1}" if mark is not None else ""


def documents(text: str) -> list[Any]:
    """Every YAML document of a manifest that Helm rendered or stored; raises ``SpecFault``."""
    try:
        nesting.check(text)
        return list(yaml.load_all(text, Loader=_Loader))
    except (yaml.YAMLError, *_MISFITS) as error:
        raise SpecFault("spec.chart", "what the chart renders is no YAML.") from error
