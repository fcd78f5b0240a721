"""One chapter of the story."""

from collections.abc import Callable
from dataclasses import dataclass

from demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Act:
    """A title, and what happens; a step that does not come true ends the demo."""

    title: str
    play: Callable[[Stage], None]
