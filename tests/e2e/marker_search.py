"""Looks for words that must be nowhere: in processes while they run, in files while they exist, and in what is told."""

import base64
import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.operator_process import OperatorProcess
from tests.releases import Home

LARGEST = 8 * 1024 * 1024


@dataclass
class Search:
    """Who was seen to hold a word. Words may be added while it goes on."""

    folders: Sequence[Path]
    words: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    """First words of the command lines of Helm that were seen: the search has looked."""
    looks: int = 0

    def begin(self) -> None:
        """Forget the words of the test before, and who held them."""
        self.words, self.found = set(), set()

    def add(self, word: str) -> str:
        """Look for this from now on, as it is and in base64."""
        self.words = self.words | {word, base64.b64encode(word.encode()).decode()}  # a new set: threads read the old
        return word

    def within(self, text: str) -> set[str]:
        """Words that a text holds."""
        return {word for word in self.words if word in text}

    def look(self, operator: int) -> None:
        """Once over all processes below the operator, and all files."""
        self.look_at_processes(operator)
        for folder in self.folders:
            self._look_into(folder)
        self.looks += 1

    def look_at_processes(self, operator: int) -> None:
        """Once over all processes below the operator, of which some live for a tenth of a second."""
        for process in (operator, *_below(operator)):
            line, environment = _proc(process, "cmdline"), _proc(process, "environ")
            parts = line.split("\0")
            if Path(parts[0]).name == "helm" and len(parts) > 1:
                self.seen.add(parts[1])
            at = f"argv or environment of {parts[:2]}"
            self.found.update(f"{word} in {at}" for word in self.within(line + environment))
            self._look_at_files_of(process)

    def _look_at_files_of(self, process: int) -> None:
        """Files that it holds open, wherever they are and though they have no name any more."""
        with contextlib.suppress(OSError):
            for held in Path(f"/proc/{process}/fd").iterdir():
                self._look_at(held, f"a file held open by process {process}")

    def _look_at(self, path: Path, at: str) -> None:
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_size < LARGEST:
                text = path.read_bytes().decode("latin-1")
                self.found.update(f"{word} in {at}" for word in self.within(text))

    def _look_into(self, folder: Path) -> None:
        for path in (Path(place, name) for place, _, names in os.walk(folder) for name in names):
            if not path.is_symlink():
                self._look_at(path, str(path))

    async def told(self, home: Home, operator: OperatorProcess) -> list[str]:
        """Where words stand in what is told: AppReleases, Events, ledgers, metrics, log, and all that was seen."""
        texts = {
            "AppReleases": json.dumps([_status(each) for each in await home.admin.list(home.path(""))]),
            "Events": json.dumps(await home.admin.list("/api/v1/events")),
            "ledgers": json.dumps(await home.admin.list("/api/v1/namespaces/landlord-system/configmaps")),
            "metrics": operator.get("/metrics")[1],
            "log": operator.log.read_text(),
        }
        assert "landlord_" in texts["metrics"]
        held = {f"{word} in {place}" for place, text in texts.items() for word in self.within(text)}
        return sorted(held | self.found)


@contextmanager
def searching(operator: OperatorProcess, *folders: Path) -> Iterator[Search]:
    """A search in threads of its own for as long as the block lasts; files do not keep it from processes."""
    search, over = Search(folders), threading.Event()

    def go_on(look: Callable[[int], None]) -> None:
        while not over.wait(0.01):
            look(operator.pid)

    threads = [threading.Thread(target=go_on, args=(look,)) for look in (search.look, search.look_at_processes)]
    for thread in threads:
        thread.start()
    try:
        yield search
    finally:
        over.set()
        for thread in threads:
            thread.join(30)


def _status(body: dict[str, object]) -> dict[str, object]:
    """What Landlord says of a release; its spec is the tenant's own words."""
    return {key: value for key, value in body.items() if key != "spec"}


def _below(process: int) -> Iterator[int]:
    for task in _tasks(process):
        for child in _proc(process, f"task/{task}/children").split():
            yield int(child)
            yield from _below(int(child))


def _tasks(process: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{process}/task")
    except OSError:
        return []


def _proc(process: int, name: str) -> str:
    try:
        return Path(f"/proc/{process}/{name}").read_bytes().decode("latin-1")
    except OSError:
        return ""
