"""Members: who has which role where, and the RoleBindings that make it so."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.api.environment import Tier
from landlord.api.refs import Ref
from landlord.api.tenant import Member, Role
from landlord.core.tenant import members
from tests.unit.core import bodies, building

Json = dict[str, Any]
JANE: Json = {"kind": "User", "name": "jane@example.org"}
ORDER = ("owner", "editor", "viewer")


def member(role: str = "owner", **facts: Any) -> Member:
    return Member.model_validate({**JANE, "role": role, **facts})


@pytest.mark.parametrize("tier", list(Tier))
@pytest.mark.parametrize("role", list(Role))
def test_a_role_holds_everywhere_but_in_production_where_it_is_viewer(tier: Tier, role: Role) -> None:
    expected = Role.VIEWER if tier is Tier.PRODUCTION else role
    assert members.role_in(member(role.value), "any", tier) is expected


@pytest.mark.parametrize("tier", list(Tier))
def test_a_role_for_named_environments_holds_there_as_written_and_nowhere_else(tier: Tier) -> None:
    one = member("editor", environments=["dev"])
    assert members.role_in(one, "dev", tier) is Role.EDITOR
    assert members.role_in(one, "prod", tier) is None


def test_a_role_for_no_environment_at_all_holds_nowhere() -> None:
    assert members.role_in(member(environments=[]), "dev", Tier.DEVELOPMENT) is None


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (JANE, "User:jane@example.org"),
        ({"kind": "Group", "name": "ops"}, "Group:ops"),
        ({"kind": "ServiceAccount", "name": "deploy", "namespace": "ci"}, "ServiceAccount:ci/deploy"),
    ],
)
def test_a_member_is_told_in_one_line(facts: Json, line: str) -> None:
    assert members.describe(Member.model_validate({**facts, "role": "viewer"})) == line


def bindings(said: list[Json], tier: str = "development") -> dict[str, list[Json]]:
    return {
        wanted.manifest["roleRef"]["name"]: wanted.manifest["subjects"]
        for wanted in members.plan(building.place(members=said, tier=tier))
    }


def test_there_is_one_binding_for_each_role_that_somebody_has() -> None:
    said = [
        {**JANE, "role": "owner"},
        {"kind": "Group", "name": "ops", "role": "viewer"},
        {"kind": "ServiceAccount", "name": "ci", "namespace": "tools", "role": "viewer"},
    ]
    assert bindings(said) == {
        "landlord-owner": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane@example.org"}],
        "landlord-viewer": [
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "ops"},
            {"kind": "ServiceAccount", "name": "ci", "namespace": "tools"},
        ],
    }
    assert bindings([]) == {}


def test_a_binding_is_named_after_its_role_and_refers_to_a_cluster_role() -> None:
    wanted = members.plan(building.place(members=[{**JANE, "role": "editor"}]))[0]
    assert wanted.ref == Ref("RoleBinding", "shop-dev", "landlord-editor")
    assert wanted.manifest["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "landlord-editor",
    }
    assert {"landlord-owner", "landlord-editor", "landlord-viewer"} == members.BINDINGS


def test_in_production_owners_and_viewers_without_environments_are_one_viewer() -> None:
    said = [{**JANE, "role": "owner"}, {**JANE, "role": "viewer"}]
    found = bindings(said, tier="production")
    assert list(found) == ["landlord-viewer"]
    assert len(found["landlord-viewer"]) == 1


def test_a_named_owner_in_production_is_owner() -> None:
    assert list(bindings([{**JANE, "role": "owner", "environments": ["dev"]}], tier="production")) == ["landlord-owner"]


@given(bodies.members(), st.sampled_from(("production", "staging")))
def test_the_order_in_the_spec_changes_no_binding(said: list[Json], tier: str) -> None:
    assert members.plan(building.place(members=said, tier=tier)) == members.plan(
        building.place(members=said[::-1], tier=tier)
    )


def test_resolved_roles_are_told_by_environment_and_the_stronger_one_of_two() -> None:
    said = [
        member("viewer"),
        member("owner", environments=["dev"]),
        Member.model_validate({"kind": "Group", "name": "ops", "role": "editor", "environments": ["elsewhere"]}),
    ]
    tiers = {"prod": Tier.PRODUCTION, "dev": Tier.DEVELOPMENT}
    assert members.resolved(said, tiers) == [
        {"subject": "User:jane@example.org", "roles": {"dev": "owner", "prod": "viewer"}},
        {"subject": "Group:ops", "roles": {}},
    ]


@given(bodies.members())
def test_resolved_roles_are_those_that_bindings_give(said: list[Json]) -> None:
    tiers = {"production": Tier.PRODUCTION, "staging": Tier.STAGING}
    told = {
        (entry["subject"], environment, role)
        for entry in members.resolved([Member.model_validate(each) for each in said], tiers)
        for environment, role in entry["roles"].items()
    }
    bound: dict[tuple[str, str], str] = {}
    for environment, tier in tiers.items():
        for wanted in members.plan(building.place(members=said, tier=tier.value, name=environment)):
            role = wanted.manifest["roleRef"]["name"].removeprefix("landlord-")
            for subject in wanted.manifest["subjects"]:
                key = (_line(subject), environment)
                bound[key] = min(bound.get(key, role), role, key=ORDER.index)
    assert told == {(subject, environment, role) for (subject, environment), role in bound.items()}


def _line(subject: Json) -> str:
    namespace = f"{subject['namespace']}/" if "namespace" in subject else ""
    return f"{subject['kind']}:{namespace}{subject['name']}"
