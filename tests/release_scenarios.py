"""What happens to an AppRelease in its life, as steps of people. The last step is the one that plans disturb."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from landlord.api import names
from landlord.api.refs import APPRELEASES, NAMESPACES, ROLE_BINDINGS, SECRETS, Ref
from landlord.clients.cluster import Cluster
from tests.admin import Admin, Object
from tests.polling import eventually
from tests.release_life import Surroundings
from tests.shop import SETTINGS, WEB, Shop
from tests.tenancy import binding

NAME = "web"
HOOKED = "1.1.0"
"""The version of the chart that has a hook before upgrades."""
TESTED = "1.2.0"
"""The version whose Job is a Helm test instead."""
ENVIRONMENT = "staging"

HOOK = """
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migrate
  annotations: {helm.sh/hook: pre-upgrade, helm.sh/hook-delete-policy: before-hook-creation}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: registry.example.org/migrate:1
          resources:
            requests: {cpu: 10m, memory: 16Mi}
            limits: {cpu: 100m, memory: 32Mi}
"""


def stock(shop: Shop) -> None:
    """Put on offer what the scenarios deploy."""
    files = {"templates/web.yaml": WEB, "templates/settings.yaml": SETTINGS, "templates/migrate.yaml": HOOK}
    shop.offer(NAME, HOOKED, files)
    shop.offer(NAME, TESTED, {**files, "templates/migrate.yaml": HOOK.replace("pre-upgrade", "test")})


@dataclass(frozen=True, slots=True)
class Home:
    """A tenant's namespace with nothing in it but the deployer's rights, and who pushes to it."""

    admin: Admin
    shop: Shop
    namespace: str
    around: Surroundings

    async def push(self, version: str = "1.0.0", **spec: Any) -> None:
        """Apply the AppRelease as a merge in Git would have it applied."""
        chart = self.shop.pin(NAME, version)
        whole = {"chart": chart, "timeout": "60s", "bake": "1s", **spec}
        head = {"name": NAME, "namespace": self.namespace}
        manifest = {"apiVersion": names.API_VERSION, "kind": "AppRelease", "metadata": head, "spec": whole}
        await self.admin.apply(APPRELEASES.path(self.namespace, NAME), manifest)

    async def delete(self) -> None:
        """Ask for its end."""
        await self.admin.delete(APPRELEASES.path(self.namespace, NAME))

    async def clear(self) -> None:
        """Begin the end of the namespace and all that is in it."""
        release = APPRELEASES.path(self.namespace, NAME)
        if await self.admin.find(release) is not None:
            await self.admin.patch(release, {"metadata": {"finalizers": None}})
        ledger = f"/api/v1/namespaces/{names.OPERATOR_NAMESPACE}/configmaps/{self.namespace}.{NAME}"
        if await self.admin.find(ledger) is not None:
            await self.admin.delete(ledger)
        breaker = self.admin.as_user("breaker", ["system:masters", "landlord:break-glass"])
        await breaker.delete(NAMESPACES.path(None, self.namespace))


async def settle(operator: Cluster, admin: Admin, shop: Shop, tenant: str) -> Home:
    """The namespace of a new tenant, made with the operator's own rights, once its deployer may work there."""
    namespace = f"{tenant}-{ENVIRONMENT}"
    ours = {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_TENANT: tenant,
        names.LABEL_ENVIRONMENT: ENVIRONMENT,
        names.LABEL_WORKLOADS: "Members",
        "pod-security.kubernetes.io/enforce": "privileged",
    }
    head = {"name": namespace, "labels": ours}
    place = await operator.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": head})
    accounts = [(names.DEPLOYERS_NAMESPACE, namespace)]
    role = names.DEPLOYER_ROLE
    await operator.create(ROLE_BINDINGS, binding(role, namespace, role=role, accounts=accounts, labels=ours))
    acting = admin.as_user(names.deployer_username(namespace))
    review = {"spec": {"resourceAttributes": {"namespace": namespace, "verb": "list", "resource": SECRETS.plural}}}

    async def may_work() -> bool:
        found = await acting.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        account = await admin.find(f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
        return bool(found["status"]["allowed"]) and account is not None

    await eventually(may_work, deadline=60, describe=f"the deployer's rights in {namespace}")
    return Home(admin, shop, namespace, _around(namespace, tenant, place))


def _around(namespace: str, tenant: str, place: Object) -> Surroundings:
    return Surroundings(
        ref=Ref(APPRELEASES.kind, namespace, NAME),
        tenant=_body("Tenant", tenant, {"environments": [{"name": ENVIRONMENT}]}),
        environment=_body("Environment", ENVIRONMENT, {"tier": "development"}),
        namespace=place,
    )


def _body(kind: str, name: str, spec: Object) -> Object:
    meta = {"name": name, "uid": f"uid-of-{name}", "generation": 1, "resourceVersion": "1"}
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": meta, "spec": spec}


Step = Callable[[Home], Awaitable[None]]


async def _install(home: Home) -> None:
    await home.push()


async def _values(home: Home) -> None:
    await home.push(values={"message": "two"})


async def _upgrade(home: Home) -> None:
    await home.push(HOOKED, image={"tag": "1.1.0"})


async def _bad(home: Home) -> None:
    await home.push(image={"tag": "crash-loop"})


async def _fix(home: Home) -> None:
    await home.push(image={"tag": "1.0.1"}, maxHistory=3)


async def _tested(home: Home) -> None:
    await home.push(TESTED, test={"enabled": True, "timeout": "30s"})


async def _delete(home: Home) -> None:
    await home.delete()


SCENARIOS: dict[str, tuple[Step, ...]] = {
    "install": (_install,),
    "values": (_install, _values),
    "upgrade with a hook": (_install, _upgrade),
    "upgrade with a test": (_install, _tested),
    "bad upgrade": (_install, _bad),
    "fix after hold": (_install, _bad, _fix),
    "delete": (_install, _delete),
}

MEANWHILE: dict[str, Step] = {"it is deleted": _delete, "it is as before": _install, "something else is pushed": _fix}


async def clear_all(homes: list[Home]) -> None:
    """End all of them, a few at a time."""
    turn = asyncio.Semaphore(8)

    async def one(home: Home) -> None:
        async with turn:
            await home.clear()

    await asyncio.gather(*(one(home) for home in homes), return_exceptions=True)
