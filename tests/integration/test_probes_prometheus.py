"""Narrowed queries at a real Prometheus, which has series of two tenants: its parser, not ours, has the last word."""

import asyncio
import json
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck as Hypothesis
from hypothesis import given, settings
from hypothesis import strategies as st

from landlord.api.checks import HealthCheck
from landlord.api.failures import SpecFault
from landlord.api.releases import Outcome, Sample
from landlord.clients.probes.looks import Target
from landlord.clients.probes.prometheus import Prometheus, PrometheusProbe
from landlord.core.health.promql import confine
from landlord.reconcilers.release.looks import prepare
from sandbox.build import build
from sandbox.components import named
from sandbox.waiting import wait_until

pytestmark = pytest.mark.timeout(1800)  # Prometheus may have to be built first

OURS, THEIRS = "ours", "theirs"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SELECTORS = ("vectorSelector", "matrixSelector")


@dataclass(frozen=True)
class Server:
    """A Prometheus that scrapes itself twice, as a pod of either tenant."""

    url: str

    def api(self, path: str, **query: str) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}", timeout=10) as got:
                return dict(json.load(got))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))

    def values(self, query: str) -> list[dict[str, str]]:
        """The labels of what a query gives; none for numbers without labels and for errors."""
        data = self.api("query", query=query).get("data", {})
        return [each["metric"] for each in data["result"]] if data.get("resultType") == "vector" else []


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    (component,) = named(("prometheus",))
    program = build(component) / "prometheus"
    folder = tmp_path_factory.mktemp("prometheus")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    jobs = [
        {"job_name": name, "static_configs": [{"targets": [address], "labels": {"namespace": name}}]}
        for name in (OURS, THEIRS)
    ]
    document = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
    (folder / "prometheus.json").write_text(json.dumps(document))
    arguments = ["--config.file", folder / "prometheus.json", "--storage.tsdb.path", folder / "data"]
    log = (folder / "log").open("wb")
    with subprocess.Popen(
        [program, *arguments, "--web.listen-address", address], stdout=log, stderr=subprocess.STDOUT
    ) as process:
        server = Server(f"http://{address}")

        def has_both() -> bool:
            try:
                return {each["namespace"] for each in server.values("count_over_time(up[1m]) >= 3")} == {OURS, THEIRS}
            except (OSError, ValueError):
                return False

        try:
            wait_until(has_both, seconds=60, what="Series of both tenants")
            yield server
        finally:
            process.kill()
            log.close()


def ask(server: Server, query: str, **limits: float) -> Sample:
    check = HealthCheck.model_validate({"name": "q", "promql": {"query": query, **limits}})

    async def once() -> Sample:
        probe = PrometheusProbe(Prometheus(server.url))
        try:
            return await probe.sample(prepare(check, target), target, NOW)
        finally:
            await probe.close()

    target = Target(OURS, "shop")
    return asyncio.run(once())


@pytest.mark.parametrize(
    ("query", "limits", "outcome", "value"),
    [
        ("count(up)", {"min": 1, "max": 1}, Outcome.PASS, "1"),
        ("count(up or prometheus_build_info)", {"max": 1}, Outcome.FAIL, "2"),
        ("sum(rate(prometheus_http_requests_total[1m])) * 0", {"max": 0}, Outcome.PASS, "0"),
        ("max_over_time(sum(up)[30s:1s])", {"max": 1}, Outcome.PASS, "1"),
        ("up{job='nobody'}", {"min": 0}, Outcome.INCONCLUSIVE, ""),
        ("0 / (up - 1)", {"min": 0}, Outcome.INCONCLUSIVE, ""),
        ("scalar(up) + 1", {"max": 1}, Outcome.FAIL, "2"),
        ("up / on (job) group_left up", {"max": 1}, Outcome.PASS, "1"),
        (
            "up + on (namespace) {__name__=~'up|prometheus_build_info'}",
            {"min": 0},
            Outcome.INCONCLUSIVE,
            "",
        ),
    ],
)
def test_only_series_of_the_namespace_are_counted(
    prometheus: Server, query: str, limits: dict[str, float], outcome: Outcome, value: str
) -> None:
    sample = ask(prometheus, query, **limits)
    assert (sample.outcome, sample.value) == (outcome, value), sample.message


def test_without_narrowing_the_others_series_would_be_seen(prometheus: Server) -> None:
    """The control: what is refused or narrowed elsewhere would work."""
    assert {each["namespace"] for each in prometheus.values('up{namespace!="ours"}')} == {THEIRS}
    assert {each["namespace"] for each in prometheus.values(confine("up", OURS))} == {OURS}


_NAMES = ("up", "prometheus_build_info", "sum", "rate", "absent", "or", "and", "by", "on", "namespace", "job", "vector")
_PIECES = ('="theirs"', '!="ours"', '=~".*"', "{", "}", "(", ")", "[1m]", "[1m:5s]", " offset 1s", " @ end()", ",", '"')
_OTHERS = (
    "'",
    "`",
    "\\",
    '\\"',
    "\\x7d",
    "\\175",
    "\\u007d",
    "#",
    "\n",
    "é",
    "1",
    "5m",
    " ",
    "+",
    "-",
    "/",
    "bool",
    "==",
)
_WORDS = st.sampled_from((*_NAMES, *_PIECES, *_OTHERS))
_QUOTES = st.sampled_from(('"', "'", "`"))
_VALUE = st.one_of(
    st.builds("{0}{1}{0}".format, _QUOTES, st.lists(_WORDS, max_size=5).map("".join)),
    st.builds("{}{}{}".format, _QUOTES, st.lists(_WORDS, max_size=5).map("".join), _QUOTES),
)
_SELECTOR = st.builds(
    "{}{{{}{}{}}}".format,
    st.sampled_from(("up", "", "prometheus_build_info")),
    st.sampled_from(("job", "namespace", '"job"', "instance")),
    st.sampled_from(("=", "!=", "!=", "=~", "!~")),
    _VALUE,
)
_QUERIES = st.one_of(
    st.lists(st.one_of(_WORDS, _SELECTOR), max_size=12).map(" ".join),
    st.builds("{} {} {}".format, _SELECTOR, st.sampled_from(("or", "+", "unless on (job)", "and")), _SELECTOR),
    st.builds("sum by (namespace) ({})".format, _SELECTOR),
    _SELECTOR,
)


@settings(max_examples=600, deadline=timedelta(seconds=20), suppress_health_check=[Hypothesis.function_scoped_fixture])
@given(query=_QUERIES)
def test_prometheus_reads_every_narrowed_query_as_held_to_the_namespace(prometheus: Server, query: str) -> None:
    try:
        narrowed = confine(query, OURS)
    except SpecFault:
        return
    answer = prometheus.api("parse_query", query=narrowed)
    if answer["status"] == "success":
        for selector in selectors(answer["data"]):
            wanted = {"name": "namespace", "type": "=", "value": OURS}
            assert wanted in selector["matchers"], (query, narrowed)
    assert THEIRS not in {each.get("namespace") for each in prometheus.values(narrowed)}, (query, narrowed)


def selectors(node: Any) -> Iterator[dict[str, Any]]:
    """Every selector of a query, as Prometheus understands it."""
    if isinstance(node, dict):
        if node.get("type") in SELECTORS:
            yield node
        for part in node.values():
            yield from selectors(part)
    elif isinstance(node, list):
        for part in node:
            yield from selectors(part)
