"""Dependencies: waited for when they can come, told when they never can."""

from hypothesis import given
from hypothesis import strategies as st

from landlord.api.conditions import Reason
from landlord.core.release.dependencies import Dependency, closed_by

PROVEN = Dependency(is_proven=True)
OPEN = Dependency()


def test_nothing_is_waited_for_when_all_is_proven() -> None:
    assert closed_by("web", {"web": Dependency(("db", "queue")), "db": PROVEN, "queue": PROVEN}) is None


def test_what_is_not_proven_is_waited_for_by_name() -> None:
    closed = closed_by("web", {"web": Dependency(("db", "queue")), "db": PROVEN, "queue": OPEN})
    assert closed is not None
    assert (closed.reason, closed.is_final) == (Reason.DEPENDENCY_NOT_READY, False)
    assert "queue" in closed.why
    assert "db" not in closed.why


def test_what_does_not_exist_is_waited_for_too() -> None:
    closed = closed_by("web", {"web": Dependency(("db",))})
    assert closed is not None
    assert (closed.reason, closed.is_final) == (Reason.DEPENDENCY_NOT_READY, False)
    assert "no AppRelease db" in closed.why


def test_a_ring_is_told_by_its_members_and_never_waited_for() -> None:
    ring = {"a": Dependency(("b",)), "b": Dependency(("c",)), "c": Dependency(("a",))}
    closed = closed_by("a", ring)
    assert closed is not None
    assert (closed.reason, closed.is_final) == (Reason.DEPENDENCY_CYCLE, True)
    assert "a -> b -> c -> a" in closed.why


def test_who_only_waits_for_a_ring_is_not_in_it() -> None:
    closed = closed_by("web", {"web": Dependency(("a",)), "a": Dependency(("b",)), "b": Dependency(("a",))})
    assert closed is not None
    assert closed.reason is Reason.DEPENDENCY_NOT_READY


names = st.sampled_from("abcdef")
graphs = st.dictionaries(
    names, st.builds(Dependency, st.lists(names, max_size=4).map(tuple), st.booleans()), min_size=1
)


@given(graphs, names)
def test_an_answer_comes_for_every_graph(graph: dict[str, Dependency], name: str) -> None:
    graph.setdefault(name, Dependency())
    closed = closed_by(name, graph)
    waits = [need for need in graph[name].needs if need not in graph or not graph[need].is_proven]
    if closed is None:
        assert not waits
    else:
        assert closed.is_final == (closed.reason is Reason.DEPENDENCY_CYCLE)
