"""A protected Tenant stays, status is the operator's word, and spec is everybody's but the operator's."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.actors import Actor, Answer, Object
from tests.cluster import short_name
from tests.tenancy import People, Tenancy

pytestmark = pytest.mark.cluster


def tenant(**spec: Any) -> Object:
    head = {"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "metadata": {"name": short_name("t")}}
    return {**head, "spec": {"environments": [{"name": "testing"}], **spec}}


def environment() -> Object:
    head = {"apiVersion": "landlord.dev/v1alpha1", "kind": "Environment", "metadata": {"name": short_name("e")}}
    return {**head, "spec": {"tier": "testing"}}


@pytest.fixture(params=["Tenant", "Environment"])
def applied(request: pytest.FixtureRequest, people: People) -> Iterator[Object]:
    """A Tenant and an Environment, each in turn; no operator runs, so they stay as they are."""
    one = tenant() if request.param == "Tenant" else environment()
    people.admin.create(one).allowed()
    yield one
    people.break_glass.patch(one, {"metadata": {"finalizers": None}})
    people.break_glass.delete(one)


STATUS = {"status": {"observedGeneration": 99}}


@pytest.mark.parametrize("writer", ["admin", "owner", "deployer"])
def test_nobody_forges_a_status(tenancy: Tenancy, applied: Object, writer: str) -> None:
    actor: Actor = getattr(tenancy, writer)
    attempts: tuple[Callable[[], Answer], ...] = (
        lambda: actor.patch(applied, STATUS, "status"),
        lambda: actor.apply({**applied, **STATUS}, "status"),
        lambda: actor.apply({**applied, **STATUS}, "status", manager="landlord"),
        lambda: actor.replace({**tenancy.admin.get(applied).allowed(), **STATUS}, "status"),
    )
    for attempt in attempts:
        answer = attempt()
        if writer == "admin":
            assert "Only Landlord writes the status" in answer.denied_by("landlord-tenants")
        else:
            answer.forbidden()


def test_a_status_in_the_object_itself_is_not_taken(people: People, applied: Object) -> None:
    people.admin.patch(applied, STATUS).allowed()
    people.admin.replace({**people.admin.get(applied).allowed(), **STATUS}).allowed()
    assert people.admin.get(applied).body.get("status", {}).get("observedGeneration", -1) == -1


def test_the_operator_writes_status_and_finalizers(people: People, applied: Object) -> None:
    people.operator.patch(applied, {"status": {"observedGeneration": 1}}, "status").allowed()
    people.operator.patch(applied, {"metadata": {"finalizers": ["landlord.dev/finalizer"]}}).allowed()
    people.operator.patch(applied, {"metadata": {"finalizers": None}}).allowed()


def test_the_operator_never_writes_a_spec(people: People, applied: Object) -> None:
    people.operator.patch(applied, {"spec": {"suspend": True}}).denied_by("landlord-tenants")
    people.operator.patch(applied, {"spec": None})  # whatever the schema says, nothing is lost
    assert people.admin.get(applied).body["spec"].get("suspend") is not True
    people.admin.patch(applied, {"spec": {"suspend": True}}).allowed()


def test_the_operator_neither_creates_nor_deletes_them(people: People, applied: Object) -> None:
    people.operator.create(tenant()).forbidden()
    people.operator.create(environment()).forbidden()
    people.operator.delete(applied).forbidden()


@pytest.mark.parametrize("member", ["owner", "editor", "viewer", "deployer"])
def test_members_and_releases_have_no_right_on_them(tenancy: Tenancy, applied: Object, member: str) -> None:
    actor: Actor = getattr(tenancy, member)
    actor.create(tenant()).forbidden()
    actor.patch(applied, {"spec": {"suspend": True}}).forbidden()
    actor.delete(applied).forbidden()
    actor.get(applied).forbidden()


def test_a_protected_tenant_is_deleted_by_nobody_but_break_glass(people: People) -> None:
    protected = tenant(deletionProtection=True)
    people.admin.create(protected).allowed()
    words = people.admin.delete(protected).denied_by("landlord-tenants")
    assert protected["metadata"]["name"] in words
    assert "spec.deletionProtection" in words
    people.admin.delete_all(protected).denied_by("landlord-tenants")
    collector = people.admin.impersonating(
        "system:serviceaccount:kube-system:generic-garbage-collector", "system:masters"
    )
    collector.delete(protected).denied_by("landlord-tenants")
    people.break_glass.delete(protected).allowed()


def test_a_tenant_whose_protection_was_lifted_is_deleted(people: People) -> None:
    protected = tenant(deletionProtection=True)
    people.admin.create(protected).allowed()
    people.admin.patch(protected, {"spec": {"deletionProtection": False}}).allowed()
    people.admin.delete(protected).allowed()
