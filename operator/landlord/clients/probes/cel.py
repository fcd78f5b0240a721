"""CEL expressions about objects of a release, each read as the namespace's deployer."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Protocol

from landlord.api import names
from landlord.api.checks import CelCheck
from landlord.api.failures import LandlordFailure, NotYet, SpecFault
from landlord.api.refs import Resource
from landlord.api.releases import Outcome, Sample
from landlord.clients.cluster import Cluster
from landlord.clients.expressions import AGAIN, ExpressionFailed, Expressions, ExpressionWaits
from landlord.clients.probes.looks import Look, Target

MOST_OBJECTS: Final = 50
_PATH: Final = "spec.healthChecks[].cel"
Verdict = tuple[Outcome, str]


class Kinds(Protocol):
    """The part of discovery that is needed."""

    async def resource(self, api_version: str, kind: str) -> Resource | None:
        """Where objects of a kind live."""


class CelProbe:
    """Looks at each object that a check is about; the worst of them is the sample."""

    def __init__(self, cluster: Cluster, kinds: Kinds, expressions: Expressions) -> None:
        self._cluster, self._kinds, self._expressions = cluster, kinds, expressions

    async def admit(self, look: Look, target: Target) -> None:
        """Raise ``SpecFault`` for a check that can never be carried out."""
        check = _check(look)
        if check.kind == "Secret":
            raise SpecFault(f"{_PATH}.kind", "Secrets are not for checks to read.")
        if target.objects and not any(_wanted(check, target)):
            raise SpecFault(f"{_PATH}.name", f"The release has no {_described(check)}.")
        for field, expression in (
            ("inProgress", check.in_progress),
            ("failed", check.failed),
            ("current", check.current),
        ):
            try:
                if expression is not None:
                    await self._expressions.compile_check(expression, owner=target.namespace)
            except ExpressionWaits as busy:
                raise NotYet(busy.why, AGAIN) from busy
            except ExpressionFailed as failed:
                raise SpecFault(f"{_PATH}.{field}", failed.why) from failed

    async def sample(self, look: Look, target: Target, now: datetime) -> Sample:
        """One look at each object the check is about."""
        try:
            async with asyncio.timeout(look.timeout.total_seconds()):
                return await self._looked(look, _check(look), target, now)
        except TimeoutError:
            return look.unanswered(now, f"No answer within {look.timeout.total_seconds():g} s.")
        except ExpressionFailed as failed:
            return look.unanswered(now, failed.why)
        except LandlordFailure as failed:
            return look.found(now, Outcome.INCONCLUSIVE, failed.why)

    async def _looked(self, look: Look, check: CelCheck, target: Target, now: datetime) -> Sample:
        wanted = list(_wanted(check, target))
        resource = await self._kinds.resource(check.api_version, check.kind)
        if check.kind == "Secret" or not wanted or resource is None or not resource.namespaced:
            return look.absent(now, f"The release has no {_described(check)} that can be read.")
        if len(wanted) > MOST_OBJECTS:
            return look.found(now, Outcome.INCONCLUSIVE, f"More than {MOST_OBJECTS} objects; name one.")
        cluster = self._cluster.acting_as(names.deployer_username(target.namespace))
        waiting = ""
        for name in wanted:
            found = await cluster.get(resource, name, target.namespace)
            if found is None:
                return look.absent(now, f"There is no {check.kind} {name}.")
            outcome, why = await self._judged(check, found, target.namespace)
            if outcome is Outcome.FAIL:
                return look.found(now, outcome, f"{check.kind} {name} {why}.")
            waiting = waiting or (f"{check.kind} {name} {why}." if outcome is Outcome.INCONCLUSIVE else "")
        return look.found(now, Outcome.INCONCLUSIVE if waiting else Outcome.PASS, waiting)

    async def _judged(self, check: CelCheck, found: dict[str, Any], owner: str) -> Verdict:
        """The first expression that is true decides; an object of which none is true is not as it should be."""
        variables = {"object": {**found, "metadata": {**found["metadata"], "managedFields": []}}}
        ask = self._expressions.evaluate
        if check.in_progress and await ask(check.in_progress, variables, owner=owner):
            return Outcome.INCONCLUSIVE, "is on its way"
        if check.failed and await ask(check.failed, variables, owner=owner):
            return Outcome.FAIL, "has failed, as `failed` has it"
        if await ask(check.current, variables, owner=owner):
            return Outcome.PASS, ""
        return Outcome.FAIL, "is not as `current` wants it"


def _wanted(check: CelCheck, target: Target) -> Iterator[str]:
    for api_version, kind, name in target.objects:
        if (api_version, kind) == (check.api_version, check.kind) and check.name in ("", name):
            yield name


def _described(check: CelCheck) -> str:
    return f"{check.api_version} {check.kind} {check.name}".rstrip()


def _check(look: Look) -> CelCheck:
    if look.check.cel is None:
        raise SpecFault("spec.healthChecks[]", "is no cel check.")
    return look.check.cel
