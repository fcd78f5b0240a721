"""Passes at work: what follows from each ending, and when they stop."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from landlord.api.failures import Busy, Conflict, Forbidden, Invalid, NotOurs, NotYet, Refused, SpecFault, Transient
from landlord.api.refs import Ref
from landlord.reconcilers.outcome import Outcome
from landlord.runtime.queue import WorkQueue
from landlord.runtime.workers import SPREAD, Again, Workers, judge
from landlord.telemetry import logs

SHOP, BANK = Ref("Tenant", None, "shop"), Ref("Tenant", None, "bank")
SOON = timedelta(seconds=5)


@pytest.mark.parametrize(
    ("ending", "follows"),
    [
        (Outcome(), Again("success")),
        (Outcome(SOON), Again("requeue", after=5)),
        (SpecFault("spec.x", "is wrong"), Again("spec_fault")),
        (NotYet("Wait.", SOON), Again("not_yet", after=5)),
        (Busy("Slow down.", SOON), Again("transient", after=5)),
        (Transient("Stumbled."), Again("transient", backoff=True)),
        (Conflict("Changed."), Again("transient", backoff=True)),
        (Forbidden("No."), Again("refused", after=300)),
        (Invalid("No."), Again("refused", after=300)),
        (NotOurs("No."), Again("refused", after=300)),
        (asyncio.CancelledError(), Again("cancelled", after=1)),
        (ZeroDivisionError(), Again("bug", backoff=True)),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, Again) else "",
)
def test_each_ending_has_its_consequence(ending: Outcome | BaseException, follows: Again) -> None:
    assert judge(ending, chance=0) == follows


@pytest.mark.parametrize("ending", [NotYet("Wait.", SOON), Busy("Slow.", SOON), Forbidden("No.")])
def test_waits_are_spread_and_never_shorter_than_asked(ending: BaseException) -> None:
    early, late = judge(ending, 0).after, judge(ending, 1).after
    assert early is not None
    assert late == pytest.approx(early * (1 + SPREAD))


@dataclass
class Counts:
    passes: list[tuple[str, str | None]] = field(default_factory=list)

    def passed(self, kind: str, result: str, seconds: float, reason: str | None = None) -> None:
        assert (kind, seconds >= 0) == ("Tenant", True)
        self.passes.append((result, reason))


@dataclass
class Shop:
    """A queue with workers whose pass the test chooses."""

    queue: WorkQueue[Ref]
    workers: Workers
    counts: Counts
    passes: list[Ref]
    leading: bool = True
    task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self.workers.run())


Pass = Callable[[Ref], Awaitable[Outcome]]
Start = Callable[[Pass], Shop]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    shops: list[Shop] = []

    def make(reconcile: Pass) -> Shop:
        async def noted(ref: Ref) -> Outcome:
            shop.passes.append(ref)
            return await reconcile(ref)

        queue: WorkQueue[Ref] = WorkQueue(tenant_of=lambda ref: ref.name, chance=lambda: 0.0)
        counts = Counts()
        workers = Workers("Tenant", queue, noted, count=4, counts=counts, leading=lambda: shop.leading)
        shop = Shop(queue, workers, counts, [])
        shops.append(shop)
        shop.start()
        return shop

    yield make
    for shop in shops:
        shop.queue.close()
        shop.workers.cancel()
        assert shop.task
        await shop.task


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not claim():
            await asyncio.sleep(0.005)


async def test_a_pass_that_asks_for_another_look_gets_it(start: Start) -> None:
    shop = start(lambda _: finish(Outcome(timedelta(milliseconds=20))))
    shop.queue.add(SHOP)
    await until(lambda: len(shop.passes) >= 2)


async def test_a_bug_is_logged_with_its_traceback_counted_and_retried(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_: Ref) -> Outcome:
        raise ZeroDivisionError

    shop = start(broken)
    shop.queue.add(SHOP)
    await until(lambda: len(shop.passes) >= 2)
    assert shop.counts.passes[0] == ("bug", "Bug")
    assert "ZeroDivisionError" in caplog.text


async def test_what_ends_a_pass_is_logged_about_its_object_and_cleaned() -> None:
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if logs.Discretion().filter(record):
                lines.append(f"{record.getMessage()} {record.exc_text or ''}")

    async def refused(_: Ref) -> Outcome:
        raise Refused("The password swordfish is too weak.")

    def clean(ref: Ref, text: str) -> str:
        return text.replace("swordfish", f"*{ref.name}*")

    queue: WorkQueue[Ref] = WorkQueue(tenant_of=lambda ref: ref.name, chance=lambda: 0.0)
    workers = Workers("Tenant", queue, refused, count=1, counts=Counts(), leading=lambda: True, clean=clean)
    handler, log = Lines(), logging.getLogger("landlord.runtime.workers")
    log.addHandler(handler)
    running = asyncio.create_task(workers.run())
    try:
        queue.add(SHOP)
        await until(lambda: any("Refused" in line for line in lines))
    finally:
        log.removeHandler(handler)
        queue.close()
        await running
    assert lines[0].startswith(f"Refused: The password *{SHOP.name}* is too weak.")


async def test_a_spec_fault_rests_until_something_changes(start: Start) -> None:
    async def faulty(_: Ref) -> Outcome:
        raise SpecFault("spec.quota", "is wrong")

    shop = start(faulty)
    shop.queue.add(SHOP)
    await until(lambda: shop.counts.passes == [("spec_fault", "SpecFault")])
    assert list(shop.queue.keys()) == []


async def test_success_ends_the_row_of_failures(start: Start) -> None:
    shop = start(lambda _: finish(Outcome()))
    for _ in range(6):
        shop.queue.retry(SHOP)
    shop.queue.add(SHOP)
    await until(lambda: bool(shop.counts.passes))
    assert shop.queue.retry(SHOP) == pytest.approx(0.8)


async def test_a_slow_pass_does_not_hold_up_another_object(start: Start) -> None:
    forever = asyncio.Event()

    async def slow_for_one(ref: Ref) -> Outcome:
        if ref == SHOP:
            await forever.wait()
        return Outcome()

    shop = start(slow_for_one)
    shop.queue.add(SHOP)
    shop.queue.add(BANK)
    await until(lambda: shop.counts.passes == [("success", None)])
    assert shop.queue.running == 1


async def test_no_pass_starts_while_not_leading(start: Start) -> None:
    shop = start(lambda _: finish(Outcome()))
    shop.leading = False
    shop.queue.add(SHOP)
    await until(lambda: shop.queue.delayed == 1)
    assert shop.passes == []
    assert list(shop.queue.keys()) == [SHOP]


async def test_cancelled_passes_end_and_their_workers_go_on(start: Start) -> None:
    forever = asyncio.Event()

    async def stuck(ref: Ref) -> Outcome:
        if ref == SHOP:
            await forever.wait()
        return Outcome()

    shop = start(stuck)
    shop.queue.add(SHOP)
    await until(lambda: shop.queue.running == 1)
    assert shop.workers.cancel() == 1
    await until(lambda: shop.counts.passes == [("cancelled", None)])
    shop.queue.add(BANK)
    await until(lambda: BANK in shop.passes)


async def test_lines_logged_in_a_pass_name_its_object(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    from landlord.telemetry.logs import Subject  # noqa: PLC0415 - only this test looks at logs

    caplog.handler.addFilter(Subject())

    async def talkative(_: Ref) -> Outcome:
        logging.getLogger("somewhere").warning("Hello.")
        return Outcome()

    shop = start(talkative)
    shop.queue.add(SHOP)
    await until(lambda: bool(shop.counts.passes))
    assert [record.ref for record in caplog.records if record.message == "Hello."] == [SHOP]  # type: ignore[attr-defined]


async def finish(outcome: Outcome) -> Outcome:
    return outcome
