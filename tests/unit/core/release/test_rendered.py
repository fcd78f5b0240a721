"""Rendered charts: objects and hooks, images wherever they stand, and what reaches beyond the namespace."""

from typing import Any

import pytest

from landlord.api.failures import SpecFault
from landlord.core.release.rendered import Entry, foreign, images, inventory, parse, unserved

SCOPES = {
    ("v1", "Namespace"): False,
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): False,
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): False,
    ("v1", "ConfigMap"): True,
    ("v1", "Pod"): True,
    ("apps/v1", "Deployment"): True,
    ("batch/v1", "Job"): True,
}


def scope(api_version: str, kind: str) -> bool | None:
    return SCOPES.get((api_version, kind))


def obj(kind: str, name: str, api_version: str = "v1", **rest: Any) -> dict[str, Any]:
    metadata = {"name": name, **rest.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def hook(events: str, weight: str | None = None) -> dict[str, Any]:
    notes = {"helm.sh/hook": events} | ({"helm.sh/hook-weight": weight} if weight is not None else {})
    return {"annotations": notes}


def template(*containers: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"template": {"spec": {"containers": list(containers), **rest}}}


def test_objects_keep_their_order_and_empty_documents_are_nothing() -> None:
    rendered = parse([None, obj("ConfigMap", "b"), {}, obj("ConfigMap", "a", metadata={"namespace": "shop"})])
    assert [(each.name, each.namespace) for each in rendered] == [("b", ""), ("a", "shop")]
    assert not any(each.is_hook for each in rendered)


def test_hooks_are_told_by_their_events_and_weight() -> None:
    job = parse([obj("Job", "migrate", "batch/v1", metadata=hook("pre-install, Pre-Upgrade", "-5"))])[0]
    assert (job.is_hook, job.hook_events, job.weight, job.is_test) == (True, ("pre-install", "pre-upgrade"), -5, False)
    assert parse([obj("Pod", "t", metadata=hook("test"))])[0].is_test
    assert parse([obj("Pod", "t", metadata=hook("test-success", "heavy"))])[0].weight == 0
    assert str(job) == "Job/migrate"


def test_an_event_that_helm_does_not_know_makes_a_hook_that_never_runs_and_is_never_missed() -> None:
    rendered = parse([obj("Pod", "t", metadata=hook("")), obj("Pod", "u", metadata=hook("crd-install"))])
    assert all(each.is_hook for each in rendered)
    assert inventory(rendered, "shop") == ()


def test_lists_are_taken_apart_however_they_are_called_for_helm_applies_what_is_in_them() -> None:
    inner = obj("ClusterRole", "all", "rbac.authorization.k8s.io/v1")
    wrapped = [{"apiVersion": "v1", "kind": "List", "items": [inner]}, obj("ConfigMap", "sly", items=[inner])]
    for document in wrapped:
        assert foreign(parse([document]), "shop", scope) == ("ClusterRole all (cluster-scoped)",)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("hunter2", "plain text"),
        (["hunter2"], "a list"),
        ({"kind": "Secret", "data": "hunter2"}, "without apiVersion or kind, with the keys data, kind"),
        ({"apiVersion": "v1", "kind": 7}, "without apiVersion or kind"),
        ({"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "hunter2"}}, "an object of kind Secret without"),
        ({"apiVersion": "v1", "kind": "Secret", "metadata": "hunter2"}, "an object of kind Secret without a name"),
        ({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": 7}}, "an object of kind Secret without a name"),
    ],
)
def test_what_is_no_object_is_refused_without_telling_values(document: Any, words: str) -> None:
    with pytest.raises(SpecFault) as caught:
        parse([document])
    assert caught.value.path == "spec.chart"
    assert words in caught.value.why
    assert "hunter2" not in str(caught.value)


def test_documents_that_would_fill_the_memory_are_refused() -> None:
    level: Any = "boom"
    for _ in range(9):
        level = [level] * 10
    with pytest.raises(SpecFault, match="make it smaller"):
        parse([obj("ConfigMap", "a", data=level)])


def test_annotations_that_are_no_map_make_no_hook() -> None:
    assert not parse([obj("ConfigMap", "a", metadata={"annotations": ["helm.sh/hook"]})])[0].is_hook


def test_images_are_found_in_every_kind_of_container_hooks_included() -> None:
    deployment = obj(
        "Deployment",
        "web",
        "apps/v1",
        spec=template(
            {"name": "web", "image": "web:1"},
            {"name": "no-image"},
            initContainers=[{"name": "init", "image": "init:1"}],
            ephemeralContainers=[{"name": "debug", "image": "debug:1"}],
            volumes=[{"name": "v", "image": {"reference": "data:1"}}, {"name": "w", "emptyDir": {}}],
        ),
    )
    cron = obj("CronJob", "c", "batch/v1", spec={"jobTemplate": {"spec": template({"name": "c", "image": "cron:1"})}})
    job = obj("Job", "m", "batch/v1", metadata=hook("pre-install"), spec=template({"name": "m", "image": "hook:1"}))
    pod = obj("Pod", "p", spec={"containers": [{"name": "p", "image": "web:1"}]})
    assert images(parse([deployment, cron, job, pod])) == ("cron:1", "data:1", "debug:1", "hook:1", "init:1", "web:1")


def test_custom_resources_name_images_in_containers_and_plainly() -> None:
    rollout = obj("Rollout", "r", "argoproj.io/v1alpha1", spec=template({"name": "r", "image": "roll:1"}))
    prometheus = obj("Prometheus", "p", "monitoring.coreos.com/v1", spec={"image": "prom:3", "nested": [{"image": {}}]})
    assert images(parse([rollout, prometheus])) == ("prom:3", "roll:1")


def test_text_that_only_looks_like_an_image_is_none() -> None:
    config = obj("ConfigMap", "c", data={"image": "no:1", "containers": "image: no:2"})
    assert images(parse([config])) == ()


def test_built_in_kinds_name_images_in_containers_only() -> None:
    rest = {"image": "no:1", "volumes": "no:2", "containers": "no:3"}
    for version in ("v1", "apps/v1", "batch/v1", "networking.k8s.io/v1"):
        assert images(parse([obj("Any", "a", version, **rest)])) == ()
    noted = obj("Any", "a", "example.org/v1", metadata={"annotations": {"image": "no:4"}}, **rest)
    assert images(parse([noted])) == ("no:1",)


def test_a_hook_without_a_weight_weighs_nothing() -> None:
    assert parse([obj("Job", "m", "batch/v1", metadata=hook("pre-install"))])[0].weight == 0


def test_images_of_mirrors_count_as_those_they_mirror() -> None:
    pods = [obj("Pod", "a", spec={"containers": [{"image": f"{host}/web:1"}]}) for host in ("mirror", "origin")]
    assert images(parse(pods), lambda image: image.replace("mirror/", "origin/")) == ("origin/web:1",)


def test_what_reaches_beyond_the_namespace_is_named() -> None:
    rendered = parse(
        [
            obj("ConfigMap", "mine"),
            obj("ConfigMap", "also-mine", metadata={"namespace": "shop"}),
            obj("ConfigMap", "theirs", metadata={"namespace": "kube-system"}),
            obj("ConfigMap", "theirs", metadata={"namespace": "kube-system"}),
            obj("ClusterRole", "all", "rbac.authorization.k8s.io/v1", metadata={"namespace": "shop"}),
            obj("Namespace", "shop"),
            obj("Job", "dig", "batch/v1", metadata={"namespace": "other", **hook("post-install")}),
            obj("CustomResourceDefinition", "things.example.org", "apiextensions.k8s.io/v1"),
            obj("Thing", "t", "example.org/v1", metadata={"namespace": "other"}),
        ]
    )
    assert foreign(rendered, "shop", scope) == (
        "ConfigMap theirs (namespace kube-system)",
        "ClusterRole all (cluster-scoped)",
        "Namespace shop (cluster-scoped)",
        "hook Job dig (namespace other)",
        "CustomResourceDefinition things.example.org (cluster-scoped)",
        "Thing t (namespace other)",
    )
    assert unserved(rendered, scope) == ("example.org/v1 Thing",)


def test_the_inventory_names_what_stays_sorted_and_once() -> None:
    rendered = parse(
        [
            obj("Deployment", "web", "apps/v1"),
            obj("ConfigMap", "b"),
            obj("ConfigMap", "a", metadata={"namespace": "shop"}),
            obj("ConfigMap", "a"),
            obj("Job", "m", "batch/v1", metadata=hook("pre-install")),
        ]
    )
    assert inventory(rendered, "shop") == (
        Entry("apps/v1", "Deployment", "shop", "web"),
        Entry("v1", "ConfigMap", "shop", "a"),
        Entry("v1", "ConfigMap", "shop", "b"),
    )
