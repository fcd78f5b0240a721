"""Every program the sandbox can build: one closed table, one row per Go module folder under `sandbox/tools`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox.faults import SandboxFault

TOOLS: Final = Path(__file__).parent / "tools"


@dataclass(frozen=True, slots=True)
class Program:
    """One executable: its file name and the Go package it is built from."""

    name: str
    package: str


@dataclass(frozen=True, slots=True)
class Component:
    """Programs that share one pinned Go module and are built by one command.

    `stamps` are linker settings (`path.variable=value`) without which a program would report a nonsense version.
    `core` components are built and started when nobody asks for anything in particular. `module` names the folder of a
    module that two components share: what most people never need is then built apart from what all need.
    """

    name: str
    version: str
    programs: tuple[Program, ...]
    stamps: tuple[str, ...] = ()
    core: bool = False
    module: str | None = None

    @property
    def folder(self) -> Path:
        """Where go.mod and go.sum of this component lie."""
        return TOOLS / (self.module or self.name)


KUBERNETES_VERSION: Final = "v1.36.4"
_KUBE_VERSION_PACKAGE: Final = "k8s.io/component-base/version"
_KUBE_STAMPS: Final = (
    f"{_KUBE_VERSION_PACKAGE}.gitVersion={KUBERNETES_VERSION}",
    f"{_KUBE_VERSION_PACKAGE}.gitMajor=1",
    f"{_KUBE_VERSION_PACKAGE}.gitMinor=36",
    f"{_KUBE_VERSION_PACKAGE}.gitTreeState=clean",
    f"k8s.io/client-go/pkg/version.gitVersion={KUBERNETES_VERSION}",
)

COMPONENTS: Final[tuple[Component, ...]] = (
    Component(
        name="etcd",
        version="v3.6.14",
        programs=(Program("etcd", "go.etcd.io/etcd/server/v3"),),
        core=True,
    ),
    Component(
        name="kube",
        version=KUBERNETES_VERSION,
        programs=(
            Program("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
            Program("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
            Program("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
        ),
        stamps=_KUBE_STAMPS,
        core=True,
    ),
    Component(
        name="kwok",
        version="v0.8.0",
        programs=(Program("kwok", "sigs.k8s.io/kwok/cmd/kwok"),),
        core=True,
    ),
    Component(
        name="helm",
        version="v4.3.1",
        programs=(Program("helm", "helm.sh/helm/v4/cmd/helm"),),
        stamps=("helm.sh/helm/v4/internal/version.version=v4.3.1",),
        core=True,
    ),
    Component(
        name="kubelet",
        version=KUBERNETES_VERSION,
        programs=(Program("kubelet", "k8s.io/kubernetes/cmd/kubelet"),),
        stamps=_KUBE_STAMPS,
        module="kube",
    ),
    Component(
        name="registry",
        version="v3.0.0",
        programs=(Program("registry", "github.com/distribution/distribution/v3/cmd/registry"),),
    ),
    Component(
        name="prometheus",
        version="v0.307.0",
        programs=(
            Program("prometheus", "github.com/prometheus/prometheus/cmd/prometheus"),
            Program("promtool", "github.com/prometheus/prometheus/cmd/promtool"),
        ),
    ),
)


def core() -> tuple[Component, ...]:
    """The components of every sandbox."""
    return tuple(component for component in COMPONENTS if component.core)


def named(names: tuple[str, ...]) -> tuple[Component, ...]:
    """The components of these names, in the order of the table; the core if no name is given."""
    if not names:
        return core()
    known = {component.name for component in COMPONENTS}
    if unknown := sorted(set(names) - known):
        raise SandboxFault(f"Unknown component: {', '.join(unknown)}. Known are: {', '.join(sorted(known))}.")
    return tuple(component for component in COMPONENTS if component.name in names)
