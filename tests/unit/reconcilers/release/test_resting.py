"""A release at rest: trouble that lasts is told once, so that a steady state stays without writes."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from landlord.api.conditions import Reason
from landlord.api.refs import Ref
from landlord.core.release.facts import Health, HealthState
from landlord.reconcilers.release.resting import Rested, Resting

REF = Ref("AppRelease", "shop-dev", "web")
THEN = datetime(2026, 1, 1, tzinfo=UTC)
WELL = Health(HealthState.READY, Reason.UNREADY, "All is ready.")
UNSEEN = "The policy refuses to compare Deployment web."


@dataclass
class Eyes:
    """What each look is going to find."""

    found: list[tuple[str, ...]] = field(default_factory=list)


class Scripted(Resting):
    """The real memory over looks that are written down."""

    def __init__(self, eyes: Eyes) -> None:
        super().__init__(None, SimpleNamespace(eyes=None), lambda *_: None)  # type: ignore[arg-type] # nobody looks
        self._script = eyes.found

    async def _look(self, case: Any, revision: int) -> Rested:
        return Rested(case.now, revision, None, WELL, unmended=self._script.pop(0))


@dataclass(frozen=True)
class Case:
    """The part of a case that the memory asks for."""

    now: datetime = THEN
    ref: Ref = REF
    interval: timedelta = timedelta(minutes=10)
    body: dict[str, Any] = field(default_factory=lambda: {"metadata": {}})


async def test_trouble_that_lasts_is_news_once_and_again_when_it_changes() -> None:
    resting = Scripted(Eyes([(UNSEEN,), (UNSEEN,), ("Another trouble.",), (), (UNSEEN,)]))
    case, told = Case(), []
    for number in range(5):
        seen = await resting.look(replace(case, now=THEN + number * case.interval), 1)  # type: ignore[arg-type]
        told.append(seen.troubles)
    assert told == [(UNSEEN,), (), ("Another trouble.",), (), (UNSEEN,)]
