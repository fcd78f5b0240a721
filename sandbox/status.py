"""What is true of a sandbox now, whatever its record hopes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox import parts, process
from sandbox.folder import Folder, Record
from sandbox.process import Running

_LOG_LINES_SHOWN: Final = 15


@dataclass(frozen=True, slots=True)
class PartStatus:
    """What there is to say about one part."""

    name: str
    running: Running | None
    alive: bool
    address: str
    log: Path
    resident: int | None


@dataclass(frozen=True, slots=True)
class Status:
    """The record of a sandbox, and its parts in the order they start in."""

    record: Record
    parts: tuple[PartStatus, ...]

    @property
    def dead(self) -> tuple[PartStatus, ...]:
        """The parts that should run and do not."""
        return tuple(part for part in self.parts if not part.alive)


def observe(folder: Folder, record: Record) -> Status:
    """Look at every part."""
    return Status(record, tuple(_part_status(folder, record, name) for name in parts.parts_of(record.site)))


def log_end(log: Path, lines: int = _LOG_LINES_SHOWN) -> str:
    """The last lines of a log, each shortened, indented for people."""
    try:
        end = log.read_text(errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        end = []
    return "\n".join(f"    {line[:300]}" for line in end) or "    (it has printed nothing)"


def _part_status(folder: Folder, record: Record, name: str) -> PartStatus:
    running = record.parts.get(name)
    alive = running is not None and process.is_alive(running)
    return PartStatus(
        name=name,
        running=running,
        alive=alive,
        address=parts.part(record, name).address,
        log=folder.log(name),
        resident=process.resident_bytes(running) if running and alive else None,
    )
