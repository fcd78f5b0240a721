"""Builds components with Go, once: the programs lie in a cache keyed on everything that could change them."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sandbox.components import Component
from sandbox.faults import SandboxFault
from sandbox.locks import exclusively
from sandbox.toolchain import Go, find_go

_FLAGS = ("-trimpath", "-mod=readonly", "-buildvcs=false")
_REPORT_EVERY = 15.0
_WORDS_SHOWN = 60


def cache_folder() -> Path:
    """Where built programs are kept: LANDLORD_SANDBOX_CACHE, else `landlord-sandbox` in the user's cache folder."""
    if chosen := os.environ.get("LANDLORD_SANDBOX_CACHE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "landlord-sandbox"


def build(component: Component) -> Path:
    """The folder that holds the component's programs; builds them if no folder of the same key exists.

    Safe against a second builder and against being killed: the folder appears at once and whole, or not at all.
    """
    go = find_go(component.folder)
    cache = cache_folder()
    target = cache / f"{component.name}-{cache_key(component, go.version)}"
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with exclusively(cache / f"{component.name}.lock", waiting_for=f"another build of {component.name}"):
        if not target.is_dir():
            _build_into(target, component, go)
    return target


def cache_key(component: Component, go_version: str) -> str:
    """A short name for the exact result: pins, sums, flags, packages and compiler."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((component.folder / name).read_bytes())
    packages = [f"{program.name}={program.package}" for program in component.programs]
    digest.update("\0".join([*_FLAGS, linker_flags(component), *packages, go_version]).encode())
    return digest.hexdigest()[:16]


def linker_flags(component: Component) -> str:
    """The value of `-ldflags`: no symbol tables, and the versions stamped in."""
    return " ".join(["-s", "-w", *(f"-X {stamp}" for stamp in component.stamps)])


def commands(component: Component, go: Go, output: Path) -> list[list[str]]:
    """The Go commands that build the component into `output`.

    Several programs go into one command, which compiles what they share once; Go then names each after its package.
    """
    base = [str(go.binary), "build", "-v", *_FLAGS, "-ldflags", linker_flags(component), "-o"]
    if len(component.programs) == 1:
        program = component.programs[0]
        return [[*base, str(output / program.name), program.package]]
    return [[*base, f"{output}/", *(program.package for program in component.programs)]]


def _build_into(target: Path, component: Component, go: Go) -> None:
    for abandoned in target.parent.glob(f".{component.name}-*"):
        shutil.rmtree(abandoned, ignore_errors=True)  # of builders that were killed: nobody else holds the lock
    work = Path(tempfile.mkdtemp(prefix=f".{component.name}-", dir=target.parent))
    try:
        programs = work / "programs"
        programs.mkdir()
        for command in commands(component, go, programs):
            _run(component, command, go, work / "log")
        missing = [program.name for program in component.programs if not (programs / program.name).is_file()]
        if missing:
            raise SandboxFault(f"Go built {component.name} without an error, but not {', '.join(missing)}.")
        programs.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(component: Component, command: list[str], go: Go, log: Path) -> None:
    names = ", ".join(program.name for program in component.programs)
    progress = _Progress(f"building {component.name} {component.version} ({names}) with Go {go.version}")
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, cwd=component.folder, env=go.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ) as process,
    ):
        code = _watch(process, progress, log)
    if code != 0:
        progress.end("failed")
        raise SandboxFault(f"{component.name} could not be built; Go says:\n{compiler_words(log.read_text())}")
    progress.end("done")


def _watch(process: "subprocess.Popen[bytes]", progress: "_Progress", log: Path) -> int:
    try:
        while True:
            try:
                return process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                progress.tick(f"{len(log.read_bytes().splitlines())} packages compiled")
    except BaseException:
        process.terminate()
        raise


def compiler_words(log: str) -> str:
    """What Go complained about: its output without the list of compiled packages, and only the end of it."""
    lines = [line for line in log.splitlines() if " " in line]
    return "\n".join(lines[-_WORDS_SHOWN:]) or log.strip()


class _Progress:
    """Tells what is being built and for how long: one living line on a terminal, else a line now and then."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._began = time.monotonic()
        self._told = self._began
        self._terminal = sys.stderr.isatty()
        self._say("")

    def tick(self, detail: str) -> None:
        """Report progress if it is time to."""
        now = time.monotonic()
        if self._terminal or now - self._told >= _REPORT_EVERY:
            self._told = now
            self._say(f": {detail}, {_clock(now - self._began)}")

    def end(self, outcome: str) -> None:
        """Report the outcome."""
        self._say(f": {outcome} after {_clock(time.monotonic() - self._began)}")
        if self._terminal:
            sys.stderr.write("\n")

    def _say(self, rest: str) -> None:
        start, end = ("\r\x1b[K", "") if self._terminal else ("", "\n")
        sys.stderr.write(f"{start}{self._what}{rest}{end}")
        sys.stderr.flush()


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
