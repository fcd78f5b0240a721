"""Whose namespace is it? Decided from the live Namespace and the Tenants that claim it; nothing else counts.

The Tenant recorded on the Namespace keeps it. Age only breaks ties over a namespace that nobody has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from landlord.api.conditions import Reason
from landlord.api.tenant import Adopt
from landlord.core.child import Child, observe


@dataclass(frozen=True, slots=True)
class Claim:
    """A tenant's wish for a namespace. ``known_uid`` is the UID its status recorded, empty when it never had one."""

    tenant: str
    environment: str
    namespace: str
    adopt: Adopt
    known_uid: str
    elder: str = ""
    """An older Tenant that claims the same namespace, empty when there is none."""
    was_taken: bool = False
    """Whether the namespace was there, and not ours, when last looked at: then look before trying to create it."""


@dataclass(frozen=True, slots=True)
class Free:
    """There is no such namespace: it may be created."""


@dataclass(frozen=True, slots=True)
class Ours:
    """The namespace is the tenant's already."""

    child: Child


@dataclass(frozen=True, slots=True)
class Adoptable:
    """The namespace is nobody's, and the tenant asks to take it over."""

    child: Child


@dataclass(frozen=True, slots=True)
class PreviewOnly:
    """The namespace is nobody's, and the tenant asks what taking it over would break."""

    child: Child


@dataclass(frozen=True, slots=True)
class Taken:
    """The tenant cannot have it (now), and why. ``heals``: it can change without anybody editing this Tenant."""

    reason: Reason
    message: str
    heals: bool = False


Verdict = Free | Ours | Adoptable | PreviewOnly | Taken


def judge(claim: Claim, live: Child | None, *, is_protected: bool) -> Verdict:
    """Whether ``claim`` may be made true on the namespace as it is; ``live`` is None when there is none."""
    if is_protected:
        return Taken(Reason.PROTECTED_NAMESPACE, f"Namespace {claim.namespace} is protected; choose another name.")
    if live is not None and live.tenant == claim.tenant and not live.orphaned_from:
        return _ours(claim, live)
    if claim.elder and (live is None or not live.tenant or live.orphaned_from):
        return Taken(
            Reason.NAMESPACE_CONFLICT,
            f"Tenant {claim.elder} is older and claims namespace {claim.namespace} too; give one of the two another.",
            heals=True,
        )
    if live is None:
        return Free()
    if live.deleting:
        return _terminating(claim, live)
    return _existing(claim, live)


def of(live: Mapping[str, Any] | None) -> Child | None:
    """The facts of a live Namespace object, None when there is none."""
    return observe("Namespace", live) if live is not None else None


def _ours(claim: Claim, live: Child) -> Verdict:
    if live.deleting:
        return _terminating(claim, live)
    if live.environment not in ("", claim.environment) and live.uid != claim.known_uid:
        return Taken(
            Reason.NAMESPACE_CONFLICT,
            f"Namespace {claim.namespace} is this tenant's environment {live.environment}; "
            "give one of the two another namespace.",
            heals=True,
        )
    return Ours(live)


def _existing(claim: Claim, live: Child) -> Verdict:
    if live.tenant and live.tenant != claim.tenant and not live.orphaned_from:
        return Taken(
            Reason.NAMESPACE_CONFLICT,
            f"Tenant {live.tenant} holds namespace {claim.namespace}; give one of the two another.",
            heals=True,
        )
    if live.tenant == claim.tenant or (claim.known_uid and claim.known_uid == live.uid):
        return Ours(live)
    match claim.adopt:
        case Adopt.ENFORCE:
            return Adoptable(live)
        case Adopt.PREVIEW:
            return PreviewOnly(live)
        case Adopt.NEVER:
            return Taken(
                Reason.NAMESPACE_EXISTS,
                f"Namespace {claim.namespace} exists already and is no tenant's. Set adopt: Preview to see what "
                "adoption would break, then Enforce; or choose another namespace.",
                heals=True,
            )


def _terminating(claim: Claim, live: Child) -> Taken:
    held = f" It is held by: {live.blockers}" if live.blockers else ""
    return Taken(
        Reason.NAMESPACE_TERMINATING,
        f"Namespace {claim.namespace} is being deleted; it is made anew when it is gone.{held}",
        heals=True,
    )
