"""AppReleases on a real API server: what is right is kept as written, what is wrong is refused with what to write."""

import asyncio
import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest

from landlord.api.crd import APPRELEASE, open_api_schema
from landlord.api.names import API_VERSION
from landlord.api.pins import IMAGE_WORDS, REPOSITORY_WORDS, TAG_WORDS, VERSION_WORDS
from tests import specimens
from tests.admin import Admin, ApiError, Object
from tests.bad_input import Variation, release_variations
from tests.cluster import Cluster, short_name
from tests.crowds import crowded
from tests.served import serve_crds, writer_of_status

PATH = f"/apis/{API_VERSION}/namespaces/default/appreleases"
_AT_ONCE = 8


@pytest.fixture(scope="module", autouse=True)
def crds(cluster: Cluster) -> None:
    """The committed CRDs, served."""
    serve_crds(cluster)


@pytest.fixture
async def release(admin: Admin) -> AsyncIterator[Object]:
    """An AppRelease that says everything; gone after the test."""
    made = await admin.create(PATH, specimens.apprelease(short_name("r")), fieldValidation="Strict")
    yield made
    path = f"{PATH}/{made['metadata']['name']}"
    await admin.delete(path)


def smallest(**spec: Any) -> Object:
    """The least that can be said, and what the test adds."""
    chart = {"repository": "oci://registry.example.org/charts", "name": "web", "version": "1.4.2"}
    head = {"apiVersion": API_VERSION, "kind": "AppRelease", "metadata": {"name": short_name("r")}}
    return head | {"spec": {"chart": chart} | spec}


async def dry(admin: Admin, manifest: Object) -> Object:
    """What the API server would make of it."""
    return await admin.create(PATH, manifest, dryRun="All", fieldValidation="Strict")


async def refusal(admin: Admin, manifest: Object) -> tuple[set[str], str]:
    """The fields that the API server names, and its words."""
    with pytest.raises(ApiError) as refused:
        await dry(admin, manifest)
    causes = refused.value.body.get("details", {}).get("causes", ())
    return {cause.get("field", "") for cause in causes}, refused.value.message


def lost(said: Any, kept: Any, path: str = "spec") -> list[str]:
    """Paths of what was said and is not kept; what was added does not count."""
    if isinstance(said, dict) and isinstance(kept, dict):
        return [one for key, value in said.items() for one in lost(value, kept.get(key, ...), f"{path}.{key}")]
    if isinstance(said, list) and isinstance(kept, list) and len(said) == len(kept):
        pairs = enumerate(zip(said, kept, strict=True))
        return [one for number, pair in pairs for one in lost(*pair, f"{path}[{number}]")]
    return [] if said == kept else [path]


def test_everything_that_can_be_said_is_kept_as_it_was_said(release: Object) -> None:
    assert lost(specimens.apprelease("any")["spec"], release["spec"]) == []
    assert release["status"] == {"observedGeneration": -1}


async def test_little_is_added_to_the_least_that_can_be_said(admin: Admin) -> None:
    manifest = smallest()

    made = await dry(admin, manifest)

    assert made["spec"] == manifest["spec"] | {"interval": "10m", "maxHistory": 10, "suspend": False}


async def test_values_keep_what_no_schema_knows(admin: Admin) -> None:
    odd: Object = {"a": None, "b": {"c": [1, 2.5, None, {"d": "x"}]}, "e.f": "$${x}", "g": {}}

    made = await dry(admin, smallest(values=odd, environmentValues={"staging": odd, "production": {}}))

    assert made["spec"]["values"] == odd
    assert made["spec"]["environmentValues"] == {"staging": odd, "production": {}}


