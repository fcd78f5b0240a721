"""Whether a chart may come from where it is said to come from: policy entries against the parsed URL.

Texts are never compared as they are written: ``oci://good.example.evil.org`` begins like ``oci://good.example``.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z]+)://(?P<host>[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?\.?)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/(?:[A-Za-z0-9._~+@=,-]|%[0-9A-Fa-f]{2})*)*)(?:\?[^\s#]*)?"
)
_DISGUISED: Final = re.compile(r"%(?:2[eEfF]|5[cC]|25|00)")
_PORTS: Final = {"oci": "443", "https": "443", "http": "80"}
_BELOW: Final = "/*"


@dataclass(frozen=True, slots=True)
class _Place:
    scheme: str
    host: str
    port: str
    path: tuple[str, ...]

    def holds(self, other: "_Place") -> bool:
        """Whether ``other`` is this place or lies below it."""
        return self.at_root() == other.at_root() and other.path[: len(self.path)] == self.path

    def at_root(self) -> tuple[str, str, str]:
        return self.scheme, self.host, self.port


def permitted(url: str, entries: Collection[str] | None) -> bool:
    """Whether policy lets a chart come from ``url``; None restricts nothing, an empty collection allows none.

    An entry stands for exactly that repository, one that ends in ``/*`` for it and everything below. What cannot be
    parsed without doubt (a user, ``..``, an escaped slash) is not permitted, restricted or not.
    """
    place = _parse(url)
    if place is None:
        return False
    return entries is None or any(_matches(place, entry) for entry in entries)


def chart_permitted(repository: str, name: str, entries: Collection[str] | None) -> bool:
    """Whether a chart of a repository may be used: an entry names the repository, or that one chart in it."""
    return permitted(repository, entries) or permitted(f"{repository.rstrip('/')}/{name}", entries)


def _matches(place: _Place, entry: str) -> bool:
    base = _parse(entry.removesuffix("*"))
    if base is None:
        return False
    return base.holds(place) if entry.endswith(_BELOW) else base == place


def _parse(url: str) -> _Place | None:
    form = _URL.fullmatch(url)
    if form is None or form["scheme"].lower() not in _PORTS or _DISGUISED.search(form["path"]):
        return None
    scheme, path = form["scheme"].lower(), tuple(form["path"].rstrip("/").split("/")[1:])
    if any(part in {"", ".", ".."} for part in path):
        return None
    port = str(int(form["port"])) if form["port"] else _PORTS[scheme]
    return _Place(scheme, form["host"].lower().rstrip("."), port, path)
