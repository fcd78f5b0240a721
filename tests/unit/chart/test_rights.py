"""The rights in the rendered manifests: what no scanner checks, read rule by rule."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from landlord.api import names

MANIFESTS = Path(__file__).resolve().parents[3] / "manifests"
Object = dict[str, Any]


@cache
def rendered() -> tuple[Object, ...]:
    """Every rendered object but the definitions of Landlord's kinds."""
    paths = [path for path in sorted(MANIFESTS.rglob("*.yaml")) if path.name != "crds.yaml"]
    return tuple(one for path in paths for one in yaml.safe_load_all(path.read_text("utf-8")) if one)


def objects(*kinds: str) -> list[Object]:
    """Every rendered object of these kinds."""
    return [one for one in rendered() if one["kind"] in kinds]


def rules(name: str | None = None) -> Iterator[tuple[str, Object]]:
    """Role name and rule, of one role or of all."""
    for role in objects("Role", "ClusterRole"):
        if name in (None, role["metadata"]["name"]):
            for rule in role.get("rules", []):
                yield role["metadata"]["name"], rule


def test_there_is_something_to_read() -> None:
    assert len(list(rules())) > 30


def test_nothing_is_granted_by_wildcard() -> None:
    for name, rule in rules():
        for field in ("apiGroups", "resources", "verbs"):
            assert not [entry for entry in rule[field] if "*" in entry], (name, rule)
        assert "nonResourceURLs" not in rule, name


def test_nobody_may_escalate_or_mint_tokens() -> None:
    for name, rule in rules():
        assert "escalate" not in rule["verbs"], name
        assert "serviceaccounts/token" not in rule["resources"], name


def test_only_the_operator_impersonates_and_only_names_of_deployers() -> None:
    found = [(name, rule) for name, rule in rules() if any("impersonate" in verb for verb in rule["verbs"])]
    assert found == [
        ("landlord-deploys", {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]})
    ]
    (role,) = [one for one in objects("Role", "ClusterRole") if one["metadata"]["name"] == "landlord-deploys"]
    assert role["kind"] == "Role"
    assert role["metadata"]["namespace"] == names.DEPLOYERS_NAMESPACE


def test_the_ledger_is_the_operators_in_its_own_namespace_alone() -> None:
    (role,) = [one for one in objects("Role", "ClusterRole") if one["metadata"]["name"] == "landlord-ledger"]
    assert role["kind"] == "Role"
    assert role["metadata"]["namespace"] == names.OPERATOR_NAMESPACE
    for name in ("landlord-operator", "landlord-leader", "landlord-deploys"):
        assert not [rule for _, rule in rules(name) if "configmaps" in rule["resources"]]


def test_only_the_operator_binds_and_only_the_roles_of_the_chart() -> None:
    binding = [(name, rule) for name, rule in rules() if "bind" in rule["verbs"]]
    assert len(binding) == 1
    name, rule = binding[0]
    assert name == "landlord-operator"
    assert rule["resources"] == ["clusterroles"]
    assert rule["verbs"] == ["bind"]
    assert rule["resourceNames"] == ["landlord-owner", "landlord-editor", "landlord-viewer", names.DEPLOYER_ROLE]


@pytest.mark.parametrize("role", ["landlord-operator", "landlord-leader", "landlord-ledger", "landlord-deploys"])
def test_the_operator_touches_no_secret_workload_or_admission(role: str) -> None:
    for _, rule in rules(role):
        assert not {"secrets", "pods/exec", "nodes", "deployments"} & set(rule["resources"])
        assert not {"admissionregistration.k8s.io", "apps", "batch"} & set(rule["apiGroups"])
        if {"pods", "services", "ingresses"} & set(rule["resources"]):
            assert rule["verbs"] == (["get"] if role == "landlord-ledger" else ["list"])


