"""Lists of places in settings: hosts, addresses and networks, read from one comma separated text and checked."""

import re
from ipaddress import ip_network
from typing import Final

_HOST: Final = re.compile(
    r"(\*\.)?[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?\.?(:[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?"
)


def listed(text: object) -> object:
    """Comma separated words; a sequence is left as it is."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else text


def places(found: tuple[str, ...]) -> tuple[str, ...]:
    """The same; raises ``ValueError`` for what is no host, address or network and so would never be met."""
    for place in found:
        if not _HOST.fullmatch(place) and not _is_network(place):
            raise ValueError(
                f"{place!r} names no place; write a host such as charts.example.org, without scheme or path"
            )
    return found


def networks(found: tuple[str, ...]) -> tuple[str, ...]:
    """The same; raises ``ValueError`` for what is no network."""
    for network in found:
        if not _is_network(network):
            raise ValueError(f"{network!r} is no network; write one such as 192.0.2.0/24")
    return found


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
