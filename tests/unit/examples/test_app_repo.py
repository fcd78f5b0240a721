"""The example of an application's repository fits together, and with the platform's."""

from pathlib import Path

import pytest
import yaml

from landlord.api.apprelease import AppReleaseSpec
from landlord.core.intervals import parse
from landlord.core.release.sources import chart_permitted

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
APP, INFRA = EXAMPLES / "app-repo", EXAMPLES / "infra-repo"


def spec() -> AppReleaseSpec:
    """What the AppRelease asks for."""
    return AppReleaseSpec.model_validate(yaml.safe_load((APP / "releases/web.yaml").read_text("utf-8"))["spec"])


def environment(name: str) -> dict[str, dict[str, dict[str, str]]]:
    """The Environment's spec."""
    whole = yaml.safe_load((INFRA / f"environments/{name}.yaml").read_text("utf-8"))
    return dict(whole["spec"])


def test_the_pinned_chart_is_the_one_beside_it() -> None:
    chart = yaml.safe_load((APP / "chart/Chart.yaml").read_text("utf-8"))
    assert (spec().chart.name, spec().chart.version) == (chart["name"], chart["version"])


def test_every_environment_of_the_values_exists() -> None:
    assert set(spec().environment_values) == {path.stem for path in (INFRA / "environments").glob("*.yaml")}


def test_production_permits_the_chart_it_is_to_run() -> None:
    allowed = environment("production")["tenantDefaults"]["policies"]["chartSources"]
    assert chart_permitted(spec().chart.repository, spec().chart.name, list(allowed))
    assert not chart_permitted("oci://registry.example.com/shop/charts", spec().chart.name, list(allowed))


@pytest.mark.parametrize("name", ["staging", "production"])
def test_a_failing_check_can_condemn_within_the_bake(name: str) -> None:
    (check,) = spec().health_checks
    needed = parse(check.initial_delay or "5s") + 2 * parse(check.interval or "10s")
    assert needed < parse(str(environment(name)["releaseDefaults"]["bake"]))
