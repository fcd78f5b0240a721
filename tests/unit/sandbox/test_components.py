from pathlib import Path

import pytest

from sandbox.components import COMPONENTS, core, named
from sandbox.faults import SandboxFault
from sandbox.toolchain import required_version


def test_every_component_has_its_pins_and_sums() -> None:
    for component in COMPONENTS:
        assert (component.folder / "go.mod").is_file()
        assert (component.folder / "go.sum").is_file()
        assert required_version((component.folder / "go.mod").read_text()) != "1.0"


def test_every_program_is_built_from_a_module_its_component_pins() -> None:
    for component in COMPONENTS:
        pinned = {line.split()[0]: line.split()[1] for line in required_modules(component.folder)}
        for program in component.programs:
            owner = max((module for module in pinned if program.package.startswith(module)), key=len)
            assert pinned[owner] == component.version


def required_modules(folder: Path) -> list[str]:
    text = (folder / "go.mod").read_text().replace("require ", "")
    return [line.strip() for line in text.splitlines() if len(line.split()) >= 2 and line.split()[1].startswith("v")]


def test_program_names_are_unique_over_all_components() -> None:
    names = [program.name for component in COMPONENTS for program in component.programs]
    assert len(names) == len(set(names))


def test_no_name_means_the_core() -> None:
    assert named(()) == core()


def test_names_are_answered_in_the_order_of_the_table() -> None:
    assert [component.name for component in named(("helm", "etcd"))] == ["etcd", "helm"]


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SandboxFault, match=r"vaullt.*etcd"):
        named(("vaullt",))
