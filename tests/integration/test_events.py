"""Events as the API server takes them and as people see them."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from landlord.api.names import OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT
from landlord.api.refs import EVENTS, Ref
from landlord.clients.cluster import Cluster
from landlord.telemetry.events import NOTE_LENGTH, WAIT_SECONDS, Recorder, Subject
from tests.actors import Actor
from tests.admin import Admin

Object = dict[str, Any]
NOTE = "Quota would be shrunk below use: 5 > 4. " + "ä" * NOTE_LENGTH


class Through:
    """Events through the real client."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def create(self, event: Object) -> None:
        await self._cluster.create(EVENTS, event)

    async def patch(self, name: str, namespace: str, patch: Object) -> None:
        await self._cluster.merge(EVENTS, name, patch, namespace)


class Counts:
    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()

    def recorded(self, kind: str, type_: str, reason: str) -> None: ...

    def dropped_event(self, cause: str) -> None:
        self.dropped[cause] += 1


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def cluster_as_operator(admin: Admin, landlord_installed: Actor) -> AsyncIterator[Cluster]:
    operator = await admin.as_service_account(OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT)
    async with await Cluster.connect(operator.kubeconfig) as cluster:
        yield cluster


async def test_the_operator_may_write_events_that_describe_shows_and_that_count(
    admin: Admin, tenant_name: str, cluster_as_operator: Cluster
) -> None:
    counts, clock = Counts(), Clock()
    recorder = Recorder(Through(cluster_as_operator), counts, instance="pod-1", clock=clock)
    body = {"apiVersion": "landlord.dev/v1alpha1", "kind": "Tenant", "spec": {"environments": [{"name": "nowhere"}]}}
    created = await admin.create("/apis/landlord.dev/v1alpha1/tenants", body | {"metadata": {"name": tenant_name}})
    subject = Subject.of(created)
    for _ in range(3):
        recorder.record(subject, "Warning", "QuotaExceeded", NOTE)
    await recorder.write_due()
    for _ in range(4):
        recorder.record(subject, "Warning", "QuotaExceeded", NOTE)
    clock.now += WAIT_SECONDS
    await recorder.write_due()
    assert counts.dropped == {}
    (event,) = [
        one
        for one in await admin.list("/apis/events.k8s.io/v1/namespaces/default/events")
        if one["regarding"]["name"] == tenant_name
    ]
    assert event["series"]["count"] == 7
    told = admin.kubectl("describe", "tenant", tenant_name)
    assert "QuotaExceeded" in told
    assert "Quota would be shrunk below use: 5 > 4." in told
    await admin.delete(f"/apis/landlord.dev/v1alpha1/tenants/{tenant_name}")


async def test_an_event_in_a_namespace_that_is_not_there_costs_nothing_but_itself(
    cluster_as_operator: Cluster, tenant_name: str
) -> None:
    counts = Counts()
    recorder = Recorder(Through(cluster_as_operator), counts, instance="pod-1", clock=Clock())
    recorder.record(Subject(Ref("Pod", tenant_name, "gone"), "v1", "uid"), "Normal", "Gone", "Gone.")
    await recorder.write_due()
    assert counts.dropped == {"failed": 1}
