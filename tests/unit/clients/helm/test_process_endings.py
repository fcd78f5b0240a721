"""A program ends as it can bear: by itself, in time, when nobody wants it any more, and with its parent."""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from landlord.clients.helm.proc import start_time
from landlord.clients.helm.process import Ending, Limits
from tests.gated import LONG, SHORT, Noted, start
from tests.polling import eventually

ROOT = Path(__file__).resolve().parents[4]
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
