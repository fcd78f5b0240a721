"""Every check is looked at when due, none keeps another waiting, and passes are asked for when it matters."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from landlord.api.checks import HealthCheck
from landlord.api.failures import SpecFault
from landlord.api.refs import Ref
from landlord.api.releases import Outcome, Sample
from landlord.clients.probes.looks import Look, Target
from landlord.reconcilers.release.looks import Written
from landlord.reconcilers.release.probing import Prober
from tests.polling import eventually

SHOP = Ref("AppRelease", "team-prod", "shop")
TARGET = Target("team-prod", "shop")
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Probe:
    """Answers by ``script``, release by release, and remembers what it was asked."""

    script: Callable[[Look, Target], Outcome] = lambda _look, _target: Outcome.PASS
    asked: list[tuple[str, str]] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    gate: asyncio.Event | None = None
    running: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)

    async def admit(self, look: Look, target: Target) -> None:
        if look.name == "bad":
            raise SpecFault("spec", "is bad")

    async def sample(self, look: Look, target: Target, now: datetime) -> Sample:
        self.asked.append((target.release, look.name))
        self.looks.append(look)
        for key in (target.namespace, "all"):
            self.running[key] += 1
            self.most[key] = max(self.most[key], self.running[key])
        try:
            if self.gate is not None:
                await self.gate.wait()
            return look.found(now, self.script(look, target))
        finally:
            self.running.subtract([target.namespace, "all"])


class World:
    """A prober with three probes, its clock and those it called."""

    def __init__(self, **options: Any) -> None:
        self.http, self.promql, self.cel = Probe(), Probe(), Probe()
        self.called: list[Ref] = []
        self.observed: list[tuple[Ref, str, Outcome]] = []
        self.prober = Prober(
            http=self.http,
            promql=self.promql,
            cel=self.cel,
            on_sample=self.called.append,
            now=self.now,
            observe=lambda ref, kind, sample, _seconds: self.observed.append((ref, kind, sample.outcome)),
            **options,
        )

    def now(self) -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    def outcomes(self, attempt: str = "a1", ref: Ref = SHOP) -> list[Outcome]:
        return [sample.outcome for sample in self.prober.samples(ref, attempt)]


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[World]:
    world = World(**options)
    task = asyncio.create_task(world.prober.run())
    try:
        yield world
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def http(name: str = "front", interval: str = "1s", delay: str = "0s", **spec: Any) -> HealthCheck:
    rest = {"http": {"service": "web"}, "interval": interval, "initialDelay": delay, **spec}
    return HealthCheck.model_validate({"name": name, **rest})


def promql(name: str = "errors") -> HealthCheck:
    spec = {"promql": {"query": "x", "max": 1}, "interval": "1s", "initialDelay": "0s"}
    return HealthCheck.model_validate({"name": name, **spec})


def cel(name: str = "db") -> HealthCheck:
    spec = {"cel": {"apiVersion": "v1", "kind": "ConfigMap", "current": "true"}, "interval": "1s"}
    return HealthCheck.model_validate({"name": name, **spec})


async def test_each_kind_of_check_is_looked_at_by_its_probe_again_and_again() -> None:
    async with running() as world:
        world.prober.watch(SHOP, "a1", [http(), promql(), cel()], TARGET)
        await eventually(lambda: len(world.outcomes()) >= 6, deadline=10)
    assert set(world.http.asked) == {("shop", "front")}
    assert set(world.promql.asked) == {("shop", "errors")}
    assert set(world.cel.asked) == {("shop", "db")}
    assert world.promql.looks[0].query == 'x{namespace="team-prod"}'
    samples = world.prober.samples(SHOP, "a1")
    assert [sample.at for sample in samples] == sorted(sample.at for sample in samples)
    front = [sample.at for sample in samples if sample.check == "front"]
    assert timedelta(seconds=0.9) < front[1] - front[0] < timedelta(seconds=1.8)


async def test_the_first_look_waits_for_its_delay_counted_from_ready() -> None:
    async with running() as world:
        world.prober.watch(SHOP, "a1", [http(delay="1h")], TARGET)
        late = Ref("AppRelease", "team-prod", "late")
        ready = world.now() - timedelta(minutes=59, seconds=59.9)
        world.prober.watch(late, "a1", [http(delay="1h")], TARGET, since=ready)
        await eventually(lambda: world.outcomes(ref=late), deadline=5)
        assert world.outcomes() == []


async def test_passes_are_asked_for_only_when_something_may_have_changed() -> None:
    script = iter([Outcome.PASS, Outcome.PASS, Outcome.FAIL, Outcome.FAIL, Outcome.PASS, *[Outcome.PASS] * 50])
    async with running() as world:
        world.http.script = lambda _look, _target: next(script)
        world.prober.watch(SHOP, "a1", [http()], TARGET)
        await eventually(lambda: len(world.outcomes()) >= 6, deadline=15)
    # The first, both failures and the pass after them; not the second pass and not the sixth.
    assert world.called == [SHOP] * 4
    assert len(world.observed) >= 6
    assert world.observed[2] == (SHOP, "http", Outcome.FAIL)


async def test_another_attempt_begins_anew_and_the_same_goes_on() -> None:
    async with running() as world:
        world.prober.watch(SHOP, "a1", [http()], TARGET)
        await eventually(world.outcomes, deadline=5)
        for _ in range(20):
            world.prober.watch(SHOP, "a1", [http()], TARGET)
        assert world.outcomes()
        asked = len(world.http.asked)
        world.prober.watch(SHOP, "a2", [http()], TARGET)
        assert world.outcomes("a1") == world.outcomes("a2") == []
        await eventually(lambda: world.outcomes("a2"), deadline=5)
        assert len(world.http.asked) == asked + 1


async def test_what_was_seen_stays_when_only_the_rhythm_changes() -> None:
    async with running() as world:
        world.http.script = lambda _look, _target: Outcome.FAIL
        world.prober.watch(SHOP, "a1", [http(interval="1h")], TARGET)
        await eventually(world.outcomes, deadline=5)
        world.prober.watch(SHOP, "a1", [http(interval="2h"), http("other", delay="1h")], TARGET)
        assert world.outcomes()[0] is Outcome.FAIL


async def test_what_is_forgotten_is_not_looked_at_and_a_late_answer_is_dropped() -> None:
    async with running() as world:
        world.http.gate = asyncio.Event()
        world.prober.watch(SHOP, "a1", [http()], TARGET)
        await eventually(lambda: world.http.asked, deadline=5)
        world.prober.forget(SHOP)
        world.prober.forget(SHOP)
        world.http.gate.set()
        other = Ref("AppRelease", "team-prod", "other")
        world.prober.watch(other, "a1", [http()], Target("team-prod", "other"))
        await eventually(lambda: len(world.outcomes(ref=other)) >= 2, deadline=5)
    assert world.outcomes() == []
    assert world.called == [other]
    assert world.http.asked.count(("shop", "front")) == 1


async def test_a_thousand_baking_releases_are_timers_not_tasks() -> None:
    async with running() as world:
        before = len(asyncio.all_tasks())
        refs = [Ref("AppRelease", f"team-{number % 100}", f"r{number}") for number in range(1000)]
        for ref in refs:
            target = Target(str(ref.namespace), ref.name)
            world.prober.watch(ref, "a1", [http(interval="1h", delay="0s"), promql(), http("slow", delay="1h")], target)
        await eventually(lambda: all(len(world.outcomes(ref=ref)) >= 2 for ref in refs), deadline=20)
        await eventually(lambda: len(asyncio.all_tasks()) - before < 64, deadline=5)
        for ref in refs:
            world.prober.forget(ref)
        assert len(world.prober._heap.items) <= 2100
    assert world.http.most["all"] <= 64


async def test_one_namespace_that_hangs_leaves_room_for_the_others() -> None:
    async with running(parallel=8) as world:
        hanging = asyncio.Event()
        quick = Probe()
        gated = Probe(gate=hanging)

        async def by_namespace(look: Look, target: Target, now: datetime) -> Sample:
            return await (gated if target.namespace == "team-slow" else quick).sample(look, target, now)

        world.http.sample = by_namespace  # type: ignore[method-assign]
        for number in range(50):
            ref = Ref("AppRelease", "team-slow", f"r{number}")
            world.prober.watch(ref, "a1", [http()], Target("team-slow", ref.name))
        world.prober.watch(SHOP, "a1", [http()], TARGET)
        await eventually(lambda: len(world.outcomes()) >= 2, deadline=10)
        assert gated.most["team-slow"] == 2
        hanging.set()


async def test_a_bug_of_a_probe_is_no_fault_of_the_release_and_ends_nobodys_looks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def script(look: Look, _target: Target) -> Outcome:
        if look.name == "front":
            raise RuntimeError("a bug")
        return Outcome.PASS

    async with running() as world:
        world.http.script = script
        world.prober.watch(SHOP, "a1", [http(), http("other")], TARGET)
        await eventually(lambda: len(world.outcomes()) >= 4, deadline=10)
    assert set(world.outcomes()) == {Outcome.INCONCLUSIVE, Outcome.PASS}
    assert "a bug" in caplog.text


async def test_before_a_deploy_each_http_and_promql_check_is_looked_at_once() -> None:
    world = World()
    world.promql.script = lambda _look, _target: Outcome.FAIL
    samples = await world.prober.baseline([http(delay="1h"), promql(), cel()], TARGET)
    assert [(sample.check, sample.outcome) for sample in samples] == [("front", Outcome.PASS), ("errors", Outcome.FAIL)]
    assert all(look.is_baseline for look in (*world.http.looks, *world.promql.looks))
    assert world.cel.asked == []


async def test_the_first_check_that_can_never_be_carried_out_is_refused() -> None:
    world = World()
    await world.prober.admit([http(), promql(), cel()], TARGET)
    with pytest.raises(SpecFault, match=r"^spec.healthChecks\[1\] \(check bad\): is bad"):
        await world.prober.admit([http(), http("bad")], TARGET, {"bad": Written(1)})
    query = HealthCheck.model_validate({"name": "q", "promql": {"query": "x{", "max": 1}})
    with pytest.raises(SpecFault, match=r"^spec.healthChecks\[3\].promql.query \(check q\): The query"):
        await world.prober.admit([query], TARGET, {"q": Written(3)})
    with pytest.raises(SpecFault, match="check q"):
        await world.prober.baseline([query], TARGET)


async def test_a_watch_that_is_refused_leaves_what_was_watched() -> None:
    async with running() as world:
        world.prober.watch(SHOP, "a1", [http()], TARGET)
        await eventually(world.outcomes, deadline=5)
        bad = HealthCheck.model_validate({"name": "q", "promql": {"query": "x{", "max": 1}})
        with pytest.raises(SpecFault, match="check q"):
            world.prober.watch(SHOP, "a2", [bad], TARGET)
        assert world.outcomes("a1")


async def test_cancelled_it_ends_at_once_with_all_looks_in_flight() -> None:
    world = World()
    world.http.gate = asyncio.Event()
    task = asyncio.create_task(world.prober.run())
    world.prober.watch(SHOP, "a1", [http(), http("other")], TARGET)
    await eventually(lambda: len(world.http.asked) == 2, deadline=5)
    before = len(asyncio.all_tasks())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 2)
    assert len(asyncio.all_tasks()) <= before - 3
    assert world.http.running["all"] == 0
