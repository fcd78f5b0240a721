"""Nobody gets into a tenant's namespace, or out of it, by a binding, a role, a token, a pod or somebody else's name."""

import pytest

from landlord.api import names
from tests.actors import Actor, Object
from tests.policies import Settle
from tests.tenancy import People, Tenancy, binding, config_map, pod

pytestmark = pytest.mark.cluster

WRITERS = ["owner", "admin"]


def role(tenancy: Tenancy, *rules: Object, name: str = "made") -> Object:
    head = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role"}
    return {**head, "metadata": {"name": name, "namespace": tenancy.namespace}, "rules": list(rules)}


def rule(verbs: list[str], resources: list[str], groups: list[str] | None = None) -> Object:
    return {"apiGroups": groups if groups is not None else [""], "resources": resources, "verbs": verbs}


@pytest.mark.parametrize("target", ["cluster-admin", "admin", "edit", "landlord-operator", "landlord-deployer"])
def test_an_owner_cannot_bind_a_role_that_holds_more_than_he_does(tenancy: Tenancy, target: str) -> None:
    escalation = binding("up", tenancy.namespace, role=target, users=[f"owner@{tenancy.namespace}"])
    tenancy.owner.create(escalation, dry_run=True).forbidden()


@pytest.mark.parametrize("target", ["cluster-admin", "admin", "edit", "landlord-operator", "landlord-deployer"])
def test_not_even_the_admin_binds_such_a_role_in_a_tenants_namespace(tenancy: Tenancy, target: str) -> None:
    escalation = binding("up", tenancy.namespace, role=target, users=["sam"])
    words = tenancy.admin.create(escalation, dry_run=True).denied_by("landlord-rolebindings")
    assert target in words
    assert "landlord-editor" in words


@pytest.mark.parametrize("target", ["landlord-viewer", "landlord-editor", "landlord-owner"])
def test_an_owner_lets_a_colleague_in(tenancy: Tenancy, target: str) -> None:
    tenancy.owner.create(binding("in", tenancy.namespace, role=target, users=["sam"]), dry_run=True).allowed()


def test_an_editor_lets_nobody_in(tenancy: Tenancy) -> None:
    tenancy.editor.create(
        binding("in", tenancy.namespace, role="landlord-viewer", users=["sam"]), dry_run=True
    ).forbidden()


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize(
    "subject",
    [
        {"groups": ["system:authenticated"]},
        {"groups": ["system:unauthenticated"]},
        {"groups": ["system:serviceaccounts"]},
        {"groups": ["system:serviceaccounts:kube-system"]},
        {"groups": ["system:masters"]},
        {"groups": ["friends", "system:authenticated"]},
        {"users": ["system:anonymous"]},
        {"users": ["system:serviceaccount:kube-system:replicaset-controller"]},
        {"users": ["system:kube-scheduler"]},
        {"accounts": [("kube-system", "default")]},
        {"accounts": [("landlord-system", "landlord")]},
        {"accounts": [("landlord-deployers", "somebody")]},
    ],
    ids=str,
)
def test_nobody_lets_the_system_or_everybody_in(tenancy: Tenancy, writer: str, subject: dict[str, list[str]]) -> None:
    actor: Actor = getattr(tenancy, writer)
    wide = binding("wide", tenancy.namespace, role="landlord-viewer", **subject)  # type: ignore[arg-type]
    actor.create(wide, dry_run=True).denied_by("landlord-rolebindings")


@pytest.mark.parametrize("writer", WRITERS)
def test_a_binding_that_was_harmless_is_not_widened(tenancy: Tenancy, writer: str) -> None:
    actor: Actor = getattr(tenancy, writer)
    harmless = binding(f"of-{writer}", tenancy.namespace, role="landlord-viewer", users=["sam"])
    actor.create(harmless).allowed()
    everybody = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}
    actor.patch(harmless, {"subjects": [everybody]}).denied_by("landlord-rolebindings")
    actor.apply({**harmless, "subjects": [everybody]}).denied_by("landlord-rolebindings")


