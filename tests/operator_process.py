"""The real operator as a process of its own: `landlord run` with its ServiceAccount's token and the chart's rights."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from landlord.api.names import OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT
from sandbox.programs import core_programs
from tests.actors import Actor
from tests.admin import write_token_kubeconfig
from tests.cluster import Cluster, eventually

# Tests that wait for a standby need not wait as long as production does; under load a short Lease is lost by itself,
# so everything else keeps the defaults.
QUICK_LEASE = ("--lease-duration", "3s", "--lease-renew-deadline", "2s", "--lease-retry-period", "500ms")
LEASE = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "landlord", "namespace": OPERATOR_NAMESPACE},
}


@dataclass(frozen=True, slots=True)
class OperatorProcess:
    """One `landlord run`."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def log_lines(self) -> list[dict[str, object]]:
        """What it logged, each line as its JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def complaints(self) -> list[str]:
        """Messages that tell of a bug or a crash."""
        bad = {"ERROR", "CRITICAL"}
        return [str(line["message"]) for line in self.log_lines() if line["level"] in bad]

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of one of its own pages, such as `/readyz`; 0 when it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    async def until_serving(self, deadline: float = 60) -> None:
        """Return once it leads and makes passes; fails with its log when it ends before."""

        def is_serving() -> bool:
            if not self.is_running:
                pytest.fail(f"the operator ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")
            return any(
                str(line["message"]).startswith("Serving ") and "tenants" in str(line["message"])
                for line in self.log_lines()
            )

        await eventually(
            is_serving, deadline=deadline, describe=lambda: f"a serving operator:\n{self.log.read_text()[-2000:]}"
        )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if it still runs."""
        if self.is_running:
            self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would, and wait for that."""
        self.signal(signal.SIGKILL)
        self.process.wait(30)

    async def stop(self, deadline: float = 40) -> int:
        """Ask it to stop and wait; its exit code."""
        self.signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, deadline)


def start_operator(kubeconfig: str | Path, folder: Path, *flags: str, name: str = "operator") -> OperatorProcess:
    """Start `landlord run`; it serves when `until_serving` returns."""
    port = _free_port()
    log = folder / f"{name}.log"
    command = [
        *(sys.executable, "-c", "from landlord.cli.main import main; main()", "run", "--kubeconfig", str(kubeconfig)),
        *("--listen", f"127.0.0.1:{port}", "--log-format", "json"),
        *("--helm", core_programs()["helm"], "--state-dir", str(folder / f"{name}-state"), *flags),
    ]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("LANDLORD_")}
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=clean, start_new_session=True)
    return OperatorProcess(process, f"127.0.0.1:{port}", log)


def _free_port() -> int:
    """A free port below those that the kernel hands out, so that nobody is given it before the operator listens."""
    while True:
        port = 20000 + secrets.randbelow(10000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def running_operator(
    kubeconfig: str | Path, folder: Path, *flags: str, name: str = "operator"
) -> Iterator[OperatorProcess]:
    """A process that is surely gone after the block."""
    operator = start_operator(kubeconfig, folder, *flags, name=name)
    try:
        yield operator
    finally:
        operator.kill()


def operator_token_kubeconfig(admin: Actor, like: str, folder: Path) -> Path:
    """A kubeconfig with a real token of the operator's ServiceAccount, and nothing else."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 36000}}
    path = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/serviceaccounts/{OPERATOR_SERVICE_ACCOUNT}/token"
    token = admin.request("POST", path, review).allowed()["status"]["token"]
    return write_token_kubeconfig(folder / "operator.kubeconfig", like, token)


@pytest.fixture(scope="module")
def operator_kubeconfig(landlord_installed: Actor, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of the operator's ServiceAccount, in a cluster where Landlord is installed and nobody leads."""
    if cluster.record:  # ours alone, so whoever holds the Lease is one that an earlier module has killed
        landlord_installed.delete(LEASE)
    return operator_token_kubeconfig(landlord_installed, cluster.kubeconfig, tmp_path_factory.mktemp("identity"))


@pytest.fixture(scope="module")
def operator(operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """One serving operator for all tests of a module; it may neither have ended nor complain when asked to stop."""
    with running_operator(operator_kubeconfig, tmp_path_factory.mktemp("operator")) as process:
        asyncio.run(process.until_serving())
        yield process
        assert process.is_running, f"the operator ended: {process.log.read_text()[-4000:]}"
        assert asyncio.run(process.stop()) == 0
