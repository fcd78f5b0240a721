"""quota.aggregate: the quotas of all environments together stay below one ceiling.

Partitioned: the declared limits are summed, so no admission path and no race is involved. Under a ceiling every
environment must say its share.
"""

from collections.abc import Mapping
from decimal import Decimal

from landlord.api.body import Body
from landlord.api.tenant import Tenant
from landlord.core.quantity import canonical, like, number

_ALIASES = {"cpu": "requests.cpu", "memory": "requests.memory", "ephemeral-storage": "requests.ephemeral-storage"}


def fault(tenant: Tenant, bodies: Mapping[str, Body]) -> str:
    """Why the environments do not fit under the ceiling, with the numbers; empty when they do."""
    ceiling = tenant.spec.quota.aggregate if tenant.spec.quota else None
    if not ceiling:
        return ""
    shares = {name: _limits(body) for name, body in bodies.items()}
    faults = [_one(_key(resource), limit, shares) for resource, limit in sorted(ceiling.items())]
    return " ".join(text for text in faults if text)


def _one(resource: str, limit: int | str, shares: Mapping[str, Mapping[str, int | str]]) -> str:
    silent = sorted(name for name, share in shares.items() if resource not in share)
    if silent:
        return (
            f"quota.aggregate limits {resource}, but {', '.join(silent)} says no quota.hard for it; "
            "give every environment its share."
        )
    total = sum((number(share[resource]) for share in shares.values()), Decimal(0))
    if total <= number(limit):
        return ""
    parts = ", ".join(f"{name} {canonical(share[resource])}" for name, share in sorted(shares.items()))
    return (
        f"The environments ask for {like(total, limit)} of {resource} ({parts}), quota.aggregate allows "
        f"{canonical(limit)}; lower a share or raise the aggregate."
    )


def _limits(body: Body) -> dict[str, int | str]:
    """The limits by their full name; of ``cpu`` and ``requests.cpu`` beside each other the lower one holds."""
    limits: dict[str, int | str] = {}
    for resource, limit in ((body.quota and body.quota.hard) or {}).items():
        key = _key(resource)
        limits[key] = min(limits.get(key, limit), limit, key=number)
    return limits


def _key(resource: str) -> str:
    return _ALIASES.get(resource, resource)
