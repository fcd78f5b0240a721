"""What stands between the operator and a program it starts: run by path, imported by nobody.

It asks the kernel to kill it when the operator dies, says that it is there, waits for leave, and becomes the program.
So the operator knows the program's pid, and can write it down, before the program's first instruction. The pid, its
start time and the kernel's promise all survive `execv`.

    gate.py PARENT_PID MEMORY_BYTES PROGRAM ARGUMENT...
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_NO_PARENT = 111
_NO_LEAVE = 112
_NO_PROGRAM = 113


def main(parent: int, memory: int, program: list[str]) -> None:
    """Become ``program``, or exit when the parent is gone or gives no leave."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    # A parent that died before the line above sends no signal any more.
    if os.getppid() != parent:
        sys.exit(_NO_PARENT)
    _confine(memory)
    os.write(1, b"\n")
    # One byte and no buffer: what follows it on stdin is the program's.
    if os.read(0, 1) != b"\n":
        sys.exit(_NO_LEAVE)
    try:
        os.execv(program[0], program)  # noqa: S606 - no shell is wanted
    except OSError as error:
        os.write(2, f"{program[0]}: {error.strerror}".encode())
        sys.exit(_NO_PROGRAM)


def _confine(memory: int) -> None:
    """No core file with secrets in it, a bound on memory, and first in line when the kernel must kill somebody."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
