"""What caches keep of an object: enough for every decision."""

from dataclasses import replace
from typing import Any

import pytest

from landlord.api.refs import Ref
from landlord.core.child import Child, Usage, observe, version_of
from landlord.core.manifest import content, digest

QUOTA: dict[str, Any] = {
    "metadata": {
        "name": "landlord",
        "namespace": "shop-dev",
        "uid": "u1",
        "resourceVersion": "41",
        "labels": {"landlord.dev/tenant": "shop", "landlord.dev/environment": "dev"},
    },
    "spec": {"hard": {"pods": "10", "requests.cpu": "4", "secrets": "1"}},
    "status": {"used": {"pods": "11", "requests.cpu": "4000m"}},
}


def test_a_quota_is_seen_with_its_use() -> None:
    child = observe("ResourceQuota", QUOTA)
    assert child == Child(
        ref=Ref("ResourceQuota", "shop-dev", "landlord"),
        uid="u1",
        version=41,
        tenant="shop",
        environment="dev",
        digest=digest(content("ResourceQuota", QUOTA)),
        deleting=False,
        usage=(Usage("pods", "11", "10"), Usage("requests.cpu", "4000m", "4")),
    )
    assert child.over == (Usage("pods", "11", "10"),)


def test_a_namespace_is_seen_with_whose_it_was_and_what_holds_it() -> None:
    child = observe(
        "Namespace",
        {
            "metadata": {
                "name": "shop-dev",
                "annotations": {"landlord.dev/orphaned-from": "shop"},
                "deletionTimestamp": "2026-01-01T00:00:00Z",
            },
            "status": {
                "conditions": [
                    {"status": "True", "message": "Some content remains: pods."},
                    {"status": "False", "message": "All well."},
                    {"status": "True"},
                    {"status": "True", "message": "Finalizers remain: x/y."},
                ]
            },
        },
    )
    assert child.ref == Ref("Namespace", None, "shop-dev")
    assert (child.uid, child.version, child.tenant, child.environment) == ("", 0, "", "")
    assert child.deleting
    assert child.orphaned_from == "shop"
    assert child.blockers == "Some content remains: pods. Finalizers remain: x/y."


def test_only_namespaces_have_blockers_and_only_quotas_have_use() -> None:
    conditions = {"conditions": [{"status": "True", "message": "x"}], "used": {"pods": "1"}}
    manifest = {"metadata": {"name": "n", "namespace": "m"}, "spec": {"hard": {"pods": "1"}}, "status": conditions}
    assert observe("LimitRange", manifest).blockers == ""
    assert observe("LimitRange", manifest).usage == ()
    assert observe("ResourceQuota", {"metadata": {"name": "n"}}).usage == ()


@pytest.mark.parametrize(
    ("used", "hard", "is_over"),
    [("11", "10", True), ("10", "10", False), ("1Gi", "1024Mi", False), ("1025Mi", "1Gi", True), ("?", "1", False)],
)
def test_use_is_over_when_the_numbers_say_so(used: str, hard: str, *, is_over: bool) -> None:
    assert Usage("x", used, hard).is_over is is_over


@pytest.mark.parametrize(("text", "version"), [("7", 7), ("", 0), ("abc", 0), (12, 12)])
def test_a_version_is_a_number_or_nothing(text: object, version: int) -> None:
    assert version_of({"metadata": {"resourceVersion": text}}) == version


def test_an_object_without_metadata_has_no_version() -> None:
    assert version_of({}) == 0
    assert version_of({"metadata": None}) == 0


def test_mere_use_of_a_quota_is_no_news_until_it_is_over() -> None:
    child = observe("ResourceQuota", QUOTA)
    busier = replace(child, version=42, usage=(Usage("pods", "12", "10"), Usage("requests.cpu", "3", "4")))
    relieved = replace(child, version=43, usage=(Usage("pods", "3", "10"),))
    assert busier.matters_like(child)
    assert not relieved.matters_like(child)
    assert not child.matters_like(None)


@pytest.mark.parametrize(
    "change",
    [
        {"uid": "u2"},
        {"tenant": "other"},
        {"environment": "prod"},
        {"digest": "0" * 16},
        {"deleting": True},
        {"blockers": "Something remains."},
    ],
)
def test_whatever_a_pass_goes_by_is_news(change: dict[str, Any]) -> None:
    child = observe("ResourceQuota", QUOTA)
    assert not replace(child, **change).matters_like(child)


def test_an_orphaned_namespace_is_news_by_its_digest() -> None:
    plain = {"metadata": {"name": "n"}}
    orphaned = {"metadata": {"name": "n", "annotations": {"landlord.dev/orphaned-from": "shop"}}}
    assert not observe("Namespace", orphaned).matters_like(observe("Namespace", plain))
