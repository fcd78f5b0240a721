"""Members of a real Tenant: what each role may do, and what nobody gets away with while the operator runs.

Every attack is a request that was refused to its author and that the API server would have carried out for somebody
who may: otherwise a mere slip in the request would look like a guard.
"""

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest

from tests.admin import Admin, ApiError
from tests.e2e.attacks import attacks_on
from tests.e2e.homes import FULL, MEMBERS, OPERATOR, REVIEWS, Home, can, essence, move_in, until_may
from tests.manifests import TENANTS, Object, environment, tenant, until_ready
from tests.operator_process import OperatorProcess
from tests.tenancy import binding, config_map, deployment, pod

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES = ("owner", "editor", "viewer")
REFUSALS = ("403 Forbidden", "422 Invalid: pods")
DEPLOYERS = "/api/v1/namespaces/landlord-deployers/serviceaccounts"


async def open_house(admin: Admin, name: str, **spec: Any) -> Home:
    """A home whose members are let in: the API server takes a moment to see a new binding."""
    home = await move_in(admin, name, **spec)
    members = [admin.as_user(each["name"]) for each in spec.get("members", MEMBERS) if each["kind"] == "User"]
    for who in (*members, person(home, "deployer")):
        await until_may(who, home.namespace, "list pods")
    return home


def person(home: Home, role: str) -> Admin:
    """A member by role; `deployer` is the identity of releases, `gitops` a cluster admin outside break-glass."""
    if role == "gitops":
        return home.admin.as_user("argo", ["system:masters"])
    if role == "deployer":
        return home.admin.as_user(f"system:serviceaccount:landlord-deployers:{home.namespace}")
    return home.admin.as_user(f"{role}.jane")


async def test_no_attack_gets_through_and_each_would_without_the_guards(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await open_house(admin, tenant_name)
    before = {key: essence(each) for key, each in (await home.children()).items()}
    wrong = []
    for attack in attacks_on(home):
        for who in attack.by:
            refusal = await attack.send(person(home, who))
            if not refusal.startswith(REFUSALS) or attack.words not in refusal:
                wrong.append(f"{who} may {attack.what}: {refusal or 'done'}"[:300])
        control = await attack.send(home.intruder, **({} if attack.method == "GET" else {"dryRun": "All"}))
        if control:
            wrong.append(f"control of {attack.what} ({attack.path}): {control}"[:300])
    assert not wrong, "\n".join(wrong)
    assert {key: essence(each) for key, each in (await home.children()).items()} == before


async def test_members_do_their_work(operator: OperatorProcess, admin: Admin, tenant_name: str) -> None:
    home = await open_house(admin, tenant_name)
    core, apps = f"/api/v1/namespaces/{home.namespace}", f"/apis/apps/v1/namespaces/{home.namespace}"
    for role in ("owner", "editor", "deployer"):
        who = person(home, role)
        await who.create(f"{core}/configmaps", config_map(home.namespace, role))
        await who.create(f"{core}/pods", pod(home.namespace, role))
        await who.create(f"{apps}/deployments", deployment(home.namespace, role))
        policy = {"metadata": {"name": role}, "spec": {"podSelector": {"matchLabels": {"app": role}}}}
        await who.create(f"/apis/networking.k8s.io/v1/namespaces/{home.namespace}/networkpolicies", policy)
        await who.delete(f"{core}/configmaps/{role}")
        with pytest.raises(ApiError, match="violates PodSecurity"):
            await who.create(f"{core}/pods", pod(home.namespace, "root", hostNetwork=True))
    for role in ROLES:
        assert await person(home, role).list(f"{core}/pods")
        assert await person(home, role).get(core)
    colleague = binding("colleague", home.namespace, role="landlord-viewer", users=["joe"])
    await person(home, "owner").create(f"{RBAC}/namespaces/{home.namespace}/rolebindings", colleague)
    await until_may(admin.as_user("joe"), home.namespace, "list pods")


def _expanded(rules: Iterable[Object]) -> set[tuple[str, str, str, str]]:
    """Rules as single rights: verb, group, resource, name."""
    return {
        right
        for rule in rules
        for right in product(
            rule["verbs"], rule.get("apiGroups") or [""], rule.get("resources") or [], rule.get("resourceNames") or [""]
        )
    }


async def _rights(who: Admin, namespace: str) -> set[tuple[str, str, str, str]]:
    """What `kubectl auth can-i --list` shows."""
    answer = await who.create(f"{REVIEWS}/selfsubjectrulesreviews", {"spec": {"namespace": namespace}})
    assert not answer["status"]["incomplete"]
    return _expanded(answer["status"]["resourceRules"])


@pytest.mark.parametrize("role", ROLES)
async def test_a_member_has_exactly_the_rights_of_the_role_and_only_at_home(
    operator: OperatorProcess, admin: Admin, tenant_name: str, role: str
) -> None:
    home = await open_house(admin, tenant_name)
    stranger = await _rights(admin.as_user("stranger"), home.namespace)
    wanted = _expanded((await admin.get(f"{RBAC}/clusterroles/landlord-{role}"))["rules"])
    assert await _rights(person(home, role), home.namespace) == wanted | stranger
    for elsewhere in ("default", "landlord-system", "landlord-deployers", "kube-system"):
        assert await _rights(person(home, role), elsewhere) == await _rights(admin.as_user("stranger"), elsewhere)


CAN = {
    "get pods": ROLES,
    "get pods/log": ROLES,
    "list networkpolicies.networking.k8s.io": ROLES,
    "get resourcequotas": ROLES,
    "create deployments.apps": ("owner", "editor"),
    "create pods/exec": ("owner", "editor"),
    "get secrets": ("owner", "editor"),
    "delete networkpolicies.networking.k8s.io": ("owner", "editor"),
    "create rolebindings.rbac.authorization.k8s.io": ("owner",),
    "create roles.rbac.authorization.k8s.io": ("owner",),
    "patch resourcequotas": (),
    "create limitranges": (),
    "patch namespaces": (),
    "create serviceaccounts/token": (),
    "impersonate serviceaccounts": (),
    "impersonate users": (),
    "escalate roles.rbac.authorization.k8s.io": (),
    "bind clusterroles.rbac.authorization.k8s.io": (),
    "get tenants.landlord.dev": (),
    "patch tenants.landlord.dev/status": (),
    "create pods/proxy": (),
    "patch endpoints": (),
    "create endpointslices.discovery.k8s.io": (),
}
"""What people ask most, and what must never be answered with yes: by whom it may be done."""


async def test_kubectl_auth_can_i_answers_as_the_roles_say(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await open_house(admin, tenant_name)
    found = {
        asked: tuple([role for role in ROLES if await can(person(home, role), home.namespace, asked)]) for asked in CAN
    }
    assert found == CAN


async def test_a_member_account_with_its_own_token_cannot_become_anybody_else(
    operator: OperatorProcess, admin: Admin, namespace: str, tenant_name: str
) -> None:
    await admin.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "bot"}})
    member = {"kind": "ServiceAccount", "name": "bot", "namespace": namespace, "role": "owner"}
    home = await open_house(admin, tenant_name, members=[member])
    bot = await admin.as_service_account(namespace, "bot")
    await until_may(bot, home.namespace, "list pods")
    pods = f"/api/v1/namespaces/{home.namespace}/pods"
    assert await bot.list(pods) == []
    deployer = f"system:serviceaccount:landlord-deployers:{home.namespace}"
    for user in ("admin", deployer, OPERATOR):
        with pytest.raises(ApiError, match="cannot impersonate"):
            await bot.as_user(user).list(pods)
    with pytest.raises(ApiError, match="cannot impersonate"):
        await bot.as_user("mallory", ["landlord:break-glass"]).list(pods)
    assert await person(home, "deployer").list(pods) == [], "control: somebody who may impersonate can"


