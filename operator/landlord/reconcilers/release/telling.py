"""Telling people: status patched once and only if changed, Events for what is news, counts for the metrics."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Final, Protocol

from landlord.api import names
from landlord.api.conditions import ConditionType, Reason, Status
from landlord.api.failures import Refused
from landlord.api.refs import APPRELEASES
from landlord.clients.cluster import Cluster
from landlord.core.conditions import find, is_true
from landlord.core.release import report
from landlord.core.release.facts import Check, Facts, Unprepared
from landlord.core.release.ledger import Desired, Ledger, Verdict
from landlord.core.release.report import Told
from landlord.core.release.steps import Decision, Standing, Word
from landlord.reconcilers import objects
from landlord.reconcilers.record import Announce
from landlord.reconcilers.release.bodies import Bodies, Body
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.hidden import Hidden

_log = logging.getLogger(__name__)

UNUSED_VALUES: Final = "UnusedValues"
"""Of Events: ``environmentValues`` names what is no Environment."""
LET_GO: Final = "LetGo"
"""Of Events: an AppRelease went, and what it had deployed stays."""
SIMILAR: Final = 0.55
"""How much alike two names are of which one may be meant by the other."""
EXTERNAL: Final = Reason.EXTERNAL_CHANGE.value


class Counts(Protocol):
    """Who counts what becomes of releases; ``landlord.telemetry.metrics.Metrics`` does."""

    def judged(self, environment: str, verdict: str, reason: str) -> None:
        """An attempt came to its end."""

    def corrected(self, kind: str, action: str) -> None:
        """An object that had drifted was put right."""

    def rolled_back(self, environment: str, reason: str, seconds: float) -> None:
        """A rollback has succeeded, so long after the failure was seen."""


@dataclass(frozen=True, slots=True)
class View:
    """What one step knew and decided."""

    facts: Facts
    decision: Decision
    desired: Desired | Unprepared
    checks: Sequence[Check]
    drift: Sequence[Mapping[str, Any]] | None = None
    inventory: Sequence[str] | None = None


class Teller:
    """Writes statuses and announces what is new."""

    def __init__(
        self,
        cluster: Cluster,
        bodies: Bodies,
        announce: Announce,
        counts: Counts,
        hidden: Hidden,
        told: Callable[[Body | None, Body], None],
    ) -> None:
        self._cluster = cluster
        self._bodies = bodies
        self._announcer = announce
        self._counts = counts
        self._hidden = hidden
        self._told = told

    async def tell(self, case: Case, view: View) -> None:
        """Make the status say it; quiet when it says so already."""
        body = self._bodies.get(case.ref) or case.body
        annotations = body["metadata"].get("annotations") or {}
        told = Told(
            generation=objects.generation(case.body),
            ledger=view.decision.ledger,
            word=_with_hint(view.decision.word, unused(case)),
            desired=view.desired if isinstance(view.desired, Desired) else None,
            environment=case.environment_name,
            health=view.facts.health,
            checks=view.checks,
            drift=self._hidden.stripped(case.ref, view.drift),
            inventory=self._hidden.stripped(case.ref, view.inventory),
            handled_at=objects.asked_at(case.body),
            retried_at=case.retry_at or None,
            source_revision=str(annotations.get(names.ANNOTATION_SOURCE_REVISION, ""))[:253],
        )
        await self._store(case, body, told)

    async def _store(self, case: Case, body: Body, told: Told) -> None:
        """Hidden before it is shortened, where half a word could stay; and what an earlier status says, too."""
        before, hide = body.get("status") or {}, self._hidden
        fresh = report.status(hide.cleaned(case.ref, before), hide.cleaned(case.ref, told), case.now)
        if report.same(before, fresh):
            return
        stored = await objects.patch_status(self._cluster, APPRELEASES, body, fresh)
        self._bodies.echo(stored)
        self._told(body, stored)
        self._announce_change(case, before, fresh)
        hint = unused(case)
        if hint and hint not in _message(before):
            self._announce(case, UNUSED_VALUES, hint, warning=True)

    async def trouble(self, case: Case, ledger: Ledger, word: Word) -> None:
        """Say why a pass could not be made; who asked for it hears that it was tried."""
        body = self._bodies.get(case.ref) or case.body
        told = Told(
            objects.generation(case.body),
            ledger,
            word,
            environment=case.environment_name,
            handled_at=objects.asked_at(case.body),
            retried_at=case.retry_at or None,
        )
        await self._store(case, body, told)

    def turned(self, case: Case, before: Ledger, after: Ledger) -> None:
        """The ledger has a new page: announce verdicts, a rollback that succeeded, and what others did with Helm."""
        self._announce_strangers(case, before, after)
        for judged in [each for each in after.verdicts if each not in before.verdicts]:
            self._counts.judged(case.environment_name, judged.verdict.value, judged.reason)
            if judged.verdict is Verdict.REJECTED:
                self._announce(case, judged.reason, judged.why, warning=True)
        held, was = after.held, before.held
        if held is not None and held.rolled_back_to and (was is None or was.since != held.since):
            seconds = max(0.0, (held.since - (before.attempt.since if before.attempt else held.since)).total_seconds())
            self._counts.rolled_back(case.environment_name, held.failure.reason, seconds)
            self._announce(case, "RolledBack", report.rolled_back(held), warning=True)

    def _announce_strangers(self, case: Case, before: Ledger, after: Ledger) -> None:
        """What was found to be past the ledger: adopted, deployed over or gone; or well again by itself."""
        new, attempt = after.running, after.attempt
        if new is None and (before.running or before.proven) is not None and not case.is_deleting:
            self._announce(case, EXTERNAL, "Somebody uninstalled the release with Helm.", warning=True)
        if new is not None and new.is_external and new != before.running:
            what = f"Revision {new.revision} was made outside of Landlord"
            if attempt is not None and attempt.revision == new.revision:
                why = f"{what} and is what is wanted: it is to be proven as it stands, without deploying it again."
                self._announce(case, Reason.ADOPTING.value, why)
            else:
                self._announce(case, EXTERNAL, f"{what} and is not what is wanted.", warning=True)
        if attempt is not None and before.held is not None and attempt.recoveries > before.held.recoveries:
            self._announce(case, Reason.RECOVERED.value, "What was held is ready after all; it is verified again.")

    def let_go(self, case: Case, word: Word, *, is_left: bool) -> None:
        """The AppRelease goes; what of it stays can be told for the last time."""
        if is_left:
            self._announce(case, LET_GO, word.why, warning=word.reason is not Reason.UNINSTALLING)

    def corrected(self, case: Case, notes: Sequence[str], troubles: Sequence[str]) -> None:
        """What was done about drift, and what could not be."""
        if notes:
            self._announce(case, "DriftCorrected", " ".join(notes))
        if troubles:
            self._announce(case, Reason.DRIFT_FOUND.value, " ".join(troubles), warning=True)

    def _announce(self, case: Case, reason: str, note: str, *, warning: bool = False) -> None:
        said = self._hidden.clean(case.ref, note)
        _log.log(logging.WARNING if warning else logging.INFO, "%s: %s", reason, said)
        self._announcer(case.body, reason, said, warning=warning)

    def _announce_change(self, case: Case, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        old = find(before.get("conditions"), ConditionType.READY)
        new = find(after["conditions"], ConditionType.READY)
        is_told = new["reason"] == Reason.ROLLED_BACK.value  # by the ledger's page already
        if not is_told and (old.get("status"), old.get("reason")) != (new["status"], new["reason"]):
            self._announce(case, new["reason"], new["message"], warning=_is_bad(after))


def refused(failure: Refused) -> Word:
    """A refusal in the machine's words."""
    return Word(Standing.STUCK, Reason.FORBIDDEN, f"{failure.why} Nothing is done until that changes.")


