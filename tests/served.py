"""The committed CRDs, served by the test cluster, for tests that need no more of Landlord than its API."""

from collections.abc import Callable
from functools import partial
from subprocess import CompletedProcess, run

from generators.committed import ROOT
from landlord.api.crd import KINDS
from landlord.api.names import API_VERSION
from sandbox.programs import kubectl
from sandbox.waiting import wait_until
from tests.admin import Admin
from tests.cluster import Cluster


def serve_crds(cluster: Cluster) -> None:
    """Apply the CRDs and return once the API server serves and explains all of them."""
    command = [kubectl(), f"--kubeconfig={cluster.kubeconfig}"]
    names = [f"crd/{kind.crd_name}" for kind in KINDS]
    run([*command, "apply", "--server-side", "--force-conflicts", f"--filename={ROOT / 'crds'}"], check=True)
    # kubectl wait gives up at once on a CRD that has no conditions yet.
    established = [*command, "wait", "--for=condition=Established", "--timeout=30s", *names]
    wait_until(lambda: run(established, check=False).returncode == 0, seconds=60, what="The CRDs, established,")
    for kind in KINDS:
        explain = partial(run, [*command, "explain", kind.plural, f"--api-version={API_VERSION}"], capture_output=True)
        what = f"The API's own description of {kind.plural}"
        wait_until(partial(_succeeds, explain), seconds=30, what=what)


def writer_of_status(admin: Admin) -> Admin:
    """Somebody who may write a status even where Landlord's policies have been installed meanwhile."""
    return admin.as_user("platform", ["system:masters", "landlord:break-glass"])


def _succeeds(program: Callable[[], CompletedProcess[bytes]]) -> bool:
    return program().returncode == 0
