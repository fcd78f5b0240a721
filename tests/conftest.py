"""Fixtures for every test: the cluster, an admin, fresh names, the audit log."""

import os
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from sandbox.programs import core_programs
from tests import beside
from tests import cluster as clusters
from tests import node as nodes
from tests.cluster import Admin, Audit, Cluster, eventually, open_admin, short_name
from tests.node import NodeCluster

# Nobody stands by in CI to see whether it was the machine: the summary there shows both tries and why the first failed.
_SECOND_TRY = pytest.mark.flaky(reruns=1)

# Where nobody looks on, the same draws every time: what a new draw finds is found, and mended, at somebody's desk.
hypothesis.settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

_RUN = pytest.StashKey[Path]()
_LAST_OF_THE_NODE = pytest.StashKey[pytest.Item | None]()
_WORKER_INPUT = "landlord_run_folder"


def pytest_configure(config: pytest.Config) -> None:
    """Agree on the folder of this run's sandboxes, and clean up after runs that were killed."""
    given = getattr(config, "workerinput", {}).get(_WORKER_INPUT)
    if given is None:
        clusters.sweep()
    config.stash[_RUN] = Path(given) if given else clusters.run_folder()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist the folder of the run."""
    node.workerinput[_WORKER_INPUT] = str(node.config.stash[_RUN])


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the run's sandboxes, once, when all workers are done."""
    if not hasattr(config, "workerinput") and _RUN in config.stash:
        clusters.end_run(config.stash[_RUN])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> beside.WholeFiles | None:
    """With `--dist loadfile`, whole files and one real node; else what pytest-xdist has."""
    return beside.WholeFiles(config, log) if config.option.dist == "loadfile" else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark whatever uses the cluster, so that `-m "not cluster"` is the truth, and let CI try it twice."""
    for item in items:
        if {"cluster", "node_cluster"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("cluster")
            if os.environ.get("CI"):
                item.add_marker(_SECOND_TRY)
    if _worker(config):
        items[:] = beside.in_order(items)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the sandbox's programs before the first test, if one needs them: no test's time limit is meant for that."""
    session.config.stash[_LAST_OF_THE_NODE] = beside.last_of_the_node(session.items)
    if session.config.option.collectonly or clusters.is_given():
        return
    if any(item.get_closest_marker("cluster") for item in session.items):
        capture = session.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            core_programs()
            if any("node_cluster" in getattr(item, "fixturenames", ()) for item in session.items):
                nodes.build_programs()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """End the real node after the last test that uses it: pods left on it would be probed and restarted to the end."""
    done = yield
    if item is item.config.stash[_LAST_OF_THE_NODE]:
        nodes.end(item.config.stash[_RUN])
    return done


@pytest.fixture(scope="session")
def run_folder(pytestconfig: pytest.Config) -> Path:
    """A folder for sandboxes that a test starts itself; they are ended with the run, even if the run is killed."""
    return pytestconfig.stash[_RUN]


@pytest.fixture(scope="session")
def cluster(run_folder: Path, pytestconfig: pytest.Config) -> Cluster:
    """The running cluster: LANDLORD_TEST_KUBECONFIG, else KUBECONFIG, else a sandbox of this run, a worker's own."""
    worker = _worker(pytestconfig)
    return clusters.find_or_start(run_folder, f"cluster-{worker}" if worker else "cluster")


def _worker(config: pytest.Config) -> str:
    """The name of this worker of pytest-xdist; nothing if the run is all in one process."""
    return str(getattr(config, "workerinput", {}).get("workerid", ""))


@pytest.fixture
async def admin(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Admin]:
    """Whoever the cluster's kubeconfig says; may do everything."""
    async with open_admin(cluster.kubeconfig, tmp_path) as client:
        yield client


@pytest.fixture
async def namespace(admin: Admin) -> AsyncIterator[str]:
    """A fresh namespace in which pods can start."""
    async with fresh_namespace(admin) as name:
        yield name


@asynccontextmanager
async def fresh_namespace(admin: Admin) -> AsyncIterator[str]:
    """A namespace with its default account; its deletion is begun at the end, not awaited."""
    name = short_name("n")
    await admin.create("/api/v1/namespaces", {"metadata": {"name": name}})
    path = f"/api/v1/namespaces/{name}"
    await eventually(lambda: admin.find(f"{path}/serviceaccounts/default"), describe=f"the default account of {name}")
    yield name
    await admin.delete(path)


@pytest.fixture(scope="session")
def node_cluster(run_folder: Path) -> NodeCluster:
    """The cluster with a real node, a registry and Prometheus; skips, saying why, where it cannot be had."""
    if why := nodes.why_not():
        pytest.skip(why)
    return nodes.find_or_start(run_folder)


@pytest.fixture
async def node_admin(node_cluster: NodeCluster, tmp_path: Path) -> AsyncIterator[Admin]:
    """The admin of the cluster with a real node."""
    async with open_admin(node_cluster.kubeconfig, tmp_path) as client:
        yield client


@pytest.fixture
async def node_namespace(node_admin: Admin) -> AsyncIterator[str]:
    """A fresh namespace in the cluster with a real node, in which pods can start."""
    async with fresh_namespace(node_admin) as name:
        yield name


@pytest.fixture
def tenant_name() -> str:
    """A name for a Tenant that nobody else uses, short enough for every rule about names."""
    return short_name("t")


@pytest.fixture
async def audit(cluster: Cluster, admin: Admin) -> Audit:
    """The requests the API server gets from now on; clusters that are not ours do not show them and the test skips."""
    if cluster.audit_log is None:
        pytest.skip("counts requests in the API server's audit log, which this cluster does not show; unset KUBECONFIG")
    log = Audit(cluster.audit_log, admin)
    await log.mark()
    return log
