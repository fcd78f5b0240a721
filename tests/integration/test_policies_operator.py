"""What a thief of the operator's token cannot do: its real token, exactly the chart's rights, nothing impersonated."""

import pytest

from landlord.api import names
from tests.actors import MERGE, Object
from tests.policies import Settle
from tests.specimens import apprelease
from tests.tenancy import People, Tenancy, binding, children, namespace, ours

pytestmark = pytest.mark.cluster

PROTECTED = ["kube-system", "kube-public", "kube-node-lease", "default", "landlord-system", "landlord-deployers"]


def bare(name: str, **metadata: object) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **metadata}}


@pytest.fixture(scope="module")
def foreign(people: People) -> str:
    """A namespace of the platform's that is neither protected by name nor any tenant's."""
    people.admin.create(bare("platform-registry"))
    return "platform-registry"


@pytest.mark.parametrize("where", PROTECTED)
def test_nothing_is_written_in_protected_namespaces(people: People, where: str) -> None:
    for child in children(where):
        if (where, child["kind"]) == (names.DEPLOYERS_NAMESPACE, "ServiceAccount"):
            continue  # two policies refuse it, and either may speak; see test_policies_access
        refused = people.operator.create(child, dry_run=True)
        assert f"in namespaces of tenants, and {where} is none" in refused.denied_by("landlord-operator-objects")
        people.operator.apply(child, manager="landlord").denied_by("landlord-operator-objects")


def test_nothing_is_written_in_namespaces_that_are_no_tenants(people: People, foreign: str) -> None:
    for child in children(foreign):
        people.operator.create(child, dry_run=True).denied_by("landlord-operator-objects")


def test_nothing_is_changed_or_deleted_in_namespaces_that_are_no_tenants(people: People, foreign: str) -> None:
    for child in children(foreign):
        people.admin.apply(child).allowed()
        people.operator.patch(child, {"metadata": {"labels": {"a": "b"}}}).denied_by("landlord-operator-objects")
        people.operator.delete(child).denied_by("landlord-operator-objects")
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": "kube-system"},
    }
    people.operator.delete(account).denied_by("landlord-operator-objects")


def test_everything_a_tenant_needs_is_written_changed_and_deleted_in_its_namespace(settle: Settle) -> None:
    tenancy = settle()
    for child in children(tenancy.namespace):
        tenancy.operator.apply(child, manager="landlord").allowed()
        tenancy.operator.delete(child).allowed()


@pytest.mark.parametrize("role", ["cluster-admin", "admin", "edit"])
def test_rbac_lets_it_bind_only_roles_of_the_chart(tenancy: Tenancy, role: str) -> None:
    escalation = binding("x", tenancy.namespace, role=role, users=["me"], labels=ours("x"))
    tenancy.operator.create(escalation, dry_run=True).forbidden()


@pytest.mark.parametrize("role", ["landlord-operator", "system:discovery"])
def test_policy_lets_it_bind_no_role_that_it_holds_itself(tenancy: Tenancy, role: str) -> None:
    escalation = binding("x", tenancy.namespace, role=role, users=["me"], labels=ours("x"))
    tenancy.operator.create(escalation, dry_run=True).denied_by("landlord-operator-objects")


def test_a_role_of_the_namespace_is_not_bound(tenancy: Tenancy) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "empty"}, "rules": []}
    tenancy.admin.create(tenancy.here(role)).allowed()
    words = tenancy.operator.create(
        binding("x", tenancy.namespace, role="empty", kind="Role", users=["me"]), dry_run=True
    ).denied_by("landlord-operator-objects")
    assert "Role empty" in words


@pytest.mark.parametrize("role", ["landlord-owner", "landlord-editor", "landlord-viewer", "landlord-deployer"])
def test_the_roles_of_the_chart_are_bound(tenancy: Tenancy, role: str) -> None:
    tenancy.operator.create(binding("x", tenancy.namespace, role=role, users=["me"]), dry_run=True).allowed()


def test_a_namespace_without_a_tenant_is_not_created(people: People) -> None:
    people.operator.create(bare("stray"), dry_run=True).denied_by("landlord-operator-namespaces")
    people.operator.create(namespace("stray"), dry_run=True).allowed()


@pytest.mark.parametrize("name", ["landlord-system", "landlord-deployers", "kube-node-lease", "default"])
def test_a_protected_namespace_is_made_no_tenants(people: People, name: str) -> None:
    mark = {"metadata": {"labels": {names.LABEL_TENANT: "t"}}}
    people.operator.patch(bare(name), mark).denied_by("landlord-operator-namespaces")


