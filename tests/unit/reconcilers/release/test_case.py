"""How a release is to be treated, as its spec or its Environment says."""

from dataclasses import replace

import pytest

from tests.unit.reconcilers.release.cases import case


@pytest.mark.parametrize(
    ("tier", "policy", "is_left"),
    [
        ("production", None, True),
        ("production", "Uninstall", False),
        ("staging", None, False),
        ("development", None, False),
        ("development", "Orphan", True),
    ],
)
def test_what_runs_outlives_its_release_in_production_or_where_the_spec_says_so(
    tier: str, policy: str | None, is_left: bool
) -> None:
    spec = {"deletionPolicy": policy} if policy else {}
    assert case({"tier": tier}, **spec).wish.orphans is is_left


def test_what_runs_outlives_its_release_while_nobody_knows_whether_this_is_production() -> None:
    assert replace(case(), environment=None).wish.orphans
    assert replace(case(), environment=None, release=None).wish.orphans
    assert not replace(case(deletionPolicy="Uninstall"), environment=None).wish.orphans
