import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import locks, process
from sandbox.faults import SandboxFault
from sandbox.process import Running
from sandbox.waiting import wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    process.end_all(tmp_path, tmp_path / "presence")


def start(folder: Path, code: str = "import signal; signal.pause()") -> Running:
    return process.spawn([sys.executable, "-c", code], log=folder / "log", folder=folder, presence=folder / "presence")


def test_a_process_is_found_by_its_marker_and_ended_for_good(folder: Path) -> None:
    running = start(folder)
    assert process.processes_of(folder) == [running.pid]
    assert process.is_alive(running)
    assert locks.is_held(folder / "presence")
    assert process.end_all(folder, folder / "presence") == 1
    assert not process.is_alive(running)
    assert not locks.is_held(folder / "presence")


def test_a_program_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(SandboxFault, match="/no/etcd cannot be started: No such file"):
        process.spawn(["/no/etcd"], log=folder / "log", folder=folder, presence=folder / "presence")
    assert not locks.is_held(folder / "presence")


def test_a_frozen_process_is_ended_too(folder: Path) -> None:
    running = start(folder)
    assert process.freeze(running, folder)
    assert process.end_all(folder, folder / "presence") == 1
    assert not process.thaw(running, folder)


def test_children_of_a_part_belong_to_it(folder: Path) -> None:
    start(folder, "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import signal; signal.pause()'])")
    wait_until(lambda: len(process.processes_of(folder)) == 2, seconds=10, what="the child's start")
    assert process.end_all(folder, folder / "presence") == 2


def test_the_end_is_not_told_before_what_carries_no_marker_has_ended(folder: Path) -> None:
    start(folder)
    looks = iter([False, False, True])
    assert process.end_all(folder, folder / "presence", lambda: next(looks)) == 1
    assert next(looks, None) is None


def test_processes_of_another_folder_are_not_touched(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    running = start(folder)
    other = tmp_path_factory.mktemp("other")
    assert process.end_all(other, other / "presence") == 0
    assert process.end_all(folder.parent, other / "presence") == 0
    assert not process.freeze(running, other)
    assert process.is_alive(running)


def test_a_number_that_was_given_to_another_process_is_not_taken_for_the_first(folder: Path) -> None:
    running = start(folder)
    assert not process.is_alive(Running(running.pid, running.started - 1))
    assert not process.is_alive(Running(2**22 + 1, running.started))


def test_an_ended_process_is_not_alive_though_nobody_has_reaped_it(folder: Path) -> None:
    running = start(folder, "pass")
    wait_until(lambda: not process.is_alive(running), seconds=10, what="the end of a short process")


def test_output_is_appended_to_the_log_and_nothing_is_inherited(folder: Path) -> None:
    (folder / "log").write_text("before\n")
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    code = "import os, sys; print(sorted(os.listdir('/proc/self/fd'))[:4], 'SECRET' in os.environ, file=sys.stderr)"
    try:
        os.environ["SECRET"] = "x"
        running = start(folder, code)
    finally:
        del os.environ["SECRET"]
        os.close(writer)
    wait_until(lambda: not process.is_alive(running), seconds=10, what="the end of a short process")
    assert os.read(reader, 1) == b""
    os.close(reader)
    assert (folder / "log").read_text() == "before\n['0', '1', '2', '3'] False\n"


def test_a_process_has_a_session_of_its_own(folder: Path) -> None:
    assert os.getsid(start(folder).pid) != os.getsid(0)


def test_memory_is_known_while_it_lives(folder: Path) -> None:
    running = start(folder)
    assert (process.resident_bytes(running) or 0) > 0
    process.end_all(folder, folder / "presence")
    assert process.resident_bytes(running) is None


def test_the_exclusive_lock_survives_the_removal_of_its_folder(tmp_path: Path) -> None:
    lock = tmp_path / "box" / "command.lock"
    with locks.exclusively(lock, waiting_for="nobody"):
        lock.unlink()
        lock.parent.rmdir()
        with locks.exclusively(lock, waiting_for="nobody"):
            assert locks.is_held(lock)


def test_whoever_waits_for_a_lock_says_what_for(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    code = "import sys; from pathlib import Path; from sandbox.locks import exclusively\n"
    code += "with exclusively(Path(sys.argv[1]), waiting_for='a test'): pass"
    command = [sys.executable, "-c", code, str(lock)]
    root = Path(__file__).parents[3]
    with locks.exclusively(lock, waiting_for="nobody"):
        waiter = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)
        assert waiter.stderr
        assert waiter.stderr.readline() == "waiting for a test\n"
    assert waiter.wait(timeout=10) == 0
    waiter.stderr.close()


def test_waiting_in_vain_names_what_was_waited_for() -> None:
    with pytest.raises(SandboxFault, match=r"A miracle did not happen within 0\.1 s"):
        wait_until(lambda: False, seconds=0.1, what="A miracle")
