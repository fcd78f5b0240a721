"""What is deployed when: layers, sources that come and change, variables, dependencies, retries, pauses, pins."""

from itertools import pairwise
from typing import Any

import pytest

from landlord.api import names
from landlord.api.refs import APPRELEASES
from tests.manifests import ENVIRONMENTS, TENANTS, condition
from tests.polling import eventually
from tests.releases import Home, home, release_operator, shop

__all__ = ["home", "release_operator", "shop"]

PLAIN = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data:
{{- range $key, $value := .Values.data }}
  {{ $key }}: {{ $value | quote }}
{{- end }}
  image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
"""
CHART = {"data": {"chart": "chart", "a": "chart", "gone": "chart"}, "image": {"repository": "r", "tag": "t"}}


@pytest.fixture
def plain(home: Home) -> dict[str, str]:
    """The pin of a chart that shows its values in a ConfigMap."""
    home.shop.offer("plain", "1.0.0", {"templates/a.yaml": PLAIN}, CHART)
    return home.shop.pin("plain")


async def set_environment(home: Home, **spec: Any) -> None:
    """Change the Environment, which has the tenant's name."""
    name = home.namespace[: len(home.namespace) // 2]
    await home.admin.patch(f"{ENVIRONMENTS}/{name}", {"spec": spec})


async def test_layers_lie_in_the_documented_order(home: Home, plain: dict[str, str]) -> None:
    """Each key is said by one layer and all below it; the ConfigMap shows who won."""
    environment = home.namespace[: len(home.namespace) // 2]
    below = dict.fromkeys("abcdef", "environment")
    await set_environment(home, releaseDefaults={"values": {"data": below, "image": {"tag": "environment"}}})
    first = "data: {b: first, c: first, d: first, e: first, f: first}"
    await home.put("ConfigMap", "first", {"values.yaml": first})
    await home.put("Secret", "second", {"other": "data: {c: second, d: second, e: second, f: second}"})
    await home.put("ConfigMap", "third", {"text": "third"})
    await home.push(
        "plain",
        chart=plain,
        valuesFrom=[
            {"kind": "ConfigMap", "name": "first"},
            {"kind": "Secret", "name": "second", "key": "other"},
            {"kind": "ConfigMap", "name": "third", "key": "text", "targetPath": "data.d"},
            {"kind": "ConfigMap", "name": "absent", "optional": True},
        ],
        values={"data": {"e": "values", "f": "values", "gone": None}, "image": {"tag": "values"}},
        environmentValues={environment: {"data": {"f": "own"}}, "other": {"data": {"f": "other"}}},
        image={"tag": "1.2.3", "repository": "registry.example.org/x"},
    )
    await home.proven("plain")
    assert await home.data("plain") == {
        "chart": "chart",
        "a": "environment",
        "b": "first",
        "c": "second",
        "d": "third",
        "e": "values",
        "f": "own",
        "image": "registry.example.org/x:1.2.3",
    }


async def test_values_for_what_is_no_environment_are_told_and_keep_nothing_waiting(
    home: Home, plain: dict[str, str]
) -> None:
    await home.push("plain", chart=plain, environmentValues={"no-such-place": {"data": {"a": "lost"}}})
    body = await home.proven("plain")
    hint = "spec.environmentValues names no Environment: no-such-place."
    assert hint in condition(body)["message"]

    async def is_announced() -> bool:
        return f"UnusedValues: {hint}" in await home.events("plain")

    await eventually(is_announced, describe="an Event about values that nobody uses")
    await home.push("plain", chart=plain)
    body = await home.proven("plain")
    assert "environmentValues" not in condition(body)["message"]
    assert await home.revisions("plain") == [(1, "deployed")]


async def test_odd_yaml_in_values_and_manifests_is_read_as_helm_reads_it(home: Home) -> None:
    """Keys that are no texts, and what YAML has and JSON has not, in a values file and in what the chart renders."""
    odd = "data: {443: https, bin: !!binary aGVsbG8=}"
    template = PLAIN.replace("data:\n", "data:\n  on: push\n  80: !!binary aHR0cA==\n")
    home.shop.offer(
        "odd", "1.0.0", {"templates/a.yaml": template}, {"data": {}, "image": {"repository": "r", "tag": "t"}}
    )
    await home.put("ConfigMap", "odd-values", {"values.yaml": odd})
    await home.push("odd", chart=home.shop.pin("odd"), valuesFrom=[{"kind": "ConfigMap", "name": "odd-values"}])
    await home.looked_at("odd")
    await home.proven("odd")
    found = await home.data("odd") or {}
    assert {key: found.get(key) for key in ("443", "80", "bin")} == {"443": "https", "80": "http", "bin": "hello"}
    await home.put("ConfigMap", "odd-values", {"values.yaml": "data: {fixed: now}"})
    await home.looked_at("odd")
    await home.proven("odd")
    assert (await home.data("odd") or {}).get("fixed") == "now"


async def test_a_changed_source_is_a_new_attempt(home: Home, plain: dict[str, str]) -> None:
    await home.put("ConfigMap", "source", {"values.yaml": "data: {a: one}"})
    source = [{"kind": "ConfigMap", "name": "source"}]
    await home.push("plain", chart=plain, valuesFrom=source)
    before = (await home.proven("plain"))["status"]["desired"]["attempt"]
    await home.put("ConfigMap", "source", {"values.yaml": "data: {a: two}"})
    await home.looked_at("plain")
    after = await home.proven("plain")
    assert after["status"]["desired"]["attempt"] != before
    assert (await home.data("plain") or {})["a"] == "two"
    assert await home.revisions("plain") == [(1, "superseded"), (2, "deployed")]


async def test_a_changed_source_is_noticed_within_the_interval(home: Home, plain: dict[str, str]) -> None:
    await home.put("ConfigMap", "source", {"values.yaml": "data: {a: one}"})
    source = [{"kind": "ConfigMap", "name": "source"}]
    await home.push("plain", chart=plain, valuesFrom=source, interval="30s")
    await home.proven("plain")
    await home.put("ConfigMap", "source", {"values.yaml": "data: {a: two}"})

    async def is_noticed() -> bool:
        return (await home.data("plain") or {}).get("a") == "two"

    await eventually(is_noticed, deadline=60, describe="the change within its interval of 30 s")


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
async def test_a_source_that_is_missing_is_waited_for(home: Home, plain: dict[str, str], kind: str) -> None:
    await home.push("plain", chart=plain, valuesFrom=[{"kind": kind, "name": "late"}])
    waiting = await home.until("plain", reason="WaitingForValues", words=f"{kind} late")
    assert condition(waiting, "Stalled") == {}
    assert await home.revisions("plain") == []
    await home.put(kind, "late", {"values.yaml": "data: {a: late}"})
    await home.looked_at("plain")
    await home.proven("plain")
    assert (await home.data("plain") or {})["a"] == "late"


async def test_a_source_that_goes_missing_leaves_alone_what_runs(home: Home, plain: dict[str, str]) -> None:
    made = await home.put("ConfigMap", "source", {"values.yaml": "data: {a: one}"})
    await home.push("plain", chart=plain, valuesFrom=[{"kind": "ConfigMap", "name": "source"}])
    await home.proven("plain")
    await home.admin.delete(f"/api/v1/namespaces/{home.namespace}/configmaps/{made['metadata']['name']}")
    await home.looked_at("plain")
    await home.until("plain", reason="WaitingForValues", words="ConfigMap source")
    assert await home.revisions("plain") == [(1, "deployed")]


_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DOUBLED = "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in pairwise(_LETTERS))
BROKEN = {
    "no YAML": ("a: [", "no YAML in line"),
    "a list": ("[a, b]", "must hold a mapping"),
    "a bomb": (f"a: &a [x, x]\n{_DOUBLED}", ""),
    "a pit": (f"a: {'[' * 100_000}", "levels deep in line 1"),
    "a tag that does not fit": ("a: !!int many", "holds what JSON has not"),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_source_that_holds_no_values_is_told(home: Home, plain: dict[str, str], what: str) -> None:
    text, words = BROKEN[what]
    await home.put("ConfigMap", "source", {"values.yaml": text})
    await home.push("plain", chart=plain, valuesFrom=[{"kind": "ConfigMap", "name": "source"}])
    body = await home.until("plain", reason="ValuesError", status="False", words=words)
    assert "valuesFrom[0]" in condition(body)["message"] or what == "a bomb"
    assert await home.revisions("plain") == []


async def test_variables_are_replaced_strictly(home: Home, plain: dict[str, str]) -> None:
    await set_environment(home, variables={"ZONE": "environment", "A": "environment"})
    await home.put("ConfigMap", "variables", {"A": "source", "B": "source"})
    substitute = {"from": [{"kind": "ConfigMap", "name": "variables"}], "vars": {"B": "own"}}
    texts = {"a": "${ZONE}/${A}/${B}", "b": "$${ZONE} $ZONE ${", "c": "${NOBODY}"}
    await home.push("plain", chart=plain, substitute=substitute, values={"data": texts})
    await home.until("plain", reason="ValuesError", status="False", words="${NOBODY}")
    assert await home.revisions("plain") == []
    await home.push("plain", chart=plain, substitute=substitute, values={"data": {**texts, "c": "c"}})
    await home.proven("plain")
    found = await home.data("plain") or {}
    assert (found["a"], found["b"]) == ("environment/source/own", "${ZONE} $ZONE ${")


async def test_a_dependency_is_waited_for(home: Home) -> None:
    await home.push("front", dependsOn=[{"name": "back"}])
    waiting = await home.until("front", reason="DependencyNotReady", words="back")
    assert condition(waiting, "Stalled") == {}
    await home.push("back", bake="8s")
    await home.until("back", reason="Baking")
    assert await home.revisions("front") == []
    await home.proven("back")
    await home.proven("front")


async def test_a_circle_of_dependencies_is_told_to_all(home: Home) -> None:
    ring = {"one": "two", "two": "three", "three": "one"}
    for name, need in ring.items():
        await home.push(name, dependsOn=[{"name": need}])
    for name in ring:
        body = await home.until(name, reason="DependencyCycle", status="False", words="->")
        assert condition(body, "Stalled")["status"] == "True"
        assert await home.revisions(name) == []
    await home.push("three")
    for name in ring:
        await home.proven(name)


async def test_what_is_held_is_tried_again_when_asked(home: Home) -> None:
    await home.push(timeout="5s", image={"tag": "image-pull"})
    await home.until(status="False", words="Held")
    assert await home.revisions() == [(1, "deployed")]
    await home.annotate(retry_at="2026-01-01T00:00:00Z")
    body = await home.until(reason="ImageUnavailable", status="False", words="Held", deadline=30)

    async def is_tried() -> bool:
        attempts = [each for each in (await home.body())["status"]["history"] if each["outcome"] == "Rejected"]
        return len(attempts) == 2

    await eventually(is_tried, deadline=30, describe=lambda: f"a second rejection; {body['status'].get('history')}")
    assert (await home.body())["status"]["lastHandledRetryAt"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("how", ["field", "annotation"])
async def test_a_suspension_stops_the_bake_and_its_end_goes_on(home: Home, how: str) -> None:
    await home.push(bake="8s")
    await home.until(reason="Baking", deadline=30)
    await (home.push(bake="8s", suspend=True) if how == "field" else home.annotate(suspend="true"))
    frozen = await home.until(reason="Suspended")
    assert condition(frozen, "Proven").get("status") != "True"
    await home.looked_at()
    assert (await home.body())["status"].get("proven") is None
    await (home.push(bake="8s") if how == "field" else home.annotate(suspend=None))
    await home.until(reason="Baking", deadline=30)
    await home.proven()
    assert await home.revisions() == [(1, "deployed")]


async def test_what_comes_during_a_suspension_waits_for_its_end(home: Home) -> None:
    await home.push(suspend=True)
    await home.until(reason="Suspended")
    assert await home.revisions() == []
    await home.push(suspend=True, values={"message": "later"})
    await home.looked_at()
    assert await home.revisions() == []
    await home.push(values={"message": "later"})
    await home.proven()
    assert await home.revisions() == [(1, "deployed")]


@pytest.mark.parametrize("annotation", [names.ANNOTATION_REQUESTED_AT, names.ANNOTATION_FLUX_REQUESTED_AT])
async def test_a_pass_that_was_asked_for_is_told(home: Home, annotation: str) -> None:
    await home.push(suspend=True)
    await home.admin.patch(home.path(), {"metadata": {"annotations": {annotation: "just now"}}})

    async def is_told() -> bool:
        return bool((await home.body())["status"].get("lastHandledReconcileAt") == "just now")

    await eventually(is_told)


async def test_other_content_under_a_version_is_not_deployed(home: Home, plain: dict[str, str]) -> None:
    await home.push("plain", chart=plain)
    first = (await home.proven("plain"))["status"]["desired"]["chartDigest"]
    home.shop.offer("plain", "1.0.0", {"templates/a.yaml": PLAIN, "files/new": "new"}, CHART)
    await home.push("plain", chart=plain, values={"data": {"a": "changed"}})
    body = await home.until("plain", reason="ChartContentChanged", status="False", words=first)
    assert condition(body, "Stalled")["status"] == "True"
    assert await home.revisions("plain") == [(1, "deployed")]
    assert (await home.data("plain") or {})["a"] == "chart"
    seen = next(word for word in condition(body)["message"].split() if word.startswith("sha256:") and word != first)
    meant = {**plain, "digest": seen.strip(".,")}
    await home.push("plain", chart=meant, values={"data": {"a": "changed"}})
    await home.proven("plain")
    assert (await home.data("plain") or {})["a"] == "changed"


async def test_a_digest_that_does_not_fit_is_told(home: Home, plain: dict[str, str]) -> None:
    await home.push("plain", chart={**plain, "digest": f"sha256:{'0' * 64}"})
    await home.until("plain", reason="ChartDigestMismatch", status="False")
    assert await home.revisions("plain") == []


async def test_charts_come_from_permitted_places_only(home: Home) -> None:
    tenant = f"{TENANTS}/{home.namespace[: len(home.namespace) // 2]}"
    elsewhere = {"policies": {"chartSources": ["oci://registry.example.org/team", f"{home.shop.url}-not"]}}
    await home.admin.patch(tenant, {"spec": {"defaults": elsewhere}})
    await home.push("other", suspend=True)
    await home.until("other", reason="Suspended")
    home.shop.offer("guarded", "1.0.0", {"templates/a.yaml": PLAIN}, CHART)
    await home.push("plain", chart=home.shop.pin("guarded"))
    await home.until("plain", reason="ChartSourceForbidden", status="False", words="registry.example.org/team")
    assert [asked for asked in home.shop.asked if "guarded" in asked] == []
    await home.admin.patch(tenant, {"spec": {"defaults": {"policies": {"chartSources": [home.shop.url]}}}})
    await home.annotate("plain", requested_at="now")
    await home.proven("plain")


async def test_a_registry_that_is_away_is_waited_for(home: Home, plain: dict[str, str]) -> None:
    home.shop.is_closed = True
    try:
        await home.push("plain", chart=plain)
        body = await home.until("plain", reason="RegistryUnavailable")
    finally:
        home.shop.is_closed = False
    assert condition(body, "Stalled") == {}
    await home.looked_at("plain")
    await home.proven("plain")


async def test_nothing_of_it_is_in_the_way_of_kubectl(home: Home) -> None:
    """The short name, the category and the columns."""
    await home.push()
    await home.proven()
    shown = home.admin.kubectl("get", "arel", "--namespace", home.namespace)
    assert "True" in shown
    assert home.path() == APPRELEASES.path(home.namespace, "web")
