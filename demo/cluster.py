"""Where the story plays: a sandbox of its own, or the cluster in KUBECONFIG; and Landlord installed in it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.faults import StepFailed
from demo.kubectl import Kubectl
from demo.terminal import Terminal
from landlord.api.names import LABEL_MANAGED_BY, MANAGED_BY
from sandbox import cluster as sandbox
from sandbox.build import cache_folder
from sandbox.folder import Record
from sandbox.locks import exclusively
from sandbox.registry import OPEN as REGISTRY

ROOT = Path(__file__).resolve().parent.parent
MANIFESTS = "manifests"
EXAMPLE = "examples/infra-repo"
CRDS = ("crd/tenants.landlord.dev", "crd/environments.landlord.dev", "crd/appreleases.landlord.dev")


@dataclass(frozen=True, slots=True)
class Place:
    """A cluster and its admin. ``sandbox`` is None where the cluster is a borrowed one."""

    kubectl: Kubectl
    sandbox: Record | None = None

    @property
    def registry(self) -> str | None:
        """Host and port of the registry for charts, None where there is none."""
        return self.sandbox.registry if self.sandbox else None


@contextmanager
def borrowed_or_started(terminal: Terminal) -> Iterator[Place]:
    """The cluster in KUBECONFIG, else a sandbox that is gone at the end."""
    os.chdir(ROOT)  # commands are shown as one types them in the checkout
    with tempfile.TemporaryDirectory(prefix="landlord-demo-") as scratch:
        if given := os.environ.get("KUBECONFIG"):
            terminal.say(f"KUBECONFIG is {given}; its current context is used.")
            yield Place(_fresh(Kubectl(given, Path(scratch)), terminal))
        else:
            with _sandbox(terminal) as record:
                yield Place(Kubectl(record.kubeconfig, Path(scratch)), record)


@contextmanager
def _sandbox(terminal: Terminal) -> Iterator[Record]:
    folder = cache_folder() / "demo"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with exclusively(folder.with_suffix(".lock"), waiting_for="another demo"):
        sandbox.down(folder)  # what a demo that was killed has left
        try:
            record = sandbox.up(folder, extras=(REGISTRY,))
            terminal.say(
                f"A sandbox: the real Kubernetes {record.kubernetes} at {record.server}, an OCI registry for charts at "
                f"{record.registry}, and one fake node: pods become Ready on it, but no container runs."
            )
            yield record
        finally:
            sandbox.down(folder)


def _fresh(kubectl: Kubectl, terminal: Terminal) -> Kubectl:
    """The same, unless Landlord is at home there: its Tenants are no props for a demo."""
    if kubectl.find(*CRDS[:1]):
        raise StepFailed(
            "Landlord is installed in this cluster already, and the demo would touch its Tenants. Take a cluster "
            f"without it. If an earlier demo was killed: kubectl delete -k {MANIFESTS}"
        )
    terminal.output(kubectl.ask("version"))
    return kubectl


@contextmanager
def installed(kubectl: Kubectl, terminal: Terminal) -> Iterator[None]:
    """Landlord's kinds, rights and guards, taken out again with all they brought when the cluster is a borrowed one."""
    apply = ("apply", "--server-side", "-k", MANIFESTS)
    terminal.command(("kubectl", *apply))
    try:
        done = kubectl.ask(*apply).splitlines()
        kubectl.ask("wait", "--for=condition=Established", "--timeout=60s", *CRDS)
        terminal.output(f"{len(done)} objects applied")
        yield
    finally:
        if os.environ.get("KUBECONFIG"):
            remove(kubectl, terminal)


def remove(kubectl: Kubectl, terminal: Terminal) -> None:
    """Take Landlord and all its Tenants' namespaces out of a borrowed cluster; needs no operator."""
    kubectl.run("delete", "-f", f"{MANIFESTS}/policies", "--ignore-not-found")
    kubectl.until(lambda: _let_go(kubectl), what="Letting go of Tenants and Environments")
    kubectl.run("delete", "namespaces", "-l", f"{LABEL_MANAGED_BY}={MANAGED_BY}", "--timeout=100s")
    kubectl.run("delete", "-k", MANIFESTS, "--ignore-not-found", "--timeout=100s")
    if left := kubectl.run("get", "-k", MANIFESTS, "--ignore-not-found", "-o", "name").out:
        raise StepFailed(f"Could not be removed from the cluster: {', '.join(left.split())}")
    terminal.say("Everything was taken out of the cluster again.")


def _let_go(kubectl: Kubectl) -> bool:
    """Whether all objects of ours are freed of their finalizer; policies that forbid it take a moment to go."""
    kinds = ",".join(crd.removeprefix("crd/") for crd in CRDS[:2])
    names = kubectl.run("get", kinds, "-o", "name").out.split()
    free = ("--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    return all(kubectl.run("patch", name, *free).code == 0 for name in names)
