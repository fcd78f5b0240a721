"""Members: which role each has where, and the RoleBindings that make it so.

One RoleBinding for each role, named after it, because a roleRef cannot be changed.
"""

from collections.abc import Iterable, Mapping

from landlord.api import names
from landlord.api.environment import Tier
from landlord.api.refs import ROLE_BINDINGS
from landlord.api.tenant import Member, MemberKind, Role
from landlord.core.manifest import Desired, Object, desired
from landlord.core.tenant.accounts import RBAC
from landlord.core.tenant.place import Place

BINDINGS = frozenset(f"{names.ROLE_PREFIX}{role.value}" for role in Role)
"""Names of the members' RoleBindings: what goes first when a tenant leaves."""


def role_in(member: Member, environment: str, tier: Tier) -> Role | None:
    """The member's role there, None when it has none. In production only a named environment gives more than viewer."""
    if member.environments is not None:
        return member.role if environment in member.environments else None
    return Role.VIEWER if tier is Tier.PRODUCTION else member.role


def plan(place: Place) -> tuple[Desired, ...]:
    """The members' RoleBindings, none for a role that nobody has."""
    subjects = _by_role(place)
    return tuple(_binding(place, role, subjects[role]) for role in Role if subjects[role])


def describe(member: Member) -> str:
    """The member in one line, such as ``User:jane`` or ``ServiceAccount:ci/deploy``."""
    return f"{member.kind.value}:{member.namespace + '/' if member.namespace else ''}{member.name}"


def resolved(members: Iterable[Member], tiers: Mapping[str, Tier]) -> list[Object]:
    """Each member and its roles by environment, in the order of the spec; a name that stands twice is one entry."""
    roles: dict[str, dict[str, str]] = {}
    for member in members:
        mine = roles.setdefault(describe(member), {})
        for environment, tier in sorted(tiers.items()):
            role = role_in(member, environment, tier)
            if role is not None:
                mine[environment] = _stronger(role, mine.get(environment))
    return [{"subject": subject, "roles": mine} for subject, mine in roles.items()]


def _stronger(role: Role, other: str | None) -> str:
    order = [entry.value for entry in Role]
    return min((role.value, other or Role.VIEWER.value), key=order.index)


def _by_role(place: Place) -> dict[Role, list[Object]]:
    tier = place.environment.spec.tier
    found: dict[Role, list[Object]] = {role: [] for role in Role}
    for member in place.tenant.spec.members:
        role = role_in(member, place.environment_name, tier)
        subject = _subject(member)
        if role is not None and subject not in found[role]:
            found[role].append(subject)
    return {role: sorted(subjects, key=lambda entry: sorted(entry.items())) for role, subjects in found.items()}


def _subject(member: Member) -> Object:
    if member.kind is MemberKind.SERVICE_ACCOUNT:
        return {"kind": "ServiceAccount", "name": member.name, "namespace": member.namespace}
    return {"apiGroup": RBAC, "kind": member.kind.value, "name": member.name}


def _binding(place: Place, role: Role, subjects: list[Object]) -> Desired:
    name = f"{names.ROLE_PREFIX}{role.value}"
    return desired(
        ROLE_BINDINGS,
        name,
        place.namespace,
        labels=place.labels,
        roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": name},
        subjects=subjects,
    )
