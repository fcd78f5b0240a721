"""Troubles of a Tenant: each its own condition, with a message that says what to do, and healed when that was done."""

import pytest

from tests.admin import Admin, ApiError
from tests.e2e.homes import Home, change_environment, change_tenant, move_in, until_may
from tests.manifests import Object, condition, environment, tenant, until_condition, until_ready
from tests.operator_process import OperatorProcess
from tests.polling import eventually


async def _until_condition_of(admin: Admin, name: str, reason: str, *words: str) -> Object:
    async def says_so() -> Object:
        body = await until_condition(admin, name, reason=reason)
        message = condition(body)["message"]
        assert all(word in message for word in words), message
        return body

    return await eventually(says_so)


def _assert_stalled(body: Object) -> None:
    """Nothing goes on until a person acts, and kstatus can tell."""
    assert condition(body)["status"] == "False"
    assert condition(body, "Stalled")["status"] == "True"
    assert condition(body, "Stalled")["reason"] == condition(body)["reason"]
    assert condition(body, "Reconciling") == {}


async def test_quotas_above_the_aggregate_are_refused_with_numbers_and_heal(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    one, two = f"{tenant_name}-a", f"{tenant_name}-b"
    shares = [
        {"name": one, "quota": {"hard": {"requests.cpu": "3"}}},
        {"name": two, "quota": {"hard": {"requests.cpu": "1500m"}}},
    ]
    wanted = tenant(tenant_name, *shares, quota={"aggregate": {"requests.cpu": "4"}})
    await admin.apply_manifests(environment(one), environment(two), wanted)
    body = await _until_condition_of(
        admin, tenant_name, "AggregateExceeded", "4500m", f"{one} 3", f"{two} 1500m", "allows 4"
    )
    _assert_stalled(body)
    assert await admin.find(f"/api/v1/namespaces/{tenant_name}-{one}") is None
    await change_tenant(admin, tenant_name, quota={"aggregate": {"requests.cpu": "4500m"}})
    await until_ready(admin, tenant_name)
    await change_tenant(admin, tenant_name, quota={"aggregate": {"requests.cpu": "4"}})
    body = await until_condition(admin, tenant_name, reason="AggregateExceeded")
    assert len(body["status"]["environments"]) == 2, "what was made stays known"
    assert (await Home(admin, tenant_name, one).get("ResourceQuota", "landlord"))["spec"]["hard"] == {
        "requests.cpu": "3"
    }


async def test_an_environments_defaults_can_break_and_mend_the_aggregate(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    quota: Object = {"tenantDefaults": {"quota": {"hard": {"pods": 5}}}}
    wanted = tenant(tenant_name, tenant_name, quota={"aggregate": {"pods": 5}})
    await admin.apply_manifests(environment(tenant_name, **quota), wanted)
    await until_ready(admin, tenant_name)
    await change_environment(admin, tenant_name, tenantDefaults={"quota": {"hard": {"pods": 6}}})
    _assert_stalled(await _until_condition_of(admin, tenant_name, "AggregateExceeded", "6 of pods", "allows 5"))
    await change_environment(admin, tenant_name, **quota)
    await until_ready(admin, tenant_name)


async def test_an_aggregate_needs_every_environments_share(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    await admin.apply_manifests(
        environment(tenant_name), tenant(tenant_name, tenant_name, quota={"aggregate": {"pods": 5}})
    )
    _assert_stalled(await _until_condition_of(admin, tenant_name, "AggregateExceeded", "pods", tenant_name, "share"))


async def _until_counted(admin: Admin, namespace: str, used: str) -> None:
    """Wait for the quota controller, which counts on its own time: the Event tells the number of its moment."""
    quota = f"/api/v1/namespaces/{namespace}/resourcequotas/landlord"

    async def counted() -> bool:
        status = (await admin.get(quota))["status"]
        return bool(status["used"]["count/configmaps"] == used)

    await eventually(counted, describe=f"{used} ConfigMaps counted")


async def test_a_quota_below_use_evicts_nothing_and_says_the_numbers(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name, defaults={"quota": {"hard": {"count/configmaps": 9}}})
    maps = f"/api/v1/namespaces/{home.namespace}/configmaps"
    for name in "abc":
        await admin.create(maps, {"metadata": {"name": name}})
    await _until_counted(admin, home.namespace, "4")
    await change_tenant(admin, tenant_name, defaults={"quota": {"hard": {"count/configmaps": 2}}})
    body = await until_condition(admin, tenant_name, "QuotaExceeded", status="True")
    for of in ("", tenant_name):
        told = condition(body, "QuotaExceeded", of)
        assert told["reason"] == "UsedAboveQuota"
        assert "4 of count/configmaps is in use, 2 allowed" in told["message"], "three and kube-root-ca.crt"
    assert condition(body)["status"] == "True"
    await home.until_told("UsedAboveQuota", "4 of count/configmaps")
    assert {"a", "b", "c"} <= {each["metadata"]["name"] for each in await admin.list(maps)}
    with pytest.raises(ApiError, match="exceeded quota"):
        await admin.create(maps, {"metadata": {"name": "d"}})
    for name in "ab":
        await admin.delete(f"{maps}/{name}")
    await until_condition(admin, tenant_name, "QuotaExceeded", status="absent")


async def test_a_peer_the_platform_does_not_have_is_an_invalid_spec(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    good, bad = f"{tenant_name}-a", f"{tenant_name}-b"
    entry = {"name": bad, "network": {"allowTo": [{"peer": "mainframe"}]}}
    await admin.apply_manifests(environment(good), environment(bad), tenant(tenant_name, good, entry))
    body = await _until_condition_of(admin, tenant_name, "InvalidSpec", "no peer named mainframe", f"[{bad}].network")
    _assert_stalled(body)
    assert condition(body, of=good)["status"] == "True"
    assert condition(body, "Stalled", good) == {}
    await admin.apply_manifests(tenant(tenant_name, good, bad))
    await until_ready(admin, tenant_name)


async def test_a_role_the_operator_may_not_bind_is_forbidden_by_name(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    good, bad = f"{tenant_name}-a", f"{tenant_name}-b"
    entry = {"name": bad, "deployer": {"clusterRoles": ["cluster-admin"]}, "quota": {"hard": {"pods": 3}}}
    member = {"kind": "User", "name": "jane", "role": "owner"}
    await admin.apply_manifests(environment(good), environment(bad), tenant(tenant_name, good, entry, members=[member]))
    body = await _until_condition_of(admin, tenant_name, "Forbidden", "cluster-admin")
    _assert_stalled(body)
    assert condition(body, of=good)["status"] == "True"
    home = Home(admin, tenant_name, bad)
    assert ("ResourceQuota", "landlord") in await home.children(), "guards come first and do not depend on it"
    assert ("RoleBinding", "landlord-deployer.cluster-admin") not in await home.children()
    await home.until_told("Forbidden", "cluster-admin")
    await admin.apply_manifests(tenant(tenant_name, good, bad, members=[member]))
    await until_ready(admin, tenant_name)


async def test_somebody_elses_service_account_is_left_alone(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    good, bad = f"{tenant_name}-a", f"{tenant_name}-b"
    await admin.apply_manifests(environment(good), environment(bad), tenant(tenant_name, good, bad))
    await until_ready(admin, tenant_name)
    home = Home(admin, tenant_name, bad)
    foreign = await admin.create(home.path("ServiceAccount"), {"metadata": {"name": "worker"}})
    entry = {"name": bad, "serviceAccounts": [{"name": "worker"}, {"name": "helper"}]}
    await admin.apply_manifests(tenant(tenant_name, good, entry))
    body = await _until_condition_of(admin, tenant_name, "NotOurs", f"ServiceAccount {home.namespace}/worker")
    _assert_stalled(body)
    assert condition(body, of=good)["status"] == "True"
    now = await home.get("ServiceAccount", "worker")
    assert now["metadata"]["resourceVersion"] == foreign["metadata"]["resourceVersion"]
    assert await admin.find(home.path("ServiceAccount", "helper")), "one object's trouble does not stop the others"
    await admin.delete(home.path("ServiceAccount", "worker"))
    await admin.apply_manifests(tenant(tenant_name, good, entry, displayName="again"))
    await until_ready(admin, tenant_name)


async def test_the_default_service_account_is_somebody_elses(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name, defaults={})
    await eventually(lambda: admin.find(home.path("ServiceAccount", "default")))
    await change_tenant(admin, tenant_name, defaults={"serviceAccounts": [{"name": "default"}]})
    await _until_condition_of(admin, tenant_name, "NotOurs", "default")


async def test_an_object_the_api_server_rejects_is_named(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    quota = {"quota": {"hard": {"pods": 5, "nonsense": 1}}}
    await admin.apply_manifests(environment(tenant_name), tenant(tenant_name, {"name": tenant_name, **quota}))
    body = await _until_condition_of(admin, tenant_name, "Rejected", "nonsense")
    _assert_stalled(body)
    await admin.apply_manifests(tenant(tenant_name, {"name": tenant_name, "quota": {"hard": {"pods": 5}}}))
    await until_ready(admin, tenant_name)


async def test_a_namespace_that_is_being_deleted_is_waited_for_and_made_anew(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    name = f"{tenant_name}-{tenant_name}"
    await admin.create("/api/v1/namespaces", {"metadata": {"name": name}})
    maps = f"/api/v1/namespaces/{name}/configmaps"
    await admin.create(maps, {"metadata": {"name": "stone", "finalizers": ["example.org/stone"]}})
    old = await admin.delete(f"/api/v1/namespaces/{name}")
    await admin.apply_manifests(environment(tenant_name), tenant(tenant_name, tenant_name))
    body = await until_condition(admin, tenant_name, reason="NamespaceTerminating")
    assert condition(body)["status"] == "Unknown"
    assert condition(body, "Reconciling")["status"] == "True"
    assert name in condition(body)["message"]
    await admin.patch(f"{maps}/stone", {"metadata": {"finalizers": None}})
    await until_ready(admin, tenant_name, deadline=60)
    assert (await admin.get(f"/api/v1/namespaces/{name}"))["metadata"]["uid"] != old["metadata"]["uid"]


async def _until_cordoned(admin: Admin, core: str, *, is_so: bool) -> None:
    """Return once admission sees the namespace's label, or that it is gone, which takes it a moment."""

    async def answers_so() -> bool:
        try:
            await admin.create(f"{core}/configmaps", {"metadata": {"name": "probe"}}, dryRun="All")
        except ApiError as refusal:
            return is_so and "is cordoned" in str(refusal)
        return not is_so

    await eventually(answers_so, describe=f"a cordon: {is_so}")


async def test_a_cordoned_tenant_stands_still_but_for_kubernetes_itself(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name, defaults={})
    core = f"/api/v1/namespaces/{home.namespace}"
    people = [admin.as_user("owner.jane"), admin.as_user("editor.jane")]
    deployer = admin.as_user(f"system:serviceaccount:landlord-deployers:{home.namespace}")
    for number, who in enumerate((*people, deployer)):
        await until_may(who, home.namespace, "create configmaps")
        await who.create(f"{core}/configmaps", {"metadata": {"name": f"before-{number}"}})
    await change_tenant(admin, tenant_name, cordoned=True)
    body = await until_condition(admin, tenant_name, "Cordoned", status="True")
    assert condition(body)["status"] == "True"
    assert "spec.cordoned" in condition(body, "Cordoned")["message"]
    await _until_cordoned(admin, core, is_so=True)
    for who in (*people, deployer, admin):
        with pytest.raises(ApiError, match="is cordoned"):
            await who.create(f"{core}/configmaps", {"metadata": {"name": "during"}})
        with pytest.raises(ApiError, match="is cordoned"):
            await who.delete(f"{core}/configmaps/before-0")
    await home.spoil("RoleBinding", "landlord-viewer", {"subjects": None})  # the operator goes on

    async def mended() -> bool:
        return bool((await home.get("RoleBinding", "landlord-viewer")).get("subjects"))

    await eventually(mended)
    await people[0].get(f"{core}/configmaps")
    await change_tenant(admin, tenant_name, cordoned=False)
    await until_condition(admin, tenant_name, "Cordoned", status="absent")
    await _until_cordoned(admin, core, is_so=False)
    for number, who in enumerate((*people, deployer)):
        await who.create(f"{core}/configmaps", {"metadata": {"name": f"after-{number}"}})


async def test_controllers_work_on_in_a_cordoned_tenant(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name, defaults={"podSecurity": {"enforce": "privileged"}})
    deployments = f"/apis/apps/v1/namespaces/{home.namespace}/deployments"
    pod = {
        "metadata": {"labels": {"app": "a"}},
        "spec": {"containers": [{"name": "a", "image": "registry.example/a:1"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "a"}}, "template": pod}
    await admin.create(deployments, {"metadata": {"name": "a"}, "spec": spec})
    pods = f"/api/v1/namespaces/{home.namespace}/pods"
    (first,) = await eventually(lambda: admin.list(pods))
    await change_tenant(admin, tenant_name, cordoned=True)
    await until_condition(admin, tenant_name, "Cordoned", status="True")
    await home.intruder.delete(f"{pods}/{first['metadata']['name']}", {"gracePeriodSeconds": 0})

    async def replaced() -> bool:
        found = await admin.list(pods)
        return bool(found) and all(each["metadata"]["uid"] != first["metadata"]["uid"] for each in found)

    await eventually(replaced)


@pytest.mark.parametrize("trouble", ["aggregate", "peer"])
async def test_rights_that_are_taken_away_and_a_cordon_never_wait_for_a_better_spec(
    operator: OperatorProcess, admin: Admin, tenant_name: str, trouble: str
) -> None:
    quota = {"quota": {"hard": {"pods": 5}}}
    home = await move_in(admin, tenant_name, defaults=quota)
    bad: Object = {"quota": {"aggregate": {"pods": 1}}} if trouble == "aggregate" else {}
    entry = {"name": tenant_name} | ({"network": {"allowTo": [{"peer": "nobody"}]}} if trouble == "peer" else {})
    viewer = [{"kind": "User", "name": "viewer.jane", "role": "viewer"}]
    await admin.apply_manifests(tenant(tenant_name, entry, defaults=quota, members=viewer, cordoned=True, **bad))
    await until_condition(admin, tenant_name, reason="AggregateExceeded" if trouble == "aggregate" else "InvalidSpec")

    async def took_hold() -> bool:
        children = await home.children()
        bindings = {name for kind, name in children if kind == "RoleBinding"}
        labels = children["Namespace", ""]["metadata"]["labels"]
        return bindings == {"landlord-viewer", "landlord-deployer"} and labels.get("landlord.dev/cordoned") == "true"

    await eventually(took_hold)
    await until_may(admin.as_user("owner.jane"), home.namespace, "list pods", allowed=False)
