"""Troubles made on purpose are told apart, by Helm and the API server as they are now, and name what they are about."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from landlord.api.failures import HelmFailed, HelmTrouble
from landlord.api.names import DEPLOYER_ROLE
from landlord.clients.helm import Helm
from sandbox.programs import core_programs
from tests.actors import Object
from tests.cluster import Cluster
from tests.helm_room import SOON, Room, config_map, job, open_room
from tests.policies import Settle
from tests.polling import eventually
from tests.tenancy import binding, deployment, namespace, pod

SERVICE: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"ports": [{"port": 80}]},
}


@pytest.fixture
async def room(settle: Settle, cluster: Cluster, tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(settle(), cluster.kubeconfig, tmp_path) as opened:
        yield opened


async def trouble(room: Room, *manifests: Object | str, **how: Any) -> tuple[HelmTrouble, str]:
    """How a deploy of these manifests fails."""
    with pytest.raises(HelmFailed) as failed:
        await room.deploy(room.chart(*manifests), **how)
    return failed.value.trouble, failed.value.why


async def test_a_field_that_may_not_change(room: Room) -> None:
    before, after = deployment(room.namespace), deployment(room.namespace)
    after["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    after["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    await room.deploy(room.chart(before))

    kind, why = await trouble(room, after)

    assert kind is HelmTrouble.IMMUTABLE
    assert why.startswith("Deployment app: spec.selector cannot change")


async def test_a_changed_job(room: Room) -> None:
    await room.deploy(room.chart(job("migrate", parallelism=0)))

    kind, why = await trouble(room, job("migrate", parallelism=0, template=pod_template("registry.example/job:2")))

    assert kind is HelmTrouble.IMMUTABLE
    assert why.startswith("Job migrate: spec.template cannot change")
    assert "upgrade.recreate" in why


def pod_template(image: str) -> Object:
    return {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": image}]}}


async def test_an_object_that_is_somebody_elses(room: Room) -> None:
    room.tenancy.admin.create(room.tenancy.here(config_map("foreign"))).allowed()
    await room.deploy(room.chart(config_map()))

    kind, why = await trouble(room, config_map("foreign"), name="other")
    assert kind is HelmTrouble.OWNERSHIP
    assert why.startswith("ConfigMap foreign exists already and belongs to no Helm release. Delete it, or take it over")
    assert await trouble(room, config_map(), name="other") == (
        HelmTrouble.OWNERSHIP,
        "ConfigMap settings belongs to the Helm release web already.",
    )
    await room.deploy(room.chart(config_map("foreign")), name="other", take_ownership=True)


async def test_a_field_that_somebody_else_holds(room: Room) -> None:
    await room.deploy(room.chart(config_map(level="1")))
    room.tenancy.admin.apply(room.tenancy.here(config_map(level="9")), manager="someone").allowed()

    kind, why = await trouble(room, config_map(level="2"), apply_method="")

    assert (kind, why) == (
        HelmTrouble.CONFLICT,
        "ConfigMap settings: someone holds data.level. Leave the field to one of the two.",
    )
    await room.deploy(room.chart(config_map(level="2")))


async def test_a_full_quota(room: Room) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"services": "0"}},
    }
    quota = room.tenancy.here(quota)
    room.tenancy.break_glass.create(quota).allowed()
    # Until its controller has counted, admission refuses in other words.
    await eventually(lambda: room.tenancy.admin.get(quota).body.get("status", {}).get("used"), describe="a count")

    kind, why = await trouble(room, SERVICE)

    assert kind is HelmTrouble.QUOTA
    assert why == (
        "Service web does not fit into the quota none: it asks for services=1, services=0 is used, of services=0."
    )


@pytest.fixture
def dead_webhook(room: Room) -> Iterator[str]:
    name = f"dead-{secrets.token_hex(4)}.example.com"
    hook = {
        "name": name,
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 1,
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": room.namespace}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["services"], "operations": ["CREATE"]}],
    }
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [hook],
    }
    room.tenancy.admin.create(configuration).allowed()
    yield name
    room.tenancy.admin.delete(configuration)


async def test_an_admission_webhook_that_is_away(room: Room, dead_webhook: str) -> None:
    probe = room.tenancy.here(SERVICE)
    await eventually(lambda: not room.tenancy.admin.create(probe, dry_run=True).ok, describe="a call of the webhook")

    kind, why = await trouble(room, SERVICE)

    assert kind is HelmTrouble.WEBHOOK
    assert why.startswith(
        f"Service web cannot be admitted, because the admission webhook {dead_webhook} gives no answer"
    )


async def test_a_policy_that_says_no(settle: Settle, cluster: Cluster, tmp_path: Path) -> None:
    tenancy = settle({"pod-security.kubernetes.io/enforce": "restricted"})
    bare = pod(tenancy.namespace)
    del bare["spec"]["containers"][0]["securityContext"]
    async with open_room(tenancy, cluster.kubeconfig, tmp_path) as room:
        kind, why = await trouble(room, bare)

    assert kind is HelmTrouble.POLICY
    assert why.startswith("Pod app does not meet Pod Security restricted")


async def test_a_kind_that_is_not_served(room: Room) -> None:
    kind, why = await trouble(room, {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "one"}})

    assert kind is HelmTrouble.UNKNOWN_KIND
    assert "no Widget in example.com/v1" in why


async def test_a_manifest_that_is_wrong(room: Room) -> None:
    misspelt = deployment(room.namespace)
    misspelt["spec"]["replicaz"] = 3

    assert await trouble(room, misspelt) == (
        HelmTrouble.INVALID,
        "Deployment app is no valid manifest: spec.replicaz: field not declared in schema.",
    )


async def test_a_release_that_is_too_large(room: Room) -> None:
    with pytest.raises(HelmFailed) as failed:
        await room.deploy(room.chart(config_map(), noise_txt=secrets.token_hex(1_000_000)))

    assert failed.value.trouble is HelmTrouble.TOO_LARGE
    assert await room.history() == ()


@pytest.mark.parametrize(
    ("spec", "expected"), [({"activeDeadlineSeconds": 1}, "failed"), ({"suspend": True}, "timeout")]
)
async def test_a_hook_that_fails_or_hangs(room: Room, spec: dict[str, Any], expected: str) -> None:
    seconds = SOON if expected == "failed" else SOON / 15

    kind, why = await trouble(room, job("migrate", hook="pre-install", **spec), timeout=seconds)

    assert kind.value == f"hook-{expected}"
    assert why.startswith("The hook Job migrate")


async def test_a_namespace_that_is_going(room: Room) -> None:
    held = config_map("held")
    held["metadata"] |= {"finalizers": ["example.com/held"], "namespace": room.namespace}
    room.tenancy.admin.create(held).allowed()
    room.tenancy.break_glass.delete(namespace(room.namespace)).allowed()

    kind, why = await trouble(room, config_map())

    room.tenancy.break_glass.patch(held, {"metadata": {"finalizers": None}}).allowed()
    assert (kind, why) == (HelmTrouble.TERMINATING, "The namespace is being deleted, so nothing can be made in it.")


async def test_a_deployer_without_its_binding_is_the_platforms_trouble(room: Room) -> None:
    gone = binding(DEPLOYER_ROLE, room.namespace, role=DEPLOYER_ROLE)
    room.tenancy.break_glass.delete(gone).allowed()

    kind, why = await trouble(room, config_map())

    assert kind is HelmTrouble.OUTAGE
    assert "has no rights in this namespace" in why


async def test_an_impersonation_that_is_refused_is_the_platforms_trouble(room: Room, tmp_path: Path) -> None:
    stranger = room.tenancy.admin.account(room.namespace, "worker").headers["Authorization"]

    async def identity() -> Any:
        return replace(await room.cluster.identity(), authorization=str(stranger))

    helm = Helm(Path(core_programs()["helm"]), identity, tmp_path / "stranger")
    with pytest.raises(HelmFailed) as failed:
        await helm.deploy(room.chart(config_map()), "web", room.namespace, {}, timeout=SOON)

    assert failed.value.trouble is HelmTrouble.OUTAGE
    assert failed.value.why.startswith("Landlord may not act as the deployer")


async def test_what_cannot_be_deleted_is_named(room: Room) -> None:
    kept: Object = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
    }
    await room.deploy(room.chart(config_map(), kept))
    role = f"only-settings-{secrets.token_hex(3)}"
    rules = [
        {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["*"]},
        {"apiGroups": ["policy"], "resources": ["*"], "verbs": ["get", "list"]},
    ]
    metadata = {"name": role, "namespace": room.namespace}
    small: Object = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    room.tenancy.break_glass.create(small).allowed()
    room.tenancy.break_glass.delete(binding(DEPLOYER_ROLE, room.namespace, role=DEPLOYER_ROLE)).allowed()
    accounts = [("landlord-deployers", room.namespace)]
    lesser = binding(role, room.namespace, role=role, kind="Role", accounts=accounts)
    room.tenancy.break_glass.create(lesser).allowed()

    with pytest.raises(HelmFailed) as failed:
        await room.helm.uninstall("web", room.namespace, timeout=SOON)

    assert failed.value.trouble is HelmTrouble.FORBIDDEN
    assert "may not delete poddisruptionbudgets" in failed.value.why
    assert await room.statuses() == ["uninstalling"]