VERSIONS = (
    "",
    "latest",
    "1",
    "v1",
    "1.4",
    "v1.4",
    "1.4.x",
    "1.4.*",
    "^1.4.2",
    "~1.4",
    ">=1.4.2",
    "1.4.2 || 2.0.0",
    "*",
)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_version_that_is_not_exact_is_refused_with_what_to_write(admin: Admin, version: str) -> None:
    manifest = smallest()
    manifest["spec"]["chart"]["version"] = version

    fields, message = await refusal(admin, manifest)

    assert fields == {"spec.chart.version"}
    assert VERSION_WORDS in message


@pytest.mark.parametrize("version", ["0.0.1", "1.4.2", "1.4.2-rc.1", "1.4.2-0.3.7-alpha", "1.4.2+build.5", "v1.16.2"])
async def test_exact_versions_are_taken(admin: Admin, version: str) -> None:
    manifest = smallest()
    manifest["spec"]["chart"]["version"] = version

    await dry(admin, manifest)


@pytest.mark.parametrize("tag", ["", "latest", "LATEST", ">=1.4", "1.4.*", "1 4", "t" * 128 + "t"])
async def test_a_tag_that_moves_is_refused_with_what_to_write(admin: Admin, tag: str) -> None:
    fields, message = await refusal(admin, smallest(image={"tag": tag}))

    assert "spec.image.tag" in fields
    assert TAG_WORDS in message or "may not be more than 128" in message


@pytest.mark.parametrize("name", ["registry.example.org/web:1.4.2", "web:14", "Web", "web@sha256:0"])
async def test_an_image_that_is_no_bare_name_is_refused_with_what_to_write(admin: Admin, name: str) -> None:
    fields, message = await refusal(admin, smallest(image={"repository": name, "tag": "1.4.2"}))

    assert fields == {"spec.image.repository"}
    assert IMAGE_WORDS in message


async def test_an_image_without_a_tag_is_refused(admin: Admin) -> None:
    fields, message = await refusal(admin, smallest(image={"repository": "registry.example.org/web"}))

    assert "spec.image.tag" in fields
    assert "Required value" in message


@pytest.mark.parametrize(
    "repository",
    [
        "registry.example.org/charts",
        "http://charts.example.org",
        "file:///charts",
        "git+https://example.org/charts",
        "https://user:word@charts.example.org",
        "https://charts.example.org/?a=b",
        "https://charts.example.org/#a",
        "oci://registry.example.org/team/../other",
        "oci://registry.example.org//charts",
        "oci://registry.example.org/a b",
    ],
)
async def test_a_repository_that_is_none_is_refused_with_what_to_write(admin: Admin, repository: str) -> None:
    manifest = smallest()
    manifest["spec"]["chart"]["repository"] = repository

    fields, message = await refusal(admin, manifest)

    assert fields == {"spec.chart.repository"}
    assert REPOSITORY_WORDS in message


@pytest.mark.parametrize(
    "repository", ["oci://localhost:5000", "oci://registry.example.org/a/b_c/d-e/", "https://charts.example.org/stable"]
)
async def test_repositories_are_taken(admin: Admin, repository: str) -> None:
    manifest = smallest()
    manifest["spec"]["chart"]["repository"] = repository

    await dry(admin, manifest)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"releaseName": "other"}, "releaseName cannot be changed"),
        ({"releaseName": None}, "releaseName may not be added or removed"),
    ],
)
async def test_a_helm_release_keeps_its_name(admin: Admin, release: Object, change: Object, words: str) -> None:
    with pytest.raises(ApiError) as refused:
        await admin.patch(f"{PATH}/{release['metadata']['name']}", {"spec": change})

    assert "spec.releaseName" in {cause["field"] for cause in refused.value.body["details"]["causes"]}
    assert words in refused.value.message


async def test_a_helm_release_is_not_named_afterwards(admin: Admin) -> None:
    made = await admin.create(PATH, smallest())
    path = f"{PATH}/{made['metadata']['name']}"
    try:
        with pytest.raises(ApiError, match="may not be added or removed"):
            await admin.patch(path, {"spec": {"releaseName": "later"}})
        await admin.patch(path, {"spec": {"image": {"tag": "1.4.3"}}})
    finally:
        await admin.delete(path)


