"""The operator as a process of its own, logged in by its own ServiceAccount's token and nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.cluster import EXAMPLE, Place
from demo.faults import StepFailed
from demo.kubectl import Kubectl
from demo.terminal import Terminal
from landlord.api.names import OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT
from sandbox import programs

_READY_SECONDS = 60
_STOP_SECONDS = 40
_LOG_LINES = 15
_SERVING = "tenants in"


@dataclass(frozen=True, slots=True)
class Operator:
    """A running `landlord run`."""

    process: "subprocess.Popen[bytes]"
    log: Path
    terminal: Terminal

    @classmethod
    @contextmanager
    def started(cls, place: Place, terminal: Terminal) -> Iterator["Operator"]:
        """A serving operator, killed at the end if it was not stopped before; a failure shows the end of its log."""
        kubectl = place.kubectl
        kubeconfig, log = kubectl.scratch / "operator.kubeconfig", kubectl.scratch / "operator.log"
        _write_own_kubeconfig(kubectl, terminal, kubeconfig)
        operator = cls(_start(kubeconfig, log, terminal, place.registry), log, terminal)
        try:
            kubectl.until(operator.is_serving, what="A serving operator", seconds=_READY_SECONDS)
            terminal.output(operator.words_of(_SERVING))
            yield operator
        except StepFailed as failure:
            raise StepFailed(
                f"{failure}{operator.death()}\n\nThe end of the operator's log:\n{operator.end_of_log()}"
            ) from failure
        finally:
            operator.process.kill()
            operator.process.wait()

    def is_serving(self) -> bool:
        """Whether it leads, has seen everything and found the guards in force."""
        if self.death():
            raise StepFailed("The operator did not start.")
        return bool(self.words_of(_SERVING))

    def words_of(self, part: str) -> str:
        """The first line of its log that holds `part`, empty when there is none."""
        return next((line for line in self.log.read_text("utf-8").splitlines() if part in line), "")

    def death(self) -> str:
        """How it ended by itself; empty while it runs."""
        code = self.process.poll()
        return "" if code is None else f" The operator had ended with code {code}."

    def end_of_log(self) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text("utf-8").splitlines()[-_LOG_LINES:])

    def stop(self) -> None:
        """Ask it to stop: passes end, the Lease is given back, the exit code is 0."""
        self.process.terminate()
        try:
            code = self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired as late:
            raise StepFailed(f"The operator did not stop within {_STOP_SECONDS} s of SIGTERM.") from late
        if code != 0:
            raise StepFailed(f"The operator ended with code {code} after SIGTERM.")
        self.terminal.say("The operator was asked to stop, gave its Lease back and ended with code 0.")


def _start(kubeconfig: Path, log: Path, terminal: Terminal, registry: str | None) -> "subprocess.Popen[bytes]":
    flags = ["--platform", f"{EXAMPLE}/platform.yaml", *_reaching(registry)]
    terminal.command(["landlord", "run", "--kubeconfig", kubeconfig.name, *flags])
    # Where these lie on this machine is no part of the story.
    flags += ["--kubeconfig", str(kubeconfig), "--helm", programs.core_programs()["helm"]]
    flags += ["--state-dir", str(log.with_name("state")), "--log-format", "console"]
    program = str(Path(sys.executable).with_name("landlord"))
    clean = {key: value for key, value in os.environ.items() if not key.startswith("LANDLORD_")}
    with log.open("wb") as output:
        # In a session of its own, so that Ctrl-C reaches the demo alone, which then stops it.
        return subprocess.Popen(
            [program, "run", *flags, "--listen", "127.0.0.1:0"],
            env={**clean, "TMPDIR": str(log.parent)},  # what it leaves when killed goes with the scratch folder
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _reaching(registry: str | None) -> list[str]:
    """Leave to fetch charts from a registry on this machine, without TLS; by default neither is allowed."""
    return ["--plain-http", registry, "--reachable", registry.partition(":")[0]] if registry else []


def _write_own_kubeconfig(kubectl: Kubectl, terminal: Terminal, path: Path) -> None:
    """The address of the admin's cluster and a token of the operator's account."""
    create = ("create", "token", OPERATOR_SERVICE_ACCOUNT, "-n", OPERATOR_NAMESPACE, "--duration=1h")
    terminal.command(("kubectl", *create))
    token = kubectl.ask(*create).strip()
    terminal.output(f"{token[:12]}... (the operator's only credential)")
    document = json.loads(kubectl.ask("config", "view", "--raw", "--minify", "--flatten", "-o", "json"))
    document["users"] = [{"name": "operator", "user": {"token": token}}]
    document["contexts"][0]["context"]["user"] = "operator"
    path.touch(mode=0o600)
    path.write_text(json.dumps(document), "utf-8")
    everything = kubectl.run("auth", "can-i", "*", "*", f"--kubeconfig={path}")
    if everything.code == 0:
        raise StepFailed("The operator's token may do everything; it must be no admin.")
