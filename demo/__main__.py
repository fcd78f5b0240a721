"""Runs the demo: exit code 0 only if every step came true, 1 with the reason if one did not, 130 after an interrupt."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

from demo import cluster, releases, story
from demo.act import Act
from demo.cluster import Place
from demo.faults import StepFailed
from demo.operator import Operator
from demo.stage import Stage
from demo.terminal import Terminal
from sandbox.faults import SandboxFault
from sandbox.signals import unwind_when_asked_to_end


def main() -> int:
    """Set the stage, play every act, clear the stage whatever happened."""
    unwind_when_asked_to_end()
    began = time.monotonic()
    terminal = Terminal()
    try:
        with ExitStack() as props:
            terminal.chapter("A cluster")
            place = props.enter_context(cluster.borrowed_or_started(terminal))
            stage = _set(place, terminal, props)
            for act in _acts(place, terminal):
                terminal.chapter(act.title)
                act.play(stage)
            terminal.chapter("Clearing up")
            stage.operator.stop()
    except (StepFailed, SandboxFault) as failure:
        terminal.failed(str(failure))
        return 1
    except KeyboardInterrupt:
        terminal.failed("Interrupted; everything that was started is gone.")
        return 130
    told = "" if place.sandbox else " Releases were left out."
    terminal.say(f"\nEvery step came true, in {time.monotonic() - began:.0f} s.{told} Nothing is left behind.")
    return 0


def _set(place: Place, terminal: Terminal, props: ExitStack) -> Stage:
    terminal.chapter("Landlord: kinds, rights, guards, and the operator with its own token")
    props.enter_context(cluster.installed(place.kubectl, terminal))
    operator = props.enter_context(Operator.started(place, terminal))
    return Stage(place.kubectl, terminal, operator)


def _acts(place: Place, terminal: Terminal) -> Iterator[Act]:
    yield from story.BEFORE
    if place.sandbox:
        yield from releases.acts(place.sandbox)
    else:
        terminal.say(f"\n{releases.LEFT_OUT}")
    yield from story.AFTER


if __name__ == "__main__":
    sys.exit(main())
