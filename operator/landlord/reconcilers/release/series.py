"""The samples of one check, in bounded room and yet with every change and every failure that counts."""

from collections.abc import Iterator, Mapping
from typing import Final

from landlord.api.releases import Outcome, Sample

MOST: Final = 300
_LONGEST_RUN: Final[Mapping[Outcome, int]] = {Outcome.PASS: 2, Outcome.INCONCLUSIVE: 10}
"""Runs of samples alike are kept so long: their first ones and their last. Failures are counted, so all are kept."""


class Series:
    """Samples of one check, oldest first; of more than ``MOST`` the oldest go."""

    __slots__ = ("_samples",)

    def __init__(self) -> None:
        self._samples: list[Sample] = []

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._samples)

    @property
    def last(self) -> Sample | None:
        """The newest sample."""
        return self._samples[-1] if self._samples else None

    def add(self, sample: Sample) -> None:
        """Keep one more, in place of the last one where that says no more than its neighbours."""
        longest = _LONGEST_RUN.get(sample.outcome, MOST)
        run = self._samples[-longest:]
        if len(run) == longest and all(each.outcome is sample.outcome for each in run):
            self._samples[-1] = sample
            return
        self._samples.append(sample)
        if len(self._samples) > MOST:
            del self._samples[0]
