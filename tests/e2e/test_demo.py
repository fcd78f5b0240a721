"""The demo comes true on a sandbox of its own, and leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.build import cache_folder

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(420)
def test_every_step_of_the_demo_comes_true(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
    done = subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=ROOT,
        env={**environment, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    assert "Every step came true" in done.stdout.splitlines()[-1]
    for words in ("Rolled back to revision 2", "3 Rejected ImageUnavailable", "5 Proven Proven"):
        assert words in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert not (cache_folder() / "demo").exists()
