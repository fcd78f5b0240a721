from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import cluster, status
from sandbox.faults import SandboxFault
from sandbox.folder import Folder, Phase, Record, read_record, write_record
from sandbox.process import Running


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.at(tmp_path / "box")


def record(**parts: Running) -> Record:
    return Record(
        phase=Phase.STARTING,
        server="https://127.0.0.1:1",
        kubeconfig="k",
        audit_log="a",
        kubectl="kubectl",
        helm="helm",
        kubernetes="v1",
        programs={"etcd": "/etcd"},
        ports={"etcd": 1},
        parts=parts,
    )


def test_a_record_is_read_as_it_was_written(folder: Folder) -> None:
    folder.create()
    said = replace(record(), extras=("registry",), registry="10.213.0.1:5", images=("localhost/app:1",))
    said = said.playing("etcd", Running(7, 1234))
    write_record(folder, said)
    assert read_record(folder) == said
    assert [entry.name for entry in folder.path.iterdir() if entry.suffix == ".new"] == []


def test_a_folder_without_a_record_has_none(folder: Folder) -> None:
    assert read_record(folder) is None


@pytest.mark.parametrize("content", ["", "{}", '{"parts": {}, "phase": "dreaming"}', '{"parts": {"a": {"x": 1}}}'])
def test_a_record_of_another_version_is_refused_with_the_way_out(folder: Folder, content: str) -> None:
    folder.create()
    folder.record.write_text(content)
    with pytest.raises(SandboxFault, match="`down` removes it"):
        read_record(folder)


def test_one_folder_has_one_name_however_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path)
    assert Folder.at("box") == Folder.at(tmp_path / "link" / "box") == Folder.at("./x/../box")


def test_keys_are_for_the_owner_only(folder: Folder) -> None:
    folder.create()
    assert folder.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("command", [cluster.up, cluster.down])
def test_a_folder_of_somebody_elses_work_is_left_alone(folder: Folder, command: Callable[[Path], object]) -> None:
    folder.path.mkdir()
    (folder.path / "thesis.txt").write_text("precious")
    with pytest.raises(SandboxFault, match="something that is not a sandbox"):
        command(folder.path)
    assert (folder.path / "thesis.txt").read_text() == "precious"


def test_down_where_nothing_is_does_nothing(folder: Folder) -> None:
    assert cluster.down(folder.path) == 0
    assert not folder.path.exists()


@pytest.mark.parametrize("command", [cluster.status, cluster.reset])
def test_commands_on_a_sandbox_that_is_not_there_say_so(folder: Folder, command: Callable[[Path], object]) -> None:
    with pytest.raises(SandboxFault, match="There is no sandbox"):
        command(folder.path)


def test_the_end_of_a_log_is_short_and_indented(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert status.log_end(log) == "    (it has printed nothing)"
    log.write_text("\n".join(["first", *("x" * 1000 for _ in range(3))]))
    assert status.log_end(log, 2) == "\n".join(["    " + "x" * 300] * 2)
