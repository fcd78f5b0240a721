"""Fault plans of AppReleases: one thing goes wrong in a scenario, and what must be true in the end."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from landlord.clients.cluster import Cluster
from landlord.core.release.ledger import BINDING, Ledger, Verdict
from tests.fault_cluster import Fault, Kind, Request
from tests.release_gateway import Blow, GatedCluster, Gateway, HelmFault, HelmRun, Moment
from tests.release_life import Clock, Life
from tests.release_scenarios import MEANWHILE, SCENARIOS, Home
from tests.release_state import Photograph, marked, masked, photograph, wrong

PLANS = "plans of releases"
"""The property under which a test reports how many plans it has run."""
_REFUSALS = (Kind.CONFLICT, Kind.BUSY, Kind.UNAVAILABLE)
LEDGER, STATUS, RECORDS = "/configmaps", "/status", "/secrets/"
MOST_LIVES = 6
PLAIN = frozenset({"bad upgrade", "fix after hold"})
"""Scenarios whose upgrades go as those of ``values`` do: in them Helm's own requests go wrong in other runs alone."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Disturbances of one scenario, each in the process that follows the last."""

    scenario: str
    faults: tuple[Fault | HelmFault, ...] = ()
    knows_the_dead: bool = True
    """Whether a process can prove that the one before it is gone; else it must wait until that is certain."""
    meanwhile: str = ""
    """What people do before the next process begins; in the undisturbed run, after all has come to rest."""

    @property
    def norm(self) -> "Plan":
        """The undisturbed run."""
        return Plan(self.scenario, meanwhile=self.meanwhile)

    def __str__(self) -> str:
        what = [_told(fault) for fault in self.faults]
        what += [] if self.knows_the_dead else ["nothing is known of the dead"]
        what += [f"meanwhile {self.meanwhile}"] if self.meanwhile else []
        return f"{self.scenario}: {', then '.join(what) or 'undisturbed'}"


@dataclass(slots=True)
class Course:
    """What a plan did and how it ended."""

    plan: Plan
    home: Home
    final: Photograph
    kept: set[str]
    requests: list[Request]
    before: list[HelmRun]
    """Runs of Helm before the last step."""
    runs: list[HelmRun]
    first_runs: int
    """How many of them were the first operator's."""
    struck: int
    idle: list[str]
    proven: set[int]
    """Revisions that were proven at some time."""
    verdicts: set[tuple[str, int, Verdict]]
    """Everything that was judged at some time."""
    log: list[str] = field(default_factory=list)

    @property
    def writes(self) -> list[Request]:
        """The operator's own writes, in order."""
        return [request for request in self.requests if request.is_write]

    @property
    def deletes(self) -> set[str]:
        """What was deleted, by the operator or by Helm, in general terms."""
        asked = [str(request) for request in self.requests]
        asked += [write for run in self.runs for write in run.writes]
        return {masked(each, self.home) for each in asked if each.startswith("DELETE")}


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part in every plan."""

    operator: Cluster
    admin: Cluster
    gateway: Gateway
    folder: Path

    def life(self, plan: Plan, home: Home, clock: Clock, number: int, fault: Fault | HelmFault | None) -> Life:
        """The so-manieth operator process of a plan."""
        cluster = GatedCluster(self.operator, self.gateway)
        cluster.arm(fault if isinstance(fault, Fault) else None)
        shop = home.shop
        return Life(
            cluster,
            home.around,
            clock,
            self.folder / home.namespace,
            {"plain_http": (shop.host,), "reachable": ("127.0.0.0/8",)},
            fault if isinstance(fault, HelmFault) else None,
            plan.knows_the_dead,
            f"process-{number}",
        )


async def play(plan: Plan, home: Home, cast: Cast) -> Course:
    """Play the scenario with the plan's disturbances until all is at rest."""
    clock, runs = Clock(), list[HelmRun]()
    *before, last = SCENARIOS[plan.scenario]
    for step in before:
        await step(home)
        life = cast.life(plan, home, clock, 0, None)
        assert await life.until_quiet()
        runs += life.helm.runs
    old = await photograph(cast.operator, cast.admin, home)
    await last(home)
    lives = await _live(plan, home, cast, clock)
    ledgers = [old.ledger, *(ledger for life in lives for ledger in life.ledgers)]
    final = await photograph(cast.operator, cast.admin, home)
    idle = cast.life(plan, home, clock, MOST_LIVES + 1, None)
    await idle.until_quiet()
    return Course(
        plan=plan,
        home=home,
        final=final,
        kept={key for key, uid in final.uids.items() if uid in old.uids.values()},
        requests=[request for life in lives for request in life.cluster.requests],
        before=runs,
        runs=[run for life in lives for run in life.helm.runs],
        first_runs=len(lives[0].helm.runs),
        struck=sum(life.cluster.struck is not None or any(run.is_struck for run in life.helm.runs) for life in lives),
        idle=[str(request) for request in idle.cluster.writes] + [run.verb for run in idle.helm.runs],
        proven=_proven(ledgers),
        verdicts=_binding(ledgers),
        log=[line for life in lives for line in life.passes],
    )


