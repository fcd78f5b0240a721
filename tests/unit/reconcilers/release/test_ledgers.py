"""Ledgers end with their namespace, and with nothing less."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from landlord.api.failures import Conflict
from landlord.api.refs import Ref
from landlord.clients.cluster import Cluster
from landlord.core.release.ledger import Desired, Failure, Held, Judged, Ledger, Verdict, encode
from landlord.reconcilers.release.ledgers import Ledgers
from tests.unit.reconcilers.memory_cluster import MemoryCluster

WEB = Ref("AppRelease", "shop-dev", "web")
HELD = Ledger(
    held=Held(
        Desired("k", "c", "d", "v", "h", "1.0.0"), Failure("CheckFailed", "Bad."), datetime(2026, 1, 1, tzinfo=UTC), 2
    )
)


async def written(**namespace: Any) -> tuple[MemoryCluster, Ledgers]:
    """A ledger with a hold; the namespace of its release is there if anything is said of it."""
    cluster = MemoryCluster()
    if namespace:
        cluster.store("Namespace", {"metadata": {"name": "shop-dev", **namespace}})
    ledgers = Ledgers(cast("Cluster", cluster), "landlord-system")
    await ledgers.write(WEB, HELD)
    return cluster, ledgers


@pytest.mark.parametrize("namespace", [{}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}])
async def test_a_ledger_goes_with_its_namespace(namespace: dict[str, Any]) -> None:
    cluster, ledgers = await written(**namespace)
    await ledgers.remove(WEB)
    assert ledgers.of(WEB) == Ledger()
    assert not [ref for ref in cluster.objects if ref.kind == "ConfigMap"]


async def test_a_ledger_outlives_a_label_that_is_taken_off_its_namespace() -> None:
    cluster, ledgers = await written(labels={"anything": "else"})
    await ledgers.remove(WEB)
    assert ledgers.of(WEB) == HELD
    assert [ref for ref in cluster.objects if ref.kind == "ConfigMap"]


async def test_of_what_has_no_ledger_nothing_is_asked() -> None:
    cluster = MemoryCluster()
    await Ledgers(cast("Cluster", cluster), "landlord-system").remove(WEB)
    assert cluster.requests == []


def verdict(kind: Verdict, day: int) -> Ledger:
    desired = Desired("k", "c", "d", "v", "h", "1.0.0")
    return Ledger(verdicts=(Judged(desired, kind, "Why", "Because.", datetime(2026, 1, day, tzinfo=UTC), 1),))


async def test_of_many_releases_that_are_gone_the_newest_ledgers_are_kept_and_what_was_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("landlord.reconcilers.release.ledgers.MOST_RETIRED", 2)
    cluster = MemoryCluster()
    ledgers = Ledgers(cast("Cluster", cluster), "landlord-system")
    told = {
        "rejected": verdict(Verdict.REJECTED, 1),
        "old": verdict(Verdict.PROVEN, 2),
        "new": verdict(Verdict.PROVEN, 3),
        "living": verdict(Verdict.PROVEN, 1),
    }
    refs = {name: Ref("AppRelease", "shop-dev", name) for name in told}
    for name, ledger in told.items():
        await ledgers.write(refs[name], ledger)
    await ledgers.write(Ref("AppRelease", "shop-prod", "old"), told["old"])
    await ledgers.thin("shop-dev", [refs["living"]])
    left = {ref.name for ref in cluster.objects if ref.kind == "ConfigMap"}
    assert left == {"shop-dev.rejected", "shop-dev.new", "shop-dev.living", "shop-prod.old"}
    assert ledgers.of(refs["old"]) == Ledger()


class Once:
    """Refuses the first merge, after what somebody else has done."""

    def __init__(self, cluster: MemoryCluster, page: str | None) -> None:
        self._cluster, self._page, self.refused = cluster, page, 0

    def failing(self, verb: str, ref: str) -> Conflict | None:
        if verb != "patch" or self.refused:
            return None
        self.refused = 1
        [stored] = [each for ref, each in self._cluster.objects.items() if ref.kind == "ConfigMap"]
        stored["metadata"]["labels"]["touched"] = "yes"
        if self._page is not None:
            stored["data"]["ledger"] = self._page
        return Conflict("the object has been modified")


async def test_a_conflict_about_anything_but_the_page_loses_nothing() -> None:
    cluster, ledgers = await written()
    once = Once(cluster, None)
    cluster.failing = once.failing
    await ledgers.write(WEB, verdict(Verdict.PROVEN, 1))
    assert once.refused
    assert ledgers.of(WEB) == verdict(Verdict.PROVEN, 1)


async def test_a_page_that_somebody_else_wrote_is_not_written_over() -> None:
    cluster, ledgers = await written()
    theirs = verdict(Verdict.REJECTED, 2)
    cluster.failing = Once(cluster, encode(theirs)).failing
    with pytest.raises(Conflict):
        await ledgers.write(WEB, verdict(Verdict.PROVEN, 1))
    assert ledgers.of(WEB) == theirs
