"""CEL and regular expressions of tenants, evaluated in a worker process that can be killed."""

from collections.abc import Mapping
from typing import Any


class ExpressionFailed(Exception):
    """The expression has no answer; ``why`` is a sentence that holds nothing of what it was asked about."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Expressions:
    """A few workers, started when first needed. Use as an async context manager, or call ``close``."""

    async def evaluate(self, expression: str, variables: Mapping[str, Any]) -> bool:
        """Whether a CEL expression is true; raises ``ExpressionFailed``."""
        raise NotImplementedError

    async def compile_check(self, expression: str, variables: tuple[str, ...] = ("object",)) -> None:
        """Raise ``ExpressionFailed`` unless this is CEL that uses known functions and these variables only."""
        raise NotImplementedError

    async def matches(self, regex: str, text: str) -> bool:
        """Whether a regular expression is found in a text; raises ``ExpressionFailed``."""
        raise NotImplementedError

    async def close(self) -> None:
        """End the workers."""
