"""Fixtures of the fault tests: a cluster of their own, the operator's identity, and the number of plans at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import cluster as sandbox
from tests import cluster as clusters
from tests import release_faults
from tests.cluster import Cluster
from tests.fault_plans import PLANS
from tests.installation import landlord_installed
from tests.operator_process import operator, operator_kubeconfig

__all__ = ["landlord_installed", "operator", "operator_kubeconfig"]


@pytest.fixture(scope="session")
def cluster(run_folder: Path) -> Iterator[Cluster]:
    """The cluster given, else a sandbox of its own: its API server is stopped, and hundreds of tenants come and go."""
    if clusters.is_given():
        yield clusters.find_or_start(run_folder)
        return
    folder = run_folder / "faults"
    record = sandbox.up(folder)
    yield Cluster(record.kubeconfig, record)
    sandbox.down(folder)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many crash plans were run."""
    reports = [*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())]
    for kind, told in ((PLANS, "Tenants"), (release_faults.PLANS, "AppReleases")):
        counts = [int(str(value)) for report in reports for name, value in report.user_properties if name == kind]
        if counts:
            terminalreporter.write_line(f"{sum(counts)} crash plans of {told} in {len(counts)} scenarios")
