"""Facts of a single look, for tests of single decisions."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from landlord.api.conditions import Reason
from landlord.api.releases import RevisionMeta
from landlord.core.release.facts import Facts, Process, Wish
from landlord.core.release.ledger import (
    Attempt,
    Desired,
    Ended,
    Failure,
    Intent,
    Ledger,
    Operation,
    Proven,
    Runner,
    Running,
    Stage,
)
from tests.unit.core.release.cast import App
from tests.unit.core.release.theatre import START

A, B = App("A").desired, App("B").desired
WISH = Wish(timeout=timedelta(minutes=5), bake=timedelta(minutes=1))
CAUSE = Failure(Reason.TIMEOUT.value, "It was not ready in time.")


def revisions(*statuses: str, marks: tuple[str, ...] = ()) -> tuple[RevisionMeta, ...]:
    """A history of these statuses, from revision 1 on."""
    labels = [{"landlord.dev/attempt": mark} if mark else {} for mark in (*marks, *[""] * len(statuses))]
    return tuple(
        RevisionMeta(number, status, f"uid-{number}", labels[number - 1])
        for number, status in enumerate(statuses, start=1)
    )


def attempt(stage: Stage = Stage.DEPLOYING, desired: Desired = B, **fields: Any) -> Attempt:
    return replace(Attempt(desired, START, stage, START, START + WISH.timeout), **fields)


def ledger(**fields: Any) -> Ledger:
    """A is proven as revision 1 and runs."""
    return replace(Ledger(Running(1, A, uid="uid-1"), Proven(1, A, START, "uid-1")), **fields)


def intent(operation: Operation = Operation.DEPLOY, base: int = 1, target: int = 0, **fields: Any) -> Intent:
    return replace(Intent(operation, base, target, START, START + WISH.timeout, Runner("me"), "mark"), **fields)


def facts(known: Ledger, *statuses: str, **fields: Any) -> Facts:
    """One look at a history of these statuses, a moment later."""
    given = {"desired": B, "runner": Runner("me"), "process": Process.GONE, "wish": WISH, **fields}
    now = given.pop("now", START + timedelta(seconds=30))
    return Facts(now=now, ledger=known, history=given.pop("history", revisions(*statuses)), **given)


def ended(operation: Operation, trouble: Any = None, why: str = "Helm said so.") -> Ended:
    return Ended(operation, trouble, why)
