"""What happens to a Tenant in its life, as steps of people; the operator makes each true before the next.

The last step is the one that plans disturb. Hand edits are made by the break-glass group, because policies refuse
them to everybody else.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.admin import Admin, ApiError, Object
from tests.manifests import ENVIRONMENTS, TENANTS, environment, tenant

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_NETWORK = "/apis/networking.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Stage:
    """One Tenant, its two Environments, and the people who change them."""

    admin: Admin
    name: str

    @property
    def staging(self) -> str:
        """The Environment most scenarios happen in."""
        return f"{self.name}-s"

    @property
    def production(self) -> str:
        """The other one."""
        return f"{self.name}-p"

    @property
    def environments(self) -> tuple[str, str]:
        """Both."""
        return self.staging, self.production

    @property
    def namespaces(self) -> tuple[str, str]:
        """Where the tenant lives."""
        return f"{self.name}-{self.staging}", f"{self.name}-{self.production}"

    @property
    def hand(self) -> Admin:
        """Somebody who may edit what is guarded."""
        return self.admin.as_user("somebody", ["system:masters", "landlord:break-glass"])

    def tenant(self, *environments: str | Object, **spec: Any) -> Object:
        """The Tenant, with people, an account, a quota and limits unless told otherwise."""
        said = {"members": _MEMBERS, "defaults": _DEFAULTS, **spec}
        return tenant(self.name, *(environments or (self.staging,)), **said)

    async def edit(self, root: str) -> None:
        """Somebody changes the Tenant, or the Environment, whichever lies under this path, if it is still there."""
        quota = {"spec": {"defaults": {"quota": {"hard": {"pods": 7}}}}}
        level = {"spec": {"tenantDefaults": {"podSecurity": {"warn": "baseline"}}}}
        is_place = root == ENVIRONMENTS
        target, change = (f"{ENVIRONMENTS}/{self.staging}", level) if is_place else (f"{TENANTS}/{self.name}", quota)
        if await self.admin.find(target):
            await self.admin.patch(target, change)

    async def apply(self, *manifests: Object) -> None:
        """As a GitOps controller would."""
        for manifest in manifests:
            root = TENANTS if manifest["kind"] == "Tenant" else ENVIRONMENTS
            await self.admin.apply(f"{root}/{manifest['metadata']['name']}", manifest)


async def clear(stage: Stage, *, namespaces: bool) -> None:
    """Take the stage's Tenant and Environments away by hand, and if asked for its namespaces."""
    own = (f"{TENANTS}/{stage.name}", *(f"{ENVIRONMENTS}/{name}" for name in stage.environments))
    spaces = [f"/api/v1/namespaces/{name}" for name in stage.namespaces] if namespaces else []
    for path in (*own, *spaces):
        with suppress(ApiError):
            if path in own:
                await stage.admin.delete(path)
                await stage.admin.patch(path, {"metadata": {"finalizers": []}})
            else:
                await stage.hand.delete(path)


Step = Callable[[Stage], Awaitable[None]]

_MEMBERS = [
    {"kind": "User", "name": "jane", "role": "owner"},
    {"kind": "Group", "name": "readers", "role": "viewer"},
]
_DEFAULTS = {
    "quota": {"hard": {"requests.cpu": "2", "pods": 10}},
    "serviceAccounts": [{"name": "ci"}],
}


async def _environments(stage: Stage) -> None:
    await stage.apply(environment(stage.staging, "staging"), environment(stage.production, "production"))


async def _one(stage: Stage) -> None:
    await _environments(stage)
    await stage.apply(stage.tenant())


async def _both(stage: Stage) -> None:
    await _environments(stage)
    await stage.apply(stage.tenant(*stage.environments))


async def _one_to_delete(stage: Stage) -> None:
    await _environments(stage)
    await stage.apply(stage.tenant(deletionPolicy="Delete"))


async def _both_to_delete(stage: Stage) -> None:
    await _environments(stage)
    await stage.apply(stage.tenant(*stage.environments, deletionPolicy="Delete"))


