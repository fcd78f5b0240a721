"""Nobody but Landlord marks, unmarks or weakens a tenant's namespace, by whatever subresource."""

import pytest

from tests.actors import Actor, Answer, Object
from tests.policies import Settle
from tests.tenancy import People, Tenancy, namespace

pytestmark = pytest.mark.cluster

PSA = "pod-security.kubernetes.io/enforce"
CHANGES = {
    "the tenant changed": {"labels": {"landlord.dev/tenant": "evil"}},
    "the tenant removed": {"labels": {"landlord.dev/tenant": None}},
    "Pod Security lowered": {"labels": {PSA: "baseline"}},
    "Pod Security removed": {"labels": {PSA: None}},
    "a Pod Security version added": {"labels": {f"{PSA}-version": "v1.30"}},
    "the manager replaced": {"labels": {"app.kubernetes.io/managed-by": "me"}},
    "the cordon set": {"labels": {"landlord.dev/cordoned": "true"}},
    "the workload policy changed": {"labels": {"landlord.dev/workloads": "ReleasesOnly"}},
    "a policy parameter added": {"annotations": {"landlord.dev/policy.registries": "evil.example"}},
    "deletion protection set": {"annotations": {"landlord.dev/deletion-protection": "true"}},
}


def bare(name: str, **metadata: object) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **metadata}}


def rewritten(actor: Actor, name: str, change: Object, *subresource: str) -> Answer:
    """PUT of the namespace as it is, with the change merged into its metadata."""
    whole = actor.get(bare(name)).allowed()
    for field, entries in change.items():
        merged = {**whole["metadata"].get(field, {}), **entries}
        whole["metadata"][field] = {key: value for key, value in merged.items() if value is not None}
    return actor.replace(whole, *subresource)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("subresource", [(), ("status",)], ids=["main", "status"])
def test_a_patch_through_any_subresource_changes_no_mark(
    tenancy: Tenancy, change: Object, subresource: tuple[str, ...]
) -> None:
    words = tenancy.admin.patch(bare(tenancy.namespace), {"metadata": change}, *subresource).denied_by(
        "landlord-namespaces"
    )
    assert next(iter(next(iter(change.values())))) in words


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("subresource", [(), ("status",), ("finalize",)], ids=["main", "status", "finalize"])
def test_a_put_through_any_subresource_changes_no_mark(
    tenancy: Tenancy, change: Object, subresource: tuple[str, ...]
) -> None:
    rewritten(tenancy.admin, tenancy.namespace, change, *subresource).denied_by("landlord-namespaces")


@pytest.mark.parametrize("subresource", [(), ("status",)], ids=["main", "status"])
@pytest.mark.parametrize("manager", ["test", "landlord"])
def test_a_forced_apply_changes_no_mark(tenancy: Tenancy, subresource: tuple[str, ...], manager: str) -> None:
    wanted = bare(tenancy.namespace, labels={"landlord.dev/tenant": "evil"})
    tenancy.admin.apply(wanted, *subresource, manager=manager).denied_by("landlord-namespaces")


@pytest.mark.parametrize("subresource", [(), ("status",), ("finalize",)], ids=["main", "status", "finalize"])
def test_other_labels_of_a_tenants_namespace_stay_the_admins(tenancy: Tenancy, subresource: tuple[str, ...]) -> None:
    change = {"labels": {"cost-centre": "-".join(("c7", *subresource))}}
    rewritten(tenancy.admin, tenancy.namespace, change, *subresource).allowed()


@pytest.mark.parametrize("subresource", [(), ("status",)], ids=["main", "status"])
def test_break_glass_may_change_marks(settle: Settle, subresource: tuple[str, ...]) -> None:
    tenancy = settle()
    change = {"metadata": {"labels": {PSA: "baseline", "landlord.dev/tenant": "other"}}}
    tenancy.break_glass.patch(bare(tenancy.namespace), change, *subresource).allowed()


