"""Writes ``manifests/``, the chart as plain files, and the chart's copies of ``crds/``.

``python -m generators.render_manifests [--check]``. Needs Helm: the one on the PATH, else the sandbox's, which is
built when it is not there yet.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from generators.committed import ROOT, main
from landlord.api.names import OPERATOR_NAMESPACE
from sandbox.build import build
from sandbox.components import named

CHART = Path("charts/landlord")
CHART_CRDS = CHART / "files/crds"
MANIFESTS = Path("manifests")
HEADER = "# Generated from charts/landlord by `python -m generators.render_manifests`; do not edit.\n"
_SOURCE = re.compile(r"^# Source: landlord/templates/(\S+)\n", re.MULTILINE)
# The order in which things must exist: kinds before objects, namespaces before what lies in them, guards last.
# Of the guards the one the operator probes comes last, so that its refusal speaks for all.
_ORDER = ("crds.yaml", "namespaces.yaml", "serviceaccount.yaml", "rbac", "policies", "policies/operator.yaml")


def files(root: Path = ROOT) -> dict[Path, str]:
    """Path and content of every rendered file and of every copied CRD."""
    crds = {CHART_CRDS / path.name: path.read_text("utf-8") for path in sorted((root / "crds").glob("*.yaml"))}
    with tempfile.TemporaryDirectory() as folder:
        rendered = split(_render(_staged(root, crds, Path(folder))))
    manifests = {MANIFESTS / name: HEADER + text for name, text in rendered.items()}
    return crds | manifests | {MANIFESTS / "kustomization.yaml": HEADER + kustomization(rendered)}


def split(rendered: str) -> dict[str, str]:
    """The output of ``helm template`` by the template it came from, documents in their order."""
    found: dict[str, list[str]] = {}
    for name, document in _documents(rendered):
        found.setdefault(name, []).append(f"---\n{document}\n")
    return {name: "".join(documents) for name, documents in sorted(found.items(), key=lambda pair: _place(pair[0]))}


def kustomization(names: dict[str, str]) -> str:
    """What ``kubectl apply -k`` reads: the files in the order in which they are needed."""
    resources = "".join(f"  - {name}\n" for name in sorted(names, key=_place))
    order = "sortOptions:\n  order: fifo\n"
    return f"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n{order}resources:\n{resources}"


def helm() -> Path:
    """The Helm to render with."""
    on_path = shutil.which("helm")
    return Path(on_path) if on_path else build(named(("helm",))[0]) / "helm"


def _staged(root: Path, crds: dict[Path, str], folder: Path) -> Path:
    """A copy of the chart with fresh CRDs, so that rendering does not depend on what was generated before."""
    chart = folder / "landlord"
    shutil.copytree(root / CHART, chart, ignore=shutil.ignore_patterns("crds"))
    target = chart / CHART_CRDS.relative_to(CHART)
    target.mkdir(parents=True)
    for path, text in crds.items():
        (target / path.name).write_text(text, "utf-8")
    return chart


def _render(chart: Path) -> str:
    options = ["--namespace", OPERATOR_NAMESPACE, "--set", "createReleaseNamespace=true"]
    command = [str(helm()), "template", "landlord", str(chart), *options]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout  # noqa: S603 own argv


def _documents(rendered: str) -> Iterator[tuple[str, str]]:
    for chunk in re.split(r"^---\n", rendered, flags=re.MULTILINE):
        if source := _SOURCE.search(chunk):
            yield source.group(1), (chunk[: source.start()] + chunk[source.end() :]).strip()


def _place(name: str) -> tuple[int, str]:
    rank = next(rank for rank, start in reversed(list(enumerate(_ORDER))) if name.startswith(start))
    return (rank, name)


if __name__ == "__main__":
    main(files())
