"""Crash plans: a scenario of a Tenant's life with one thing going wrong in it, and what must be true in the end."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from landlord.clients.cluster import Cluster
from tests.fault_cluster import Crash, Fault, FaultyCluster, Kind, Request
from tests.fault_feeds import FEEDS
from tests.fault_scenarios import SCENARIOS, Stage
from tests.fault_state import Photograph, differences, kept, masked, photograph
from tests.in_process import Clock, Feed, InProcess, View, Watching
from tests.manifests import ENVIRONMENTS, TENANTS

MOST_EXTRA_WRITES = 8
"""A plan may write so many times more than the undisturbed run: a repeated request, a status that told of trouble."""


PLANS = "crash plans"
"""The property under which a test reports how many plans it has run."""
_REFUSALS = (Kind.CONFLICT, Kind.BUSY, Kind.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class Plan:
    """One disturbance of one scenario. Faults strike one after another, each in the process that follows the last."""

    scenario: str
    faults: tuple[Fault, ...] = ()
    feed: str = ""
    stale: bool = False
    """After the crash, the new process first believes, and acts on, a list from before the last step."""
    edited: str = ""
    """In the end somebody edits once more: the undisturbed run of plans in which that comes in the midst of a pass."""
    after: str = ""
    """What the undisturbed run has edited in the end, to which this one is to be compared."""
    echo: bool = False
    """Events reach the caches between any two requests of a pass."""

    def __str__(self) -> str:
        what = [f"{fault.kind.value} at {'read' if fault.is_read else 'write'} {fault.number}" for fault in self.faults]
        what += [self.feed] if self.feed else []
        what += ["then a list of long ago"] if self.stale else []
        what += [f"{self.edited} edited in the end"] if self.edited else []
        what += ["events in the midst of passes"] if self.echo else []
        return f"{self.scenario}: {', '.join(what) or 'undisturbed'}"


@dataclass(slots=True)
class Course:
    """What a plan did and how it ended."""

    plan: Plan
    name: str
    final: Photograph
    kept: set[str]
    requests: list[Request]
    struck: list[str]
    idle_writes: list[str]
    log: list[str] = field(default_factory=list)

    @property
    def is_smooth(self) -> bool:
        """Whether the API server's caches were in time, so that no write had to be tried again."""
        return not any("does not know yet" in line for line in self.log)

    @property
    def writes(self) -> list[str]:
        """The writes, in general terms and in order."""
        return [self.general(request) for request in self.requests if request.is_write]

    @property
    def deletes(self) -> list[Request]:
        """The DELETEs among them."""
        return [request for request in self.requests if request.verb == "DELETE"]

    def general(self, request: Request) -> str:
        """The request in terms that hold for every plan of the scenario."""
        return masked(f"{request.verb} {request.path}", self.name)


async def run(plan: Plan, stage: Stage, shared: Cluster) -> Course:
    """Play the scenario with the plan's disturbance until all is at rest."""
    watching = Watching(shared, (stage.name,), stage.environments)
    clock, cluster = Clock(), FaultyCluster(shared)
    operator = InProcess(cluster, watching, clock)
    *before, last = SCENARIOS[plan.scenario]
    for step in before:
        await step(stage)
        await operator.until_quiet()
    old = operator.view
    cluster.arm(plan.faults[0] if plan.faults else None)
    operator.feed = FEEDS[plan.feed]() if plan.feed else Feed()
    cluster.echo = operator.overhear if plan.echo else None
    cluster.edit = partial(stage.edit, plan.after)
    await last(stage)
    clusters, log = await _live(plan, operator, cluster, old)
    if plan.edited:
        await stage.edit(plan.edited)
        await operator.until_quiet()
    final = await photograph(shared, stage)
    return Course(
        plan=plan,
        name=stage.name,
        final=final,
        kept=kept(old.uids, final),
        requests=[request for each in clusters for request in each.requests],
        struck=[masked(f"{one.verb} {one.path}", stage.name) for one in (each.struck for each in clusters) if one],
        idle_writes=await _idle(shared, watching, clock, stage.name),
        log=log,
    )


