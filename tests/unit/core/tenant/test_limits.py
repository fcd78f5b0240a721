"""LimitRanges: what is said, what the API server would add, and defaults where a quota would refuse silent pods."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from landlord.core.quantity import number
from landlord.core.tenant import limits, quotas
from tests.unit.core import bodies, building

Json = dict[str, Any]


def items(body: Json) -> dict[str, Json]:
    built = limits.plan(building.place(body))
    return {item["type"]: item for wanted in built for item in wanted.manifest["spec"]["limits"]}


def container(said: Json, hard: Json | None = None) -> Json:
    return items({"limits": {"container": said}, "quota": {"hard": hard or {}}}).get("Container", {})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"limits": {}},
        {"limits": {"container": {}, "pod": {}, "persistentVolumeClaim": {}}},
        {"limits": {"container": {"max": {}}, "pod": {"min": {}}}},
        {"quota": {"hard": {"pods": 10, "requests.storage": "1Ti"}}},
        {"quota": {"scopes": []}},
    ],
)
def test_there_is_no_limit_range_where_nothing_is_to_be_said(body: Json) -> None:
    assert limits.plan(building.place(body)) == ()


def test_each_type_said_is_one_item() -> None:
    built = items(
        {
            "limits": {
                "container": {"min": {"cpu": "10m"}},
                "pod": {"max": {"memory": "1.5Gi"}, "maxLimitRequestRatio": {"cpu": 10}},
                "persistentVolumeClaim": {"min": {"storage": "1Gi"}, "max": {"storage": "1000G"}},
            }
        }
    )
    assert built["Pod"] == {"type": "Pod", "max": {"memory": "1536Mi"}, "maxLimitRequestRatio": {"cpu": "10"}}
    assert built["PersistentVolumeClaim"]["max"] == {"storage": "1T"}
    assert list(built) == ["Container", "Pod", "PersistentVolumeClaim"]


def test_what_the_api_server_would_add_is_written_out() -> None:
    assert container({"max": {"cpu": "2"}}) == {
        "type": "Container",
        "max": {"cpu": "2"},
        "default": {"cpu": "2"},
        "defaultRequest": {"cpu": "2"},
    }
    assert container({"default": {"cpu": "1"}})["defaultRequest"] == {"cpu": "1"}
    assert container({"min": {"memory": "1Gi"}}) == {
        "type": "Container",
        "min": {"memory": "1Gi"},
        "defaultRequest": {"memory": "1Gi"},
    }
    said = {"min": {"cpu": "1"}, "defaultRequest": {"cpu": "2"}, "default": {"cpu": "3"}, "max": {"cpu": "4"}}
    assert container(said) == {"type": "Container", **said}


@pytest.mark.parametrize(
    ("hard", "filled"),
    [
        ({"requests.cpu": "4"}, {"defaultRequest": {"cpu": "100m"}}),
        ({"cpu": "4"}, {"defaultRequest": {"cpu": "100m"}}),
        ({"limits.cpu": "4"}, {"default": {"cpu": "500m"}, "defaultRequest": {"cpu": "500m"}}),
        ({"memory": 1, "limits.memory": 1}, {"default": {"memory": "512Mi"}, "defaultRequest": {"memory": "128Mi"}}),
        ({"requests.ephemeral-storage": "1Ti"}, {"defaultRequest": {"ephemeral-storage": "256Mi"}}),
    ],
)
def test_a_compute_quota_brings_defaults_for_pods_that_say_nothing(hard: Json, filled: Json) -> None:
    assert items({"quota": {"hard": hard}}) == {"Container": {"type": "Container", **filled}}


def test_a_scoped_quota_brings_defaults_too() -> None:
    scoped = {"name": "batch", "match": [{"scope": "NotBestEffort"}], "hard": {"limits.cpu": "1"}}
    assert "cpu" in items({"quota": {"scopes": [scoped]}})["Container"]["default"]


@pytest.mark.parametrize(
    ("said", "default", "request_"),
    [
        ({"max": {"cpu": "50m"}}, "50m", "50m"),
        ({"max": {"cpu": "200m"}}, "200m", "100m"),
        ({"min": {"cpu": "300m"}}, "500m", "300m"),
        ({"min": {"cpu": "2"}}, "2", "2"),
        ({"defaultRequest": {"cpu": "700m"}}, "700m", "700m"),
        ({"default": {"cpu": "30m"}}, "30m", "30m"),
        ({"default": {"cpu": "2"}}, "2", "100m"),
    ],
)
def test_filled_defaults_stay_within_what_is_said(said: Json, default: str, request_: str) -> None:
    built = container(said, {"requests.cpu": "4", "limits.cpu": "8"})
    assert (built["default"]["cpu"], built["defaultRequest"]["cpu"]) == (default, request_)


def test_filled_defaults_keep_the_ratio_or_silent_pods_would_be_refused() -> None:
    built = container({"maxLimitRequestRatio": {"cpu": "2"}}, {"requests.cpu": "4", "limits.cpu": "8"})
    assert number(built["default"]["cpu"]) <= 2 * number(built["defaultRequest"]["cpu"])


def test_a_share_of_memory_is_in_whole_bytes_and_one_of_cpu_in_thousandths() -> None:
    ratio = {"cpu": "3", "memory": "3"}
    built = container({"maxLimitRequestRatio": ratio}, {"requests.cpu": "4", "requests.memory": "4Gi"})
    assert built["default"] == {"cpu": "500m", "memory": "512Mi"}
    assert built["defaultRequest"] == {"cpu": "167m", "memory": "178956971"}


@pytest.mark.parametrize(
    "pod",
    [
        {"max": {"cpu": "200m", "memory": "256Mi"}},
        {"max": {"cpu": "50m"}},
        {"min": {"cpu": "1", "memory": "1Gi"}},
        {"maxLimitRequestRatio": {"cpu": "1"}},
    ],
)
def test_a_pod_of_one_silent_container_fits_what_is_said_of_pods(pod: Json) -> None:
    hard = {f"{verb}.{name}": "9" for verb in ("requests", "limits") for name in ("cpu", "memory")}
    built = items({"limits": {"pod": pod}, "quota": {"hard": hard}})
    default, request_ = built["Container"]["default"], built["Container"]["defaultRequest"]
    assert all(number(default[name]) <= number(most) for name, most in pod.get("max", {}).items())
    assert all(number(request_[name]) >= number(least) for name, least in pod.get("min", {}).items())
    ratios = pod.get("maxLimitRequestRatio", {})
    assert all(number(default[name]) <= number(ratio) * number(request_[name]) for name, ratio in ratios.items())


@given(bodies.limits(), bodies.quotas())
def test_a_coherent_spec_gives_a_coherent_limit_range(said: Json, quota: Json) -> None:
    alone = items({"limits": said})
    with_quota = items({"limits": said, "quota": quota})
    if all(_is_coherent(item) for item in alone.values()):
        assert all(_is_coherent(item) for item in with_quota.values())
    for kind, item in alone.items():
        assert (
            with_quota[kind].items()
            >= {k: v for k, v in item.items() if k not in ("default", "defaultRequest")}.items()
        )


@given(bodies.quotas(), bodies.limits())
def test_every_counted_resource_has_a_default(quota: Json, said: Json) -> None:
    place = building.place({"quota": quota, "limits": said})
    keys = {key for wanted in quotas.plan(place) for key in wanted.manifest["spec"]["hard"]}
    built = items({"quota": quota, "limits": said}).get("Container", {})
    for name in ("cpu", "memory", "ephemeral-storage"):
        if {name, f"requests.{name}"} & keys:
            assert name in built["defaultRequest"]
        if f"limits.{name}" in keys:
            assert name in built["default"]


def _is_coherent(item: Json) -> bool:
    """min <= defaultRequest <= default <= max, as the API server checks."""
    names = {name for values in item.values() if isinstance(values, dict) for name in values}
    return all(_in_order(item, name) for name in names)


def _in_order(item: Json, name: str) -> bool:
    steps = ("min", "defaultRequest", "default", "max")
    amounts: list[Decimal] = [number(item[step][name]) for step in steps if name in item.get(step, {})]
    return amounts == sorted(amounts)
