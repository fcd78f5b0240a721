"""The values of a release: layers merged as Helm merges them, names replaced, the image set last."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Values = dict[str, Any]


class Image(Protocol):
    """An image as a release's spec names it; empty and None both mean: not given."""

    @property
    def path(self) -> str: ...
    @property
    def repository(self) -> str | None: ...
    @property
    def tag(self) -> str | None: ...
    @property
    def digest(self) -> str | None: ...


def merge(layers: Sequence[Mapping[str, Any]]) -> Values:
    """The layers as one, the last wins."""
    raise NotImplementedError


def place(values: Mapping[str, Any], target: str, value: Any, path: str = "spec.valuesFrom") -> Values:
    """``values`` with ``value`` at ``target``; ``path`` is blamed when ``target`` is no path or leads nowhere."""
    raise NotImplementedError


def with_image(values: Mapping[str, Any], image: Image | None) -> Values:
    """``values`` with the image's repository, tag and digest, as far as given, as keys under its path."""
    raise NotImplementedError


def substitute(values: Mapping[str, Any], variables: Mapping[str, str], path: str = "spec.values") -> Values:
    """``values`` with every ``${NAME}`` in a string replaced; raises ``SpecFault`` naming an undefined one."""
    raise NotImplementedError


def placeholders(values: Mapping[str, Any]) -> frozenset[str]:
    """The names that ``substitute`` would ask for."""
    raise NotImplementedError


def canonical_digest(value: Any) -> str:
    """``sha256:...`` over the canonical JSON of ``value``: the order of keys says nothing."""
    raise NotImplementedError
