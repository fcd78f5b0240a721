"""One AppRelease in its surroundings: whose it is, which Environment it is in, and how it is to be treated."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from landlord.api import names
from landlord.api.apprelease import DEFAULT_BAKE, DEFAULT_TIMEOUT, AppRelease, DriftMode, RollbackMode
from landlord.api.conditions import Reason
from landlord.api.environment import Environment, Tier
from landlord.api.refs import Ref
from landlord.core import intervals
from landlord.core.release.facts import Closed, Unprepared, Wish
from landlord.reconcilers import objects
from landlord.reconcilers.release.bodies import Bodies, Body
from landlord.reconcilers.world import World


@dataclass(frozen=True, slots=True)
class Case:
    """What a pass goes by, all of it in memory."""

    ref: Ref
    body: Body
    now: datetime
    release: AppRelease | None
    """None when the spec is not understood; ``fault`` says why."""
    fault: str
    tenant: str
    environment_name: str
    environment: Environment | None
    closed: Closed | None
    is_namespace_leaving: bool
    namespaces: frozenset[str] = frozenset()
    """All namespaces of the tenant."""
    rival: str = ""
    """An older AppRelease of the namespace that has the same Helm release, empty when there is none."""
    orphaned_from: str = ""
    """The Tenant that has left the namespace behind, empty when none has."""
    strangers: tuple[str, ...] = ()
    """Names in ``environmentValues`` that no Environment has, sorted."""

    @property
    def namespace(self) -> str:
        """Where it lives."""
        return self.ref.namespace or ""

    @property
    def deployer(self) -> str:
        """As whom everything is done."""
        return names.deployer_username(self.namespace)

    @property
    def release_name(self) -> str:
        """The Helm release's name; known even when the spec is not understood."""
        return release_name_of(self.body)

    @property
    def is_deleting(self) -> bool:
        """Whether it is going away."""
        return "deletionTimestamp" in self.body["metadata"]

    @property
    def suspended(self) -> str:
        """Why nothing is done, empty when something is."""
        if objects.is_suspended(self.body):
            return "Suspended; what runs is left as it is. Take spec.suspend or the annotation away to go on."
        return ""

    @property
    def retry_at(self) -> str:
        """The wish to try the same again, empty when there is none."""
        annotations = self.body["metadata"].get("annotations") or {}
        return str(annotations.get(names.ANNOTATION_RETRY_AT, ""))[:253]

    @property
    def wish(self) -> Wish:
        """How the spec, or else the Environment, wants it treated."""
        if self.rival:
            return Wish(intervals.parse(DEFAULT_TIMEOUT), intervals.parse(DEFAULT_BAKE), orphans=True)
        if self.release is None:
            return Wish(intervals.parse(DEFAULT_TIMEOUT), intervals.parse(DEFAULT_BAKE), orphans=_orphans(self))
        spec = self.release.spec
        defaults = self.environment.spec.release_defaults if self.environment else None
        mode = spec.rollback.mode or (defaults.rollback.mode if defaults and defaults.rollback else None)
        return Wish(
            timeout=intervals.parse(spec.timeout or (defaults and defaults.timeout) or DEFAULT_TIMEOUT),
            bake=intervals.parse(spec.bake or (defaults and defaults.bake) or DEFAULT_BAKE),
            retries=spec.upgrade.retries,
            rolls_back=mode is not RollbackMode.DISABLED,
            rollback_attempts=spec.rollback.attempts,
            max_history=spec.max_history,
            tests=spec.test.enabled,
            test_timeout=intervals.parse(spec.test.timeout),
            orphans=_orphans(self),
        )

    @property
    def interval(self) -> timedelta:
        """How often it is looked at when nothing happens."""
        return intervals.parse(self.release.spec.interval) if self.release else timedelta(minutes=10)

    @property
    def drift_mode(self) -> DriftMode:
        """What to do about hand edits; production corrects unless it says otherwise."""
        defaults = self.environment.spec.release_defaults if self.environment else None
        said = self.release.spec.drift.mode if self.release else DriftMode.IGNORE
        inherited = defaults.drift.mode if defaults and defaults.drift else None
        tier = self.environment.spec.tier if self.environment else Tier.OTHER
        return said or inherited or (DriftMode.CORRECT if tier is Tier.PRODUCTION else DriftMode.WARN)


