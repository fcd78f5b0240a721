"""The cluster under test: the one the environment names, or a sandbox of the run, one for each of its workers.

Import what tests need from here: `Cluster`, `Admin`, `ApiError`, `Audit`, `Entry`, `eventually`; fixtures: conftest.
"""

import os
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sandbox import cluster as sandbox
from sandbox import process
from sandbox.build import cache_folder
from sandbox.faults import SandboxFault
from sandbox.folder import Folder, Record, read_record
from tests.admin import Admin, ApiError, Object, open_admin, write_token_kubeconfig
from tests.audit import Audit, Entry
from tests.polling import eventually

__all__ = [
    "Admin",
    "ApiError",
    "Audit",
    "Cluster",
    "Entry",
    "Object",
    "eventually",
    "open_admin",
    "short_name",
    "write_token_kubeconfig",
]

# Without what is easily misread, so that names from logs can be typed.
_LETTERS = "bcdfghjkmnpqrstvwxz23456789"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that admins may use up. `record` is known if it is a sandbox of ours."""

    kubeconfig: str
    record: Record | None = None

    @property
    def audit_log(self) -> Path | None:
        """Where the API server writes what it was asked; unknown for clusters that are not ours."""
        return Path(self.record.audit_log) if self.record else None


def find_or_start(run: Path, name: str = "cluster") -> Cluster:
    """The cluster that LANDLORD_TEST_KUBECONFIG or KUBECONFIG names, else the sandbox of this name, started if need be.

    Who shares a sandbox may come at the same time: starting one that runs is seeing that it does.
    """
    if kubeconfig := given():
        return Cluster(kubeconfig, record_beside(Path(kubeconfig)))
    record = sandbox.up(run / name)
    return Cluster(record.kubeconfig, record)


def is_given() -> bool:
    """Whether the environment names a cluster."""
    return bool(given())


def run_folder(pid: int | None = None) -> Path:
    """The folder for the sandboxes of a test run, named after its very process, by default this one; it is not made."""
    pid = pid or os.getpid()
    return _runs() / f"{pid}-{process.started(pid)}"


def sweep() -> list[Path]:
    """End and remove the sandboxes of test runs that were killed; returns their folders."""
    dead = [run for run in _runs().glob("*-*") if not _is_running(run)]
    for run in dead:
        with suppress(SandboxFault, FileNotFoundError):  # another run may sweep at the same time
            end_run(run)
    return dead


def end_run(run: Path) -> None:
    """End and remove all sandboxes of one run."""
    if run.is_dir():
        for sandbox_folder in list(run.iterdir()):
            sandbox.down(sandbox_folder)
        shutil.rmtree(run, ignore_errors=True)  # another run may sweep at the same time


def short_name(prefix: str) -> str:
    """A name that nobody else uses, such as `t-x7k2`."""
    return f"{prefix}-{''.join(secrets.choice(_LETTERS) for _ in range(5))}"


def given() -> str:
    """The kubeconfig that the environment names, or nothing."""
    return os.environ.get("LANDLORD_TEST_KUBECONFIG") or os.environ.get("KUBECONFIG") or ""


def _runs() -> Path:
    return cache_folder() / "test-runs"


def _is_running(run: Path) -> bool:
    pid, _, began = run.name.partition("-")
    return pid.isdigit() and str(process.started(int(pid))) == began


def record_beside(kubeconfig: Path) -> Record | None:
    """The record of the sandbox whose kubeconfig this is."""
    folder = Folder.at(kubeconfig.parent)
    record = read_record(folder)
    return record if record and Path(record.kubeconfig) == kubeconfig.resolve() else None
