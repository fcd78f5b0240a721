"""What is believed of objects without looking at them closely, and until when."""

from typing import Any

import pytest

from landlord.core.release.drift import Ignore
from landlord.core.release.rendered import Entry
from landlord.reconcilers.release.trust import Scaled, Trust, writers

WEB = Entry("apps/v1", "Deployment", "shop", "web")
SCALED = frozenset({("Deployment", "web")})


def head(manager: str = "helm", generation: int = 1, **entry: Any) -> dict[str, Any]:
    return {"metadata": {"generation": generation, "managedFields": [{"manager": manager, **entry}]}}


def trust(looks: int = 5) -> Trust:
    return Trust(1, (), looks)


def test_only_who_writes_anything_but_the_status_moves_it() -> None:
    before = head()
    after = head()
    after["metadata"]["managedFields"].append({"manager": "controller", "subresource": "status"})
    assert writers(before) == writers(after)
    for other in (head("hand"), head(generation=2), head(time="later"), {"metadata": {}}):
        assert writers(other) != writers(before)


def test_nothing_is_believed_that_was_not_noted() -> None:
    assert not trust().holds(WEB, head(), Scaled())


@pytest.mark.parametrize(
    ("scaled", "holds"), [(Scaled(others=SCALED), True), (Scaled(own=SCALED), True), (Scaled(), False)]
)
def test_what_is_lent_to_an_autoscaler_is_believed_while_there_is_one(scaled: Scaled, holds: bool) -> None:
    known = trust()
    known.note(WEB, head(), is_lent=True)
    assert known.holds(WEB, head(), scaled) is holds
    known.note(WEB, head(), is_lent=False)
    assert known.holds(WEB, head(), Scaled())


def test_it_is_of_one_revision_and_of_what_is_ignored() -> None:
    ignore = Ignore(("/spec/replicas",))
    assert trust().fits(1, [])
    assert not trust().fits(2, [])
    assert not trust().fits(1, [ignore])


def test_it_is_spent_after_so_many_looks() -> None:
    known = trust(looks=1)
    known.note(WEB, head(), is_lent=True)
    known.spend()
    assert known.holds(WEB, head(), Scaled(others=SCALED))
    known.spend()
    assert not known.holds(WEB, head(), Scaled(others=SCALED))
    assert known.lent == set()
