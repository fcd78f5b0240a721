"""Why nothing is done in one of a Tenant's environments, and how that is told: what it had, it keeps."""

from collections.abc import Mapping
from typing import Any

from landlord.api.conditions import Reason
from landlord.core.tenant.verdict import Seen, State
from landlord.reconcilers import objects
from landlord.reconcilers.world import World


def closed(world: World, environment: str) -> tuple[State, Reason, str] | None:
    """Why nothing is done in an environment that exists; None when it is open, or does not exist."""
    body = world.environments.get(environment)
    if body is None:
        return None
    if "deletionTimestamp" in body["metadata"]:
        why = f"Environment {environment} is being deleted; what runs is left alone. Take it out of this Tenant."
        return State.WAITING, Reason.ENVIRONMENT_DELETING, why
    if objects.is_suspended(body):
        why = f"Environment {environment} is suspended; resume it to go on."
        return State.FROZEN, Reason.ENVIRONMENT_SUSPENDED, why
    if world.environment_fault(environment):
        why = f"Environment {environment} is not understood; what runs is left alone. Its own conditions say why."
        return State.WAITING, Reason.ENVIRONMENT_INVALID, why
    return None


def missing(environment: str) -> tuple[State, Reason, str]:
    """The same for an Environment that does not exist."""
    why = (
        f"There is no Environment {environment}; what runs is left alone, nothing new is made. "
        "Create it, or take it out of this Tenant."
    )
    return State.WAITING, Reason.ENVIRONMENT_MISSING, why


def untouched(name: str, namespace: str, entry: Mapping[str, Any], state: State, reason: Reason, message: str) -> Seen:
    """An environment in which nothing was done: what it had, it keeps."""
    uid, digest = str(entry.get("uid", "")), str(entry.get("digest", ""))
    return Seen(name, namespace, state, reason, message, uid=uid, digest=digest, adopted=bool(entry.get("adopted")))