def test_definitions_and_kinds_of_landlord_are_never_created_and_only_releases_deleted_by_the_operator() -> None:
    deleted = []
    for _, rule in rules("landlord-operator"):
        if {"landlord.dev", "apiextensions.k8s.io"} & set(rule["apiGroups"]):
            assert not {"create", "deletecollection"} & set(rule["verbs"])
            deleted += rule["resources"] if "delete" in rule["verbs"] else []
    assert deleted == ["appreleases"]


def test_one_cluster_wide_binding_exists_and_it_is_the_operators() -> None:
    bindings = objects("ClusterRoleBinding")
    assert [one["roleRef"]["name"] for one in bindings] == ["landlord-operator"]
    account = {"kind": "ServiceAccount", "name": names.OPERATOR_SERVICE_ACCOUNT, "namespace": names.OPERATOR_NAMESPACE}
    for one in [*bindings, *objects("RoleBinding")]:
        assert one["subjects"] == [account]
        assert one["roleRef"]["name"].startswith("landlord-")


def test_the_members_roles_are_filled_by_label_and_stand_on_each_other() -> None:
    roles = {one["metadata"]["name"]: one for one in objects("ClusterRole")}
    for role in ("owner", "editor", "viewer"):
        aggregated = roles[f"landlord-{role}"]
        assert "rules" not in aggregated
        selector = {f"landlord.dev/aggregate-to-{role}": "true"}
        assert aggregated["aggregationRule"] == {"clusterRoleSelectors": [{"matchLabels": selector}]}
        assert roles[f"landlord-{role}-base"]["metadata"]["labels"].items() >= selector.items()
    assert "landlord.dev/aggregate-to-editor" in roles["landlord-viewer"]["metadata"]["labels"]
    assert "landlord.dev/aggregate-to-owner" in roles["landlord-editor"]["metadata"]["labels"]


@pytest.mark.parametrize(
    "role", ["landlord-owner-base", "landlord-editor-base", "landlord-viewer-base", "landlord-deployer"]
)
def test_members_and_releases_write_no_guard(role: str) -> None:
    guards = {"namespaces", "resourcequotas", "limitranges", "endpoints", "endpointslices", "secretstores"}
    for _, rule in rules(role):
        if guards & set(rule["resources"]):
            assert set(rule["verbs"]) <= {"get", "list", "watch"}
        assert not [one for one in rule["resources"] if one.endswith("/status") and "get" not in rule["verbs"]]
        if "landlord.dev" in rule["apiGroups"]:
            assert set(rule["resources"]) <= {"appreleases", "appreleases/status"}
            assert role != names.DEPLOYER_ROLE


def test_members_write_what_is_wanted_of_a_release_and_not_how_it_is() -> None:
    writing = [
        (name, set(rule["resources"]))
        for name, rule in rules()
        if "landlord.dev" in rule["apiGroups"]
        and {"create", "patch"} & set(rule["verbs"])
        and not name.startswith("landlord-operator")
    ]
    assert writing == [("landlord-editor-base", {"appreleases"})]


def test_viewers_see_no_secret() -> None:
    assert not [rule for _, rule in rules("landlord-viewer-base") if "secrets" in rule["resources"]]


def test_the_deployer_gets_nothing_that_it_may_not_write() -> None:
    for _, rule in rules(names.DEPLOYER_ROLE):
        writes = {"create", "update", "patch"} & set(rule["verbs"])
        assert writes or "get" not in rule["verbs"] or rule["resources"] == ["pods/log"], rule


def test_the_operators_account_gives_its_token_to_no_pod_unasked() -> None:
    (account,) = objects("ServiceAccount")
    assert account["metadata"]["name"] == names.OPERATOR_SERVICE_ACCOUNT
    assert account["automountServiceAccountToken"] is False


def test_both_namespaces_hold_pods_to_the_strictest_level() -> None:
    found = {one["metadata"]["name"]: one["metadata"]["labels"] for one in objects("Namespace")}
    assert found.keys() == {names.OPERATOR_NAMESPACE, names.DEPLOYERS_NAMESPACE}
    assert all(labels["pod-security.kubernetes.io/enforce"] == "restricted" for labels in found.values())
