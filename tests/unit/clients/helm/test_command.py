"""Helm is told exactly what is wanted, and nothing a tenant writes becomes a flag."""

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from landlord.api.failures import SpecFault
from landlord.api.releases import Chart
from landlord.clients.helm import command
from landlord.clients.helm.command import Release

CHART = Chart("/charts/web-1.0.0.tgz", "sha256:1", "web", "1.0.0")
RELEASE = Release("shop-test", "web")
MINUTES = timedelta(minutes=10)
DEPLOYER = "--kube-as-user=system:serviceaccount:landlord-deployers:shop-test"


@dataclass(frozen=True)
class Offered:
    """A cluster's capabilities."""

    kube_version: str = "v1.36.4"
    api_versions: tuple[str, ...] = ("apps/v1", "apps/v1/Deployment")


def deploy(**changed: object) -> list[str]:
    asked = {
        "timeout": MINUTES,
        "labels": {"landlord.dev/attempt": "a-1", "old": command.UNSET},
        "description": "because",
        "apply_method": "",
        "take_ownership": False,
        "unchecked": False,
    }
    return command.deploy(CHART, RELEASE, **(asked | changed))  # type: ignore[arg-type] # whatever the test wants


def test_a_deploy_is_an_upgrade_that_waits_for_hooks_only_and_keeps_every_revision() -> None:
    assert deploy() == [
        "upgrade",
        "--install",
        "--reset-values",
        "--skip-crds",
        "--hide-notes",
        "--values=-",
        "--history-max=0",
        "--wait=hookOnly",
        "--timeout=600s",
        "--server-side=auto",
        "--description=because",
        "--disable-openapi-validation",
        "--labels=landlord.dev/attempt=a-1,old=null",
        "--namespace=shop-test",
        DEPLOYER,
        "--",
        "web",
        "/charts/web-1.0.0.tgz",
    ]


def test_conflicts_are_forced_only_where_the_server_applies() -> None:
    assert "--force-conflicts" in deploy(apply_method="ssa")
    assert "--force-conflicts" not in deploy(apply_method="csa")
    assert "--take-ownership" in deploy(take_ownership=True)


def test_a_rollback_names_its_revision() -> None:
    words = command.rollback(RELEASE, 7, timeout=MINUTES, description="", apply_method="ssa", no_hooks=True)

    assert words[-3:] == ["--", "web", "7"]
    assert {"--no-hooks", "--force-conflicts", "--history-max=0", "--wait=hookOnly", DEPLOYER} <= set(words)
    for nothing in (0, -1):
        with pytest.raises(ValueError, match="no revision"):
            command.rollback(RELEASE, nothing, timeout=MINUTES, description="", apply_method="", no_hooks=False)


def test_an_uninstall_does_not_take_trouble_for_absence() -> None:
    assert "--ignore-not-found" not in command.uninstall(RELEASE, timeout=MINUTES, no_hooks=False)


def test_tests_are_chosen_by_name() -> None:
    words = command.test(RELEASE, timeout=MINUTES, only=["smoke", "!slow"])

    assert words[:4] == ["test", "--timeout=600s", "--filter=name=smoke", "--filter=!name=slow"]
    with pytest.raises(SpecFault):
        command.test(RELEASE, timeout=MINUTES, only=["a,name=b"])


def test_a_render_knows_the_cluster_without_asking_it() -> None:
    words = command.render(CHART, RELEASE, Offered(), upgrade=True, unchecked=False)

    assert words == [
        "template",
        "--skip-crds",
        "--namespace=shop-test",
        "--values=-",
        "--kube-version=v1.36.4",
        "--api-versions=apps/v1,apps/v1/Deployment",
        "--is-upgrade",
        "--",
        "web",
        "/charts/web-1.0.0.tgz",
    ]


def test_a_chart_is_found_from_wherever_helm_runs() -> None:
    words = command.render(replace(CHART, path="charts/web.tgz"), RELEASE, Offered(), upgrade=False, unchecked=False)

    assert words[-1] == f"{Path.cwd()}/charts/web.tgz"


def test_a_schema_that_leads_elsewhere_is_not_followed() -> None:
    assert "--skip-schema-validation" in deploy(unchecked=True)
    assert "--skip-schema-validation" in command.render(CHART, RELEASE, Offered(), upgrade=False, unchecked=True)


@pytest.mark.parametrize("name", ["--post-renderer=x", "-x", "", "a b", "A", "a/b", "a\n", "x" * 54, "..", "a,b"])
def test_what_is_no_name_is_no_argument(name: str) -> None:
    with pytest.raises(SpecFault):
        Release("shop-test", name)
    with pytest.raises(SpecFault):
        Release(name if len(name) < 54 else "x" * 64, "web")


@pytest.mark.parametrize(
    "label", [("a", "b,c=d"), ("a=b", "c"), ("a", "b c"), ("", "a"), ("a", "x" * 64), ("a", "--b")]
)
def test_a_label_cannot_bring_another(label: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="no label"):
        deploy(labels=dict([label]))


def test_a_description_stays_one_short_argument() -> None:
    words = deploy(description="--set=x " * 100)

    said = [word for word in words if word.startswith("--description=")]
    assert len(said) == 1
    assert len(said[0]) == len("--description=") + 256


def test_every_run_acts_as_the_deployer_by_user_alone() -> None:
    words = [
        deploy(),
        command.rollback(RELEASE, 1, timeout=MINUTES, description="x", apply_method="", no_hooks=False),
        command.uninstall(RELEASE, timeout=MINUTES, no_hooks=True),
        command.test(RELEASE, timeout=MINUTES, only=[]),
    ]

    assert all(DEPLOYER in each for each in words)
    assert not [word for each in words for word in each if "as-group" in word or word.startswith("--set")]
