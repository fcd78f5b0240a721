"""Tenants and Environments as tests write them, and questions about them."""

from typing import Any

from tests.admin import Admin
from tests.polling import eventually

Object = dict[str, Any]

TENANTS = "/apis/landlord.dev/v1alpha1/tenants"
ENVIRONMENTS = "/apis/landlord.dev/v1alpha1/environments"


def tenant(name: str, *environments: str | Object, **spec: Any) -> Object:
    """A Tenant; an environment is a name, or its whole entry."""
    entries = [{"name": each} if isinstance(each, str) else each for each in environments]
    return {
        "apiVersion": "landlord.dev/v1alpha1",
        "kind": "Tenant",
        "metadata": {"name": name},
        "spec": {"environments": entries, **spec},
    }


def environment(name: str, tier: str = "development", **spec: Any) -> Object:
    """An Environment."""
    return {
        "apiVersion": "landlord.dev/v1alpha1",
        "kind": "Environment",
        "metadata": {"name": name},
        "spec": {"tier": tier, **spec},
    }


def condition(obj: Object, kind: str = "Ready", of: str = "") -> Object:
    """A condition of the object, or of one of its environments; empty when it is not there."""
    status = obj.get("status") or {}
    if of:
        status = next((each for each in status.get("environments") or () if each["name"] == of), {})
    return next((each for each in status.get("conditions") or () if each["type"] == kind), {})


async def until_ready(admin: Admin, name: str, deadline: float = 30) -> Object:
    """The Tenant, once it is Ready in its present generation."""
    return await until_condition(admin, name, status="True", deadline=deadline)


async def until_condition(
    admin: Admin,
    name: str,
    kind: str = "Ready",
    *,
    status: str = "",
    reason: str = "",
    of: str = "",
    deadline: float = 30,
) -> Object:
    """The Tenant, once a condition says so, or is ``absent``, in its present generation."""
    last: Object = {}

    async def says_so() -> Object | None:
        last.clear()
        last.update(await admin.get(f"{TENANTS}/{name}"))
        found = condition(last, kind, of)
        current = last.get("status", {}).get("observedGeneration") == last["metadata"]["generation"]
        is_there = bool(found) if status != "absent" else not found
        fits = status in ("", "absent", found.get("status")) and reason in ("", found.get("reason")) and is_there
        return last if current and fits else None

    return await eventually(
        says_so,
        deadline=deadline,
        describe=lambda: f"{kind} {status} {reason} of Tenant {name}, found {condition(last, kind, of)}",
    )