async def _live(
    plan: Plan, operator: InProcess, cluster: FaultyCluster, old: View
) -> tuple[list[FaultyCluster], list[str]]:
    """Operators one after another, each after the crash of the last, until one comes to rest; what they asked."""
    clusters, log = [cluster], list[str]()
    faults = list(plan.faults[1:])
    while not await _lives(operator, log):
        clusters.append(FaultyCluster(operator.watching.cluster))
        clusters[-1].arm(faults.pop(0) if faults else None)
        operator = InProcess(clusters[-1], operator.watching, operator.clock, begin=old if plan.stale else None)
    return clusters, log


async def _lives(operator: InProcess, log: list[str]) -> bool:
    """Let one process work until it rests or crashes; whether it rests."""
    try:
        await operator.until_quiet()
    except Crash:
        log += [*operator.passes, "-- crash --"]
        return False
    log += operator.passes
    return True


async def _idle(shared: Cluster, watching: Watching, clock: Clock, name: str) -> list[str]:
    """What one more operator writes that starts when all is done: nothing, if all is done."""
    cluster = FaultyCluster(shared)
    operator = InProcess(cluster, watching, clock)
    await operator.until_quiet()
    return [masked(f"{request.verb} {request.path}", name) for request in cluster.writes]


def edits(reference: Course) -> Iterator[Plan]:
    """An edit in the midst of each write: of the Environment at writes to one, of the Tenant at all others."""
    for number, write in enumerate(reference.writes, start=1):
        edited = ENVIRONMENTS if ENVIRONMENTS in write else TENANTS
        yield Plan(reference.plan.scenario, (Fault(Kind.EDITED, number),), after=edited)


def plans(reference: Course) -> Iterator[Plan]:
    """All disturbances of a scenario but edits, given how it goes undisturbed."""
    scenario = reference.plan.scenario
    yield Plan(scenario, (Fault(Kind.CRASH_BEFORE, 1),))  # before the second write is the same as after the first
    for number in range(1, len(reference.writes) + 1):
        for kind in (Kind.CRASH_AFTER, Kind.LOST, _REFUSALS[number % len(_REFUSALS)]):
            yield Plan(scenario, (Fault(kind, number),))
        if number % 2:
            yield Plan(scenario, (Fault(Kind.CRASH_AFTER, number),), stale=True)
        else:
            yield Plan(scenario, (Fault(Kind.CRASH_AFTER, number), Fault(Kind.CRASH_AFTER, 1)))
    for feed in FEEDS:
        yield Plan(scenario, feed=feed)
    yield Plan(scenario, echo=True)


def faults_found(reference: Course, course: Course) -> list[str]:
    """How a plan's end differs from the undisturbed one; empty when it is as good."""
    found = differences(reference.final, course.final)
    lost = reference.kept - course.kept
    found += [f"made anew, though it was there: {key}" for key in sorted(lost)]
    found += _wrong_deletes(reference, course)
    if not course.struck and any(fault.number <= len(course.writes) for fault in course.plan.faults):
        found.append("nothing went wrong")
    if len(course.writes) > len(reference.writes) + MOST_EXTRA_WRITES:
        found.append(f"{len(course.writes)} writes instead of {len(reference.writes)}")
    found += [f"not at rest: {write}" for write in course.idle_writes]
    return found


def _wrong_deletes(reference: Course, course: Course) -> Iterator[str]:
    expected = {reference.general(request) for request in reference.deletes}
    asked = Counter((course.general(request), request.uid) for request in course.deletes)
    for (request, uid), times in asked.items():
        if request not in expected:
            yield f"too much: {request}"
        if not uid:
            yield f"without a UID: {request}"
        if times > 1 + len(course.plan.faults):
            yield f"{times} times: {request}"
    for missing in expected - {request for request, _ in asked}:
        yield f"never asked for: {missing}"
