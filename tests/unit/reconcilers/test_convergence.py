"""Whatever happened on the way, passes end where a fresh start ends, and then they are quiet.

Histories of commits, hand edits, failing and unanswered requests, missed events and restarts, drawn at random.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from landlord.api.failures import Conflict, LandlordFailure, Transient
from landlord.api.refs import Ref
from landlord.core.manifest import content
from tests.unit.reconcilers.memory_cluster import WRITES, MemoryCluster
from tests.unit.reconcilers.operators import SHOP, Operator

Json = dict[str, Any]
Content = dict[Ref, Json]
JANE, JOE = ({"kind": "User", "name": name, "role": role} for name, role in (("jane", "owner"), ("joe", "viewer")))
BODIES: tuple[Json, ...] = (
    {},
    {"quota": {"hard": {"pods": 10}}},
    {"quota": {"hard": {"pods": 20, "cpu": 1}}, "serviceAccounts": [{"name": "web"}]},
    {"network": {"profile": "Open"}, "podSecurity": {"enforce": "baseline"}},
)
ENTRIES: tuple[list[Json], ...] = (
    [{"name": "dev"}],
    [{"name": "dev"}, {"name": "prod"}],
    [{"name": "prod", "namespace": "store"}],
)


@dataclass(frozen=True)
class Wish:
    """A Tenant somebody commits."""

    entries: int
    body: int
    members: int
    policy: str
    cordoned: bool

    def commit(self, one: Operator) -> None:
        """Make it the Tenant's spec."""
        spec: Json = {"deletionPolicy": self.policy, "members": [[], [JANE], [JANE, JOE]][self.members]}
        one.tenant(*ENTRIES[self.entries], defaults=BODIES[self.body], cordoned=self.cordoned, **spec)


wishes = st.builds(
    Wish, st.integers(0, 2), st.integers(0, 3), st.integers(0, 2), st.sampled_from(("Orphan", "Delete")), st.booleans()
)
FAILURES: tuple[Callable[[], LandlordFailure], ...] = (
    lambda: Transient("No answer."),
    lambda: Conflict("Somebody wrote in between."),
)
Step = tuple[str, Any]
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), wishes),
        st.tuples(st.just("edit"), st.integers(0, 30)),
        st.tuples(st.just("destroy"), st.integers(0, 30)),
        st.tuples(st.just("fail"), st.tuples(wishes, st.integers(0, 12), st.integers(0, 1))),
        st.tuples(st.just("lose"), st.tuples(wishes, st.integers(0, 12))),
        st.tuples(st.just("blind"), st.booleans()),
        st.tuples(st.just("restart"), st.none()),
        st.tuples(st.just("pass"), st.none()),
    ),
    max_size=12,
)


@given(wishes, steps, wishes)
@settings(max_examples=150)
def test_any_history_ends_as_a_fresh_start_does(first: Wish, history: list[Step], last: Wish) -> None:
    asyncio.run(_live_through(first, history, last))


async def _live_through(first: Wish, history: list[Step], last: Wish) -> None:
    one = Operator()
    for name in ("dev", "prod"):
        one.environment(name)
    first.commit(one)
    await one.run()
    for what, detail in history:
        one.later(minutes=11)
        _happen(one, what, detail)
        await one.run()
        assert one.cluster.running == 0
    one.is_blind = False
    _trouble(one.cluster, None, None)
    last.commit(one)
    await _until_quiet(one)
    assert _contents(one) == await _fresh(last)
    assert one.ready() == ("True", "Applied"), one.status()
    assert one.status()["summary"] == f"{len(ENTRIES[last.entries])}/{len(ENTRIES[last.entries])}"


def _happen(one: Operator, what: str, detail: Any) -> None:
    _trouble(one.cluster, None, None)
    children = sorted(
        ref for ref in one.cluster.objects if ref.kind not in ("Tenant", "Environment") and ref.name != _CRD
    )
    match what:
        case "commit":
            detail.commit(one)
        case "edit" if children:
            one.edit(children[detail % len(children)], metadata={"labels": {"landlord.dev/tenant": "shop", "x": "y"}})
        case "destroy" if children:
            one.cluster.destroy(children[detail % len(children)])
            one.look()
        case "fail":
            wish, number, kind = detail
            wish.commit(one)
            _trouble(one.cluster, number, FAILURES[kind])
        case "lose":
            wish, number = detail
            wish.commit(one)
            _trouble(one.cluster, None, FAILURES[0], after=number)
        case "blind":
            one.is_blind = detail
            one.look()
        case "restart":
            one.restart()


_CRD = "tenants.landlord.dev"


def _trouble(
    cluster: MemoryCluster,
    before: int | None,
    failure: Callable[[], LandlordFailure] | None,
    *,
    after: int | None = None,
) -> None:
    """Let the n-th request from now fail, or the answer to the n-th write be lost."""
    counts = {"all": -1, "writes": -1}

    def fails(verb: str, name: str) -> LandlordFailure | None:
        counts["all"] += 1
        return failure() if failure and counts["all"] == before else None

    def loses(verb: str, name: str) -> LandlordFailure | None:
        counts["writes"] += verb in WRITES
        return failure() if failure and counts["writes"] == after else None

    cluster.failing, cluster.losing = fails, loses


async def _until_quiet(one: Operator) -> None:
    """Passes until one asks for nothing and finds nothing; a namespace that is being deleted goes between two."""
    one.look()
    for _ in range(12):
        one.later(minutes=11)
        outcome = await one.run()
        for ref, each in list(one.cluster.objects.items()):
            if ref.kind == "Namespace" and "deletionTimestamp" in each["metadata"]:
                one.cluster.destroy(ref)
        one.look()
        if not isinstance(outcome, LandlordFailure) and one.ready()[0] == "True" and await one.writes_of() == {}:
            return
    raise AssertionError(f"no end: {one.ready()} {one.cluster.requests}")


def _contents(one: Operator) -> Content:
    """All that is in the tenant's namespaces, those it let go excepted."""
    mine = {entry["namespace"] for entry in one.status()["environments"]}
    return {
        ref: content(ref.kind, each)
        for ref, each in one.cluster.objects.items()
        if ref.kind not in ("Tenant", "Environment", "CustomResourceDefinition") and (ref.namespace or ref.name) in mine
    }


async def _fresh(wish: Wish) -> Content:
    one = Operator()
    for name in ("dev", "prod"):
        one.environment(name)
    wish.commit(one)
    await one.run()
    assert SHOP in one.cluster.objects
    return _contents(one)