@pytest.mark.parametrize("name", ["landlord-system", "landlord-deployers", "kube-node-lease"])
def test_a_protected_namespace_is_not_deleted(people: People, name: str) -> None:
    people.operator.delete(bare(name)).denied_by("landlord-operator-namespaces")


def test_a_protected_name_is_not_created(people: People) -> None:
    people.operator.create(namespace("kube-mine"), dry_run=True).denied_by("landlord-operator-namespaces")


def test_a_namespace_that_is_no_tenants_is_neither_changed_nor_deleted(people: People, foreign: str) -> None:
    change = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    people.operator.patch(bare(foreign), change).denied_by("landlord-operator-namespaces")
    people.operator.delete(bare(foreign)).denied_by("landlord-operator-namespaces")


def test_what_pod_security_would_say_may_be_asked_of_a_namespace_that_could_be_adopted(
    people: People, foreign: str
) -> None:
    asked = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    for where, allowed in ((foreign, True), ("kube-public", False)):
        answer = people.operator.request("PATCH", f"/api/v1/namespaces/{where}?dryRun=All", asked, MERGE)
        assert answer.ok == allowed, answer.message
    assert people.operator.request("DELETE", f"/api/v1/namespaces/{foreign}?dryRun=All").status == 403


def test_a_tenants_mark_is_not_taken_off(tenancy: Tenancy) -> None:
    mark = {"metadata": {"labels": {names.LABEL_TENANT: None}}}
    tenancy.operator.patch(bare(tenancy.namespace), mark).denied_by("landlord-operator-namespaces")


def test_a_namespace_is_adopted_by_writing_the_tenants_mark(people: People) -> None:
    people.admin.create(bare("adoptee")).allowed()
    people.operator.apply(namespace("adoptee"), manager="landlord").allowed()
    people.operator.delete(namespace("adoptee")).allowed()


def test_secrets_workloads_and_tokens_are_out_of_reach_everywhere(tenancy: Tenancy) -> None:
    operator = tenancy.operator
    for where in (tenancy.namespace, "kube-system", names.OPERATOR_NAMESPACE, names.DEPLOYERS_NAMESPACE, ""):
        for verb in ("get", "list", "watch", "create", "update", "patch", "delete"):
            assert not operator.may(verb, "secrets", where), (verb, where)
        for verb in ("create", "update", "patch", "delete"):
            assert not operator.may(verb, "pods", where), (verb, where)
            assert not operator.may(verb, "deployments", where, group="apps"), (verb, where)
        assert not operator.may("create", "serviceaccounts/token", where), where
        assert not operator.may("create", "pods/exec", where), where
        assert operator.may("impersonate", "serviceaccounts", where) == (where == names.DEPLOYERS_NAMESPACE), where


def test_roles_definitions_and_admission_are_out_of_reach(people: People) -> None:
    rbac, admission = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
    for verb in ("create", "update", "patch", "delete", "escalate"):
        assert not people.operator.may(verb, "clusterroles", "", group=rbac)
        assert not people.operator.may(verb, "roles", "kube-system", group=rbac)
        assert not people.operator.may(verb, "clusterrolebindings", "", group=rbac)
        assert not people.operator.may(verb, "validatingadmissionpolicies", "", group=admission)
        assert not people.operator.may(verb, "validatingadmissionpolicybindings", "", group=admission)
        assert not people.operator.may(verb, "customresourcedefinitions", "", group="apiextensions.k8s.io")
    assert not people.operator.may("bind", "clusterroles", "", group=rbac)
    assert not people.operator.may("bind", "clusterroles", "", group=rbac, name="cluster-admin")
    assert people.operator.may("bind", "clusterroles", "", group=rbac, name="landlord-owner")
    for right in ("users", "groups"):
        assert not people.operator.may("impersonate", right, "")


def test_releases_are_deleted_only_in_namespaces_of_tenants(people: People, foreign: str, settle: Settle) -> None:
    tenancy = settle()
    stray, own = apprelease("stray"), tenancy.here(apprelease("web"))
    stray["metadata"]["namespace"] = foreign
    people.admin.apply(stray).allowed()
    people.operator.delete(stray).denied_by("landlord-operator-objects")
    people.admin.apply(own).allowed()
    people.operator.delete(own).allowed()
