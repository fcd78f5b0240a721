"""What a check's spec leaves open, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest

from landlord.api.checks import CheckPolicy, HealthCheck
from landlord.api.failures import SpecFault
from landlord.clients.probes.looks import Target
from landlord.reconcilers.release.looks import Written, is_of_check, kind_of, named, prepare, rhythm, spec_of

TARGET = Target("team-prod", "shop")
HTTP = {"http": {"service": "web"}}
PROMQL = {"promql": {"query": 'sum(x{app="{{release}}"})', "max": 1}}
CEL = {"cel": {"apiVersion": "v1", "kind": "ConfigMap", "current": "true"}}


def check(**spec: Any) -> HealthCheck:
    return HealthCheck.model_validate({"name": "front", **spec})


@pytest.mark.parametrize(
    ("spec", "kind", "interval", "delay", "timeout", "on_error"),
    [
        (HTTP, "http", 10, 5, 5, CheckPolicy.FAIL),
        (PROMQL, "promql", 30, 60, 10, CheckPolicy.INCONCLUSIVE),
        (CEL, "cel", 5, 0, 2, CheckPolicy.INCONCLUSIVE),
    ],
)
def test_each_kind_has_its_own_defaults(
    spec: dict[str, Any], kind: str, interval: int, delay: int, timeout: int, on_error: CheckPolicy
) -> None:
    each = check(**spec)
    look = prepare(each, TARGET)
    assert kind_of(each) == kind
    assert (rhythm(each).interval.seconds, rhythm(each).delay.seconds) == (interval, delay)
    assert (look.timeout.seconds, look.on_error) == (timeout, on_error)


def test_what_the_spec_says_wins() -> None:
    each = check(
        http={"service": "web", "maxLatency": "2s"}, interval="1m", initialDelay="0s", timeout="9s", onError="Pass"
    )
    look = prepare(each, TARGET)
    assert (rhythm(each).interval, rhythm(each).delay) == (timedelta(minutes=1), timedelta())
    assert (look.timeout.seconds, look.on_error) == (9, CheckPolicy.PASS)
    assert look.max_latency == timedelta(seconds=2)


@pytest.mark.parametrize(
    ("spec", "in_all", "too_many_in_a_row"),
    [
        (HTTP, None, 3),
        (PROMQL, 1, None),
        (CEL, None, 1),
        ({**HTTP, "failureLimit": 0, "consecutiveFailureLimit": 1}, 0, 1),
        ({**CEL, "failureLimit": 7, "consecutiveFailureLimit": 4}, 7, 4),
    ],
)
def test_each_kind_has_its_own_limits(spec: dict[str, Any], in_all: int | None, too_many_in_a_row: int | None) -> None:
    limits = spec_of(check(**spec))
    assert (limits.failure_limit, limits.consecutive_failure_limit) == (in_all, too_many_in_a_row)


def test_limits_say_whether_the_baseline_counts() -> None:
    limits = spec_of(check(**HTTP, ignoreBaseline=True))
    assert (limits.name, limits.ignores_baseline) == ("front", True)


def test_the_query_is_filled_in_and_narrowed() -> None:
    look = prepare(check(**PROMQL), TARGET, label="ns")
    assert look.query == 'sum(x{app="shop",ns="team-prod"})'
    with pytest.raises(SpecFault):
        prepare(check(promql={"query": 'x{namespace="other"}', "max": 1}), TARGET)


@pytest.mark.parametrize(
    ("path", "written", "told"),
    [
        ("spec.healthChecks[].http", Written(2), "spec.healthChecks[2].http (check front): leads nowhere."),
        ("spec.healthChecks", Written(0), "spec.healthChecks[0] (check front): leads nowhere."),
        ("spec.healthChecks[].cel.kind", None, "spec.healthChecks[].cel.kind (check front): leads nowhere."),
        (
            "spec.healthChecks[].promql.query",
            Written(1, "prod"),
            "spec.releaseDefaults.healthChecks[1].promql.query (check front of Environment prod): leads nowhere.",
        ),
    ],
)
def test_a_fault_says_which_check_it_is_about(path: str, written: Written | None, told: str) -> None:
    with pytest.raises(SpecFault) as refused, named(check(**HTTP), written):
        raise SpecFault(path, "leads nowhere.")
    assert refused.value.why == told
    assert is_of_check(refused.value.path)
    assert not is_of_check("spec.values.healthChecks[0]")


def test_a_check_that_is_none_is_refused() -> None:
    with pytest.raises(SpecFault, match="must have one of"):
        kind_of(HealthCheck.model_construct(name="front", http=None, promql=None, cel=None))
