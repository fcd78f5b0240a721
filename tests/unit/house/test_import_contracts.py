"""Each import contract of pyproject.toml bites: a small copy of the house with one planted breach fails by its name."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("api", "core", "core/tenant", "core/environment", "clients", "telemetry", "reconcilers", "runtime", "cli")


@dataclass(frozen=True, slots=True)
class Breach:
    """Files that break one contract, and the words by which the linter must name it."""

    contract: str
    files: dict[str, str]


BREACHES = {
    "core imports reconcilers": Breach(
        "Imports go down only", {"core/one.py": "from landlord.reconcilers import two", "reconcilers/two.py": ""}
    ),
    "api imports core": Breach("Imports go down only", {"api/one.py": "import landlord.core"}),
    "core imports its sibling clients": Breach("Imports go down only", {"core/one.py": "import landlord.clients"}),
    "clients import their sibling telemetry": Breach(
        "Imports go down only", {"clients/one.py": "import landlord.telemetry"}
    ),
    "reconcilers import the runtime": Breach("Imports go down only", {"reconcilers/one.py": "import landlord.runtime"}),
    "a room nobody planned": Breach("Imports go down only", {"utils/__init__.py": ""}),
    "core reads the clock": Breach("Decisions and shapes", {"core/one.py": "import time"}),
    "core logs": Breach("Decisions and shapes", {"core/tenant/one.py": "import logging"}),
    "core awaits": Breach("Decisions and shapes", {"core/one.py": "import asyncio"}),
    "api opens files": Breach("Decisions and shapes", {"api/one.py": "from pathlib import Path"}),
    "api names a vendor": Breach("Decisions and shapes", {"api/one.py": "import kubernetes.aio.client"}),
    "reconcilers start programs": Breach("Passes order steps", {"reconcilers/one.py": "import subprocess"}),
    "clients name kopf": Breach("Only the runtime names kopf", {"clients/one.py": "import kopf"}),
    "telemetry names kubernetes": Breach(
        "Only clients and the runtime name the Kubernetes library", {"telemetry/one.py": "import kubernetes"}
    ),
    "the runtime names prometheus": Breach(
        "Only telemetry names the Prometheus library", {"runtime/one.py": "import prometheus_client"}
    ),
    "the package uses the sandbox": Breach("What is shipped knows nothing", {"runtime/one.py": "import sandbox.ports"}),
    "two rooms of core import each other": Breach(
        "form no cycle",
        {
            "core/tenant/one.py": "import landlord.core.environment.two",
            "core/environment/two.py": "import landlord.core.tenant.one",
        },
    ),
}


def lint(folder: Path, files: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What the linter says of an empty house with these files in it."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    for room in ("", *ROOMS):
        package = folder / "landlord" / room
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
    for name, text in files.items():
        path = folder / "landlord" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{text}\n", "utf-8")
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"]
    return subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_house_without_a_breach_passes(tmp_path: Path) -> None:
    done = lint(tmp_path, {"core/one.py": "import json\n\nimport landlord.api"})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("breach", BREACHES.values(), ids=BREACHES.keys())
def test_a_planted_breach_breaks_its_contract(breach: Breach, tmp_path: Path) -> None:
    done = lint(tmp_path, breach.files)
    broken = [line for line in done.stdout.splitlines() if line.rstrip().endswith("BROKEN")]
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(breach.contract in line for line in broken), done.stdout
