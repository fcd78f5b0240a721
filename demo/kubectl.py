"""kubectl as a person uses it: everything the demo does to the cluster, it does with this."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.faults import StepFailed
from sandbox import programs
from sandbox.faults import SandboxFault
from sandbox.waiting import wait_until

_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Kubectl:
    """One identity at one cluster; `scratch` is a folder for its caches."""

    kubeconfig: str
    scratch: Path

    def run(self, *arguments: str, stdin: str | None = None) -> Said:
        """Run it and wait, at most two minutes."""
        command = [programs.kubectl(), f"--cache-dir={self.scratch / 'kubectl'}", *arguments]
        environment = {**os.environ, "KUBECONFIG": self.kubeconfig}
        try:
            done = subprocess.run(
                command, env=environment, input=stdin, capture_output=True, text=True, check=False, timeout=_SECONDS
            )
        except subprocess.TimeoutExpired as late:
            raise StepFailed(f"kubectl {' '.join(arguments)} did not end within {_SECONDS} s.") from late
        return Said(done.returncode, done.stdout, done.stderr)

    def ask(self, *arguments: str, stdin: str | None = None) -> str:
        """What it prints; a failure ends the demo."""
        said = self.run(*arguments, stdin=stdin)
        if said.code != 0:
            raise StepFailed(f"kubectl {' '.join(arguments)}: {said.err.strip() or said.out.strip()}")
        return said.out

    def find(self, *arguments: str) -> dict[str, Any] | None:
        """`kubectl get` of one object, None when there is none."""
        text = self.ask("get", *arguments, "--ignore-not-found", "-o", "json")
        found: dict[str, Any] | None = json.loads(text) if text.strip() else None
        return found

    def until(self, happened: Callable[[], bool], *, what: str, seconds: float = 60) -> None:
        """Look again and again; a deadline missed ends the demo and names `what`."""
        try:
            wait_until(happened, seconds=seconds, what=what)
        except SandboxFault as late:
            raise StepFailed(str(late)) from late

    def breaking_glass(self, group: str) -> tuple[str, ...]:
        """The flags with which an admin stays who he is and joins the break-glass group."""
        me = json.loads(self.ask("auth", "whoami", "-o", "json"))["status"]["userInfo"]
        groups = [each for each in me.get("groups", ()) if each != "system:authenticated"]
        return (f"--as={me['username']}", *(f"--as-group={each}" for each in (*groups, group)))