async def test_a_release_does_not_wait_for_itself(admin: Admin) -> None:
    manifest = smallest()
    manifest["spec"]["dependsOn"] = [{"name": manifest["metadata"]["name"]}]

    fields, message = await refusal(admin, manifest)

    assert fields == {"spec.dependsOn"}
    assert "cannot depend on itself" in message


@pytest.mark.parametrize("field", ["secrets", "promotion", "targetNamespace", "environmentRef", "serviceAccountName"])
async def test_fields_that_do_nothing_are_not_there(admin: Admin, field: str) -> None:
    with pytest.raises(ApiError, match=f'unknown field "spec.{field}"'):
        await dry(admin, smallest(**{field: "x"}))


async def test_status_takes_all_that_a_release_can_be(admin: Admin, release: Object) -> None:
    at = "2026-01-01T00:00:00Z"
    revision = {"revision": 3, "candidate": "c" * 64, "chartVersion": "1.4.2", "appVersion": "1", "at": at}
    condition = {"type": "Ready", "status": "False", "reason": "RolledBack", "message": "m", "lastTransitionTime": at}
    status = {
        "observedGeneration": 1,
        "lastHandledReconcileAt": "1",
        "lastHandledRetryAt": "2",
        "conditions": [condition],
        "environment": "staging",
        "desired": {"candidate": "c", "attempt": "a", "chartDigest": "d", "valuesDigest": "v", "chartVersion": "1.4.2"},
        "deployed": revision,
        "proven": revision,
        "held": {
            "attempt": "a",
            "candidate": "c",
            "reason": "CheckFailed",
            "message": "m",
            "since": at,
            "failedRevision": 2,
            "rolledBackTo": 1,
        },
        "attempt": {
            "key": "a",
            "action": "Deploy",
            "stage": "Baking",
            "revision": 3,
            "tries": 1,
            "startedAt": at,
            "deadline": at,
            "message": "m",
        },
        "history": [{"revision": 1, "candidate": "c", "outcome": "Proven", "finishedAt": at}] * 10,
        "checks": [{"name": "answers", "state": "Passing", "message": "m"}],
        "drift": {"count": 1, "objects": [{"object": "Deployment web", "fields": ["/spec"], "manager": "kubectl"}]},
        "inventory": {"count": 1, "entries": ["apps/v1 Deployment web"]},
        "sourceRevision": "main@sha1:3f9c2ab",
    }

    path = f"{PATH}/{release['metadata']['name']}/status?fieldValidation=Strict"
    kept = await writer_of_status(admin).patch(path, {"status": status})

    for field, value in status.items():
        if field not in ("history", "checks", "attempt"):
            assert kept["status"][field] == value, field