def open_case(world: World, bodies: Bodies, ref: Ref, body: Body, now: datetime) -> Case:
    """The case of this body as the World knows its surroundings."""
    home = world.namespace(ref.namespace or "")
    tenant = home.tenant if home is not None and not home.orphaned_from else ""
    environment_name = home.environment if home is not None and tenant else ""
    orphaned_from = home.orphaned_from if home is not None else ""
    release, fault = _parse(body)
    outside = Closed(Reason.NOT_A_TENANT_NAMESPACE, _nobodys(ref.namespace or "", orphaned_from), is_final=True)
    return Case(
        ref=ref,
        body=body,
        now=now,
        release=release,
        fault=fault,
        tenant=tenant,
        environment_name=environment_name,
        environment=world.environment(environment_name) if environment_name else None,
        closed=_closed(world, tenant, environment_name) if tenant else outside,
        is_namespace_leaving=home is not None and home.deleting,
        namespaces=frozenset(each.ref.name for each in world.children(tenant).values() if each.ref.kind == "Namespace"),
        rival=_rival(bodies, ref, body),
        orphaned_from=orphaned_from,
        strangers=tuple(sorted(set(release.spec.environment_values) - set(world.environments))) if release else (),
    )


def homeless(case: Case) -> Unprepared | None:
    """Why nothing can ever be deployed here, None when something can."""
    if case.release is None:
        return Unprepared(Reason.INVALID_SPEC, case.fault, is_final=True)
    if not case.tenant:
        return Unprepared(Reason.NOT_A_TENANT_NAMESPACE, _nobodys(case.namespace, case.orphaned_from), is_final=True)
    if case.rival:
        why = (
            f"Helm release {case.release_name} is that of AppRelease {case.rival}, which is older. "
            "Give this one another spec.releaseName."
        )
        return Unprepared(Reason.RELEASE_NAME_TAKEN, why, is_final=True)
    return None


def _nobodys(namespace: str, orphaned_from: str) -> str:
    if orphaned_from:
        return (
            f"Namespace {namespace} was left behind by Tenant {orphaned_from}, so nobody's rights could be "
            "used here; what runs keeps running. Apply that Tenant again, or let another adopt the namespace."
        )
    return (
        f"Namespace {namespace} belongs to no Tenant, so nobody's rights could be used here. "
        "Move this AppRelease to a namespace of a Tenant."
    )


def _rival(bodies: Bodies, ref: Ref, body: Body) -> str:
    """The oldest other AppRelease of the namespace with the same Helm release, if it is older."""
    others = [bodies.get(other) or {} for other in bodies.within(ref.namespace or "") if other != ref]
    same = [other for other in others if other and release_name_of(other) == release_name_of(body)]
    older = [other for other in same if objects.age_key(other) < objects.age_key(body)]
    return str(min(older, key=objects.age_key)["metadata"]["name"]) if older else ""


def release_name_of(body: Body) -> str:
    """The Helm release's name, whether the rest of the spec is understood or not."""
    return str((body.get("spec") or {}).get("releaseName") or body["metadata"]["name"])


def _closed(world: World, tenant: str, environment: str) -> Closed | None:
    """What keeps anything new from starting in the surroundings."""
    body = world.environments.get(environment)
    if body is None:
        why = f"No Environment {environment} exists; what runs is left alone."
        return Closed(Reason.ENVIRONMENT_MISSING, why)
    if "deletionTimestamp" in body["metadata"]:
        why = f"Environment {environment} is being deleted; what runs is left alone."
        return Closed(Reason.ENVIRONMENT_DELETING, why)
    if objects.is_suspended(body):
        why = f"Environment {environment} is suspended; what runs is left alone."
        return Closed(Reason.ENVIRONMENT_SUSPENDED, why)
    if world.environment_fault(environment):
        why = f"Environment {environment} is not understood; its own conditions say why."
        return Closed(Reason.ENVIRONMENT_INVALID, why)
    owner: dict[str, Any] = world.tenants.get(tenant) or {}
    if "deletionTimestamp" in (owner.get("metadata") or {}):
        return Closed(Reason.DELETING, f"Tenant {tenant} is being deleted; nothing new is deployed any more.")
    if (owner.get("spec") or {}).get("cordoned"):
        return Closed(Reason.CORDONED, f"Tenant {tenant} is cordoned: its releases may write nothing.")
    return None


def _parse(body: Body) -> tuple[AppRelease | None, str]:
    try:
        return AppRelease.model_validate({"spec": body.get("spec") or {}}), ""
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        return None, f"{where}: {first['msg']}. Change it as the reference of AppRelease says."


def _orphans(case: Case) -> bool:
    """Whether its deletion leaves what runs; so it does while nobody knows whether this is production."""
    policy = (case.body.get("spec") or {}).get("deletionPolicy")
    is_known_harmless = case.environment is not None and case.environment.spec.tier is not Tier.PRODUCTION
    return policy == "Orphan" or (policy is None and not is_known_harmless)