async def _change(stage: Stage) -> None:
    """Another quota, other people, no account, another profile, Pod Security, and a second environment."""
    defaults = {
        "quota": {"hard": {"requests.cpu": "3", "services": 4}},
        "network": {"profile": "DefaultDeny"},
        "podSecurity": {"enforce": "baseline"},
    }
    members = [{"kind": "User", "name": "joe", "role": "owner"}, {"kind": "User", "name": "eve", "role": "editor"}]
    await stage.apply(stage.tenant(*stage.environments, members=members, defaults=defaults))


async def _drift(stage: Stage) -> None:
    """A bit of everything is edited or deleted by hand."""
    home, hand = stage.namespaces[0], stage.hand
    quota = f"/api/v1/namespaces/{home}/resourcequotas/landlord"
    await hand.patch(quota, {"spec": {"hard": {"pods": "99", "secrets": "5"}}})
    await hand.delete(f"{_NETWORK}/namespaces/{home}/networkpolicies/landlord-profile")
    await hand.delete(f"/api/v1/namespaces/{home}/limitranges/landlord")
    stranger = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "mallory"}
    await hand.patch(f"{_RBAC}/namespaces/{home}/rolebindings/landlord-owner", {"subjects": [stranger]})
    labels = {"pod-security.kubernetes.io/enforce": "privileged", "landlord.dev/workloads": None}
    await hand.patch(f"/api/v1/namespaces/{home}", {"metadata": {"labels": labels}})
    account = f"/api/v1/namespaces/{home}/serviceaccounts/ci"
    await hand.patch(account, {"automountServiceAccountToken": True, "metadata": {"labels": {"mine": "yes"}}})


async def _other_role(stage: Stage) -> None:
    """A binding of ours is replaced by one to another role, which cannot be changed back but only be made anew."""
    bindings = f"{_RBAC}/namespaces/{stage.namespaces[0]}/rolebindings"
    found = await stage.hand.get(f"{bindings}/landlord-viewer")
    await stage.hand.delete(f"{bindings}/landlord-viewer")
    meta = {"name": "landlord-viewer", "labels": found["metadata"]["labels"]}
    await stage.hand.create(
        bindings, {**found, "metadata": meta, "roleRef": {**found["roleRef"], "name": "landlord-owner"}}
    )


async def _namespace_gone(stage: Stage) -> None:
    await stage.hand.delete(f"/api/v1/namespaces/{stage.namespaces[0]}")


async def _adopt(stage: Stage) -> None:
    """A namespace that people made before, with things of theirs in it."""
    home = stage.namespaces[0]
    labels = {"team": "old", "pod-security.kubernetes.io/enforce": "privileged"}
    await stage.admin.create("/api/v1/namespaces", {"metadata": {"name": home, "labels": labels}})
    precious = {"metadata": {"name": "precious"}, "data": {"kept": "yes"}}
    await stage.admin.create(f"/api/v1/namespaces/{home}/configmaps", precious)
    quota = {"metadata": {"name": "landlord"}, "spec": {"hard": {"pods": "1"}}}
    await stage.admin.create(f"/api/v1/namespaces/{home}/resourcequotas", quota)
    await _environments(stage)
    await stage.apply(stage.tenant({"name": stage.staging, "adopt": "Enforce"}))


async def _delete(stage: Stage) -> None:
    await stage.admin.delete(f"{TENANTS}/{stage.name}")


async def _delete_all(stage: Stage) -> None:
    await _delete(stage)
    for name in stage.environments:
        await stage.admin.delete(f"{ENVIRONMENTS}/{name}")


async def _take_out(stage: Stage) -> None:
    await stage.apply(stage.tenant(stage.production))


async def _take_out_and_delete(stage: Stage) -> None:
    await stage.apply(stage.tenant(stage.production, deletionPolicy="Delete"))


SCENARIOS: dict[str, tuple[Step, ...]] = {
    "create": (_both,),
    "change": (_one, _change),
    "drift": (_one, _drift),
    "drift of a roleRef": (_one, _other_role),
    "namespace deleted by hand": (_one, _namespace_gone),
    "adopt": (_adopt,),
    "adopt again after Orphan": (_one, _delete, _one),
    "delete with Orphan": (_both, _delete_all),
    "delete with Delete": (_one_to_delete, _delete),
    "environment taken out with Orphan": (_both, _take_out),
    "environment taken out with Delete": (_both_to_delete, _take_out_and_delete),
}
