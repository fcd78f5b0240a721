"""ResourceQuotas: one for the namespace, one more for each scope."""

from typing import Any

from landlord.api.refs import Ref
from landlord.core.tenant import quotas
from tests.unit.core import building

Json = dict[str, Any]
BATCH: Json = {
    "name": "batch",
    "match": [{"scope": "PriorityClass", "operator": "In", "values": ["low", "batch"]}, {"scope": "NotTerminating"}],
    "hard": {"pods": "1e1"},
}


def test_there_is_no_quota_where_nothing_is_limited() -> None:
    silent: list[Json] = [{}, {"quota": {}}, {"quota": {"hard": {}}}, {"quota": {"scopes": []}}]
    for said in silent:
        assert quotas.plan(building.place(said)) == ()


def test_limits_are_written_as_the_api_server_stores_them() -> None:
    built = quotas.plan(building.place({"quota": {"hard": {"requests.memory": "1.5Gi", "pods": 10, "cpu": "0.5"}}}))
    assert [wanted.ref for wanted in built] == [Ref("ResourceQuota", "shop-dev", "landlord")]
    assert built[0].manifest["spec"] == {"hard": {"cpu": "500m", "pods": "10", "requests.memory": "1536Mi"}}


def test_the_same_quota_in_another_spelling_is_the_same_object() -> None:
    one, other = (
        quotas.plan(building.place({"quota": {"hard": hard}}))
        for hard in ({"cpu": "1000m", "pods": 1}, {"pods": "1", "cpu": 1})
    )
    assert one == other


def test_a_scope_is_an_object_of_its_own() -> None:
    built = quotas.plan(building.place({"quota": {"hard": {"pods": 20}, "scopes": [BATCH]}}))
    assert [wanted.ref.name for wanted in built] == ["landlord", "landlord-batch"]
    assert built[1].manifest["spec"] == {
        "hard": {"pods": "10"},
        "scopeSelector": {
            "matchExpressions": [
                {"scopeName": "PriorityClass", "operator": "In", "values": ["low", "batch"]},
                {"scopeName": "NotTerminating", "operator": "Exists"},
            ]
        },
    }


def test_scopes_alone_bring_no_quota_for_everything() -> None:
    assert [wanted.ref.name for wanted in quotas.plan(building.place({"quota": {"scopes": [BATCH]}}))] == [
        "landlord-batch"
    ]


def test_no_limits_are_an_empty_map() -> None:
    assert quotas.hard(None) == {}
