"""Programs behind the gate that Helm runs behind, and whoever is told of their start."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from landlord.clients.helm.proc import is_alive
from landlord.clients.helm.process import Ended, Ending, Limits, Started, nobody_asks, run

SHELL = "/bin/sh"
LONG = timedelta(seconds=60)
SHORT = timedelta(seconds=0.3)


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
    """Run the script to its end, by the shell unless told otherwise."""
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