async def test_nobody_gives_the_deployer_an_account_or_a_token(
    operator: OperatorProcess, admin: Admin, namespace: str, tenant_name: str
) -> None:
    home = await open_house(admin, tenant_name)
    account = {"metadata": {"name": home.namespace}}
    token = {"spec": {"expirationSeconds": 3600}}
    for who in (*(person(home, role) for role in (*ROLES, "deployer", "gitops")), home.intruder):
        with pytest.raises(ApiError) as refusal:
            await who.create(DEPLOYERS, account)
        assert refusal.value.status == 403
        with pytest.raises(ApiError) as refusal:
            await who.create(f"{DEPLOYERS}/{home.namespace}/token", token)
        assert refusal.value.status in (403, 404)
    elsewhere = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    await admin.create(elsewhere, account)
    assert (await admin.create(f"{elsewhere}/{home.namespace}/token", token))["status"]["token"]


async def test_members_of_one_tenant_are_strangers_to_another(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    mine = await open_house(admin, tenant_name)
    other = await open_house(admin, f"{tenant_name}x", members=[{"kind": "User", "name": "joe", "role": "owner"}])
    for role in (*ROLES, "deployer"):
        with pytest.raises(ApiError, match="cannot list"):
            await person(mine, role).list(f"/api/v1/namespaces/{other.namespace}/pods")
        maps = f"/api/v1/namespaces/{other.namespace}/configmaps"
        with pytest.raises(ApiError, match="cannot create"):
            await person(mine, role).create(maps, config_map(other.namespace))
    assert await admin.as_user("joe").list(f"/api/v1/namespaces/{other.namespace}/pods") == []


async def test_production_is_for_viewers_and_releases(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    chief = {"kind": "User", "name": "chief.jane", "role": "owner", "environments": [tenant_name]}
    wanted = tenant(tenant_name, tenant_name, defaults=FULL, members=[*MEMBERS, chief])
    await admin.apply_manifests(environment(tenant_name, "production"), wanted)
    await until_ready(admin, tenant_name)
    home = Home(admin, tenant_name, tenant_name)
    for who in (admin.as_user("chief.jane"), person(home, "viewer"), person(home, "deployer")):
        await until_may(who, home.namespace, "list pods")
    maps = f"/api/v1/namespaces/{home.namespace}/configmaps"
    deployments = f"/apis/apps/v1/namespaces/{home.namespace}/deployments"
    for role in ROLES:
        assert isinstance(await person(home, role).list(maps), list)
        with pytest.raises(ApiError, match="cannot create"):
            await person(home, role).create(maps, config_map(home.namespace))
    await admin.as_user("chief.jane").create(maps, config_map(home.namespace))
    for who in (admin.as_user("chief.jane"), person(home, "gitops")):
        with pytest.raises(ApiError, match="landlord-releases"):
            await who.create(deployments, deployment(home.namespace))
    await person(home, "deployer").create(deployments, deployment(home.namespace))


async def test_a_member_who_is_taken_out_is_out_at_once(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await open_house(admin, tenant_name)
    pods = f"/api/v1/namespaces/{home.namespace}/pods"
    assert await person(home, "owner").list(pods) == []
    await admin.patch(f"{TENANTS}/{tenant_name}", {"spec": {"members": [MEMBERS[2]]}})
    await until_ready(admin, tenant_name)
    for role in ("owner", "editor"):
        await until_may(person(home, role), home.namespace, "list pods", allowed=False)
        with pytest.raises(ApiError, match="cannot list"):
            await person(home, role).list(pods)
    assert await person(home, "viewer").list(pods) == []
