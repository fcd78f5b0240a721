"""The application example as a user would have it: applied by an editor, rendered by Helm, written by the deployer."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from generators.render_manifests import helm
from landlord.api import names
from landlord.api.apprelease import AppReleaseSpec
from sandbox.programs import kubectl
from tests.actors import Object
from tests.policies import Settle
from tests.tenancy import Tenancy

pytestmark = pytest.mark.cluster

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/app-repo"
ENVIRONMENTS = {"staging": "shop-staging", "production": "shop"}


@pytest.fixture(scope="module")
def strict(settle: Settle) -> Tenancy:
    """A tenancy as strict as production."""
    return settle(
        labels={names.LABEL_WORKLOADS: "ReleasesOnly", "pod-security.kubernetes.io/enforce": "restricted"},
        annotations={
            names.POLICY_REGISTRIES: "registry.example.org",
            names.POLICY_SERVICE_TYPES: "ClusterIP",
            names.POLICY_INGRESS_HOSTS: "",
        },
    )


def built(environment: str) -> Object:
    """What `kubectl apply -k` would send for an environment: one AppRelease."""
    command = [str(kubectl()), "kustomize", str(EXAMPLE / environment)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (release,) = yaml.safe_load_all(done.stdout)
    return dict(release)


def values(environment: str) -> Object:
    """The values of the release, as far as this example uses layers."""
    spec = AppReleaseSpec.model_validate(built(environment)["spec"])
    assert spec.image is not None
    image = {"image": {"repository": spec.image.repository, "tag": spec.image.tag}}
    return {**(spec.values or {}), **spec.environment_values[environment], **image}


def rendered(said: Object) -> list[Object]:
    """The chart's objects with these values."""
    command = [str(helm()), "template", "web", str(EXAMPLE / "chart"), "--values=-"]
    done = subprocess.run(command, input=yaml.safe_dump(said), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


@pytest.mark.parametrize(("environment", "namespace"), ENVIRONMENTS.items())
def test_one_release_is_meant_for_every_environment(
    strict: Tenancy, tenancy: Tenancy, environment: str, namespace: str
) -> None:
    release = built(environment)
    assert release["metadata"] == {"name": "web", "namespace": namespace}
    assert release["spec"] == yaml.safe_load((EXAMPLE / "releases/web.yaml").read_text("utf-8"))["spec"]
    for place in (strict, tenancy):
        here = place.here({**release, "metadata": {"name": "web"}})
        place.editor.create(here, dry_run=True).allowed()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_deployer_may_write_all_of_the_chart_where_rules_are_strictest(strict: Tenancy, environment: str) -> None:
    objects = rendered(values(environment))
    assert sorted(one["kind"] for one in objects) == ["ConfigMap", "Deployment", "Service"]
    for one in objects:
        assert "namespace" not in one["metadata"]
        strict.deployer.create(strict.here(one), dry_run=True).allowed()


def test_its_pods_need_no_privilege(strict: Tenancy) -> None:
    (template,) = [one["spec"]["template"] for one in rendered(values("production")) if one["kind"] == "Deployment"]
    good = strict.here({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": template["spec"]})
    strict.deployer.create(good, dry_run=True).allowed()
    container = {**template["spec"]["containers"][0], "securityContext": {"privileged": True}}
    bad = {**good, "spec": {**template["spec"], "containers": [container]}}
    answer = strict.deployer.create(bad, dry_run=True)
    assert not answer.ok
    assert "violates PodSecurity" in answer.message


def test_environments_differ_as_the_release_says() -> None:
    replicas = {
        name: [one["spec"]["replicas"] for one in rendered(values(name)) if one["kind"] == "Deployment"]
        for name in ENVIRONMENTS
    }
    assert replicas == {"staging": [1], "production": [3]}


@pytest.mark.parametrize("change", [{"replicas": "two"}, {"surprise": 1}, {"image": {"repository": "x", "tag": ""}}])
def test_values_that_make_no_sense_are_refused_by_the_chart(change: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="values don't meet the specifications"):
        rendered(values("staging") | change)


def test_a_changed_message_rolls_out_new_pods() -> None:
    def pods(message: str) -> Object:
        objects = rendered(values("staging") | {"message": message})
        (deployment,) = [one for one in objects if one["kind"] == "Deployment"]
        return dict(deployment["spec"]["template"]["metadata"]["annotations"])

    assert pods("one") != pods("two")
    assert pods("one") == pods("one")


def test_the_release_pins_the_chart_that_lies_beside_it() -> None:
    chart = yaml.safe_load((EXAMPLE / "chart/Chart.yaml").read_text("utf-8"))
    pin = built("staging")["spec"]["chart"]
    assert (pin["name"], pin["version"]) == (chart["name"], chart["version"])
