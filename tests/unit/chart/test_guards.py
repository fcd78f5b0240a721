"""The admission policies in the rendered manifests: what must hold of each, whatever it guards."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from landlord.api import names

MANIFESTS = Path(__file__).resolve().parents[3] / "manifests"
Object = dict[str, Any]


def documents() -> list[Object]:
    """Everything under policies/."""
    paths = sorted((MANIFESTS / "policies").glob("*.yaml"))
    return [one for path in paths for one in yaml.safe_load_all(path.read_text("utf-8")) if one]


POLICIES = {one["metadata"]["name"]: one for one in documents() if one["kind"] == "ValidatingAdmissionPolicy"}
BINDINGS = {one["metadata"]["name"]: one for one in documents() if one["kind"] == "ValidatingAdmissionPolicyBinding"}
HOT = [("", "pods"), ("", "configmaps"), ("", "secrets"), ("apps", "deployments"), ("apps", "replicasets")]
# Whom these guard against is not "everybody else", or there is no way around them at all.
SPECIAL = {
    "landlord-namespaces",
    "landlord-operator-namespaces",
    "landlord-operator-objects",
    "landlord-tenants",
    "landlord-deployers",
}
OPERATOR = f"system:serviceaccount:{names.OPERATOR_NAMESPACE}:{names.OPERATOR_SERVICE_ACCOUNT}"


def resource_rules(policy: Object) -> list[Object]:
    return list(policy["spec"]["matchConstraints"]["resourceRules"])


def matches(policy: Object, group: str, resource: str) -> bool:
    return any(
        {group, "*"} & set(rule["apiGroups"]) and {resource, "*"} & set(rule["resources"])
        for rule in resource_rules(policy)
    )


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_is_stable_fails_closed_and_is_bound_to_deny(name: str) -> None:
    policy = POLICIES[name]
    assert policy["apiVersion"] == "admissionregistration.k8s.io/v1"
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert "paramKind" not in policy["spec"]
    assert BINDINGS[name]["spec"] == {"policyName": name, "validationActions": ["Deny"]}


def test_there_is_no_binding_without_a_policy() -> None:
    assert BINDINGS.keys() == POLICIES.keys()


@pytest.mark.parametrize("name", POLICIES)
def test_every_refusal_is_a_sentence_even_when_its_expression_fails(name: str) -> None:
    for validation in POLICIES[name]["spec"]["validations"]:
        assert validation["message"].endswith("."), validation
        assert validation["message"][0].isupper(), validation
        assert len(validation["message"]) > 40, validation


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_on_namespaces_covers_every_subresource(name: str) -> None:
    for rule in resource_rules(POLICIES[name]):
        if any(resource.startswith("namespaces") for resource in rule["resources"]):
            assert rule["resources"] == ["namespaces", "namespaces/*"]
            assert "namespaceSelector" not in POLICIES[name]["spec"]["matchConstraints"]


@pytest.mark.parametrize("name", ["landlord-objects", "landlord-operator-objects"])
def test_a_policy_on_marked_objects_covers_every_subresource(name: str) -> None:
    for rule in resource_rules(POLICIES[name]):
        plain = {resource for resource in rule["resources"] if "/" not in resource}
        assert set(rule["resources"]) == plain | {f"{resource}/*" for resource in plain}


@pytest.mark.parametrize("name", sorted(POLICIES.keys() - SPECIAL))
def test_the_operator_break_glass_and_the_janitors_of_kubernetes_are_exempt_by_name(name: str) -> None:
    exempt = " ".join(condition["expression"] for condition in POLICIES[name]["spec"]["matchConditions"])
    for user in (
        OPERATOR,
        "system:serviceaccount:kube-system:generic-garbage-collector",
        "system:serviceaccount:kube-system:namespace-controller",
        "system:kube-controller-manager",
    ):
        assert f"'{user}'" in exempt
    assert "'landlord:break-glass' in request.userInfo.?groups" in exempt


@pytest.mark.parametrize("name", sorted(POLICIES.keys() - SPECIAL))
def test_a_policy_that_refuses_deletions_lets_namespaces_end(name: str) -> None:
    deletes = any("DELETE" in rule["operations"] for rule in resource_rules(POLICIES[name]))
    assert not deletes or "namespaceObject.metadata.deletionTimestamp" in yaml.safe_dump(POLICIES[name], width=10**6)


@pytest.mark.parametrize("name", POLICIES)
def test_match_conditions_do_not_ask_for_the_namespace_which_they_cannot_see(name: str) -> None:
    for condition in POLICIES[name]["spec"].get("matchConditions", []):
        assert "namespaceObject" not in condition["expression"]


@pytest.mark.parametrize(("group", "resource"), HOT)
def test_few_policies_meet_what_is_written_often(group: str, resource: str) -> None:
    others = {name for name in POLICIES if not name.startswith("landlord-operator")}
    assert len([name for name in others if matches(POLICIES[name], group, resource)]) <= 4


def test_policies_read_exactly_the_parameters_that_the_operator_writes() -> None:
    read = set(re.findall(r"landlord\.dev/policy\.[a-z-]+", yaml.safe_dump_all(POLICIES.values(), width=10**6)))
    # Where charts come from the operator sees to itself: it has the URL parsed, and a policy has not.
    written = {value for key, value in vars(names).items() if key.startswith("POLICY_")}
    assert read == written - {names.POLICY_CHART_SOURCES}


def test_policies_select_by_the_labels_that_the_operator_writes() -> None:
    keys = set()
    for policy in POLICIES.values():
        selector = policy["spec"]["matchConstraints"].get("namespaceSelector", {})
        keys |= {one["key"] for one in selector.get("matchExpressions", [])} | selector.get("matchLabels", {}).keys()
    assert keys == {
        names.LABEL_TENANT,
        names.LABEL_CORDONED,
        names.LABEL_WORKLOADS,
        "kubernetes.io/metadata.name",
    }


def test_the_guard_that_the_operator_probes_is_applied_last() -> None:
    kustomization = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text("utf-8"))
    assert kustomization["resources"][-1] == "policies/operator.yaml"
    assert kustomization["sortOptions"] == {"order": "fifo"}