@pytest.mark.parametrize("writer", WRITERS)
def test_people_groups_and_accounts_by_name_are_let_in(tenancy: Tenancy, writer: str) -> None:
    actor: Actor = getattr(tenancy, writer)
    fine = binding(
        "fine",
        tenancy.namespace,
        role="landlord-viewer",
        users=["sam"],
        groups=["friends", f"system:serviceaccounts:{tenancy.namespace}"],
        accounts=[(tenancy.namespace, "worker"), ("argocd", "controller")],
    )
    actor.create(fine, dry_run=True).allowed()


def test_a_binding_from_before_the_adoption_can_be_tidied_but_not_widened(people: People, settle: Settle) -> None:
    name = "adopted-with-admins"
    bare: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    people.admin.create(bare).allowed()
    old = binding("admins", name, role="admin", groups=["system:authenticated"])
    people.admin.create(old).allowed()
    people.operator.patch(bare, {"metadata": {"labels": {names.LABEL_TENANT: "adopter"}}}).allowed()
    people.admin.patch(old, {"metadata": {"labels": {"reviewed": "true"}}}).allowed()
    more = {"subjects": [*old["subjects"], {"kind": "ServiceAccount", "namespace": "kube-system", "name": "x"}]}
    people.admin.patch(old, more).denied_by("landlord-rolebindings")
    people.admin.delete(old).allowed()
    people.break_glass.delete(bare).allowed()


@pytest.mark.parametrize(
    "bad",
    [
        rule(["impersonate"], ["serviceaccounts"]),
        rule(["get", "impersonate"], ["users", "groups"]),
        rule(["impersonate:serviceaccount"], ["serviceaccounts"], ["authentication.k8s.io"]),
        rule(["impersonate-on:serviceaccount:list"], ["pods"]),
        rule(["*"], ["serviceaccounts"]),
        rule(["*"], ["*"], ["*"]),
        rule(["create"], ["serviceaccounts/token"]),
        rule(["create"], ["*/token"]),
        rule(["create", "get"], ["*"]),
        rule(["bind"], ["clusterroles"], ["rbac.authorization.k8s.io"]),
        rule(["escalate"], ["roles"], ["rbac.authorization.k8s.io"]),
        rule(["*"], ["roles"], ["rbac.authorization.k8s.io"]),
    ],
    ids=str,
)
def test_no_role_grants_other_identities_or_more_rights(tenancy: Tenancy, bad: Object) -> None:
    tenancy.owner.create(role(tenancy, bad), dry_run=True).forbidden()  # he does not hold it
    tenancy.admin.create(role(tenancy, rule(["get"], ["pods"]), bad), dry_run=True).denied_by("landlord-roles")
    harmless = role(tenancy, rule(["get"], ["pods"]), name="grows")
    tenancy.admin.apply(harmless).allowed()
    tenancy.admin.patch(harmless, {"rules": [bad]}).denied_by("landlord-roles")


@pytest.mark.parametrize(
    "good",
    [
        rule(["get", "list", "watch"], ["pods", "services", "configmaps", "endpoints"]),
        rule(["create", "update", "patch", "delete"], ["configmaps", "secrets", "pods"]),
        rule(["get", "create", "update"], ["leases"], ["coordination.k8s.io"]),
        rule(["create", "patch"], ["events"]),
        rule(["get", "list", "create", "delete"], ["roles", "rolebindings"], ["rbac.authorization.k8s.io"]),
    ],
    ids=str,
)
def test_roles_that_applications_need_are_granted_by_owners(tenancy: Tenancy, good: Object) -> None:
    tenancy.owner.create(role(tenancy, good), dry_run=True).allowed()


@pytest.mark.parametrize(
    "good",
    [
        rule(["*"], ["*"], ["apps"]),
        rule(["get", "list", "watch"], ["*"], ["*"]),
        rule(["*"], ["pods"]),
        {"nonResourceURLs": [], "verbs": ["get"], "resources": ["pods"], "apiGroups": [""]},
    ],
    ids=str,
)
def test_wide_but_harmless_roles_are_granted_by_the_admin(tenancy: Tenancy, good: Object) -> None:
    tenancy.admin.create(role(tenancy, good), dry_run=True).allowed()


def test_a_release_grants_what_it_holds_and_no_more(tenancy: Tenancy) -> None:
    leader = role(tenancy, rule(["get", "create", "update"], ["leases"], ["coordination.k8s.io"]), name="leader")
    tenancy.deployer.create(leader).allowed()
    bound = binding("leader", tenancy.namespace, role="leader", kind="Role", accounts=[(tenancy.namespace, "worker")])
    tenancy.deployer.create(bound).allowed()
    tenancy.deployer.create(role(tenancy, rule(["*"], ["*"], ["*"])), dry_run=True).forbidden()
    tenancy.deployer.create(
        binding("up", tenancy.namespace, role="cluster-admin", users=["me"]), dry_run=True
    ).forbidden()


