"""What Landlord made in a tenant's namespace, only Landlord changes; everybody else keeps what is his own."""

from collections.abc import Callable

import pytest

from tests.actors import Actor, Answer, Object
from tests.policies import Settle
from tests.tenancy import Tenancy, children, ours

pytestmark = pytest.mark.cluster

KINDS = ["ResourceQuota", "LimitRange", "NetworkPolicy", "ServiceAccount", "RoleBinding"]
SPECS: dict[str, Object] = {
    "ResourceQuota": {"spec": {"hard": {"pods": "9"}}},
    "LimitRange": {"spec": {"limits": []}},
    "NetworkPolicy": {"spec": {"podSelector": {}, "ingress": [{}]}},
    "ServiceAccount": {},
    "RoleBinding": {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "landlord-viewer"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "sam"}],
    },
}


def landlords(tenancy: Tenancy, kind: str) -> Object:
    """The first object of the kind that Landlord made."""
    return next(child for child in children(tenancy.namespace) if child["kind"] == kind)


def own(tenancy: Tenancy, kind: str, name: str = "mine", **metadata: object) -> Object:
    """An object of the kind that is no business of Landlord's."""
    head = {"apiVersion": landlords(tenancy, kind)["apiVersion"], "kind": kind}
    return {**head, "metadata": {"name": name, "namespace": tenancy.namespace, **metadata}, **SPECS[kind]}


TAMPERING: dict[str, Callable[[Actor, Object], Answer]] = {
    "patch": lambda actor, it: actor.patch(it, {"metadata": {"annotations": {"a": "b"}}}),
    "unlabel": lambda actor, it: actor.patch(
        it, {"metadata": {"labels": {"landlord.dev/tenant": None, "landlord.dev/environment": None}}}
    ),
    "disown": lambda actor, it: actor.patch(it, {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}}),
    "replace": lambda actor, it: actor.replace({**it, "metadata": {**it["metadata"], "labels": {}}}),
    "apply": lambda actor, it: actor.apply({**it, "metadata": {**it["metadata"], "labels": {"a": "b"}}}),
    "impersonate the field manager": lambda actor, it: actor.apply(it, manager="landlord"),
    "own": lambda actor, it: actor.patch(it, {"metadata": {"finalizers": ["evil.example/stay"]}}),
    "delete": lambda actor, it: actor.delete(it),
    "delete all": lambda actor, it: actor.delete_all(it),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tamper", TAMPERING.values(), ids=TAMPERING.keys())
def test_not_even_the_admin_changes_what_landlord_made(
    tenancy: Tenancy, kind: str, tamper: Callable[[Actor, Object], Answer]
) -> None:
    target = landlords(tenancy, kind)
    before = tenancy.admin.get(target).allowed()["metadata"]["resourceVersion"]
    answer = tamper(tenancy.admin, target)
    if tamper is not TAMPERING["impersonate the field manager"]:
        answer.denied_by("landlord-objects")
    elif answer.ok:  # an apply of exactly what is there changes nothing, not even a manager of the same name
        assert answer.body["metadata"]["resourceVersion"] == before
    assert tenancy.admin.get(target).ok


@pytest.mark.parametrize("kind", ["NetworkPolicy", "RoleBinding", "ServiceAccount"])
@pytest.mark.parametrize("tamper", sorted(TAMPERING.keys() - {"impersonate the field manager", "delete all"}))
def test_an_owner_who_has_the_right_is_still_stopped(tenancy: Tenancy, kind: str, tamper: str) -> None:
    TAMPERING[tamper](tenancy.owner, landlords(tenancy, kind)).denied_by("landlord-objects")


@pytest.mark.parametrize("kind", ["ResourceQuota", "LimitRange"])
@pytest.mark.parametrize("role", ["owner", "editor", "viewer", "deployer"])
@pytest.mark.parametrize("tamper", TAMPERING.keys())
def test_members_and_releases_have_no_right_on_quotas_and_limits(
    tenancy: Tenancy, kind: str, role: str, tamper: str
) -> None:
    TAMPERING[tamper](getattr(tenancy, role), landlords(tenancy, kind)).forbidden()
    getattr(tenancy, role).create(own(tenancy, kind)).forbidden()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "label",
    [
        {"landlord.dev/tenant": "evil"},
        {"landlord.dev/environment": "production"},
        {"app.kubernetes.io/managed-by": "landlord"},
    ],
    ids=lambda label: next(iter(label)),
)
def test_nobody_claims_landlords_labels_for_an_object_of_his_own(
    tenancy: Tenancy, kind: str, label: dict[str, str]
) -> None:
    tenancy.admin.create(own(tenancy, kind, labels=label), dry_run=True).denied_by("landlord-objects")
    tenancy.admin.apply(own(tenancy, kind, "claimed")).allowed()
    tenancy.admin.patch(own(tenancy, kind, "claimed"), {"metadata": {"labels": label}}).denied_by("landlord-objects")


