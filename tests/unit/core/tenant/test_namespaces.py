"""The Namespace: its labels and the parameters of the policies."""

from typing import Any

import pytest

from landlord.core.tenant import namespaces
from tests.unit.core import building

POD_SECURITY = "pod-security.kubernetes.io/"


def labels(body: dict[str, Any] | None = None, **facts: Any) -> dict[str, str]:
    found: dict[str, str] = namespaces.plan(building.place(body, **facts)).manifest["metadata"]["labels"]
    return found


def annotations(body: dict[str, Any] | None = None, **facts: Any) -> dict[str, str]:
    found: dict[str, str] = namespaces.plan(building.place(body, **facts)).manifest["metadata"].get("annotations", {})
    return found


def test_a_namespace_says_whose_it_is() -> None:
    found = labels()
    assert found["app.kubernetes.io/managed-by"] == "landlord"
    assert found["landlord.dev/tenant"] == "shop"
    assert found["landlord.dev/environment"] == "dev"
    assert namespaces.plan(building.place()).ref.name == "shop-dev"


@pytest.mark.parametrize(
    ("said", "levels", "version"),
    [
        (None, ("restricted", "restricted", "restricted"), "latest"),
        ({}, ("restricted", "restricted", "restricted"), "latest"),
        ({"enforce": "baseline"}, ("baseline", "baseline", "baseline"), "latest"),
        ({"enforce": "privileged", "warn": "baseline"}, ("privileged", "privileged", "baseline"), "latest"),
        ({"audit": "privileged", "version": "v1.30"}, ("restricted", "privileged", "restricted"), "v1.30"),
    ],
)
def test_pod_security_is_restricted_by_default_and_audit_and_warn_follow(
    said: dict[str, str] | None, levels: tuple[str, str, str], version: str
) -> None:
    found = labels({"podSecurity": said})
    assert tuple(found[f"{POD_SECURITY}{mode}"] for mode in ("enforce", "audit", "warn")) == levels
    assert {found[f"{POD_SECURITY}{mode}-version"] for mode in ("enforce", "audit", "warn")} == {version}


def test_a_cordon_is_a_label_and_its_absence_none() -> None:
    assert labels(cordoned=True)["landlord.dev/cordoned"] == "true"
    assert "landlord.dev/cordoned" not in labels()


@pytest.mark.parametrize(
    ("tier", "said", "value"),
    [
        ("staging", {}, "Members"),
        ("production", {}, "ReleasesOnly"),
        ("production", {"workloads": "Members"}, "Members"),
        ("staging", {"workloads": "ReleasesOnly"}, "ReleasesOnly"),
    ],
)
def test_who_may_write_workloads_is_always_said(tier: str, said: dict[str, str], value: str) -> None:
    assert labels({"policies": said}, tier=tier)["landlord.dev/workloads"] == value


def test_policies_are_sorted_lists_an_empty_one_is_there_and_an_absent_one_is_not() -> None:
    said = {"registries": ["quay.io/b", "ghcr.io"], "serviceTypes": ["NodePort", "ClusterIP"], "storageClasses": []}
    assert annotations({"policies": said}) == {
        "landlord.dev/policy.registries": "ghcr.io,quay.io/b",
        "landlord.dev/policy.service-types": "ClusterIP,NodePort",
        "landlord.dev/policy.storage-classes": "",
    }
    others = {"ingressHosts": ["*.a.example"], "ingressClasses": ["nginx"], "priorityClasses": ["batch"]}
    others |= {"chartSources": ["oci://r.example/b/*", "https://a.example"]}
    assert annotations({"policies": others}) == {
        "landlord.dev/policy.chart-sources": "https://a.example,oci://r.example/b/*",
        "landlord.dev/policy.ingress-hosts": "*.a.example",
        "landlord.dev/policy.ingress-classes": "nginx",
        "landlord.dev/policy.priority-classes": "batch",
    }


def test_the_order_of_a_list_changes_nothing() -> None:
    one, other = (
        namespaces.plan(building.place({"policies": {"registries": each}})) for each in (["a", "b"], ["b", "a"])
    )
    assert one == other


def test_without_policies_there_are_no_annotations_at_all() -> None:
    assert "annotations" not in namespaces.plan(building.place()).manifest["metadata"]


def test_deletion_protection_is_an_annotation_with_or_without_policies() -> None:
    assert annotations(deletionProtection=True) == {"landlord.dev/deletion-protection": "true"}
    both = annotations({"policies": {"registries": ["ghcr.io"]}}, deletionProtection=True)
    assert both["landlord.dev/deletion-protection"] == "true"
    assert both["landlord.dev/policy.registries"] == "ghcr.io"
