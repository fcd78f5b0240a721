"""A program is written down before it begins, and is bounded in all it does."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from landlord.api.failures import Refused
from landlord.clients.helm.proc import is_alive
from landlord.clients.helm.process import Limits, _feed
from tests.gated import LONG, SHELL, Noted, start


async def test_the_pid_is_told_before_the_first_instruction(tmp_path: Path) -> None:
    seen: list[tuple[bool, bool]] = []

    async def started(pid: int, since: int) -> None:
        loaded = Path(f"/proc/{pid}/exe").resolve() == Path(SHELL).resolve()
        seen.append((loaded, is_alive(pid, since)))

    ended = await start(tmp_path, "echo $$ > ran; cat ran", started=started)

    assert ended.code == 0
    assert seen == [(False, True)]


async def test_the_pid_and_start_time_told_are_those_of_the_program(tmp_path: Path) -> None:
    noted = Noted()

    ended = await start(tmp_path, 'echo $$; set -- $(sed "s/.*) //" /proc/$$/stat); echo ${20}', started=noted)

    assert ended.stdout.split() == [str(noted.pid).encode(), str(noted.since).encode()]
    assert not noted.lives()


async def test_a_program_whose_start_cannot_be_written_down_never_begins(tmp_path: Path) -> None:
    noted = Noted()

    async def started(pid: int, since: int) -> None:
        await noted(pid, since)
        raise RuntimeError("no ledger")

    with pytest.raises(RuntimeError, match="no ledger"):
        await start(tmp_path, "touch ran", started=started)

    assert not noted.lives()
    assert not (tmp_path / "ran").exists()


async def test_a_caller_cancelled_while_writing_down_leaves_nothing(tmp_path: Path) -> None:
    noted, written = Noted(), asyncio.Event()

    async def started(pid: int, since: int) -> None:
        await noted(pid, since)
        written.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(start(tmp_path, "touch ran", started=started))
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not noted.lives()
    assert not (tmp_path / "ran").exists()


async def test_stdin_arrives_whole_and_nothing_else_does(tmp_path: Path) -> None:
    values = bytes(range(256)) * 4000

    ended = await start(tmp_path, "cat", stdin=values, limits=Limits(LONG, LONG, stdout=2 << 20))

    assert ended.stdout == values


class Closed:
    """A pipe to a program that ended before it was fed, as uvloop has it."""

    def write(self, _: bytes) -> None:
        raise RuntimeError("unable to perform operation on <WriteUnixTransport closed=True>; the handler is closed")

    def close(self) -> None:
        return None

    async def wait_closed(self) -> None:
        return None


async def test_a_program_that_ended_before_it_was_fed_is_no_trouble() -> None:
    """How it ended must be learnt all the same: else Helm would be run a second time."""
    await _feed(SimpleNamespace(stdin=Closed()), b"values")  # type: ignore[arg-type] # the part that is fed


async def test_a_program_that_reads_no_stdin_is_no_trouble(tmp_path: Path) -> None:
    ended = await start(tmp_path, "exec 0<&-; echo done", stdin=b"x" * (4 << 20))

    assert (ended.code, ended.stdout) == (0, b"done\n")


async def test_the_environment_is_what_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDLORD_SECRET", "hush")

    ended = await start(tmp_path, "exec env")

    names = {line.partition("=")[0] for line in ended.stdout.decode().splitlines()}
    assert names - {"PWD", "SHLVL", "OLDPWD", "_", "LC_CTYPE"} == {"GIVEN", "PATH"}, "LC_CTYPE is added by Python"


async def test_a_program_gets_no_open_file_but_its_three(tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        ended = await start(tmp_path, "exec ls /proc/self/fd")

    assert ended.stdout.split() == [b"0", b"1", b"2", b"3"], "3 is the folder that ls itself reads"


async def test_a_program_leads_a_session_of_its_own_and_leaves_no_core(tmp_path: Path) -> None:
    sessions: list[tuple[int, int]] = []

    async def started(pid: int, since: int) -> None:
        sessions.append((os.getsid(pid), pid))

    ended = await start(tmp_path, "ulimit -c; cat /proc/self/oom_score_adj", started=started)

    assert sessions[0][0] == sessions[0][1]
    assert ended.stdout.split() == [b"0", b"1000"]


async def test_memory_is_bounded(tmp_path: Path) -> None:
    limits = Limits(LONG, LONG, stdout=1024, memory=64 << 20)

    ended = await start(tmp_path, "x = bytearray(256 << 20)", limits=limits, program=(sys.executable, "-c"))

    assert ended.code == 1
    assert b"MemoryError" in ended.stderr


async def test_who_says_too_much_is_ended(tmp_path: Path) -> None:
    ended = await start(tmp_path, "exec cat /dev/zero", limits=Limits(LONG, LONG, stdout=100_000))

    assert ended.too_much
    assert ended.code == -signal.SIGKILL
    assert ended.stdout == b""


async def test_words_nobody_wants_are_read_and_dropped(tmp_path: Path) -> None:
    ended = await start(tmp_path, "head -c 3000000 /dev/zero; echo well >&2", limits=Limits(LONG, LONG))

    assert (ended.code, ended.stdout, ended.stderr) == (0, b"", b"well\n")


async def test_of_many_complaints_the_last_are_kept(tmp_path: Path) -> None:
    limits = Limits(LONG, LONG, stderr=100)

    ended = await start(tmp_path, "head -c 500000 /dev/zero >&2; echo reason >&2; exit 3", limits=limits)

    assert (ended.code, ended.stderr_cut, len(ended.stderr)) == (3, True, 100)
    assert ended.stderr.endswith(b"reason\n")


async def test_a_missing_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"/nowhere/helm: No such file or directory"):
        await start(tmp_path, "", program=("/nowhere/helm",))
