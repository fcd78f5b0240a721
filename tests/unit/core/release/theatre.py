"""A stage on which the release machine acts: Helm, workloads, checks and a clock, all small models.

The driver does as the reconciler does: decide, write the ledger down, act; what a Helm run came to is known in the same
pass only. It can be killed anywhere, and it watches that what must always be true stays true.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from landlord.api.conditions import Reason
from landlord.api.failures import HelmTrouble
from landlord.api.releases import LOCKED
from landlord.core.health.checks import CheckState
from landlord.core.health.signs import State
from landlord.core.release.facts import Check, Facts, Health, Process, Stranger, Unprepared
from landlord.core.release.history import foreign
from landlord.core.release.ledger import (
    Desired,
    Ended,
    Intent,
    Ledger,
    Operation,
    Runner,
    Stage,
    decode,
    encode,
)
from landlord.core.release.machine import decide
from landlord.core.release.steps import Decision, LetGo, Look, MarkFailed, Prune, Rest, Run, Supersede
from tests.unit.core.release.cast import App, Revision
from tests.unit.core.release.world import START, World

INTERVAL = timedelta(minutes=10)


class Killed(Exception):
    """The operator died here."""


@dataclass
class Theatre(World):
    """One release in its world, and an operator that can be killed."""

    stored: str = field(default_factory=lambda: encode(Ledger()))
    operator: int = 1
    ghost_until: datetime = START
    """When a Helm is killed that has not ended by itself."""
    process: Process = Process.NONE
    kill: str = ""
    """Where the operator dies next: unwritten, written, pending, ended."""
    stays_down: bool = False
    """Killed, it stays away until ``restart``."""
    is_down: bool = False
    told: tuple[str, ...] = ()
    upgrades: Counter[tuple[str, int]] = field(default_factory=Counter)
    granted: Counter[tuple[str, int]] = field(default_factory=Counter)
    """The most retries that were wished while it was tried: a retry that was due may still be made."""
    rollbacks: Counter[tuple[str, int]] = field(default_factory=Counter)
    proven: set[str] = field(default_factory=set)
    """Uids of the revisions that stood a proof."""
    passes: int = 0
    runs: list[tuple[datetime, Operation]] = field(default_factory=list)

    def restart(self) -> None:
        """A new operator process."""
        self.operator += 1
        self.is_down = False
        if self.ledger.intent is not None and self.ghost is None:
            self.process = Process.GONE

    # --- the driver ---

    @property
    def ledger(self) -> Ledger:
        return decode(self.stored)

    @property
    def desired(self) -> Desired | Unprepared:
        if self.unprepared is not None:
            return self.unprepared
        return self.app.desired if self.app else Unprepared(Reason.INVALID_SPEC, "Nothing is wanted.", is_final=True)

    def facts(self, ended: Ended | None = None) -> Facts:
        if self.ghost is not None and self.now >= self.ghost_until:
            self.ghost = None
        ledger, newest = self.ledger, self.helm.newest
        age = (self.now - newest.at).total_seconds() if newest else 0
        health = _judged(self.pods or newest.app.fares(age), ledger, self.now) if newest else None
        checks = self.app.checked(age) if newest and self.app else ()
        if self.metrics_down:
            checks = tuple(Check(each.name, CheckState.INCONCLUSIVE, "Prometheus does not answer.") for each in checks)
        history = [each.meta for each in self.helm.revisions]
        is_strange = foreign(history, ledger.running) or (ledger.running and ledger.running.is_external)
        stranger = None
        if newest is not None and is_strange and isinstance(self.desired, Desired):
            stranger = Stranger(newest.number, newest.app.digest == self.desired.digest)
        return Facts(
            now=self.now,
            wish=self.wish,
            ledger=ledger,
            desired=self.desired,
            runner=Runner(f"operator-{self.operator}"),
            history=history,
            process=self.process if ledger.intent is not None else Process.NONE,
            ended=ended,
            health=health,
            checks=checks,
            stranger=stranger,
            closed=self.closed,
            suspended=self.suspended,
            is_deleting=self.is_deleting,
            is_namespace_leaving=self.is_namespace_leaving,
        )

    def once(self) -> timedelta:
        """One pass; how long it says nothing need be done."""
        try:
            return self._pass()
        except Killed:
            self.kill = ""
            if self.stays_down:
                self.say("The operator is killed.")
                self.is_down = True
                return INTERVAL
            self.say("The operator is killed and starts anew.")
            self.restart()
            return timedelta(0)

    def play(self, span: timedelta) -> None:
        """Let time go by; the operator looks whenever it said it would."""
        end = self.now + span
        budget = self.passes + 3000
        while self.now < end and not self.is_gone and not self.is_down:
            assert self.passes < budget, "it never comes to rest"
            self.now = min(end, self.now + self.once())
        self.now = max(self.now, end)

    def push(self, app: App, span: timedelta, why: str = "") -> None:
        """Git wants something else, and so much time goes by."""
        self.commit(app, why)
        self.play(span)

    def turn(self, words: str, span: timedelta) -> None:
        """Something has happened that these words tell, and so much time goes by."""
        self.say(words)
        self.play(span)

    def _pass(self) -> timedelta:
        ended: Ended | None = None
        for _ in range(2):
            self.passes += 1
            facts = self.facts(ended)
            decision = self._decided(facts)
            self._tell(facts, decision)
            if self.kill == "unwritten":
                raise Killed
            self._write(facts, decision.ledger)
            step = decision.step
            if isinstance(step, Run):
                ended = self._run(facts, decision)
                continue
            return self._take(step)
        return timedelta(0)

    def _decided(self, facts: Facts) -> Decision:
        decision = decide(facts)
        assert decision == decide(facts), "the same facts gave another step"
        assert decision.ledger == decode(encode(decision.ledger)), "a ledger is not read as it was written"
        why = decision.word.why
        assert why[-1:] in (".", "!", "?"), why
        assert why[0].isupper() or not why[0].isalpha(), why
        assert " " in why, why
        return decision

    def _write(self, facts: Facts, after: Ledger) -> None:
        self.stored = encode(after)
        if after.proven is not None and after.proven != facts.ledger.proven:
            newest = self.helm.newest
            assert facts.health is not None
            assert facts.health.state is State.READY, "something was proven that is not ready"
            if after.proven.desired == facts.desired:  # after a rollback the checks are of what was rejected
                assert all(each.state is not CheckState.FAILING for each in facts.checks)
            assert newest is not None
            assert (newest.number, newest.status) == (after.proven.revision, "deployed")
            assert newest.app.digest == after.proven.desired.digest, "something was proven that does not run"
            self.proven.add(newest.uid)

    def _take(self, step: object) -> timedelta:
        match step:
            case Rest(after=after):
                return INTERVAL if after is None else max(after, timedelta(milliseconds=200))
            case MarkFailed(number=number):
                revision = self.helm.find(number)
                assert revision is not None
                assert revision.status in LOCKED
                assert self.ghost is None, "a lock was taken off while its Helm lives"
                assert not revision.is_theirs, "somebody else's lock was taken off"
                revision.status = "failed"
            case Supersede(numbers=numbers):
                for number in numbers:
                    past = self.helm.find(number)
                    assert past is not None
                    assert (past.status, past is self.helm.newest) == ("deployed", False)
                    past.status = "superseded"
            case Prune(numbers=numbers):
                newest = self.helm.newest
                proven = self.ledger.proven
                assert newest is not None
                assert newest.status not in LOCKED
                assert newest.number not in numbers
                assert proven is None or proven.revision not in numbers, "what is proven was pruned"
                self.helm.revisions = [each for each in self.helm.revisions if each.number not in numbers]
            case LetGo():
                self.is_gone = True
            case _:
                assert isinstance(step, Look)
        return timedelta(0)

    # --- Helm ---

    def _run(self, facts: Facts, decision: Decision) -> Ended | None:
        intent = decision.ledger.intent
        assert intent is not None
        assert self.ghost is None, "two Helms at once"
        self._watch(facts, decision, intent)
        self.process = Process.RUNNING
        if self.kill == "written":
            raise Killed
        self.runs.append((self.now, intent.operation))
        kill, self.kill = self.kill, ""
        ended = getattr(self, f"_{intent.operation.value}")(facts, decision, intent, kill)
        if kill:
            raise Killed
        self.process = Process.GONE
        return Ended(intent.operation, ended, "" if ended is None else f"Helm says {ended.value}", self.excuse)

    def _watch(self, facts: Facts, decision: Decision, intent: Intent) -> None:
        newest, attempt = self.helm.newest, decision.ledger.attempt
        if newest is not None and newest.status in LOCKED:
            assert self.is_deleting, "Helm was run into a lock"
        if intent.operation is Operation.DEPLOY:
            assert attempt is not None
            assert self.app is not None
            key = _attempt(decision)
            assert attempt.desired.key == self.app.desired.key
            is_same = newest is not None and newest.status == "deployed" and newest.app.digest == self.app.digest
            assert not is_same, "Helm was run for what is deployed"
            allowed = max(self.wish.retries, self.granted[key])
            assert self.upgrades[key] <= allowed, f"{key} was tried too often"
        if intent.operation is Operation.ROLLBACK:
            assert attempt is not None
            key = _attempt(decision)
            target = self.helm.find(intent.target)
            assert target is not None
            assert target.uid in self.proven, "rolled back to what was never proven"
            assert target.app.digest != attempt.desired.digest, "rolled back to what failed"
            assert self.rollbacks[key] < self.wish.rollback_attempts, f"{key} was rolled back too often"

    def _deploy(self, facts: Facts, decision: Decision, intent: Intent, kill: str) -> HelmTrouble | None:
        assert self.app is not None
        trouble, stores = (self.trouble, self.trouble_stores) if self.trouble else (self.app.helm, self.app.stores)
        if trouble is not None and not stores:
            return trouble
        app = self.app
        kind = "pending-upgrade" if self.helm.newest else "pending-install"
        revision = self.helm.open(app, kind, self.now, intent.mark)
        key = _attempt(decision)
        self.upgrades[key] += 1
        self.granted[key] = max(self.granted[key], self.wish.retries)
        return self._finish(revision, trouble, kill, intent.until)

    def _rollback(self, facts: Facts, decision: Decision, intent: Intent, kill: str) -> HelmTrouble | None:
        target = self.helm.find(intent.target)
        assert target is not None
        trouble = self.trouble or self.rollback
        if trouble is not None and self.trouble and not self.trouble_stores:
            return trouble
        revision = self.helm.open(target.app, "pending-rollback", self.now, target.mark)
        self.rollbacks[_attempt(decision)] += 1
        if trouble is HelmTrouble.HOOK_FAILED and not kill:
            return trouble  # a failing hook leaves a rollback's lock
        return self._finish(revision, trouble, kill, intent.until)

    def _finish(
        self, revision: Revision, trouble: HelmTrouble | None, kill: str, until: datetime
    ) -> HelmTrouble | None:
        match kill:
            case "pending":
                return None
            case "term":
                self.helm.close(revision, self.now, well=False)
                return HelmTrouble.KILLED
            case "outlived":
                self.process, self.ghost_until = Process.UNKNOWN, until
                self.ghost = lambda: self._exorcise(revision, trouble)
                return None
        self.helm.close(revision, self.now, well=trouble is None)
        return trouble

    def _exorcise(self, revision: Revision, trouble: HelmTrouble | None) -> None:
        self.helm.close(revision, self.now, well=trouble is None)
        self.ghost, self.process = None, Process.GONE

    def end_ghost(self) -> None:
        """The Helm that outlived its operator comes to its end."""
        if self.ghost is not None:
            self.ghost()

    def _uninstall(self, facts: Facts, decision: Decision, intent: Intent, kill: str) -> HelmTrouble | None:
        if self.trouble is not None or kill == "pending":
            newest = self.helm.newest
            if newest is not None:
                newest.status = "uninstalling"
            return self.trouble
        self.helm.revisions.clear()
        return None

    def _test(self, facts: Facts, decision: Decision, intent: Intent, kill: str) -> HelmTrouble | None:
        newest = self.helm.newest
        return self.trouble or (newest.app.test if newest else None)

    # --- the log ---

    def _tell(self, facts: Facts, decision: Decision) -> None:
        ledger, word = decision.ledger, decision.word
        attempt = ledger.attempt
        state = attempt.stage.value if attempt else "Held" if ledger.held else "Idle"
        step = type(decision.step).__name__
        if isinstance(decision.step, Run) and ledger.intent is not None:
            step = f"Run {ledger.intent.operation.value}"
        health = f"pods {facts.health.state.value.lower()}" if facts.health else "no pods"
        checks = "".join(f", {each.name} {each.state.value.lower()}" for each in facts.checks)
        line = (f"{_history(facts)}; {health}{checks}", state, step, word.reason.value, word.why)
        if line == self.told:
            return
        self.told = line
        self.lines.append(f"{self.now:%H:%M:%S}    {line[0]}")
        self.lines.append(f"              {state}, {word.standing.value} -> {step}. {word.reason.value}: {word.why}")

    @property
    def text(self) -> str:
        """What happened, for people."""
        ledger = self.ledger
        verdicts = "".join(
            f"\n  {each.verdict.value} {each.desired.chart_version} {each.reason}: {each.why}"
            for each in ledger.verdicts
        )
        runs = ", ".join(f"{number} {name}" for name, number in Counter(o.value for _, o in self.runs).items())
        end = f"Helm ran: {runs or 'never'}.\nVerdicts:{verdicts or ' none'}"
        return "\n".join([*self.lines, "", end, ""])


def _judged(health: Health, ledger: Ledger, now: datetime) -> Health:
    """As workloads are judged: the environment's trouble counts for trouble at a deadline, and is only seen before.

    After a rollback nothing is condemned, whatever is seen.
    """
    attempt, is_excused = ledger.attempt, health.state is State.ENVIRONMENT
    if attempt is None and ledger.recovering and health.state is not State.READY:
        return replace(health, state=State.WORKING, is_excused=is_excused)
    if not is_excused or attempt is None or attempt.stage is not Stage.VERIFYING:
        return health
    is_over = now >= attempt.deadline
    return replace(health, state=State.ENVIRONMENT if is_over else State.WORKING, is_excused=True)


def _attempt(decision: Decision) -> tuple[str, int]:
    attempt = decision.ledger.attempt
    assert attempt is not None
    return attempt.desired.key, attempt.ordinal


def _history(facts: Facts) -> str:
    return " ".join(f"{each.number}:{each.status}" for each in facts.history) or "no revisions"
