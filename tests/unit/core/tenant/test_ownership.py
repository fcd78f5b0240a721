"""Whose namespace it is: every combination of what is live and what is claimed."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from landlord.api.conditions import Reason
from landlord.api.refs import Ref
from landlord.api.tenant import Adopt
from landlord.core.child import Child
from landlord.core.tenant.ownership import (
    Adoptable,
    Claim,
    Free,
    Ours,
    PreviewOnly,
    Taken,
    Verdict,
    judge,
    of,
)

OURS, THEIRS = "shop", "bank"
UID, OLD_UID = "uid-now", "uid-before"


def namespace(**facts: Any) -> Child:
    base: dict[str, Any] = {
        "ref": Ref("Namespace", None, "shop-dev"),
        "uid": UID,
        "version": 5,
        "tenant": "",
        "environment": "",
        "digest": "d",
        "deleting": False,
    }
    return Child(**{**base, **facts})


def claim(**facts: Any) -> Claim:
    base: dict[str, Any] = {
        "tenant": OURS,
        "environment": "dev",
        "namespace": "shop-dev",
        "adopt": Adopt.NEVER,
        "known_uid": "",
    }
    return Claim(**{**base, **facts})


def reason(verdict: Verdict) -> Reason | None:
    return verdict.reason if isinstance(verdict, Taken) else None


def combinations() -> Iterator[tuple[Claim, Child | None, bool]]:
    """All there can be: 5,800 or so."""
    lives: list[Child | None] = [None]
    for tenant, environment, orphaned_from, deleting, blockers in product(
        ("", OURS, THEIRS), ("", "dev", "prod"), ("", OURS, THEIRS), (False, True), ("", "Pods remain.")
    ):
        lives.append(
            namespace(
                tenant=tenant,
                environment=environment,
                orphaned_from=orphaned_from,
                deleting=deleting,
                blockers=blockers,
            )
        )
    for live, adopt, known_uid, elder, protected in product(
        lives, Adopt, ("", UID, OLD_UID), ("", "elder"), (False, True)
    ):
        yield claim(adopt=adopt, known_uid=known_uid, elder=elder), live, protected


ALL = list(combinations())


def test_a_protected_name_is_refused_whatever_else() -> None:
    for wish, live, protected in ALL:
        if protected:
            assert reason(judge(wish, live, is_protected=True)) is Reason.PROTECTED_NAMESPACE


def test_only_a_namespace_that_does_not_exist_is_free_and_then_only_without_an_elder() -> None:
    for wish, live, protected in ALL:
        verdict = judge(wish, live, is_protected=protected)
        assert isinstance(verdict, Free) == (live is None and not wish.elder and not protected)


def test_a_namespace_recorded_for_another_tenant_is_never_ours_nor_up_for_adoption() -> None:
    for wish, live, protected in ALL:
        if live is not None and live.tenant == THEIRS and not live.orphaned_from:
            assert isinstance(judge(wish, live, is_protected=protected), Taken)


def test_what_is_ours_is_kept_whoever_is_older() -> None:
    for wish, live, _ in ALL:
        is_kept = live is not None and live.tenant == OURS and not (live.orphaned_from or live.deleting)
        if live is not None and is_kept and live.environment in ("", wish.environment):
            assert judge(wish, live, is_protected=False) == Ours(live)


def test_only_an_older_claim_wins_over_a_namespace_that_nobody_has() -> None:
    for wish, live, _ in ALL:
        is_unowned = live is None or not live.tenant or bool(live.orphaned_from)
        verdict = judge(wish, live, is_protected=False)
        if is_unowned and wish.elder:
            assert isinstance(verdict, Taken)
            assert verdict.reason is Reason.NAMESPACE_CONFLICT
            assert "elder" in verdict.message


def test_nothing_is_ours_or_adopted_that_is_being_deleted() -> None:
    for wish, live, _ in ALL:
        if live is not None and live.deleting:
            assert isinstance(judge(wish, live, is_protected=False), Taken)


def test_taking_over_needs_the_word_enforce_and_previews_need_preview() -> None:
    for wish, live, _ in ALL:
        verdict = judge(wish, live, is_protected=False)
        if isinstance(verdict, Adoptable):
            assert wish.adopt is Adopt.ENFORCE
        if isinstance(verdict, PreviewOnly):
            assert wish.adopt is Adopt.PREVIEW
        if isinstance(verdict, Adoptable | PreviewOnly):
            assert live is not None
            assert live.tenant != OURS
            assert not live.tenant or live.orphaned_from


def test_ours_means_recorded_for_us_orphaned_by_us_or_of_the_uid_we_had() -> None:
    for wish, live, _ in ALL:
        verdict = judge(wish, live, is_protected=False)
        if isinstance(verdict, Ours):
            assert live is not None
            assert live.tenant == OURS or (live.uid == wish.known_uid and (not live.tenant or live.orphaned_from))


def test_a_claim_that_can_heal_by_itself_says_so_and_only_protection_never_does() -> None:
    for wish, live, protected in ALL:
        verdict = judge(wish, live, is_protected=protected)
        if isinstance(verdict, Taken):
            assert verdict.heals == (verdict.reason is not Reason.PROTECTED_NAMESPACE)
            assert "shop-dev" in verdict.message
            assert verdict.message.endswith(".")


@pytest.mark.parametrize(
    ("adopt", "expected"), [(Adopt.NEVER, Taken), (Adopt.PREVIEW, PreviewOnly), (Adopt.ENFORCE, Adoptable)]
)
def test_a_namespace_of_nobody_is_handled_as_adopt_says(adopt: Adopt, expected: type[Verdict]) -> None:
    for live in (namespace(), namespace(tenant=THEIRS, orphaned_from=THEIRS)):
        assert isinstance(judge(claim(adopt=adopt), live, is_protected=False), expected)
    never = judge(claim(), namespace(), is_protected=False)
    assert reason(never) is Reason.NAMESPACE_EXISTS


def test_a_namespace_that_we_orphaned_comes_back_without_a_word_about_adoption() -> None:
    live = namespace(tenant=OURS, environment="dev", orphaned_from=OURS)
    assert judge(claim(), live, is_protected=False) == Ours(live)


def test_a_namespace_whose_labels_somebody_removed_is_still_ours_by_its_uid() -> None:
    assert judge(claim(known_uid=UID), namespace(), is_protected=False) == Ours(namespace())
    assert reason(judge(claim(known_uid=OLD_UID), namespace(), is_protected=False)) is Reason.NAMESPACE_EXISTS


def test_a_namespace_without_uid_is_not_ours_because_we_never_had_one() -> None:
    assert reason(judge(claim(known_uid=""), namespace(uid=""), is_protected=False)) is Reason.NAMESPACE_EXISTS


def test_two_environments_of_one_tenant_do_not_share_a_namespace() -> None:
    live = namespace(tenant=OURS, environment="prod")
    verdict = judge(claim(), live, is_protected=False)
    assert reason(verdict) is Reason.NAMESPACE_CONFLICT
    assert isinstance(verdict, Taken)
    assert "environment prod" in verdict.message


def test_an_environment_label_that_somebody_changed_does_not_cost_us_the_namespace() -> None:
    for environment in ("", "prod"):
        live = namespace(tenant=OURS, environment=environment)
        assert judge(claim(known_uid=UID), live, is_protected=False) == Ours(live)


def test_a_terminating_namespace_is_waited_for_and_what_holds_it_is_told() -> None:
    held = judge(claim(), namespace(tenant=OURS, deleting=True, blockers="Pods remain."), is_protected=False)
    free = judge(claim(), namespace(deleting=True), is_protected=False)
    assert isinstance(held, Taken)
    assert isinstance(free, Taken)
    assert held.reason is free.reason is Reason.NAMESPACE_TERMINATING
    assert held.message.endswith("It is held by: Pods remain.")
    assert "held by" not in free.message


def test_facts_of_a_live_namespace_are_read_from_the_object() -> None:
    assert of(None) is None
    child = of({"metadata": {"name": "shop-dev", "uid": UID, "labels": {"landlord.dev/tenant": OURS}}})
    assert child is not None
    assert (child.ref, child.uid, child.tenant) == (Ref("Namespace", None, "shop-dev"), UID, OURS)
