"""JSON of objects that somebody has nested so deeply that no reader here would survive it.

The API server takes objects of up to 10,000 levels, and whoever may write one object can so fell everybody who lists
its kind. What lies too deep is cut off: the object as a whole can be read, and is refused by whoever looks into it,
because even what is left of it is deeper than anything that is let through.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import orjson
from pydantic_core import from_json

KEPT_LEVELS: Final = 160
"""More than values may have, so that the cut never makes something of them that is deployed."""
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


def loads(text: str | bytes, **_: Any) -> Any:
    """As ``json.loads``, for objects of any depth: nothing that is deeper than 200 levels gets through uncut."""
    try:
        return from_json(text)
    except ValueError:  # that it goes no deeper it says in the same way as what is no JSON
        return json.loads(cut(text))


def parsed(text: str | bytes) -> Any:
    """As ``orjson.loads``, for objects of any depth; raises ``ValueError`` for what is no JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return orjson.loads(cut(text))  # that orjson goes no deeper than 1,024 levels it says in the same way


def cut(text: str | bytes) -> str:
    """The same document with ``null`` for whatever lies deeper than ``KEPT_LEVELS``."""
    whole = text if isinstance(text, str) else text.decode(errors="replace")
    return "".join(_shallow(whole))


def _shallow(text: str) -> Iterator[str]:
    depth, kept_from = 0, 0
    for token in _TOKENS.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                if depth == KEPT_LEVELS + 1:
                    yield text[kept_from : token.start()]
                    yield "null"
            case "]" | "}":
                depth -= 1
                if depth == KEPT_LEVELS:
                    kept_from = token.end()
    yield text[kept_from:]
