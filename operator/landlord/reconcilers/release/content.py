"""Whether a chart's version still has the content that was first seen: asked of the registry once in an interval.

What was found stays told in every pass until it is found otherwise, whoever asks in between, and after a restart too:
then the status says what is to be looked at first.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from landlord.api.conditions import ConditionType, Reason, Status
from landlord.api.failures import LandlordFailure
from landlord.api.refs import Ref
from landlord.core.conditions import find
from landlord.reconcilers import objects
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.layers import NotPrepared

_CHANGED: Final = Reason.CHART_CONTENT_CHANGED
_AS_TOLD: Final = (
    "The chart's version had other content than when it was first seen, and the registry has not answered since this "
    "operator began. What runs keeps running."
)

_DUE: Final = 0.85
"""Of an interval: passes come up to a tenth of it early, and each second one would be late."""


class Content:
    """What is known of the content of charts whose releases are as they should be; it can be found out again."""

    def __init__(self) -> None:
        self._looked: dict[Ref, datetime] = {}
        self._changed: dict[Ref, tuple[str, str]] = {}
        """Made of which inputs, and what is to be told."""

    def forget(self, ref: Ref) -> None:
        """The release is gone."""
        self._looked.pop(ref, None)
        self._changed.pop(ref, None)

    async def see_same(self, case: Case, inputs: str, fetch: Callable[[], Awaitable[object]]) -> None:
        """Raise ``NotPrepared`` while the content is another; no other trouble counts meanwhile.

        ``fetch`` raises it for a chart that has other content now.
        """
        is_first = case.ref not in self._looked
        if is_first and _is_told(case):
            self._changed[case.ref] = inputs, _AS_TOLD
        since = self._looked.setdefault(case.ref, case.now)
        if case.now >= since + case.interval * _DUE or (is_first and _is_in_doubt(case)):
            self._looked[case.ref] = case.now
            await self._look(case, inputs, fetch)
        known = self._changed.get(case.ref)
        if known is not None and known[0] == inputs:
            raise NotPrepared(_CHANGED, known[1])

    async def _look(self, case: Case, inputs: str, fetch: Callable[[], Awaitable[object]]) -> None:
        try:
            await fetch()
        except NotPrepared as stop:
            if stop.reason is _CHANGED:
                self._changed[case.ref] = inputs, stop.why
        except LandlordFailure:
            return
        else:
            self._changed.pop(case.ref, None)


def _is_told(case: Case) -> bool:
    """Whether the status says so of this very spec."""
    told = find((case.body.get("status") or {}).get("conditions"), ConditionType.READY)
    is_present = told.get("observedGeneration") == objects.generation(case.body)
    return is_present and told.get("reason") == _CHANGED.value


def _is_in_doubt(case: Case) -> bool:
    """Whether the status says so, or hides it behind a suspension."""
    told = find((case.body.get("status") or {}).get("conditions"), ConditionType.READY)
    is_so = told.get("reason") in (_CHANGED.value, Reason.SUSPENDED.value)
    return is_so and told.get("status") == Status.FALSE.value
