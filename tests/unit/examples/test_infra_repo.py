"""The example repository's own tests pass as they stand, and fail when somebody weakens a Tenant."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

EXAMPLE = Path(__file__).resolve().parents[3] / "examples/infra-repo"


def run_its_tests(repository: Path) -> subprocess.CompletedProcess[str]:
    """What a user sees who runs pytest in his copy, with no settings of ours."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "-c", os.devnull]
    command += ["--rootdir", str(repository), str(repository / "tests")]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A user's copy of the example."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "infra-repo"))


def test_the_example_s_own_tests_pass(copy: Path) -> None:
    done = run_its_tests(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 passed" in done.stdout


def test_a_weakened_tenant_fails_them(copy: Path) -> None:
    path = copy / "tenants/status-page.yaml"
    tenant = yaml.safe_load(path.read_text("utf-8"))
    tenant["spec"]["defaults"] = {"podSecurity": {"enforce": "privileged"}}
    path.write_text(yaml.safe_dump(tenant), "utf-8")
    done = run_its_tests(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "test_nobody_runs_privileged" in done.stdout


def test_a_tenant_that_cannot_be_made_true_fails_them_with_the_reason(copy: Path) -> None:
    path = copy / "tenants/warehouse.yaml"
    tenant = yaml.safe_load(path.read_text("utf-8"))
    tenant["spec"]["quota"]["aggregate"]["requests.cpu"] = "10"
    path.write_text(yaml.safe_dump(tenant), "utf-8")
    done = run_its_tests(copy)
    assert done.returncode == 1
    assert "ask for 20 of requests.cpu" in done.stdout


def test_the_kustomization_names_every_file() -> None:
    listed = yaml.safe_load((EXAMPLE / "kustomization.yaml").read_text("utf-8"))["resources"]
    there = [f"{folder}/{path.name}" for folder in ("environments", "tenants") for path in EXAMPLE.glob(f"{folder}/*")]
    assert sorted(listed) == sorted(there)
