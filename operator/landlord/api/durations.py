"""How long things take, as users write it; each kind of duration says its bounds when it refuses."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from landlord.api.schema import marks, rule

DURATION: Final = r"^([0-9]{1,6}(s|m|h))+$"
FINE_DURATION: Final = r"^([0-9]{1,6}(ms|s|m|h))+$"
_MILLISECONDS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def milliseconds(text: str) -> int:
    """How long a duration such as ``250ms``, ``10m`` or ``1h30m`` lasts."""
    return sum(int(number) * _MILLISECONDS[unit] for number, unit in re.findall(r"([0-9]+)(ms|[smh])", text))


def _bounded(least: str, most: str, words: str, pattern: str = DURATION) -> tuple[Any, AfterValidator]:
    """What holds a duration to its bounds: in the CRD, and in the models."""
    expression = (
        f"self.matches(r'{pattern}') && duration(self) >= duration('{least}') && duration(self) <= duration('{most}')"
    )

    def lasting(text: str) -> str:
        if not re.fullmatch(pattern, text) or not milliseconds(least) <= milliseconds(text) <= milliseconds(most):
            raise ValueError(words)
        return text

    return Field(max_length=16, json_schema_extra=marks(rules=(rule(expression, words),))), AfterValidator(lasting)


_TIMEOUT = _bounded("1s", "24h", "must be a duration of 1s to 24h, such as 30s, 10m or 1h30m")
_INTERVAL = _bounded("30s", "24h", "must be a duration of 30s to 24h, such as 1m, 10m or 1h")
_WINDOW = _bounded("0s", "24h", "must be a duration of at most 24h, such as 0s, 2m or 1h30m")
_LOOK = _bounded("1s", "60s", "must be a duration of 1s to 60s, such as 5s")
_LATENCY = _bounded("1ms", "60s", "must be a duration of 1ms to 60s, such as 500ms or 2s", FINE_DURATION)

Timeout = Annotated[str, _TIMEOUT[0], _TIMEOUT[1]]
"""From a second to a day."""
Interval = Annotated[str, _INTERVAL[0], _INTERVAL[1]]
"""From half a minute to a day: how often something is looked at for as long as it lives."""
Window = Annotated[str, _WINDOW[0], _WINDOW[1]]
"""At most a day, and it may be zero."""
LookTimeout = Annotated[str, _LOOK[0], _LOOK[1]]
"""At most a minute: a look that hangs holds a place that others wait for."""
Latency = Annotated[str, _LATENCY[0], _LATENCY[1]]
"""How fast an answer must come, to the millisecond."""
