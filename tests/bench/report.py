"""What the benchmarks print: each figure with what it is measured against."""

import statistics
from collections.abc import Sequence


def heading(text: str) -> None:
    """A line that begins a part."""
    print(f"\n{text}\n{'-' * len(text)}", flush=True)


def figure(name: str, value: str, against: str = "") -> None:
    """One figure."""
    print(f"  {name:<58} {value:>14}  {against}", flush=True)


def ratio(name: str, ours: float, yardstick: float, budget: float) -> None:
    """Ours against the yardstick of the same run, and whether that keeps the budget."""
    share = ours / yardstick
    verdict = "within budget" if share <= budget else "OVER BUDGET"
    figure(name, f"{share:.2f} x", f"budget {budget:.2f} x: {verdict}")


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which so many percent lie."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else values[0]


def milliseconds(values: Sequence[float]) -> str:
    """Median and 95th percentile."""
    return f"{percentile(values, 50) * 1000:.0f} / {percentile(values, 95) * 1000:.0f} ms"