@pytest.mark.parametrize("member", ["owner", "editor", "viewer", "deployer"])
class TestBecomingTheDeployer:
    """The deployer is a name without an account: there is nothing to steal."""

    def test_no_token_can_be_asked_for(self, tenancy: Tenancy, member: str) -> None:
        actor: Actor = getattr(tenancy, member)
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        for where, name in ((names.DEPLOYERS_NAMESPACE, tenancy.namespace), (tenancy.namespace, "worker")):
            path = f"/api/v1/namespaces/{where}/serviceaccounts/{name}/token"
            actor.request("POST", path, review).forbidden()

    def test_no_pod_account_or_secret_is_made_among_the_deployers(self, tenancy: Tenancy, member: str) -> None:
        actor: Actor = getattr(tenancy, member)
        where = names.DEPLOYERS_NAMESPACE
        metadata = {"name": tenancy.namespace, "namespace": where}
        actor.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}).forbidden()
        actor.create(pod(where)).forbidden()
        actor.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata}).forbidden()

    def test_nobody_is_impersonated(self, tenancy: Tenancy, member: str) -> None:
        actor: Actor = getattr(tenancy, member)
        for right, where in (
            ("serviceaccounts", names.DEPLOYERS_NAMESPACE),
            ("serviceaccounts", tenancy.namespace),
            ("users", ""),
            ("groups", ""),
        ):
            assert not actor.may("impersonate", right, where)

    def test_an_account_of_its_name_in_the_tenants_namespace_is_somebody_else(
        self, tenancy: Tenancy, member: str
    ) -> None:
        actor: Actor = getattr(tenancy, member)
        account = tenancy.here({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": tenancy.namespace}})
        made = actor.create(account)
        assert made.ok == (member != "viewer")
        impostor = tenancy.admin.impersonating(f"system:serviceaccount:{tenancy.namespace}:{tenancy.namespace}")
        impostor.create(config_map(tenancy.namespace)).forbidden()
        if made.ok:
            actor.delete(account).allowed()


def test_the_deployer_itself_does_write(tenancy: Tenancy) -> None:
    tenancy.deployer.create(config_map(tenancy.namespace, "of-the-release"), dry_run=True).allowed()


def test_an_account_bound_as_a_pod_may_use_has_no_power_over_the_namespace(tenancy: Tenancy) -> None:
    worker = tenancy.admin.account(tenancy.namespace, "worker")
    worker.create(config_map(tenancy.namespace)).forbidden()
    worker.get({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenancy.namespace}}).forbidden()


@pytest.mark.parametrize("actor", ["admin", "break_glass", "operator"])
@pytest.mark.parametrize("what", ["account", "token", "pod", "token secret"])
def test_nobody_at_all_gives_a_deployer_a_body(tenancy: Tenancy, actor: str, what: str) -> None:
    somebody: Actor = getattr(tenancy, actor)
    where, name = names.DEPLOYERS_NAMESPACE, tenancy.namespace
    head = {"metadata": {"name": name, "namespace": where}}
    if what == "token":
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = somebody.request("POST", f"/api/v1/namespaces/{where}/serviceaccounts/default/token", review)
    else:
        secret = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token", **head}
        secret["metadata"] = {**head["metadata"], "annotations": {"kubernetes.io/service-account.name": "default"}}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", **head}
        answer = somebody.create({"account": account, "pod": pod(where), "token secret": secret}[what], dry_run=True)
    if actor == "operator" and what in ("token", "pod", "token secret"):
        answer.forbidden()
    elif actor == "operator":
        assert not answer.ok
    else:
        answer.denied_by("landlord-deployers")


def test_the_deployers_namespace_may_hold_what_is_no_identity(people: People) -> None:
    people.admin.create(config_map(names.DEPLOYERS_NAMESPACE), dry_run=True).allowed()
    opaque = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": names.DEPLOYERS_NAMESPACE}}
    people.admin.create(opaque, dry_run=True).allowed()
