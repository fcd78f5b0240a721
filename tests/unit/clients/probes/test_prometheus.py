"""Pass, fail or inconclusive: what is made of Prometheus' answers, and of none."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from landlord.api.checks import CheckPolicy, HealthCheck
from landlord.api.failures import SpecFault
from landlord.api.releases import Outcome, Sample
from landlord.clients.probes.looks import Look
from landlord.clients.probes.prometheus import LARGEST_ANSWER, Prometheus, PrometheusProbe
from tests.unit.clients.probes.worlds import NOW, Handler, serving, target


def look(timeout: float = 5, on_error: CheckPolicy = CheckPolicy.INCONCLUSIVE, **spec: Any) -> Look:
    check = HealthCheck.model_validate({"name": "errors", "promql": {"query": "x", "max": 0.05, **spec}})
    return Look(check, timedelta(seconds=timeout), on_error=on_error, query='x{namespace="t"}')


def vector(*values: str | float, **labels: str) -> dict[str, Any]:
    result = [{"metric": {"pod": f"p{at}", **labels}, "value": [0, str(value)]} for at, value in enumerate(values)]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


def scalar(value: float) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": "scalar", "result": [0, str(value)]}}


def answering(body: Any, status: int = 200) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    return answer


async def ask(handler: Handler, wanted: Look, **settings: Any) -> tuple[Sample, list[web.Request]]:
    async with serving(handler) as server:
        probe = PrometheusProbe(Prometheus(f"http://127.0.0.1:{server.port}/prom/", **settings))
        try:
            return await probe.sample(wanted, target(), NOW), server.asked
        finally:
            await probe.close()


@pytest.mark.parametrize(
    ("answer", "limits", "outcome"),
    [
        (vector(0.01), {}, Outcome.PASS),
        (vector(0.05), {}, Outcome.PASS),
        (vector(0.051), {}, Outcome.FAIL),
        (vector(0.01, 0.02), {}, Outcome.PASS),
        (vector(0.01, 0.2, 0.01), {}, Outcome.FAIL),
        (vector(0.2, "NaN"), {}, Outcome.FAIL),
        (vector(0.01, "NaN"), {}, Outcome.INCONCLUSIVE),
        (vector("NaN"), {}, Outcome.INCONCLUSIVE),
        (vector("+Inf"), {}, Outcome.FAIL),
        (vector(), {}, Outcome.INCONCLUSIVE),
        (vector(), {"onNoData": "Fail"}, Outcome.FAIL),
        (vector("NaN"), {"onNoData": "Pass"}, Outcome.PASS),
        (scalar(5), {"min": 5, "max": 6}, Outcome.PASS),
        (scalar(4.9), {"min": 5, "max": 6}, Outcome.FAIL),
        (scalar(1), {"min": 1, "max": None}, Outcome.PASS),
    ],
)
async def test_every_value_must_be_within_bounds(
    answer: dict[str, Any], limits: dict[str, Any], outcome: Outcome
) -> None:
    sample, _ = await ask(answering(answer), look(**limits))
    assert sample.outcome is outcome
    assert bool(sample.message) is (outcome is not Outcome.PASS and limits.get("onNoData") != "Pass") or limits


async def test_a_failure_names_the_series_and_its_value() -> None:
    sample, _ = await ask(answering(vector(0.01, 0.2, code="500")), look())
    assert (sample.value, sample.message) == ("0.2", "0.2 is more than 0.05 (code=500,pod=p1).")


async def test_the_narrowed_query_is_sent_with_the_platforms_credentials() -> None:
    async def answer(request: web.Request) -> web.Response:
        form = await request.post()
        assert (form["query"], form["timeout"]) == ('x{namespace="t"}', "5s")
        assert request.path == "/prom/api/v1/query"
        return web.json_response(vector(0))

    tokens = iter(["Bearer first", "Bearer second"])
    sample, asked = await ask(answer, look(), authorization=lambda: next(tokens), headers=(("X-Scope-OrgID", "a"),))
    assert sample.outcome is Outcome.PASS
    assert (asked[0].headers["Authorization"], asked[0].headers["X-Scope-OrgID"]) == ("Bearer first", "a")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"status": "error", "errorType": "internal", "error": "out of memory"}, 500),
        ({"status": "error", "errorType": "timeout", "error": "query timed out"}, 503),
        ({"status": "error", "errorType": "bad_data", "error": "parse error"}, 400),
        ({"status": "error", "errorType": "execution", "error": "many-to-many"}, 422),
        ("Bad gateway", 502),
        ({"status": "success"}, 200),
        ({"status": "success", "data": {"resultType": "vector", "result": [{}, {"value": [0, "x"]}]}}, 200),
        ({"status": "success", "data": {"resultType": "matrix", "result": []}}, 200),
        ({"status": "success", "data": {"resultType": "string", "result": [0, "x"]}}, 200),
        ([], 200),
        (None, 401),
        ({}, 302),
    ],
)
async def test_an_answer_that_is_none_says_nothing_of_the_release(body: Any, status: int) -> None:
    sample, _ = await ask(answering(body, status), look())
    assert sample.outcome is Outcome.INCONCLUSIVE
    assert sample.message.startswith("Prometheus gave no answer: ")


async def test_an_outage_says_nothing_of_the_release_unless_the_check_wants_it_so() -> None:
    async with serving(answering(vector(0))) as server:
        pass
    probe = PrometheusProbe(Prometheus(f"http://127.0.0.1:{server.port}"))
    assert (await probe.sample(look(), target(), NOW)).outcome is Outcome.INCONCLUSIVE
    assert (await probe.sample(look(on_error=CheckPolicy.FAIL), target(), NOW)).outcome is Outcome.FAIL
    await probe.close()


async def test_no_answer_in_time_says_nothing_of_the_release() -> None:
    late = asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        await asyncio.wait_for(late.wait(), 10)
        return web.Response()

    async with serving(slow) as server:
        probe = PrometheusProbe(Prometheus(f"http://127.0.0.1:{server.port}"))
        sample = await probe.sample(look(timeout=0.2), target(), NOW)
        late.set()
        await probe.close()
    assert (sample.outcome, sample.message) == (Outcome.INCONCLUSIVE, "Prometheus did not answer within 0.2 s.")


async def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" " * 65536)
            sent += 65536

    sample, _ = await ask(endless, look(timeout=20))
    assert sample.outcome is Outcome.INCONCLUSIVE
    assert "too large" in sample.message
    assert sent < 16 * LARGEST_ANSWER


async def test_too_many_series_are_not_judged() -> None:
    sample, _ = await ask(answering(vector(*[0.0] * 1001)), look())
    assert sample.outcome is Outcome.INCONCLUSIVE
    assert "more than 1000 series" in sample.message


async def test_without_a_prometheus_no_check_is_admitted_and_none_condemns() -> None:
    probe = PrometheusProbe(None)
    with pytest.raises(SpecFault, match="has no Prometheus"):
        await probe.admit(look(), target())
    assert (await probe.sample(look(), target(), NOW)).outcome is Outcome.INCONCLUSIVE


async def test_bounds_that_nothing_can_meet_are_not_admitted() -> None:
    probe = PrometheusProbe(Prometheus("http://127.0.0.1:9"))
    await probe.admit(look(min=0.01), target())
    with pytest.raises(SpecFault, match="nothing can pass"):
        await probe.admit(look(min=1), target())
