"""What the machine answers: one step, the ledger to write down before it, and the words to tell people."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from landlord.api.conditions import Reason
from landlord.core.release.ledger import Ledger

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""A chart may put them into its errors, and a terminal that shows a message obeys them."""


class Standing(StrEnum):
    """How a release stands, as kstatus tells it."""

    READY = "ready"
    WORKING = "working"
    WAITING = "waiting"
    """Nothing is wrong with the release; something else must come first."""
    STUCK = "stuck"
    """A person must act."""
    FROZEN = "frozen"
    """Suspended: as it was."""


def sentence(text: str) -> str:
    """The text, begun and ended as a sentence; a first word that is a name (of a field, a host) stays as it is."""
    text = " ".join(_CONTROL.sub(" ", text).split())
    if not text:
        return "No reason was given."
    ended = text if text[-1] in ".!?" else f"{text}."
    first = ended.split(" ", 1)[0].rstrip(".,:;!?")
    is_name = any(each in "./:_@" or each.isdigit() for each in first)
    return ended if is_name else ended[0].upper() + ended[1:]


@dataclass(frozen=True, slots=True)
class Word:
    """What is told: the reason is a condition's, ``why`` a full sentence."""

    standing: Standing
    reason: Reason
    why: str


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do before ``after`` has passed; None leaves it to the release's interval."""

    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Only the ledger moved on: write it down and look again."""


@dataclass(frozen=True, slots=True)
class Run:
    """Run what the ledger's intent says."""


@dataclass(frozen=True, slots=True)
class MarkFailed:
    """The revision is locked and its process is gone: write its status as failed."""

    number: int


@dataclass(frozen=True, slots=True)
class Prune:
    """Delete these old revisions; no Helm runs."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Supersede:
    """These older revisions still say deployed; no Helm runs that could write it."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LetGo:
    """Nothing of the release is left, or it is to stay: take the finalizer off."""

    is_left: bool = False
    """Something stays behind, which people should know: afterwards nobody tells them."""


Step = Rest | Look | Run | MarkFailed | Prune | Supersede | LetGo


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer of the machine. ``ledger`` is written down before the step is taken."""

    step: Step
    ledger: Ledger
    word: Word