def failed(bug: Exception) -> Word:
    """A mistake of ours in the machine's words, without its own: these may hold anything."""
    why = f"Landlord itself failed at this release ({type(bug).__name__}); its log says where. It is tried again."
    return Word(Standing.WORKING, Reason.INTERNAL_ERROR, why)


def unused(case: Case) -> str:
    """That values are meant for an Environment that does not exist, empty when there are none such.

    It may come later, so nothing waits for it; but most likely its name is misspelt.
    """
    if not case.strangers:
        return ""
    own = case.environment_name
    is_lacking = case.release is not None and own not in case.release.spec.environment_values
    close = get_close_matches(own, case.strangers, 1, SIMILAR) if is_lacking else []
    question = f" Is {own} meant by {close[0]}?" if close else ""
    return f"spec.environmentValues names no Environment: {', '.join(case.strangers[:5])}.{question}"


def _with_hint(word: Word, hint: str) -> Word:
    return replace(word, why=f"{word.why} {hint}") if hint else word


def _message(status: Mapping[str, Any]) -> str:
    return str(find(status.get("conditions"), ConditionType.READY).get("message", ""))


def _is_bad(status: Mapping[str, Any]) -> bool:
    """Whether something is wrong, and not only something else waited for that must come first."""
    conditions = status["conditions"]
    ready = find(conditions, ConditionType.READY)
    is_trouble = is_true(conditions, ConditionType.STALLED) or ready["reason"] == Reason.UNREADY.value
    return bool(ready["status"] == Status.FALSE.value and is_trouble)
