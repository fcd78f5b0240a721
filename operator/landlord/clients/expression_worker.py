"""The worker that evaluates expressions of tenants: a program of its own, started by ``landlord.clients.expressions``.

Frames of JSON come in on stdin and go out on stdout, each after its length in four bytes. It knows nothing of
Landlord, has no environment and no files to write to, and dies with its parent, of hunger or at the end of its time.
"""

import ctypes
import json
import math
import os
import re
import resource
import signal
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final

import cel

LENGTH: Final = struct.Struct(">I")
_SET_PARENT_DEATH_SIGNAL: Final = 1
_BINDS: Final = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\(\s*([A-Za-z_]\w*)\s*,")
_WORDS: Final = (
    "size contains startsWith endsWith matches has all exists exists_one map filter "
    "bytes double duration dyn int string timestamp type uint "
    "getDate getDayOfMonth getDayOfWeek getDayOfYear getFullYear getHours getMilliseconds getMinutes getMonth "
    "getSeconds"
)
_KNOWN: Final = frozenset(_WORDS.split())
Answer = dict[str, Any]


def main(parent: int, memory: int) -> None:
    """Answer requests until stdin ends."""
    _die_with(parent)
    _die_first()
    _live_within(memory)
    _write({"ready": True})
    while (request := _read(sys.stdin.buffer)) is not None:
        before = _seconds_used()
        _allow_until(before + float(request["seconds"]))
        # Time of the processor, not of the clock: on a busy machine nobody is stopped for waiting. It ends the process.
        signal.setitimer(signal.ITIMER_PROF, float(request["seconds"]))
        answer = _answer(request)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write({**answer, "seconds": _seconds_used() - before})


def _answer(request: Mapping[str, Any]) -> Answer:
    try:
        match request["do"]:
            case "evaluate":
                return _evaluated(request["expression"], request["variables"])
            case "check":
                return _checked(request["expression"], frozenset(request["variables"]))
            case "match":
                return _evaluated("text.matches(regex)", {"regex": request["regex"], "text": request["text"]})
            case other:
                return {"why": f"The worker does not know what to {other}."}
    except MemoryError:
        return {"why": "The expression needs more memory than it may have."}
    except Exception as error:
        return {"why": _words(error)}


def _evaluated(expression: str, variables: dict[str, Any]) -> Answer:
    value = _program(expression).execute(variables)
    if isinstance(value, bool):
        return {"value": value}
    return {"why": f"The expression must be true or false, but is {_kind(value)}."}


def _checked(expression: str, variables: frozenset[str]) -> Answer:
    program = _program(expression)
    unknown = sorted(name for name in program.functions() if name.isidentifier() and name not in _KNOWN)
    if unknown:
        return {"why": f"There is no function {unknown[0]} in CEL."}
    free = sorted(frozenset(program.variables()) - variables - frozenset(_BINDS.findall(expression)))
    if free:
        return {"why": f"There is no variable {free[0]}; there is {', '.join(sorted(variables))}."}
    return {"value": True}


@lru_cache(maxsize=256)
def _program(expression: str) -> cel.Program:
    return cel.compile(expression)


def _kind(value: object) -> str:
    return {"NoneType": "null", "str": "a string", "dict": "a map", "list": "a list"}.get(
        type(value).__name__, f"of type {type(value).__name__}"
    )


def _words(error: Exception) -> str:
    """What went wrong, on one line."""
    if isinstance(error, KeyError):
        return f"There is no field {error.args[0]!r}; has() tells whether there is one."
    text = " ".join(str(error).split()).removesuffix(" Check function arguments and their types.")
    return text[:300] or type(error).__name__


def _read(stream: BinaryIO) -> dict[str, Any] | None:
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return dict(json.loads(stream.read(LENGTH.unpack(head)[0])))


def _write(answer: Answer) -> None:
    frame = json.dumps(answer).encode()
    sys.stdout.buffer.write(LENGTH.pack(len(frame)) + frame)
    sys.stdout.buffer.flush()


def _die_with(parent: int) -> None:
    """Be killed when the parent ends; it may have ended already."""
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def _die_first() -> None:
    """Where memory runs out, this process goes before the operator."""
    with suppress(OSError), Path("/proc/self/oom_score_adj").open("w", encoding="ascii") as file:
        file.write("1000")


def _live_within(memory: int) -> None:
    for limit, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(limit, (most, most))


def _seconds_used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _allow_until(seconds: float) -> None:
    """So much CPU time in all and little more, lest the parent is too busy to kill."""
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(seconds) + 1, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
