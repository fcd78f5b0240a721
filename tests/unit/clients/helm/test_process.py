"""A program is written down before it begins, is bounded in all it does, ends as it can bear, and dies with us."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from landlord.api.failures import Refused
from landlord.clients.helm.proc import is_alive, start_time
from landlord.clients.helm.process import Ended, Ending, Limits, Started, nobody_asks, run
from tests.polling import eventually

SHELL = "/bin/sh"
LONG = timedelta(seconds=60)
SHORT = timedelta(seconds=0.3)
ROOT = Path(__file__).resolve().parents[4]


class Noted:
    """Whoever is told of a process."""

    def __init__(self) -> None:
        self.pid = 0
        self.since = 0

    async def __call__(self, pid: int, since: int) -> None:
        """Write it down."""
        self.pid, self.since = pid, since

    def lives(self) -> bool:
        """Whether it still does."""
        return is_alive(self.pid, self.since)


async def start(
    tmp_path: Path,
    script: str,
    *arguments: str,
    stdin: bytes = b"",
    limits: Limits | None = None,
    ending: Ending = Ending.KILL,
    started: Started = nobody_asks,
    program: Sequence[str] = (SHELL, "-c"),
    stop: asyncio.Event | None = None,
) -> Ended:
    return await run(
        [*program, script, "sh", *arguments],
        environment={"GIVEN": "1", "PATH": "/usr/bin:/bin"},
        folder=tmp_path,
        stdin=stdin,
        limits=limits or Limits(LONG, LONG, stdout=1 << 20),
        ending=ending,
        started=started,
        stop=stop,
    )


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


TIDIES = "import signal,sys,time\ndef end(*_):\n open('tidied','w').close(); sys.exit(1)\n"
TIDIES += "signal.signal(signal.SIGTERM, end); open('up','w').close(); time.sleep(60)"
STUBBORN = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('up','w').close(); time.sleep(60)"
QUICK = "import time; open('up','w').close(); time.sleep(0.5); open('done','w').close()"
PYTHON: Any = (sys.executable, "-c")


async def test_one_that_takes_too_long_may_tidy_up(tmp_path: Path) -> None:
    limits = Limits(timedelta(seconds=1.5), LONG)

    ended = await start(tmp_path, TIDIES, limits=limits, ending=Ending.TERMINATE, program=PYTHON)

    assert (ended.code, ended.too_long) == (1, True)
    assert (tmp_path / "tidied").exists()


@pytest.mark.parametrize("ending", list(Ending))
async def test_one_that_takes_too_long_is_killed_in_the_end(tmp_path: Path, ending: Ending) -> None:
    limits = Limits(timedelta(seconds=1), SHORT)

    ended = await start(tmp_path, STUBBORN, limits=limits, ending=ending, program=PYTHON)

    assert (ended.code, ended.too_long) == (-signal.SIGKILL, True)


@pytest.mark.parametrize("ending", list(Ending))
async def test_a_frozen_one_is_killed_when_its_time_is_over(tmp_path: Path, ending: Ending) -> None:
    noted = Noted()

    async def started(pid: int, since: int) -> None:
        await noted(pid, since)

    limits = Limits(timedelta(seconds=1), SHORT)
    task = asyncio.create_task(start(tmp_path, STUBBORN, limits=limits, ending=ending, started=started, program=PYTHON))
    await eventually((tmp_path / "up").exists)
    os.kill(noted.pid, signal.SIGSTOP)
    assert noted.lives(), "a frozen process may wake, so it counts as alive"

    ended = await task

    assert (ended.code, ended.too_long) == (-signal.SIGKILL, True)
    assert not noted.lives()


async def test_cancelling_ends_what_can_tidy_up_and_waits_for_it(tmp_path: Path) -> None:
    await _cancelled(tmp_path, TIDIES, Ending.TERMINATE)

    assert (tmp_path / "tidied").exists()


async def test_cancelling_waits_for_what_cannot_be_interrupted(tmp_path: Path) -> None:
    await _cancelled(tmp_path, QUICK, Ending.WAIT)

    assert (tmp_path / "done").exists()


async def test_cancelling_kills_what_changes_nothing(tmp_path: Path) -> None:
    await _cancelled(tmp_path, QUICK, Ending.KILL)

    assert not (tmp_path / "done").exists()


async def test_cancelling_twice_kills(tmp_path: Path) -> None:
    await _cancelled(tmp_path, STUBBORN, Ending.WAIT, times=2)


async def _cancelled(tmp_path: Path, script: str, ending: Ending, times: int = 1) -> None:
    """Cancel a run in the middle; whatever the ending, nothing is left of it when the caller is back."""
    noted = Noted()
    task = asyncio.create_task(start(tmp_path, script, ending=ending, started=noted, program=PYTHON))
    await eventually((tmp_path / "up").exists)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 30)
    assert not noted.lives()


@pytest.mark.parametrize(("ending", "left"), [(Ending.TERMINATE, "tidied"), (Ending.WAIT, "done"), (Ending.KILL, "")])
async def test_stopping_ends_each_in_its_way_and_tells(tmp_path: Path, ending: Ending, left: str) -> None:
    stop = asyncio.Event()
    script = QUICK if ending is Ending.WAIT else TIDIES
    task = asyncio.create_task(start(tmp_path, script, ending=ending, program=PYTHON, stop=stop))
    await eventually((tmp_path / "up").exists)

    stop.set()
    ended = await task

    assert (ended.stopped, ended.too_long) == (ending is not Ending.WAIT, False)
    assert {file.name for file in tmp_path.iterdir()} == {"up", left} - {""}


PARENT = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from landlord.clients.helm.process import *
async def started(pid, since):
    print(pid, since, flush=True)
    if sys.argv[2] == "waiting":
        await asyncio.Event().wait()
async def main():
    long = timedelta(seconds=60)
    await run([sys.executable, "-c", sys.argv[1]], environment={}, folder=Path.cwd(), stdin=b"",
              limits=Limits(long, long), ending=Ending.WAIT, started=started)
asyncio.run(main())
"""


@pytest.mark.parametrize("frozen", [False, True])
async def test_a_program_dies_with_its_parent(tmp_path: Path, frozen: bool) -> None:
    parent, noted = await _orphan(tmp_path, "begun")
    await eventually((tmp_path / "up").exists)
    if frozen:
        os.kill(noted.pid, signal.SIGSTOP)

    parent.kill()
    await parent.wait()

    await eventually(lambda: not noted.lives(), deadline=5, describe="death of the program with its parent")


async def test_a_program_whose_parent_dies_before_giving_leave_never_begins(tmp_path: Path) -> None:
    parent, noted = await _orphan(tmp_path, "waiting")

    parent.kill()
    await parent.wait()

    await eventually(lambda: not noted.lives(), deadline=5, describe="death of the gate with its parent")
    assert not (tmp_path / "up").exists()


async def _orphan(tmp_path: Path, how: str) -> tuple[asyncio.subprocess.Process, Noted]:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT,
        STUBBORN,
        how,
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT / "operator")},
    )
    assert parent.stdout is not None
    pid, since = (await parent.stdout.readline()).split()
    noted = Noted()
    await noted(int(pid), int(since))
    assert start_time(noted.pid) == noted.since
    return parent, noted
