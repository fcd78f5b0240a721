"""The ledger of one pass: one write for many pages, and nobody misses one."""

from datetime import UTC, datetime
from typing import cast

from landlord.api.refs import Ref
from landlord.clients.cluster import Cluster
from landlord.core.release.ledger import Desired, Failure, Held, Ledger
from landlord.reconcilers.release.draft import Draft
from landlord.reconcilers.release.hidden import Hidden
from landlord.reconcilers.release.ledgers import Ledgers
from tests.unit.reconcilers.memory_cluster import MemoryCluster

WEB = Ref("AppRelease", "shop-dev", "web")
HELD = Ledger(
    held=Held(
        Desired("k", "c", "d", "v", "h", "1.0.0"),
        Failure("CheckFailed", "The word is swordfish."),
        datetime(2026, 1, 1, tzinfo=UTC),
        2,
    )
)
PINNED = Ledger().pinned("chart", "sha256:one")


class Desk:
    """A draft, where it is written, and what was told."""

    def __init__(self) -> None:
        self.cluster = MemoryCluster()
        self.hidden = Hidden()
        self.ledgers = Ledgers(cast("Cluster", self.cluster), "landlord-system")
        self.told: list[tuple[Ledger, Ledger]] = []
        self.draft = Draft(WEB, self.ledgers, self.hidden)

    async def write(self) -> None:
        await self.draft.write(lambda before, after: self.told.append((before, after)))


async def test_many_pages_are_written_once_and_each_is_told() -> None:
    desk = Desk()
    desk.draft.turn(PINNED)
    desk.draft.turn(HELD)
    assert desk.cluster.requests == []
    await desk.write()
    assert len(desk.cluster.requests) == 1
    assert desk.ledgers.of(WEB) == desk.draft.page == HELD
    assert desk.told == [(Ledger(), PINNED), (PINNED, HELD)]


async def test_a_page_that_stands_there_is_not_written_again_nor_told() -> None:
    desk = Desk()
    desk.draft.turn(HELD)
    await desk.write()
    desk.cluster.requests.clear()
    desk.told.clear()
    desk.draft.turn(HELD)
    await desk.write()
    assert desk.cluster.requests == []
    assert all(before == after for before, after in desk.told)


async def test_words_of_secrets_are_in_no_page() -> None:
    desk = Desk()
    desk.hidden.learn(WEB, {"swordfish"})
    desk.draft.turn(HELD)
    held = desk.draft.page.held
    assert held is not None
    assert held.failure.why == "The word is ***."
    await desk.write()
    assert desk.ledgers.of(WEB) == desk.draft.page
