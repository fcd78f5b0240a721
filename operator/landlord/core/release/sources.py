"""Whether a chart may come from where it is said to come from: policy prefixes against the parsed URL."""

from collections.abc import Collection


def permitted(url: str, prefixes: Collection[str] | None) -> bool:
    """Whether a chart's URL lies under one of the prefixes; None restricts nothing, an empty collection allows none."""
    raise NotImplementedError
