"""The chart as Helm sees it: fresh manifests, values that reach where they should, values that are refused."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from generators.committed import ROOT, stale
from generators.render_manifests import CHART, files, helm

Object = dict[str, Any]


def template(*options: str, namespace: str = "landlord-system") -> list[Object]:
    """What `helm template` makes of these options."""
    done = run("template", "landlord", str(ROOT / CHART), "--namespace", namespace, *options)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(helm()), *arguments], capture_output=True, text=True, check=False)


def named(objects: list[Object], kind: str, name: str) -> Object:
    return next(one for one in objects if one["kind"] == kind and one["metadata"]["name"] == name)


def text(one: Object) -> str:
    return yaml.safe_dump(one, width=10**6)


def test_the_committed_manifests_are_what_the_chart_renders() -> None:
    assert stale(files()) == []


def test_helm_finds_nothing_wrong_with_the_chart() -> None:
    done = run("lint", "--strict", str(ROOT / CHART))
    assert done.returncode == 0, done.stdout


def test_definitions_stay_when_the_release_goes() -> None:
    definitions = [one for one in template() if one["kind"] == "CustomResourceDefinition"]
    assert {one["spec"]["names"]["kind"] for one in definitions} >= {"Tenant", "Environment"}
    assert all(one["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep" for one in definitions)


def test_definitions_are_those_of_the_repository() -> None:
    rendered = {one["metadata"]["name"]: one for one in template() if one["kind"] == "CustomResourceDefinition"}
    for path in (ROOT / "crds").glob("*.yaml"):
        wanted = yaml.safe_load(path.read_text("utf-8"))
        assert rendered[wanted["metadata"]["name"]]["spec"] == wanted["spec"]


def test_definitions_can_be_left_out() -> None:
    assert not [one for one in template("--set", "crds.install=false") if one["kind"] == "CustomResourceDefinition"]


def test_helm_makes_the_release_namespace_unless_it_is_told_otherwise() -> None:
    assert [one["metadata"]["name"] for one in template() if one["kind"] == "Namespace"] == ["landlord-deployers"]
    both = [one for one in template("--set", "createReleaseNamespace=true") if one["kind"] == "Namespace"]
    assert {one["metadata"]["name"] for one in both} == {"landlord-system", "landlord-deployers"}


def test_another_release_namespace_and_account_move_rights_and_exemptions_with_them() -> None:
    objects = template("--set", "operator.serviceAccount=robot", namespace="platform")
    user = "system:serviceaccount:platform:robot"
    account = {"kind": "ServiceAccount", "name": "robot", "namespace": "platform"}
    assert named(objects, "ClusterRoleBinding", "landlord-operator")["subjects"] == [account]
    for name in ("landlord-objects", "landlord-operator-objects", "landlord-namespaces"):
        policy = text(named(objects, "ValidatingAdmissionPolicy", name))
        assert user in policy
        assert "landlord-system" not in policy
    confinement = text(named(objects, "ValidatingAdmissionPolicy", "landlord-operator-objects"))
    assert '["default","platform","landlord-deployers"]' in confinement


def test_a_role_for_deployers_is_bound_by_the_operator_and_by_nobody_else() -> None:
    objects = template("--set", "deployerClusterRoles={crossplane-edit}")
    rules = named(objects, "ClusterRole", "landlord-operator")["rules"]
    assert "crossplane-edit" in next(rule for rule in rules if rule["verbs"] == ["bind"])["resourceNames"]
    assert "crossplane-edit" in text(named(objects, "ValidatingAdmissionPolicy", "landlord-operator-objects"))
    assert "crossplane-edit" not in text(named(objects, "ValidatingAdmissionPolicy", "landlord-rolebindings"))


def test_a_role_that_may_be_bound_is_not_bound_by_the_operator() -> None:
    objects = template("--set", "bindableClusterRoles={metrics-reader}")
    assert "metrics-reader" in text(named(objects, "ValidatingAdmissionPolicy", "landlord-rolebindings"))
    assert "metrics-reader" not in text(named(objects, "ClusterRole", "landlord-operator"))


def test_namespaces_are_protected_by_name_and_by_prefix() -> None:
    objects = template("--set", "protectedNamespaces={vault,openshift-*}")
    confinement = text(named(objects, "ValidatingAdmissionPolicy", "landlord-operator-namespaces"))
    assert '["default","landlord-system","landlord-deployers","vault"]' in confinement
    assert '["kube-","openshift-"]' in confinement


def test_controllers_of_the_platform_go_on_under_cordon_and_beside_releases() -> None:
    user = "system:serviceaccount:cert-manager:cert-manager"
    objects = template("--set", f"platformControllers={{{user}}}")
    for name in ("landlord-cordon", "landlord-releases"):
        assert user in text(named(objects, "ValidatingAdmissionPolicy", name))
    assert user not in text(named(objects, "ValidatingAdmissionPolicy", "landlord-objects"))


@pytest.mark.parametrize(
    "option",
    [
        "unknown=1",
        "operator.breakGlassGroup=",
        "operator.breakGlassGroup=system:authenticated",
        "operator.breakGlassGroup=it's",
        "operator.serviceAccount=Not A Name",
        "deployerClusterRoles={cluster-admin}",
        "bindableClusterRoles={admin}",
        "protectedNamespaces={*}",
        "platformControllers={a'b}",
        "crds.install=yes",
    ],
)
def test_values_that_make_no_sense_are_refused(option: str) -> None:
    done = run("template", "landlord", str(ROOT / CHART), "--set", option)
    assert done.returncode != 0
    assert "don't meet the specifications of the schema" in done.stderr, done.stderr


def test_the_chart_carries_no_stray_file() -> None:
    kinds = {path.suffix or path.name for path in (ROOT / CHART).rglob("*") if path.is_file()}
    assert kinds == {".yaml", ".json", ".tpl", ".txt", ".helmignore"}
    assert Path(ROOT / CHART / "values.schema.json").is_file()