@pytest.mark.parametrize("kind", ["ResourceQuota", "LimitRange", "NetworkPolicy", "RoleBinding"])
def test_nobody_takes_a_name_that_is_kept_for_landlord(tenancy: Tenancy, kind: str) -> None:
    words = tenancy.admin.create(own(tenancy, kind, "landlord-extra"), dry_run=True).denied_by("landlord-objects")
    assert "Choose another name" in words
    tenancy.admin.create(own(tenancy, kind, "landlords"), dry_run=True).allowed()


@pytest.mark.parametrize("kind", ["NetworkPolicy", "RoleBinding"])
def test_nobody_takes_landlords_own_name(tenancy: Tenancy, kind: str) -> None:
    tenancy.owner.create(own(tenancy, kind, "landlord"), dry_run=True).denied_by("landlord-objects")


@pytest.mark.parametrize("kind", KINDS)
def test_the_admin_keeps_objects_of_his_own(tenancy: Tenancy, kind: str) -> None:
    mine = own(tenancy, kind, "mine", labels={"app.kubernetes.io/managed-by": "Helm"})
    tenancy.admin.create(mine).allowed()
    tenancy.admin.patch(mine, {"metadata": {"labels": {"a": "b"}}}).allowed()
    tenancy.admin.delete(mine).allowed()


@pytest.mark.parametrize("kind", ["NetworkPolicy", "RoleBinding", "ServiceAccount"])
def test_an_owner_and_a_release_keep_objects_of_their_own(tenancy: Tenancy, kind: str) -> None:
    for actor in (tenancy.owner, tenancy.deployer):
        mine = own(tenancy, kind)
        if actor is tenancy.deployer and kind == "RoleBinding":
            continue  # a release may bind only what its deployer holds; see test_policies_access
        actor.create(mine).allowed()
        actor.patch(mine, {"metadata": {"labels": {"a": "b"}}}).allowed()
        actor.delete(mine).allowed()


def test_break_glass_and_the_operator_change_what_landlord_made(settle: Settle) -> None:
    tenancy = settle()
    for kind in KINDS:
        target = landlords(tenancy, kind)
        tenancy.break_glass.patch(target, {"metadata": {"annotations": {"why": "fire"}}}).allowed()
        tenancy.operator.patch(target, {"metadata": {"annotations": {"why": None}}}).allowed()
        tenancy.break_glass.delete(target).allowed()


def test_the_status_of_a_quota_is_counted_and_its_metadata_is_not_touched_on_that_way(tenancy: Tenancy) -> None:
    quota = landlords(tenancy, "ResourceQuota")
    controller = tenancy.admin.impersonating("system:serviceaccount:kube-system:resourcequota-controller")
    counted = tenancy.admin.get(quota).allowed()
    counted["status"] = {"hard": counted["spec"]["hard"], "used": {"requests.cpu": "7"}}
    controller.replace(counted, "status").allowed()
    sly = {"metadata": {"labels": {"landlord.dev/tenant": "evil"}}}
    tenancy.admin.patch(quota, sly, "status").denied_by("landlord-objects")
    tenancy.owner.patch(quota, {"status": {"used": {"requests.cpu": "0"}}}, "status").forbidden()


def test_controllers_of_kubernetes_may_add_secrets_to_an_account_but_not_relabel_it(tenancy: Tenancy) -> None:
    account = landlords(tenancy, "ServiceAccount")
    controller = tenancy.admin.impersonating("system:serviceaccount:kube-system:tokens", "system:masters")
    controller.patch(account, {"imagePullSecrets": [{"name": "pull"}]}).allowed()
    controller.patch(account, {"metadata": {"labels": {"landlord.dev/tenant": "evil"}}}).denied_by("landlord-objects")
    tenancy.owner.patch(account, {"imagePullSecrets": [{"name": "mine"}]}).denied_by("landlord-objects")


def test_the_labels_of_other_kinds_are_everybodys(tenancy: Tenancy) -> None:
    marked = tenancy.here({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": ours("x")}})
    tenancy.editor.create(marked, dry_run=True).allowed()