def test_the_operator_changes_marks(tenancy: Tenancy) -> None:
    change = {"metadata": {"annotations": {"landlord.dev/policy.service-types": "ClusterIP"}}}
    tenancy.operator.patch(bare(tenancy.namespace), change).allowed()
    undo = {"metadata": {"annotations": {"landlord.dev/policy.service-types": None}}}
    tenancy.operator.patch(bare(tenancy.namespace), undo).allowed()


@pytest.mark.parametrize("role", ["owner", "editor", "viewer", "deployer"])
@pytest.mark.parametrize("subresource", [(), ("status",), ("finalize",)], ids=["main", "status", "finalize"])
def test_members_have_no_right_to_write_their_namespace(
    tenancy: Tenancy, role: str, subresource: tuple[str, ...]
) -> None:
    actor: Actor = getattr(tenancy, role)
    actor.replace(bare(tenancy.namespace), *subresource).forbidden()
    actor.patch(bare(tenancy.namespace), {"metadata": {"labels": {"a": "b"}}}, *subresource).forbidden()
    actor.delete(bare(tenancy.namespace)).forbidden()


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {"landlord.dev/tenant": "squat"}},
        {"labels": {"landlord.dev/cordoned": "false"}},
        {"annotations": {"landlord.dev/orphaned-from": "squat"}},
    ],
)
def test_nobody_else_creates_a_namespace_that_looks_like_a_tenants(people: People, metadata: Object) -> None:
    people.admin.create(bare("squat", **metadata), dry_run=True).denied_by("landlord-namespaces")
    generated = {**bare("squat", **metadata)}
    generated["metadata"] = {**metadata, "generateName": "squat-"}
    people.admin.create(generated, dry_run=True).denied_by("landlord-namespaces")
    people.admin.apply(bare("squat", **metadata)).denied_by("landlord-namespaces")


def test_namespaces_that_are_no_tenants_are_left_alone(people: People) -> None:
    plain = bare("platform-tools", labels={PSA: "privileged", "app.kubernetes.io/managed-by": "Helm"})
    people.admin.create(plain, dry_run=True).allowed()
    people.admin.patch(bare("kube-public"), {"metadata": {"labels": {PSA: "restricted"}}}).allowed()
    people.admin.patch(bare("kube-public"), {"metadata": {"labels": {PSA: None}}}).allowed()


@pytest.mark.parametrize("name", ["kube-system", "default", "landlord-system"])
def test_nobody_puts_a_tenants_label_on_a_foreign_namespace(people: People, name: str) -> None:
    change = {"metadata": {"labels": {"landlord.dev/tenant": "evil"}}}
    for subresource in ((), ("status",)):
        people.admin.patch(bare(name), change, *subresource).denied_by("landlord-namespaces")
    rewritten(people.admin, name, change["metadata"], "finalize").denied_by("landlord-namespaces")


def test_a_protected_namespace_is_deleted_by_nobody_but_break_glass(settle: Settle) -> None:
    tenancy = settle(annotations={"landlord.dev/deletion-protection": "true"})
    target = namespace(tenancy.namespace)
    for actor in (tenancy.admin, tenancy.operator):
        words = actor.delete(target).denied_by("landlord-namespaces")
        assert tenancy.namespace in words
        assert "deletionProtection" in words
    tenancy.break_glass.delete(target).allowed()
    tenancy.admin.delete(target)  # it is going already: a second try is no news
    assert tenancy.admin.get(target).body["status"]["phase"] == "Terminating"


def test_a_namespace_whose_protection_was_lifted_is_deleted_by_the_operator(settle: Settle) -> None:
    tenancy = settle(annotations={"landlord.dev/deletion-protection": "true"})
    lifted = {"metadata": {"annotations": {"landlord.dev/deletion-protection": None}}}
    tenancy.operator.patch(bare(tenancy.namespace), lifted).allowed()
    tenancy.operator.delete(bare(tenancy.namespace)).allowed()
