"""Hand edits and deletions of everything a tenant's namespace is made of: seen by watch, put back at once."""

from typing import Any

import pytest

from tests.admin import Admin, ApiError
from tests.e2e.homes import INTRUDER, Home, essence, move_in
from tests.manifests import until_ready
from tests.operator_process import OperatorProcess
from tests.polling import eventually

QUICKLY = 30
"""Seconds; a watch needs far fewer than one, a busy machine is not what is tested."""

LABELS = {"landlord.dev/tenant": "mallory", "landlord.dev/environment": None, "app.kubernetes.io/managed-by": "helm"}

EDITS = [
    ("Namespace", "", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}),
    ("Namespace", "", {"metadata": {"labels": {"pod-security.kubernetes.io/warn-version": None}}}),
    ("Namespace", "", {"metadata": {"labels": {"landlord.dev/workloads": "Anybody", "landlord.dev/cordoned": "true"}}}),
    ("Namespace", "", {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}}),
    ("Namespace", "", {"metadata": {"labels": {"landlord.dev/tenant": None}}}),
    ("Namespace", "", {"metadata": {"labels": {"landlord.dev/environment": None}}}),
    ("Namespace", "", {"metadata": {"annotations": {"landlord.dev/policy.registries": "evil.example"}}}),
    ("Namespace", "", {"metadata": {"annotations": {"landlord.dev/policy.registries": None}}}),
    ("ResourceQuota", "landlord", {"spec": {"hard": {"pods": "99"}}}),
    ("ResourceQuota", "landlord", {"spec": {"hard": {"pods": None}}}),
    ("ResourceQuota", "landlord-best", {"spec": {"hard": {"pods": "99"}}}),
    ("LimitRange", "landlord", {"spec": {"limits": []}}),
    ("LimitRange", "landlord", {"spec": {"limits": [{"type": "Container", "max": {"cpu": "64"}}]}}),
    ("NetworkPolicy", "landlord-profile", {"spec": {"ingress": [{}]}}),
    ("NetworkPolicy", "landlord-profile", {"spec": {"policyTypes": ["Ingress"], "egress": None}}),
    ("NetworkPolicy", "landlord-allow-from", {"spec": {"ingress": None}}),
    ("NetworkPolicy", "landlord-allow-to", {"spec": {"egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}}),
    ("ServiceAccount", "worker", {"automountServiceAccountToken": True}),
    ("RoleBinding", "landlord-owner", {"subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "y"}]}),
    ("RoleBinding", "landlord-viewer", {"subjects": None}),
    ("RoleBinding", "landlord-deployer", {"subjects": []}),
]
EDITS += [
    (kind, name, {"metadata": {"labels": LABELS}})
    for kind, name in (
        ("ResourceQuota", "landlord"),
        ("LimitRange", "landlord"),
        ("NetworkPolicy", "landlord-profile"),
        ("ServiceAccount", "worker"),
        ("RoleBinding", "landlord-editor"),
    )
]
ADDITIONS = [
    ("Namespace", "", {"metadata": {"labels": {"landlord.dev/extra": "x"}}}),
    ("Namespace", "", {"metadata": {"annotations": {"landlord.dev/policy.storage-classes": "x"}}}),
    ("ResourceQuota", "landlord", {"spec": {"hard": {"secrets": "0"}}}),
    ("ResourceQuota", "landlord", {"metadata": {"labels": {"landlord.dev/extra": "x"}}}),
    ("RoleBinding", "landlord-viewer", {"metadata": {"annotations": {"landlord.dev/extra": "x"}}}),
]
CASES = EDITS + ADDITIONS
OBJECTS = [
    ("ResourceQuota", "landlord"),
    ("ResourceQuota", "landlord-best"),
    ("LimitRange", "landlord"),
    ("NetworkPolicy", "landlord-profile"),
    ("NetworkPolicy", "landlord-allow-from"),
    ("NetworkPolicy", "landlord-allow-to"),
    ("ServiceAccount", "worker"),
    ("RoleBinding", "landlord-owner"),
    ("RoleBinding", "landlord-editor"),
    ("RoleBinding", "landlord-viewer"),
    ("RoleBinding", "landlord-deployer"),
]


def _leaf(patch: Any) -> str:
    """The last key a patch names, for the test's id."""
    key = next(iter(patch))
    return _leaf(patch[key]) if isinstance(patch[key], dict) and patch[key] else f"{key}={patch[key]}"[:48]


def _without_namespace(children: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    return {key: essence(each) for key, each in children.items() if key[0] != "Namespace"}


async def _until_as_before(home: Home, kind: str, name: str, before: dict[str, Any], deadline: float = QUICKLY) -> None:
    found: dict[str, Any] = {}

    async def as_before() -> bool:
        found.update(essence(await home.get(kind, name)))
        return found == before

    await eventually(as_before, deadline=deadline, describe=lambda: f"{kind} {name} as {before}, found {found}")


@pytest.mark.parametrize(
    ("kind", "name", "patch"), CASES, ids=[f"{kind}/{name}:{_leaf(patch)}" for kind, name, patch in CASES]
)
async def test_a_hand_edit_is_put_back(
    operator: OperatorProcess, admin: Admin, tenant_name: str, kind: str, name: str, patch: Any
) -> None:
    home = await move_in(admin, tenant_name)
    before = essence(await home.get(kind, name))
    spoilt = await home.spoil(kind, name, patch)
    assert essence(spoilt) != before, "the edit must be one"
    await _until_as_before(home, kind, name, before)
    await until_ready(admin, tenant_name)


async def test_corrections_are_told_with_object_path_and_writer(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    await home.spoil("Namespace", "", {"metadata": {"labels": {"landlord.dev/tenant": None}}})
    await home.spoil("ResourceQuota", "landlord", {"spec": {"hard": {"pods": "99"}}})
    await home.spoil("RoleBinding", "landlord-viewer", {"metadata": {"labels": {"landlord.dev/x": "y"}}})
    for words in (
        ("Namespace ", "/metadata/labels/landlord.dev~1tenant", "somebody"),  # a label that is gone has no manager
        ("ResourceQuota ", "/spec/hard/pods", INTRUDER),
        ("RoleBinding ", "/metadata/labels/landlord.dev~1x", INTRUDER),
    ):
        await home.until_told("DriftCorrected", *words)


async def test_every_deleted_object_is_made_anew(operator: OperatorProcess, admin: Admin, tenant_name: str) -> None:
    home = await move_in(admin, tenant_name)
    before = await home.children()
    assert set(OBJECTS) | {("Namespace", "")} == set(before), "the table misses a kind of object"
    for kind, name in OBJECTS:
        await home.intruder.delete(home.path(kind, name))
    for kind, name in OBJECTS:
        await _until_as_before(home, kind, name, essence(before[kind, name]))
        await home.until_told("DriftCorrected", f"{kind} {home.namespace}/{name} was deleted")
    after = await home.children()
    assert all(after[key]["metadata"]["uid"] != before[key]["metadata"]["uid"] for key in OBJECTS)


async def test_a_binding_made_anew_with_another_role_is_replaced(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    path = home.path("RoleBinding", "landlord-viewer")
    mine = await admin.get(path)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    meta = {"name": "landlord-viewer", "namespace": home.namespace, "labels": mine["metadata"]["labels"]}

    async def hijacked() -> bool:
        """Delete ours and be the first to make it anew; the operator is quick."""
        await home.intruder.delete(path)
        try:
            await home.intruder.create(path.rpartition("/")[0], {**mine, "metadata": meta, "roleRef": role})
        except ApiError as failure:
            return failure.status != 409 and pytest.fail(str(failure))
        return True

    await eventually(hijacked)
    await _until_as_before(home, "RoleBinding", "landlord-viewer", essence(mine))


async def test_a_deleted_namespace_is_made_anew_with_all_in_it(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    before = await home.children()
    await home.intruder.delete(home.path())

    async def anew() -> bool:
        after = await home.children()
        uids = {each["Namespace", ""]["metadata"]["uid"] for each in (before, after)}
        return len(uids) == 2 and _without_namespace(after) == _without_namespace(before)

    await eventually(anew, deadline=60)
    uid = (await home.get())["metadata"]["uid"]

    async def recorded() -> bool:
        return bool((await home.body())["status"]["environments"][0]["uid"] == uid)

    await eventually(recorded)


async def test_what_others_add_beside_our_words_is_left_alone(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    note = {"metadata": {"annotations": {"example.org/note": "mine"}, "labels": {"example.org/team": "a"}}}
    marked = {key: await home.spoil(*key, note) for key in (("Namespace", ""), *OBJECTS)}
    await home.spoil("ResourceQuota", "landlord", {"spec": {"hard": {"pods": "99"}}})  # something to correct beside it

    async def corrected() -> bool:
        return bool((await home.get("ResourceQuota", "landlord"))["spec"]["hard"]["pods"] == "10")

    await eventually(corrected, deadline=QUICKLY)
    for (kind, name), obj in marked.items():
        now = await home.get(kind, name)
        assert essence(now) == essence(obj)
        assert kind == "ResourceQuota" or now["metadata"]["resourceVersion"] == obj["metadata"]["resourceVersion"]
    assert not [event for event in await home.events() if "example.org" in event["message"]]


async def test_a_namespace_given_to_another_tenant_by_hand_is_neither_deleted_nor_lost(
    operator: OperatorProcess, admin: Admin, tenant_name: str
) -> None:
    home = await move_in(admin, tenant_name)
    other = await move_in(admin, f"{tenant_name}x", deletionPolicy="Delete")
    before = await home.get()
    await home.spoil("Namespace", "", {"metadata": {"labels": {"landlord.dev/tenant": other.tenant}}})
    await _until_as_before(home, "Namespace", "", essence(before))
    now = await home.get()
    assert now["metadata"]["uid"] == before["metadata"]["uid"]
    assert "deletionTimestamp" not in now["metadata"]
