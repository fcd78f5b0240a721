"""Whether a process lives is told by pid and start time together, and only where the pid means something."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

from landlord.clients.helm.proc import here, is_alive, is_proven_gone, start_time
from sandbox.waiting import wait_until


def test_we_live_since_we_started() -> None:
    since = start_time(os.getpid())

    assert since is not None
    assert is_alive(os.getpid(), since)
    assert not is_alive(os.getpid(), since + 1), "a pid is used again; its start time is not"


def test_a_name_with_brackets_and_blanks_does_not_confuse(tmp_path: Path) -> None:
    odd = tmp_path / "a) S 1 (b"
    odd.symlink_to("/bin/sleep")
    with subprocess.Popen([odd, "60"]) as process:
        wait_until(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "a) S 1 (b\n", seconds=10, what="its name")
        since, ours = start_time(process.pid), start_time(os.getpid())
        process.kill()

    assert since is not None
    assert ours is not None
    assert since >= ours


def test_a_zombie_is_dead() -> None:
    process = subprocess.Popen(["/bin/sleep", "60"])
    since = start_time(process.pid)
    assert since is not None
    assert is_alive(process.pid, since)

    process.kill()

    wait_until(lambda: not is_alive(process.pid, since), seconds=10, what="Its death, though nobody reaped it")
    process.wait()
    assert start_time(process.pid) is None


def test_what_is_proven_gone_depends_on_where_it_ran() -> None:
    pid, home = os.getpid(), here()
    since = start_time(pid) or 0
    inode = home.pid_namespace.partition("@")[0]

    assert here() == home
    assert not is_proven_gone(pid, since, home)
    assert is_proven_gone(pid, since + 1, home)
    assert is_proven_gone(pid, since, replace(home, pid_namespace=f"{inode}@1")), "its namespace ended, and it with it"
    assert not is_proven_gone(pid, since, replace(home, pid_namespace="pid:[1]@1")), "another pod may still run"
    assert not is_proven_gone(pid, since, replace(home, boot_id="elsewhere")), "another node may still run"
