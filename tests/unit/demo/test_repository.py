"""The demo's repository is the example, and its commits say what they change."""

from pathlib import Path

import pytest
import yaml

from demo import releases
from demo.faults import StepFailed
from demo.repository import Repository
from landlord.api.apprelease import AppReleaseSpec

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A fresh copy."""
    monkeypatch.chdir(ROOT)
    return Repository.cloned(tmp_path)


def spec(repository: Repository) -> AppReleaseSpec:
    """What the AppRelease asks for now."""
    text = (repository.path / "releases/web.yaml").read_text("utf-8")
    return AppReleaseSpec.model_validate(yaml.safe_load(text)["spec"])


def test_the_chart_that_is_pushed_is_the_one_that_is_pinned(repository: Repository) -> None:
    assert spec(repository).chart.version == repository.version


def test_a_commit_changes_one_text(repository: Repository) -> None:
    repository.change("tag: 1.4.2", f"tag: {releases.MISSING}")
    image = spec(repository).image
    assert image is not None
    assert image.tag == releases.MISSING


@pytest.mark.parametrize("text", ["tag: 9.9.9", "shop"])
def test_a_commit_that_finds_its_text_never_or_twice_ends_the_demo(repository: Repository, text: str) -> None:
    with pytest.raises(StepFailed, match="not once"):
        repository.change(text, "other")


def test_without_health_checks_all_else_stays(repository: Repository) -> None:
    before = spec(repository)
    repository.drop_health_checks()
    assert before.health_checks
    assert spec(repository) == before.model_copy(update={"health_checks": ()})


def test_the_demo_says_what_the_example_s_bake_is() -> None:
    staging = yaml.safe_load((ROOT / "examples/infra-repo/environments/staging.yaml").read_text("utf-8"))
    assert staging["spec"]["releaseDefaults"]["bake"] == "15s"
