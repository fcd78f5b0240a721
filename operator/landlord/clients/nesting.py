"""How deeply the YAML of others may be nested, found out before it is read.

PyYAML's C parser builds a document by recursion in C: some hundred thousand brackets overflow the stack and end the
whole process without a word. Its events come one by one, however deep they are.
"""

import re
from typing import Any, Final

import yaml

MOST_LEVELS: Final = 200
"""People and charts stay below 40; the deepest CRDs in use have some 60."""
_HARMLESS: Final = 1000
"""So many levels are read without harm; block style alone, a blank more for each, has 1,450 in a megabyte."""
_NESTS: Final = re.compile(r"[\[{]|[-?:][ \t]+(?=[-?])")
_EVENTS: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TooDeep(yaml.MarkedYAMLError):
    """The text is nested more than ``MOST_LEVELS`` deep; ``problem_mark`` says where."""


def check(text: str) -> None:
    """Raise ``TooDeep``, or another ``yaml.YAMLError``, for a text that must not be read."""
    suspects = _NESTS.finditer(text)
    if sum(1 for _, _ in zip(range(_HARMLESS), suspects, strict=False)) < _HARMLESS:
        return
    depth = 0
    for event in yaml.parse(text, Loader=_EVENTS):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_LEVELS:
            mark: Any = event.start_mark
            raise TooDeep(problem="nested too deeply", problem_mark=mark)
