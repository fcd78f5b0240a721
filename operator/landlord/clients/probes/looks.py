"""What one look at a health check needs to know, and what it may find."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from landlord.api.checks import CheckPolicy, HealthCheck
from landlord.api.failures import SpecFault
from landlord.api.releases import Outcome, Sample

LONGEST_MESSAGE: Final = 300
_PLACEHOLDER: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
OUTCOMES: Final[Mapping[CheckPolicy, Outcome]] = {
    CheckPolicy.FAIL: Outcome.FAIL,
    CheckPolicy.PASS: Outcome.PASS,
    CheckPolicy.INCONCLUSIVE: Outcome.INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True)
class Target:
    """The release that is looked at. ``namespaces`` are all of its tenant; ``objects`` are what its manifest holds."""

    namespace: str
    release: str
    namespaces: frozenset[str] = frozenset()
    objects: tuple[tuple[str, str, str], ...] = ()
    """``apiVersion``, kind and name of each object."""

    def owns(self, namespace: str) -> bool:
        """Whether a namespace is the release's own, or another one of the same tenant."""
        return namespace == self.namespace or namespace in self.namespaces


@dataclass(frozen=True, slots=True)
class Look:
    """One check as it is carried out: defaults filled in, and the query of ``promql`` narrowed to the namespace."""

    check: HealthCheck
    timeout: timedelta
    max_latency: timedelta | None = None
    on_error: CheckPolicy = CheckPolicy.INCONCLUSIVE
    query: str = field(default="", repr=False)
    is_baseline: bool = False
    """Whether it is taken before the deploy, when what the deploy brings is not there yet."""

    @property
    def name(self) -> str:
        """The check's name."""
        return self.check.name

    def found(self, at: datetime, outcome: Outcome, message: str = "", value: str = "") -> Sample:
        """What was seen."""
        return Sample(self.name, at, outcome, value[:64], message[:LONGEST_MESSAGE])

    def unanswered(self, at: datetime, message: str) -> Sample:
        """A look that brought no answer counts as the check says."""
        return self.found(at, OUTCOMES[self.on_error], message)

    def absent(self, at: datetime, message: str) -> Sample:
        """What should answer is not there: no answer, except before the deploy, when it need not be."""
        return self.found(at, Outcome.INCONCLUSIVE, message) if self.is_baseline else self.unanswered(at, message)


class Probe(Protocol):
    """One way to look."""

    async def admit(self, look: Look, target: Target) -> None:
        """Raise ``SpecFault`` for a check that can never be carried out."""
        ...

    async def sample(self, look: Look, target: Target, now: datetime) -> Sample:
        """Look once; whatever happens is a sample, never an exception."""
        ...


def filled(text: str, target: Target) -> str:
    """``text`` with ``{{release}}`` and ``{{namespace}}`` in place; any other placeholder is a ``SpecFault``."""
    known = {"release": target.release, "namespace": target.namespace}

    def replace(found: re.Match[str]) -> str:
        try:
            return known[found[1]]
        except KeyError:
            raise SpecFault(
                "spec.healthChecks", f"{found[0]} is not known; write {{{{release}}}} or {{{{namespace}}}}."
            ) from None

    return _PLACEHOLDER.sub(replace, text)