async def _live(plan: Plan, home: Home, cast: Cast, clock: Clock) -> list[Life]:
    """Operators one after another, each after the death of the last, until one comes to rest."""
    lives, faults = list[Life](), list(plan.faults)
    while len(lives) < MOST_LIVES:
        lives.append(cast.life(plan, home, clock, len(lives) + 1, faults.pop(0) if faults else None))
        is_over = await lives[-1].until_quiet()
        if plan.meanwhile and len(lives) == 1:
            await MEANWHILE[plan.meanwhile](home)
        elif is_over:
            return lives
    raise AssertionError(f"{MOST_LIVES} operators died one after another")


def _proven(ledgers: Sequence[Ledger]) -> set[int]:
    judged = {each.revision for ledger in ledgers for each in ledger.verdicts if each.verdict is Verdict.PROVEN}
    return judged | {ledger.proven.revision for ledger in ledgers if ledger.proven}


def _binding(ledgers: Sequence[Ledger]) -> set[tuple[str, int, Verdict]]:
    judged = [each for ledger in ledgers for each in ledger.verdicts if each.verdict in BINDING]
    return {(each.desired.key, each.ordinal, each.verdict) for each in judged}


def plans(norm: Course) -> Iterator[Plan]:
    """All disturbances of a scenario, given how it goes undisturbed."""
    scenario = norm.plan.scenario
    yield Plan(scenario, (Fault(Kind.CRASH_BEFORE, 1),))
    places = Counter[str]()
    for place in map(_place, norm.writes):
        places[place] += 1
        number = places[place]
        yield Plan(scenario, (Fault(Kind.CRASH_AFTER, number, among=place),))
        kind = (Kind.LOST, *_REFUSALS)[sum(places.values()) % 4]
        yield Plan(scenario, (Fault(kind, number, among=place),))
    for number, run in enumerate(norm.runs, start=1):
        yield from _of_helm(scenario, number, run)


def meetings(norm: Course) -> Iterator[Plan]:
    """Plans in which people do something else while no operator lives."""
    for number, run in enumerate(norm.runs[: norm.first_runs], start=1):
        moments = [HelmFault(Moment.AFTER_WRITE, number, write) for write in sorted({1, 2, len(run.writes) - 1})]
        for moment in (HelmFault(Moment.BEFORE_START, number), *moments, HelmFault(Moment.AFTER_END, number)):
            yield Plan(norm.plan.scenario, (moment,), meanwhile=norm.plan.meanwhile)


