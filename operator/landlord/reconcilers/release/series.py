"""The samples of one check, in bounded room and yet with every change and every failure that counts."""

from collections.abc import Iterator
from typing import Final

from landlord.api.releases import Outcome, Sample

MOST: Final = 60


class Series:
    """Samples of one check, oldest first. When full, one from within a run of passes goes, else the oldest."""

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
        """Keep one more."""
        self._samples.append(sample)
        if len(self._samples) > MOST:
            del self._samples[self._dispensable()]

    def _dispensable(self) -> int:
        """Runs keep their first and last sample, so that what follows what stays as it was."""
        outcomes = [sample.outcome for sample in self._samples]
        for at in range(1, len(outcomes) - 1):
            if outcomes[at - 1] is outcomes[at] is outcomes[at + 1] is Outcome.PASS:
                return at
        return 0
