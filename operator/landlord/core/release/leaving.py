"""What is applied again where others may change it: their values, and of those only what Helm speaks of itself.

A field that Helm is silent about would become Helm's when it applies it, and go with the next upgrade.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from landlord.core.manifest import Object, copied
from landlord.core.release.blame import Owners
from landlord.core.release.places import at, child, named, same_place


def leave(wanted: Object, live: Mapping[str, Any], way: Sequence[str], owners: Owners) -> None:
    """Set in ``wanted`` what stands at this place in ``live``; where Helm says nothing of it, nothing."""
    _leave_texts(wanted, live, way)
    said, found = at(wanted, way), same_place(way, wanted, live)
    if said is None or found is None:
        return
    into, last, left = at(wanted, way[:-1]), way[-1], at(live, found)
    if isinstance(into, list):
        if left is not None:
            into[int(last)] = _as_left(said, left, found, owners)
    elif left is None:
        del into[last]
    else:
        into[last] = _as_left(said, left, found, owners)


def _as_left(said: Any, left: Any, way: Sequence[str], owners: Owners) -> Any:
    """What others made of all that Helm says there. What is owned as a whole only is theirs as a whole."""
    if isinstance(said, Mapping) and isinstance(left, Mapping) and not owners.is_whole(way):
        both = {key: left.get(key) for key in said if left.get(key) is not None}
        return {key: _as_left(said[key], value, [*way, key], owners) for key, value in both.items()}
    if isinstance(said, list) and isinstance(left, list) and not owners.is_whole(way):
        ours, theirs = named(said), named(left)
        if ours and theirs:
            pairs = [(said[index], theirs[name]) for name, index in ours.items() if name in theirs]
            return [_as_left(item, left[index], [*way, str(index)], owners) for item, index in pairs]
    return copied(left)


def _leave_texts(wanted: Object, live: Mapping[str, Any], way: Sequence[str]) -> None:
    """The same for what a Secret's manifest says in ``stringData``: once it is written that is ``data``."""
    texts = wanted.get("stringData")
    if wanted.get("kind") != "Secret" or way[0] != "data" or not isinstance(texts, dict):
        return
    for key in [key for key in texts if list(way[1:]) in ([], [key])]:
        left = child(live.get("data"), key)
        del texts[key]
        if isinstance(left, str):
            _put(wanted, key, left)


def _put(wanted: Object, key: str, packed: str) -> None:
    """As a text, as Helm writes it, and as bytes where it is none."""
    try:
        wanted["stringData"][key] = base64.b64decode(packed, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        wanted["data"] = {**(wanted.get("data") or {}), key: packed}
