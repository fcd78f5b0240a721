"""From samples over time to the verdict of each check; when looks are taken, and for how long, is decided elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import takewhile

from landlord.api.releases import Outcome, Sample


class CheckState(StrEnum):
    """What a check's samples amount to."""

    PENDING = "Pending"
    PASSING = "Passing"
    FAILING = "Failing"
    INCONCLUSIVE = "Inconclusive"
    PRE_EXISTING = "PreExisting"


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """A check as far as time and limits go."""

    name: str
    failure_limit: int | None = None
    """Failures tolerated in all; one more fails the check. None: no such limit."""
    consecutive_failure_limit: int | None = 3
    """So many failures in a row fail the check. None: no such limit."""
    consecutive_error_limit: int = 5
    """Inconclusive samples in a row that make the check inconclusive."""
    ignores_baseline: bool = False
    """Whether it condemns even what was failing before."""


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """What a check says now. ``since_sign`` is the sample that met the rule, or the last that failed."""

    name: str
    state: CheckState
    why: str
    since_sign: datetime | None = None
    samples: int = 0
    failures: int = 0

    @property
    def is_wavering(self) -> bool:
        """Whether its last look failed, though not yet often enough to condemn."""
        return self.state is CheckState.PENDING and self.since_sign is not None


def judge(
    spec: CheckSpec, samples: Sequence[Sample], *, started: datetime, baseline: Sample | None = None
) -> CheckVerdict:
    """The verdict of one check on the samples taken since ``started``; once it fails, it stays so.

    A sample that could not tell neither breaks nor lengthens a row of failures.
    """
    taken = sorted((each for each in samples if each.check == spec.name and each.at >= started), key=lambda s: s.at)
    failures = sum(sample.outcome is Outcome.FAIL for sample in taken)
    state, why, since = _fell(spec, taken) or _stands(spec, taken)
    was_failing = baseline is not None and baseline.outcome is Outcome.FAIL
    if state is CheckState.FAILING and was_failing and not spec.ignores_baseline:
        state, why = CheckState.PRE_EXISTING, f"{why} It failed before the deploy already, so it condemns nothing."
    return CheckVerdict(spec.name, state, why, since, len(taken), failures)


_Answer = tuple[CheckState, str, datetime | None]


def _fell(spec: CheckSpec, taken: Sequence[Sample]) -> _Answer | None:
    """The sample at which a limit was passed."""
    total = row = 0
    for sample in taken:
        if sample.outcome is Outcome.PASS:
            row = 0
        elif sample.outcome is Outcome.FAIL:
            total, row = total + 1, row + 1
        if spec.consecutive_failure_limit is not None and 0 < spec.consecutive_failure_limit <= row:
            times = f"{row} times in a row" if row > 1 else "once"
            return CheckState.FAILING, f"It failed {times}: {_said(sample)}", sample.at
        if spec.failure_limit is not None and total > spec.failure_limit:
            times = f"{total} times" if total > 1 else "once"
            return CheckState.FAILING, f"It failed {times}, {_times(spec.failure_limit)}: {_said(sample)}", sample.at
    return None


def _times(limit: int) -> str:
    return "and no failure is forgiven" if limit == 0 else f"and {limit} of them would be forgiven"


def _stands(spec: CheckSpec, taken: Sequence[Sample]) -> _Answer:
    """What the samples say while no limit is passed."""
    if not taken:
        return CheckState.PENDING, "It has not been looked at yet.", None
    unknown = list(takewhile(lambda sample: sample.outcome is Outcome.INCONCLUSIVE, reversed(taken)))
    if len(unknown) >= spec.consecutive_error_limit:
        why = f"It could not tell {len(unknown)} times in a row: {_said(unknown[0])}"
        return CheckState.INCONCLUSIVE, why, unknown[-1].at
    decisive = [sample for sample in taken if sample.outcome is not Outcome.INCONCLUSIVE]
    if not decisive:
        return CheckState.PENDING, f"It cannot tell yet: {_said(unknown[0])}", None
    last = decisive[-1]
    if last.outcome is Outcome.FAIL:
        return CheckState.PENDING, f"It fails, but not yet often enough to count: {_said(last)}", last.at
    return CheckState.PASSING, "It passes.", None


def _said(sample: Sample) -> str:
    return sample.message or (f"the value was {sample.value}." if sample.value else "no reason was given.")