async def test_columns_tell_how_a_release_is(admin: Admin, release: Object) -> None:
    name = release["metadata"]["name"]
    ready = {"type": "Ready", "status": "False", "reason": "RolledBack", "message": "revision 7 crashed"}
    ready |= {"lastTransitionTime": "2026-01-01T00:00:00Z"}
    status = {"deployed": {"revision": 8}, "proven": {"revision": 6}, "desired": {"candidate": "abc"}}
    await writer_of_status(admin).patch(f"{PATH}/{name}/status", {"status": status | {"conditions": [ready]}})

    short = admin.kubectl("get", "arel", name).splitlines()
    wide = admin.kubectl("get", "appreleases", name, "--output=wide").splitlines()

    assert short[0].split() == ["NAME", "CHART", "VERSION", "REVISION", "READY", "REASON", "AGE"]
    assert short[1].split()[:6] == [name, "web", "1.4.2", "8", "False", "RolledBack"]
    assert wide[0].split()[6:10] == ["IMAGE", "PROVEN", "CANDIDATE", "STATUS"]
    assert "revision 7 crashed" in wide[1]
    assert f"apprelease.landlord.dev/{name}" in admin.kubectl("get", "landlord")


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("apprelease", "One Helm release of a tenant"),
        ("apprelease.spec", "Layers, lowest first: the Environment's"),
        ("apprelease.spec.chart", "Its exact version, such as 1.4.2."),
        ("apprelease.spec.image", "Set at PATH.tag"),
        ("apprelease.spec.healthChecks", "CEL expressions about objects of the release"),
        ("apprelease.spec.healthChecks.http", "A Service of the namespace."),
        ("apprelease.spec.substitute", "Where variables come from"),
        ("apprelease.spec.drift", "Fields that others may change"),
        ("apprelease.status.held", "The proven revision that runs instead"),
        ("environment.spec.releaseDefaults", "How long a release may take to become ready"),
    ],
)
def test_explain_speaks_in_sentences_without_markup(admin: Admin, field: str, words: str) -> None:
    text = " ".join(admin.kubectl("explain", field, f"--api-version={API_VERSION}").split())

    assert words in text
    assert "<empty>" not in text
    assert "`" not in text


async def test_where_charts_may_come_from_is_said_by_prefix_or_exactly(admin: Admin) -> None:
    async def tenant(*sources: str) -> Object:
        policies = {"policies": {"chartSources": list(sources)}}
        head = {"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": short_name("t")}}
        manifest = head | {"spec": {"environments": [{"name": "staging"} | policies]}}
        return await admin.create(f"/apis/{API_VERSION}/tenants", manifest, dryRun="All", fieldValidation="Strict")

    await tenant()
    await tenant("oci://registry.example.org/team/*", "oci://localhost:5000", "https://charts.example.org/stable")
    for wrong in (
        "registry.example.org/team",
        "oci://*",
        "oci://registry.example.org/team*",
        "https://a/*/b",
        "oci://",
    ):
        with pytest.raises(ApiError, match="chartSources"):
            await tenant(wrong)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_full_release_can_be_changed(admin: Admin) -> None:
    schema = open_api_schema(APPRELEASE)["properties"]["spec"]
    specimen = specimens.apprelease(short_name("r"))
    full = crowded(schema, specimen["spec"], ("healthChecks", "[]", "http", "headers"), 60)
    full |= {"dependsOn": [{"name": f"other-{number}"} for number in range(32)]}
    full |= {"environmentValues": {f"stage-{number}": {"text": "x" * 1000} for number in range(64)}}
    made = await admin.create(PATH, specimen | {"spec": full})
    path = f"{PATH}/{made['metadata']['name']}"
    try:
        changed = await admin.replace(path, made | {"spec": made["spec"] | {"suspend": True}})
        assert changed["metadata"]["generation"] == 2
    finally:
        await admin.delete(path)


async def test_every_variation_is_judged_as_it_should_be_and_every_refusal_names_the_field(admin: Admin) -> None:
    cases = release_variations()
    name = short_name("r")
    gate = asyncio.Semaphore(_AT_ONCE)

    async def judge(variation: Variation) -> str:
        async with gate:
            return await _judged(admin, variation, name)

    wrong = [verdict for verdict in await asyncio.gather(*map(judge, cases)) if verdict]

    assert len(cases) >= 500
    assert not wrong


async def _judged(admin: Admin, variation: Variation, name: str) -> str:
    """What is wrong with the API server's judgement; empty if nothing."""
    try:
        await dry(admin, copy.deepcopy(variation.manifest(name)))
    except ApiError as refused:
        if variation.refused is False:
            return f"{variation.name}: refused: {refused.message}"
        named = refused.status in (400, 422) and variation.is_named_by(refused.body)
        return "" if named else f"{variation.name}: {variation.field} is not named: {refused.message}"
    return f"{variation.name}: let through" if variation.refused else ""
