"""What is wanted, as digests: the same inputs give the same, and whatever changes the outcome gives another."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.api.conditions import Reason
from landlord.api.releases import Chart
from landlord.core.release.ledger import Desired
from landlord.core.release.rendered import parse
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.layers import Layers, NotPrepared
from landlord.reconcilers.release.wanted import checks_of, desired_of, inputs_of, pin_name, places_of, spec_of
from tests.unit.reconcilers.release.cases import PIN, case

Json = dict[str, Any]
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web"},
    "spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:1.0.0"}]}}},
}
CHART = Chart("/cache/web", "sha256:one", "web", "1.0.0", "7")


def up(port: int = 80, **more: Any) -> Json:
    return {"name": "up", "http": {"service": "web", "port": port}, **more}


def wanted(one: Case, values: Json | None = None, chart: Chart = CHART) -> Desired:
    merged = Layers(values if values is not None else {"replicas": 2})
    return desired_of(one, chart, merged, parse([DEPLOYMENT]), inputs_of(one, merged))


def retried(one: Case, at: str) -> Case:
    one.body["metadata"]["annotations"] = {"landlord.dev/retry-at": at}
    return one


def test_the_same_spec_wants_the_same_and_its_words_are_told() -> None:
    assert wanted(case()) == wanted(case())
    assert wanted(case()).images == ("web:1.0.0",)
    assert (wanted(case()).chart_version, wanted(case()).app_version) == ("1.0.0", "7")


def test_names_of_images_are_noted_no_longer_than_people_read_them() -> None:
    """Fifty of 20 kB each would outgrow the ledger's ConfigMap, and nothing could be deployed or rolled back again."""
    containers = [{"name": f"web-{number}", "image": f"r/{'0' * 20_000}{number}:1"} for number in range(50)]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": containers}}
    one, merged = case(), Layers({})
    noted = desired_of(one, CHART, merged, parse([pod]), inputs_of(one, merged))
    assert sum(map(len, noted.images)) <= 32 * 256
    assert noted.images


@pytest.mark.parametrize(
    "spec",
    [{"interval": "5m"}, {"timeout": "9m"}, {"maxHistory": 3}, {"drift": {"mode": "Ignore"}}, {"rollback": {}}],
    ids=str,
)
def test_how_a_release_is_treated_is_no_new_attempt(spec: Json) -> None:
    assert wanted(case(**spec)).key == wanted(case()).key


@pytest.mark.parametrize(
    "spec", [{"bake": "7m"}, {"healthChecks": [up()]}, {"test": {"enabled": True}}], ids=lambda spec: next(iter(spec))
)
def test_another_proof_is_another_attempt_of_the_same_artifact(spec: Json) -> None:
    before, after = wanted(case()), wanted(case(**spec))
    assert after.key != before.key
    assert (after.candidate, after.digest) == (before.candidate, before.digest)
    assert after.inputs != before.inputs


def test_a_retry_is_another_attempt_of_the_same() -> None:
    before, after = wanted(case()), wanted(retried(case(), "monday"))
    assert after.key != before.key
    assert after.digest == before.digest
    assert wanted(retried(case(), "monday")) == after


def test_values_of_an_environment_change_what_is_deployed_and_not_the_candidate() -> None:
    before, after = wanted(case()), wanted(case(), {"replicas": 3})
    assert after.candidate == before.candidate
    assert after.digest != before.digest
    assert after.key != before.key


@pytest.mark.parametrize(
    "spec",
    [{"values": {"a": 1}}, {"image": {"tag": "2.0.0"}}, {"substitute": {"vars": {"A": "b"}}}],
    ids=lambda spec: next(iter(spec)),
)
def test_what_may_not_differ_between_environments_is_another_candidate(spec: Json) -> None:
    assert wanted(case(**spec)).candidate != wanted(case()).candidate


def test_other_content_of_the_chart_is_another_candidate_under_the_same_version() -> None:
    after = wanted(case(), chart=replace(CHART, digest="sha256:two"))
    assert after.candidate != wanted(case()).candidate
    assert after.inputs == wanted(case()).inputs


def test_another_helm_release_is_deployed_anew() -> None:
    assert wanted(case(releaseName="other")).digest != wanted(case()).digest


@given(left=st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=3))
def test_the_order_of_values_says_nothing(left: Json) -> None:
    assert wanted(case(), left) == wanted(case(), dict(reversed(left.items())))


def test_a_check_of_the_release_replaces_that_of_the_environment() -> None:
    theirs = {"releaseDefaults": {"healthChecks": [up(80), {**up(81), "name": "other"}]}}
    ours = case(theirs, healthChecks=[up(8080)])
    assert [(each.name, each.http and each.http.port) for each in checks_of(ours)] == [("up", 8080), ("other", 81)]
    assert [each.name for each in checks_of(replace(ours, release=None))] == ["up", "other"]
    assert checks_of(replace(case(), environment=None)) == ()


def test_each_check_is_known_by_the_list_it_stands_in() -> None:
    theirs = {"releaseDefaults": {"healthChecks": [up(80), {**up(81), "name": "other"}]}}
    ours = case(theirs, healthChecks=[{**up(1), "name": "own"}, up(8080)])
    places = {name: each.path for name, each in places_of(ours).items()}
    assert places["own"] == "spec.healthChecks[0]"
    assert places["up"] == "spec.healthChecks[1]"
    assert places["other"] == "spec.releaseDefaults.healthChecks[1]"
    assert places_of(ours)["other"].environment == ours.environment_name


def test_a_spec_that_is_not_understood_wants_nothing() -> None:
    with pytest.raises(NotPrepared) as stopped:
        spec_of(replace(case(), release=None, fault="spec.chart: is missing."))
    assert (stopped.value.reason, stopped.value.why) == (Reason.INVALID_SPEC, "spec.chart: is missing.")


@pytest.mark.parametrize("repository", [PIN["repository"], f"{PIN['repository']}/"])
def test_a_chart_is_remembered_by_the_same_name_however_its_place_is_written(repository: str) -> None:
    assert pin_name(case(chart={**PIN, "repository": repository})) == "https://charts.example.org/web:1.0.0"
