"""The cluster with a real node, a registry and Prometheus: for tests in which pods must really run.

One per run, beside the ordinary sandbox and shared in the same way. Where it cannot be had its tests are skipped, and
pytest's summary says why. Fixtures for it are in conftest.
"""

from dataclasses import dataclass
from pathlib import Path

from sandbox import cluster as sandbox
from sandbox import parts
from sandbox.folder import Record
from sandbox.packages import obstacle
from sandbox.pki import NODE
from sandbox.programs import programs
from sandbox.registry import push_chart
from sandbox.site import EXTRAS
from tests import cluster as clusters
from tests.cluster import Cluster

__all__ = ["NODE", "NodeCluster", "build_programs", "end", "find_or_start", "why_not"]


@dataclass(frozen=True, slots=True)
class NodeCluster:
    """A sandbox with a real node; pods land on it unless they tolerate the fake one's taint and select it."""

    record: Record

    @property
    def cluster(self) -> Cluster:
        """The same for those who need no more than a cluster."""
        return Cluster(self.record.kubeconfig, self.record)

    @property
    def kubeconfig(self) -> str:
        """The admin's."""
        return self.record.kubeconfig

    @property
    def registry(self) -> str:
        """Host and port of the registry, which speaks plain HTTP to this machine and to the node alike."""
        assert self.record.registry
        return self.record.registry

    @property
    def private_registry(self) -> str:
        """Host and port of the registry that wants a password: `sandbox.registry.USER` and `PASSWORD`."""
        assert self.record.private_registry
        return self.record.private_registry

    @property
    def prometheus(self) -> str:
        """The URL of Prometheus."""
        assert self.record.prometheus
        return self.record.prometheus

    def image(self, tag: str, *, pulled: bool = False) -> str:
        """The application's image of this tag, as the node has it, or as it is pulled from the registry."""
        return f"{self.registry if pulled else 'localhost'}/app:{tag}"

    def push_chart(
        self, chart: Path, *, under: str = "charts", version: str | None = None, private: bool = False
    ) -> str:
        """Push a chart; returns the repository it is in then, such as `oci://10.213.0.1:40001/charts`."""
        return push_chart(self.record, chart, under=under, version=version, private=private)

    def stop(self, part: str) -> None:
        """End one part, such as `registry`, as a crash would. Whoever does it starts it again."""
        parts.stop(self.record, part)

    def start(self, part: str) -> None:
        """Start a stopped part again at its old address; returns before it takes requests."""
        parts.start(self.record, part)


def why_not() -> str | None:
    """Why tests of the real node cannot run here; None if they can."""
    if given := clusters.given():
        record = clusters.record_beside(Path(given))
        if record is None or not record.node or set(record.extras) != set(EXTRAS):
            return "KUBECONFIG names no sandbox with a real node, both registries and Prometheus; unset it"
        return None
    why = obstacle()
    return f"tests of the real node are skipped. {why}" if why else None


def find_or_start(run: Path) -> NodeCluster:
    """The sandbox with a real node of this run, or the one that the environment names; started if need be."""
    if given := clusters.given():
        record = clusters.record_beside(Path(given))
        assert record, "asked for without looking at why_not()"
        return NodeCluster(record)
    return NodeCluster(sandbox.up(run / "node", with_node=True, extras=EXTRAS))


def end(run: Path) -> None:
    """End and remove this run's sandbox with a real node, if it has one."""
    if not clusters.is_given() and (run / "node").exists():
        sandbox.down(run / "node")


def build_programs() -> None:
    """Build what such a sandbox needs, if it is not built yet."""
    if not clusters.is_given() and not why_not():
        programs(with_node=True, extras=EXTRAS)
