"""What the machine goes by: nothing is asked that need not be, and trouble with asking is no verdict."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from landlord.api.conditions import Reason
from landlord.api.failures import LandlordFailure, Transient
from landlord.api.releases import RevisionMeta
from landlord.clients.cluster import Page
from landlord.core.release.facts import Facts, Process, Unprepared
from landlord.core.release.ledger import (
    Attempt,
    Desired,
    Failure,
    Held,
    Intent,
    Ledger,
    Operation,
    Runner,
    Running,
    Stage,
)
from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.gathering import Gathering, History
from landlord.reconcilers.release.preparation import Prepared
from landlord.reconcilers.release.resting import Rested
from tests.unit.reconcilers.release.cases import THEN, WANTED, Texts, case

ME = Runner("me")
OTHER = replace(WANTED, key="other", digest="other")
DEPLOYED = RevisionMeta(1, "deployed", "uid-1")
ATTEMPT = Attempt(WANTED, THEN, Stage.DEPLOYING, THEN, THEN)


@dataclass
class Room:
    """Everybody who is asked for facts; who was asked is noted."""

    ledger: Ledger = field(default_factory=Ledger)
    trouble: LandlordFailure | None = None
    asked: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)

    async def gather(self, one: Case, history: History | None = None) -> Facts:
        parts: Any = SimpleNamespace(
            ledgers=self,
            preparation=self,
            observation=self,
            operations=self,
            resting=self,
        )
        cluster: Any = _Empty(self.asked)
        gathering = Gathering(cluster, Bodies(), parts, runner=ME, is_gone=lambda each: each.holder in self.gone)
        facts, _ = await gathering.gather(one, self.ledger, history=history)
        return facts

    def of(self, ref: object) -> Ledger:
        return self.ledger

    def resumed(self, one: Case, ledger: Ledger) -> Ledger:
        return ledger

    async def look(self, one: Case, revision: int) -> Rested:
        self.asked.append("rest")
        return Rested(THEN, revision, None, None)

    async def learn_secrets(self, one: Case) -> None:
        self.asked.append("secrets")

    async def prepare(self, one: Case, ledger: Ledger) -> Prepared:
        self.asked.append("prepare")
        if self.trouble is not None:
            raise self.trouble
        return Prepared(WANTED, pin=("chart", "sha256:one"))


class _Empty(Texts):
    """A namespace without any revision."""

    def __init__(self, asked: list[str]) -> None:
        super().__init__()
        self._asked = asked

    async def pages(self, *_: object, **__: object) -> AsyncIterator[Page]:
        self._asked.append("history")
        yield Page((), "1")


async def test_what_is_wanted_is_found_out_and_a_charts_first_content_noted() -> None:
    room = Room()
    facts = await room.gather(case())
    assert facts.desired == WANTED
    assert facts.ledger.pins == {"chart": "sha256:one"}
    assert (facts.release, facts.namespace, facts.runner) == ("web", "shop-dev", ME)
    assert room.asked == ["history", "prepare"]


@pytest.mark.parametrize(
    ("change", "spec", "reason", "asked"),
    [
        ({"is_namespace_leaving": True}, {}, Reason.NAMESPACE_TERMINATING, []),
        ({}, {"suspend": True}, Reason.SUSPENDED, ["history"]),
        ({"tenant": ""}, {"suspend": True}, Reason.SUSPENDED, []),
        ({"rival": "older"}, {"suspend": True}, Reason.SUSPENDED, []),
    ],
    ids=["leaving", "suspended", "of no tenant", "of another release"],
)
async def test_what_need_not_be_known_is_not_asked(
    change: dict[str, Any], spec: dict[str, Any], reason: Reason, asked: list[str]
) -> None:
    room = Room()
    facts = await room.gather(replace(case(**spec), **change))
    assert isinstance(facts.desired, Unprepared)
    assert (facts.desired.reason, facts.desired.is_final, room.asked) == (reason, False, asked)


async def test_a_release_that_goes_away_is_prepared_for_nothing_but_silence() -> None:
    room, one = Room(), case()
    one.body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    facts = await room.gather(one)
    assert (facts.is_deleting, room.asked) == (True, ["history", "secrets"])


async def test_trouble_with_the_api_server_does_not_keep_an_attempt_from_being_judged() -> None:
    room = Room(Ledger(attempt=ATTEMPT), Transient("The API server is away."))
    facts = await room.gather(case())
    assert isinstance(facts.desired, Unprepared)
    assert facts.desired.reason is Reason.API_TROUBLE
    assert facts.desired.why == "The API server is away. What is wanted cannot be told meanwhile."
    assert facts.desired.after == timedelta(seconds=15)


async def test_the_same_trouble_ends_the_pass_of_a_release_at_rest() -> None:
    with pytest.raises(Transient):
        await Room(Ledger(running=Running(1, WANTED)), Transient("The API server is away.")).gather(case())


@pytest.mark.parametrize(
    ("holder", "process"), [("me", Process.GONE), ("dead", Process.GONE), ("elsewhere", Process.UNKNOWN)]
)
async def test_of_a_helm_run_that_was_begun_it_is_known_whether_it_is_over(holder: str, process: Process) -> None:
    intent = Intent(Operation.DEPLOY, 0, 0, THEN, THEN, Runner(holder))
    room = Room(Ledger(attempt=ATTEMPT, intent=intent), gone={"dead"})
    assert (await room.gather(case())).process is process
    assert (await Room().gather(case())).process is Process.NONE


async def test_what_this_pass_has_read_of_the_history_is_not_read_again() -> None:
    room = Room()
    facts = await room.gather(case(), (DEPLOYED,))
    assert facts.history == (DEPLOYED,)
    assert "history" not in room.asked


@pytest.mark.parametrize(
    ("running", "held", "looks"),
    [(WANTED, None, 1), (OTHER, None, 0), (OTHER, WANTED, 1), (OTHER, OTHER, 0)],
    ids=["as wanted", "another is wanted", "what is wanted is held", "another was held"],
)
async def test_a_release_at_rest_is_looked_at_unless_it_is_about_to_change(
    running: Desired, held: Desired | None, looks: int
) -> None:
    hold = Held(held, Failure("CheckFailed", "Bad."), THEN, 2) if held is not None else None
    room = Room(Ledger(running=Running(1, running), held=hold))
    await room.gather(case(), (DEPLOYED,))
    assert room.asked.count("rest") == looks
