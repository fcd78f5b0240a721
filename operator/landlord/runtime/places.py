"""Lists of places in settings: hosts, addresses and networks, read from one comma separated text and checked."""

import re
from collections.abc import Callable
from typing import Final

from landlord.clients.addresses import network_of

_HOST: Final = re.compile(r"(\*\.)?[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?\.?")
_SERVER: Final = re.compile(_HOST.pattern + r"(:[0-9]{1,5})?")

Places = tuple[str, ...]


def listed(text: object) -> object:
    """Comma separated words; a sequence is left as it is."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else text


def places(found: Places) -> Places:
    """The same; raises ``ValueError`` for what is no host, address or network and so would never be met."""
    example = "charts.example.org, without scheme, port or path"
    return _checked(found, lambda place: bool(_HOST.fullmatch(place)) or network_of(place) is not None, example)


def servers(found: Places) -> Places:
    """The same for hosts that may have a port."""
    example = "charts.example.org:5000, without scheme or path"
    return _checked(found, lambda place: bool(_SERVER.fullmatch(place)) or network_of(place) is not None, example)


def stores(found: Places) -> Places:
    """The same for hosts, or ``*`` for all there are."""
    places(tuple(place for place in found if place != "*"))
    return found


def networks(found: Places) -> Places:
    """The same for networks."""
    return _checked(found, lambda place: network_of(place) is not None, "192.0.2.0/24")


def _checked(found: Places, is_place: Callable[[str], bool], example: str) -> Places:
    for place in found:
        if not is_place(place):
            raise ValueError(f"{place!r} could never be met; write one such as {example}")
    return found
