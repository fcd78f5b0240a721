"""One environment of one Tenant: from its plan to what a pass found and did there."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from landlord.api import names
from landlord.api.conditions import Reason
from landlord.api.environment import DriftMode
from landlord.api.failures import Conflict, Forbidden, LandlordFailure, NotOurs, Refused, Transient
from landlord.core.child import Child, observe
from landlord.core.drift import Answer, Ledger, answer, graft, other_writer, pointers
from landlord.core.manifest import Desired, content, differing_paths
from landlord.core.tenant import adoption, ownership
from landlord.core.tenant.ownership import Adoptable, Claim, Free, Ours, PreviewOnly, Taken
from landlord.core.tenant.plan import EnvironmentPlan
from landlord.core.tenant.verdict import Json, Seen, State
from landlord.reconcilers.inhabitants import gather
from landlord.reconcilers.writer import Writer


@dataclass(slots=True)
class Trace:
    """What happened in one environment during one pass."""

    failures: list[LandlordFailure] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)
    is_capped: bool = False
    contested: list[str] = field(default_factory=list)
    corrected: list[tuple[str, str]] = field(default_factory=list)
    """Kinds of objects put right, and how: ``applied`` or ``recreated``."""
    notes: list[tuple[str, str]] = field(default_factory=list)
    """Events to announce: reason and note."""


@dataclass(slots=True)
class EnvironmentPass:
    """One pass over one environment.

    ``applied`` is the digest that was applied in full before, empty if never; ``adopted`` whether the namespace was
    taken over from nobody.
    """

    writer: Writer
    plan: EnvironmentPlan
    claim: Claim
    applied: str
    adopted: bool
    ledger: Ledger
    now: datetime
    is_new: bool = False
    """Whether the namespace was created in this very pass."""
    trace: Trace = field(default_factory=Trace)

    async def run(self) -> Seen:
        """Settle whose the namespace is, make everything in it as wanted, and tell how it is. Raises only bugs."""
        try:
            return await self._run()
        except LandlordFailure as failure:
            self.trace.failures.append(failure)
            return self._failed(None)

    async def _run(self) -> Seen:
        match await self._settle():
            case Taken(reason, message):
                return self._seen(_TAKEN.get(reason, State.STUCK), reason, message)
            case PreviewOnly(child):
                return await self._preview(child)
            case child:
                return await self._furnish(child)

    async def _settle(self) -> Child | PreviewOnly | Taken:
        """The namespace, made or taken over if need be; or why not."""
        name = self.claim.namespace
        known = self.writer.world.namespace(name)
        protected = self.plan.place.platform.is_protected(name)
        if known is None and (self.claim.known_uid or self.claim.was_taken):
            known = ownership.of(await self.writer.live(self.plan.namespace.ref))
        verdict = ownership.judge(self.claim, known, is_protected=protected)
        if isinstance(verdict, Free):
            try:
                return self._may_remake() or await self._create()
            except Conflict:
                known = ownership.of(await self.writer.live(self.plan.namespace.ref))
                verdict = ownership.judge(self.claim, known, is_protected=protected)
        match verdict:
            case Ours(child):
                self.adopted = self.adopted if self.claim.known_uid else await self._was_there_before()
                return await self._keep_namespace(child)
            case Adoptable(child):
                self.applied, self.adopted = "", True
                taken = await self.writer.apply(self.plan.namespace, uid=child.uid)
                self.trace.notes.append(("Adopted", f"Took over namespace {name}."))
                return taken
            case Free():
                raise Conflict(f"Namespace {name} comes and goes; it is looked at again.")
            case verdict:
                return verdict

    async def _create(self) -> Child:
        """The namespace, made new; everything in it is then new too, and no drift."""
        child = await self.writer.create(self.plan.namespace)
        self.applied, self.adopted, self.is_new = "", False, True
        self.trace.notes.append(("Created", f"Created namespace {self.claim.namespace}."))
        return child

    async def _was_there_before(self) -> bool:
        """Whether somebody else made the namespace: asked when an earlier pass ended before its status was written."""
        live = await self.writer.live(self.plan.namespace.ref)
        entries = ((live or {}).get("metadata") or {}).get("managedFields") or ()
        writes = {(entry.get("manager"), entry.get("operation")) for entry in entries}
        return (names.FIELD_MANAGER, "Update") not in writes  # which creating leaves, and applying does not

    def _may_remake(self) -> Taken | None:
        """Why a namespace that was deleted by hand is not made anew; None when it is."""
        drift = self.plan.place.environment.spec.drift
        if not (self.claim.known_uid and self.applied) or drift.mode is DriftMode.CORRECT:
            return None
        why = (
            f"Namespace {self.claim.namespace} was deleted, and drift.mode is {drift.mode.value}: it is not made anew."
        )
        return Taken(Reason.DRIFT_FOUND, why)

    async def _keep_namespace(self, child: Child) -> Child:
        wanted = self.plan.namespace
        if self._in_sync(wanted):
            return child
        if self.applied == self.plan.digest and child.uid == self.claim.known_uid and not child.orphaned_from:
            await self._drifted(wanted)
            return self.writer.world.child(wanted.ref) or child
        return await self.writer.apply(wanted, uid=child.uid, pointers=self._pointers(wanted))

    async def _furnish(self, namespace: Child) -> Seen:
        """Revoke first, then guards, then rights, then what is left over; a failing object does not stop the others."""
        leftovers = self._leftovers()
        await self._delete([child for child in leftovers if child.ref.kind == "RoleBinding"])
        await self._ensure(self.plan.guards)
        if not self.trace.failures:
            await self._ensure(self.plan.bindings)
        await self._delete([child for child in leftovers if child.ref.kind != "RoleBinding"])
        if self.trace.failures:
            return self._failed(namespace)
        return self._seen(State.READY, Reason.APPLIED, "As the spec says.", namespace, digest=self.plan.digest)

    async def _ensure(self, objects: Sequence[Desired]) -> None:
        await self._each([self._ensure_one(wanted) for wanted in objects if not self._in_sync(wanted)])

    async def _ensure_one(self, wanted: Desired) -> None:
        if self.applied == self.plan.digest:
            await self._drifted(wanted)
        else:
            pointers_here = self._pointers(wanted) if self._exists(wanted) else ()
            await self.writer.apply(wanted, pointers=pointers_here, is_new=self.is_new)

    async def _drifted(self, wanted: Desired) -> None:
        """Meet an object that was applied and is no longer so, as the environment's drift policy says."""
        live = await self.writer.live(wanted.ref)
        drift = self.plan.place.environment.spec.drift
        what = "was deleted"
        if live is not None:
            kind = wanted.resource.kind
            allowed = graft(wanted.manifest, live, self._pointers(wanted))
            paths = differing_paths(content(kind, allowed), content(kind, live))
            if not paths:
                self.writer.accept(wanted, observe(kind, live), self._pointers(wanted))
                return
            what = f"was changed at {', '.join(paths[:5])} by {other_writer(live, names.FIELD_MANAGER, paths)}"
        match answer(drift.mode, drift.max_corrections_per_hour, self.ledger, wanted.ref, self.now):
            case Answer.IGNORE:
                return
            case Answer.REPORT:
                self.trace.drift.append(f"{wanted.ref} {what}.")
            case Answer.CONTESTED:
                self.trace.contested.append(f"{wanted.ref} {what}, again and again; corrections pause.")
                self.trace.drift.append(f"{wanted.ref} {what}.")
            case Answer.CAPPED:
                self.trace.is_capped = True
                self.trace.drift.append(f"{wanted.ref} {what}; the cap of corrections per hour is reached.")
            case Answer.CORRECT:
                self.ledger.note(wanted.ref, self.now)
                await self._correct(wanted, what, live is not None)

    async def _correct(self, wanted: Desired, what: str, exists: bool) -> None:
        uid = self.claim.known_uid if wanted.resource.kind == "Namespace" and exists else ""
        await self.writer.apply(wanted, uid=uid, pointers=self._pointers(wanted) if exists else ())
        self.trace.corrected.append((wanted.ref.kind, "applied" if exists else "recreated"))
        self.trace.notes.append(("DriftCorrected", f"{wanted.ref} {what}; put it back."))

    def _pointers(self, wanted: Desired) -> tuple[str, ...]:
        return pointers(self.plan.place.environment.spec.drift.ignore, wanted.ref)

    def _in_sync(self, wanted: Desired) -> bool:
        return self.writer.in_sync(wanted, self._pointers(wanted))

    def _exists(self, wanted: Desired) -> bool:
        return self.writer.world.child(wanted.ref) is not None

    def _leftovers(self) -> list[Child]:
        """Objects of ours in this namespace that the plan no longer has."""
        kept = {wanted.ref for wanted in self.plan.objects}
        mine = self.writer.world.children(self.claim.tenant).values()
        return [
            child
            for child in mine
            if child.ref.namespace == self.claim.namespace and child.ref not in kept and not child.deleting
        ]

    async def _delete(self, children: Sequence[Child]) -> None:
        await self._each([self.writer.delete(child) for child in children])

    async def _each(self, steps: Sequence[Coroutine[None, None, object]]) -> None:
        """Run steps side by side; failures are kept, anything else is a bug and goes on up."""
        for result in await asyncio.gather(*steps, return_exceptions=True):
            if isinstance(result, LandlordFailure):
                self.trace.failures.append(_or_lag(result))
            elif isinstance(result, BaseException):
                raise result

    async def _preview(self, child: Child) -> Seen:
        found = await gather(self.writer.cluster, self.plan, child)
        findings = adoption.preview(self.plan, found)
        message = (
            f"Adopting namespace {self.claim.namespace} would break {len(findings)} things, see status.environments[]"
            ".preview; set adopt: Enforce to take it over all the same."
            if findings
            else f"Namespace {self.claim.namespace} can be adopted; nothing found that would break. Set adopt: Enforce."
        )
        return self._seen(State.WAITING, Reason.ADOPTION_PREVIEW, message, preview=findings)

    def _failed(self, namespace: Child | None) -> Seen:
        """The gravest failure decides: one that only a person can mend before one that may heal."""
        failure = next((each for each in self.trace.failures if isinstance(each, Refused)), self.trace.failures[0])
        state = State.STUCK if isinstance(failure, Refused) else State.WORKING
        return self._seen(state, _reason(failure), failure.why, namespace)

    def _seen(
        self,
        state: State,
        reason: Reason,
        message: str,
        namespace: Child | None = None,
        *,
        digest: str | None = None,
        preview: Sequence[Json] = (),
    ) -> Seen:
        return Seen(
            name=self.claim.environment,
            namespace=self.claim.namespace,
            state=state,
            reason=reason,
            message=message,
            uid=namespace.uid if namespace else self.claim.known_uid,
            digest=self.applied if digest is None else digest,
            adopted=self.adopted,
            is_capped=self.trace.is_capped,
            drift=tuple(sorted(self.trace.drift)),
            contested=tuple(sorted(self.trace.contested)),
            over=self._over(),
            preview=tuple(preview),
        )

    def _over(self) -> tuple[str, ...]:
        quotas = (
            self.writer.world.child(wanted.ref) for wanted in self.plan.guards if wanted.ref.kind == "ResourceQuota"
        )
        return tuple(
            f"{usage.used} of {usage.resource} is in use, {usage.hard} allowed; scale down or raise the quota."
            for child in quotas
            if child is not None
            for usage in child.over
        )


_TAKEN = {Reason.NAMESPACE_TERMINATING: State.WORKING, Reason.DRIFT_FOUND: State.WAITING}


_NO_TENANT = "only in namespaces of tenants"
"""Words of the policy that confines the operator; passes write in namespaces that carry the tenant's label."""


def _or_lag(failure: LandlordFailure) -> LandlordFailure:
    """The failure; but the API server's own cache shows an adopted namespace without its new label for a moment."""
    is_lag = isinstance(failure, Forbidden) and _NO_TENANT in failure.why
    return Transient(f"The API server does not know yet whose the namespace is: {failure.why}") if is_lag else failure


def _reason(failure: LandlordFailure) -> Reason:
    match failure:
        case Forbidden():
            return Reason.FORBIDDEN
        case NotOurs():
            return Reason.NOT_OURS
        case Refused():
            return Reason.REJECTED
        case _:
            return Reason.API_TROUBLE
