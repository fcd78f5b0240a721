"""The demo does not claim what did not come true."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo.faults import StepFailed
from demo.kubectl import Kubectl
from demo.operator import Operator
from demo.stage import Stage
from demo.terminal import Terminal

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A stage without a cluster: every command fails, the client's own apart."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    terminal = Terminal()
    return Stage(Kubectl(str(tmp_path / "none"), tmp_path), terminal, Operator(ended, tmp_path / "log", terminal))


def test_a_cluster_that_does_not_answer_ends_the_demo_with_the_reason(tmp_path: Path) -> None:
    environment = {**os.environ, "KUBECONFIG": str(tmp_path / "none"), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "demo"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "\nFAILED: kubectl get crd/tenants.landlord.dev" in done.stdout
    assert "Every step came true" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_fails_ends_the_demo(stage: Stage) -> None:
    with pytest.raises(StepFailed, match="kubectl get pods"):
        stage.show("get", "pods")


def test_a_refusal_for_another_reason_ends_the_demo(stage: Stage) -> None:
    with pytest.raises(StepFailed, match="for another reason"):
        stage.show_refusal("get", "pods", because="denied by policy")


def test_what_should_be_refused_and_is_not_ends_the_demo(stage: Stage) -> None:
    with pytest.raises(StepFailed, match="was let through"):
        stage.show_refusal("version", "--client", because="denied by policy")


def test_commands_are_shown_as_one_would_type_them(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.show("version", "--client", "-o", "json")
    assert capsys.readouterr().out.startswith("   $ kubectl version --client -o json\n     {")


def test_files_of_the_scratch_folder_are_shown_without_it(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "web.json").write_text("{}")
    with pytest.raises(StepFailed):
        stage.show("apply", "-f", str(tmp_path / "web.json"))
    assert capsys.readouterr().out == "   $ kubectl apply -f web.json\n"


def test_an_operator_that_ended_by_itself_is_told(stage: Stage) -> None:
    assert stage.operator.death() == " The operator had ended with code 0."
