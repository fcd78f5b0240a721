"""Leaving: an environment taken out of the spec, or the whole Tenant deleted."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from landlord.api import names
from landlord.api.conditions import Reason
from landlord.api.failures import LandlordFailure, raise_worst
from landlord.api.refs import TENANTS
from landlord.api.tenant import DeletionPolicy, Tenant
from landlord.core.child import Child
from landlord.core.tenant import plan as planning
from landlord.core.tenant.verdict import Seen, State, Whole
from landlord.reconcilers import objects, teardown
from landlord.reconcilers.outcome import Outcome
from landlord.reconcilers.record import Recorder
from landlord.reconcilers.verification import Verifier
from landlord.reconcilers.world import Body
from landlord.reconcilers.writer import Writer

POLL = timedelta(seconds=5)
"""A namespace that is being deleted, and releases that go before it, are looked at this often; events come sooner."""


class Departure:
    """Lets go of what a Tenant no longer has, as its deletion policy says."""

    def __init__(self, writer: Writer, recorder: Recorder, verifier: Verifier) -> None:
        self._writer = writer
        self._recorder = recorder
        self._verifier = verifier

    async def leave(self, body: Body, now: datetime) -> Outcome:
        """The Tenant is being deleted: let go of every namespace, then of the Tenant. Works on invalid specs too."""
        if names.FINALIZER not in (body["metadata"].get("finalizers") or ()):
            return Outcome()
        held = _held_by(body)
        if held:
            await self._say(body, f"Held because {held} is true; set it to false to go on.", now)
            return Outcome()
        if not await teardown.definition_stands(self._writer):
            await objects.release(self._writer.cluster, TENANTS, body)
            return Outcome()
        await self._verifier.verify(body["metadata"]["name"], now)
        children = teardown.namespaces_held(self._writer, body["metadata"]["name"])
        failures: list[LandlordFailure] = []
        steps = [await self._let_go(body, child, _policy(body), now, failures) for child in children]
        waiting = [text for text in steps if text]
        if waiting:
            await self._say(body, " ".join(waiting), now)
            raise_worst(failures)
            return Outcome(POLL)
        await objects.release(self._writer.cluster, TENANTS, body)
        return Outcome()

    async def remove_departed(
        self, body: Body, tenant: Tenant, now: datetime, failures: list[LandlordFailure]
    ) -> list[Seen]:
        """Let go of namespaces whose environment is no longer in the spec; those that are not gone yet."""
        name = body["metadata"]["name"]
        wanted = {planning.namespace_of(name, mine) for mine in tenant.spec.environments}
        current = {mine.name for mine in tenant.spec.environments}
        gone = [child for child in teardown.namespaces_held(self._writer, name) if child.ref.name not in wanted]
        seen = [await self._depart(body, tenant, child, current, now, failures) for child in gone]
        return [entry for entry in seen if entry is not None]

    async def _depart(
        self,
        body: Body,
        tenant: Tenant,
        child: Child,
        current: Collection[str],
        now: datetime,
        failures: list[LandlordFailure],
    ) -> Seen | None:
        if tenant.spec.deletion_protection:
            state = State.STUCK
            message = "Not in the spec any more, but spec.deletionProtection is true; set it to false to let it go."
        else:
            state = State.WORKING
            message = await self._let_go(body, child, tenant.spec.deletion_policy, now, failures)
        if not message or child.environment in current:
            return None
        name = child.environment or child.ref.name[:40].rstrip("-")
        return Seen(name, child.ref.name, state, Reason.DELETING, message, uid=child.uid)

    async def _let_go(
        self, body: Body, child: Child, policy: DeletionPolicy, now: datetime, failures: list[LandlordFailure]
    ) -> str:
        """One step; what is still waited for, empty when the namespace is gone or let go; failures are kept."""
        was_deleting = child.deleting
        try:
            if policy is DeletionPolicy.DELETE and not await self._is_provably_ours(body, child):
                policy = DeletionPolicy.ORPHAN
            is_cordoned = bool((body.get("spec") or {}).get("cordoned"))
            farewell = await teardown.let_go(self._writer, child, policy, now, is_cordoned=is_cordoned)
        except LandlordFailure as failure:
            failures.append(failure)
            return f"Namespace {child.ref.name}: {failure.why}"
        if farewell.asked:
            what = f"Uninstalling {', '.join(farewell.asked)} before namespace {child.ref.name} is deleted."
            self._recorder.announce(body, "Deleting", what)
        if farewell.message and farewell.child.deleting and not was_deleting:
            self._recorder.announce(body, "Deleting", f"Deleting namespace {child.ref.name}.")
        if not farewell.message:
            self._recorder.announce(body, "LetGo", f"Let go of namespace {child.ref.name} ({policy.value}).")
        return farewell.message

    async def _is_provably_ours(self, body: Body, child: Child) -> bool:
        """Whether the namespace may be deleted: a mere label could have been put on anybody's by hand or a restore."""
        entries = (body.get("status") or {}).get("environments") or ()
        if child.deleting or child.uid in {entry.get("uid") for entry in entries}:
            return True
        return await teardown.is_labelled_by_us(self._writer, child)

    async def _say(self, body: Body, message: str, now: datetime) -> None:
        status: dict[str, Any] = body.get("status") or {}
        whole = Whole(
            generation=objects.generation(body),
            cordoned=bool((body.get("spec") or {}).get("cordoned")),
            deleting=message,
            members=tuple(status.get("members") or ()),
            handled_at=objects.asked_at(body),
            untouched=tuple(status.get("environments") or ()),
        )
        await self._recorder.record(body, whole, now)


def _held_by(body: Body) -> str:
    if objects.is_suspended(body):
        return "spec.suspend"
    return "spec.deletionProtection" if (body.get("spec") or {}).get("deletionProtection") else ""


def _policy(body: Body) -> DeletionPolicy:
    """The deletion policy, and the harmless one when it cannot be read."""
    said = (body.get("spec") or {}).get("deletionPolicy")
    return DeletionPolicy.DELETE if said == DeletionPolicy.DELETE.value else DeletionPolicy.ORPHAN