def _of_helm(scenario: str, number: int, run: HelmRun) -> Iterator[Plan]:
    """Everything that can befall one run of Helm."""
    yield Plan(scenario, (HelmFault(Moment.BEFORE_START, number),))
    yield Plan(scenario, (HelmFault(Moment.BEFORE_START, number),), knows_the_dead=False)
    yield Plan(scenario, (HelmFault(Moment.BEFORE_WRITE, number, 1),))
    for write in range(1, len(run.writes) + 1):
        yield Plan(scenario, (HelmFault(Moment.AFTER_WRITE, number, write),))
    yield Plan(scenario, (HelmFault(Moment.AFTER_END, number),))
    first = HelmFault(Moment.AFTER_WRITE, number, 1)
    yield Plan(scenario, (first,), knows_the_dead=False)
    is_thorough = scenario not in PLAIN or run.verb != "upgrade"
    kinds = (Kind.CRASH_AFTER, Kind.CRASH_BEFORE, *((Kind.LOST, Kind.CONFLICT) if is_thorough else ()))
    for kind in kinds:
        yield Plan(scenario, (first, Fault(kind, 1, among=RECORDS)))
    yield Plan(scenario, (first, first))
    for write in range(1, len(run.writes) + 1) if is_thorough else ():
        yield Plan(scenario, (HelmFault(Moment.BEFORE_WRITE, number, write, Blow.UNAVAILABLE),))
        yield Plan(scenario, (HelmFault(Moment.AFTER_WRITE, number, write, Blow.LOST),))
    for write in {1, len(run.writes)}:
        yield Plan(scenario, (HelmFault(Moment.AFTER_WRITE, number, write, Blow.HELM_ALONE),))
        yield Plan(scenario, (HelmFault(Moment.AFTER_WRITE, number, write, Blow.STOP),))


def faults_found(norm: Course, course: Course) -> list[str]:
    """How a plan's end differs from the undisturbed one; empty when it is as good."""
    found = wrong(course.final)
    for key in sorted(norm.final.facts.keys() | course.final.facts.keys()):
        expected, seen = _fact(norm, key), _fact(course, key)
        found += [f"{key}: expected {expected}, found {seen}"] if expected != seen else []
    found += [f"made anew, though it was there: {key}" for key in sorted(norm.kept - course.kept)]
    found += [f"deleted: {each}" for each in sorted(course.deletes - norm.deletes)]
    found += [f"not at rest: {each}" for each in course.idle]
    found += [f"forgotten: {each}" for each in course.verdicts - _binding([course.final.ledger])]
    found += _runs_too_many(norm, course)
    return found


def _fact(course: Course, key: str) -> object:
    """What is so in the end; an attempt that people cut short need not have come to a verdict, nor be held."""
    fact = course.final.facts.get(key)
    if key == "ledger" and course.plan.meanwhile and fact is not None:
        return {name: value for name, value in fact.items() if name not in ("verdicts", "held")}
    return fact


def _runs_too_many(norm: Course, course: Course) -> Iterator[str]:
    """Helm runs beyond those that were broken off, two for one attempt, and rollbacks to anything unproven."""
    broken = sum(run.is_struck for run in course.runs)
    expected = Counter(run.verb for run in norm.runs)
    for verb, count in Counter(run.verb for run in course.runs).items():
        if count > expected[verb] + broken:
            yield f"helm {verb} ran {count} times instead of {expected[verb]}"
    for attempt, count in Counter(run.attempt for run in course.runs if run.verb == "upgrade").items():
        if count > 1:
            yield f"{count} runs for attempt {attempt}"
    runs = [*course.before, *course.runs]
    stored = sum(any(write.endswith("/secrets") for write in run.writes) for run in runs if run.verb == "upgrade")
    if (count := len(marked(course.final.history))) > stored:
        yield f"{count} revisions of upgrades, where {stored} upgrades stored one"
    for run in course.runs:
        if run.verb == "rollback" and int(run.words[-1]) not in course.proven:
            yield f"rolled back to revision {run.words[-1]}, which was never proven"


def _place(write: Request) -> str:
    """By what the write is told from others, whatever comes before it."""
    text = str(write)
    for place in (LEDGER, STATUS, RECORDS):
        if place in text:
            return place
    return f"{write.verb} " if write.verb == "DELETE" else "appreleases/web "


def _told(fault: Fault | HelmFault) -> str:
    if isinstance(fault, HelmFault):
        return str(fault)
    return f"{fault.kind.value} at write {fault.number}{f' of {fault.among.strip()}' if fault.among else ''}"
