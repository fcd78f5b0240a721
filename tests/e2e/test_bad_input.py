"""Bad input of every sort against a running operator: it lives on, and every object says truthfully how it is."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from landlord.api.conditions import ConditionType, Reason
from landlord.api.crd import ENVIRONMENT, TENANT
from landlord.api.names import API_VERSION
from sandbox import cluster as sandbox
from tests import bad_input
from tests import cluster as clusters
from tests.admin import Admin, ApiError, Object, open_admin
from tests.bad_input import Variation
from tests.cluster import Cluster, short_name
from tests.installation import install
from tests.manifests import environment
from tests.operator_process import OperatorProcess, operator_token_kubeconfig, running_operator
from tests.polling import eventually

API = f"/apis/{API_VERSION}"
_AT_ONCE = 8
_DEADLINE = 480.0
_KINDS = {TENANT.plural: TENANT, ENVIRONMENT.plural: ENVIRONMENT}


# The burst may keep a small machine's API server busy for seconds; that is no reason to hand over.
_PATIENCE = ("--lease-duration", "60s", "--lease-renew-deadline", "45s", "--lease-retry-period", "2s")
# The peer that the specimens name.
_PEERS = ("--platform", json.dumps({"peers": {"ingress": {"peers": [{"namespaceSelector": {}}]}}}))


@pytest.fixture(scope="module")
def arena(run_folder: Path) -> Iterator[Cluster]:
    """A sandbox of its own, since hundreds of tenants would slow down all tests that follow; or the cluster given."""
    if _given():
        yield clusters.find_or_start(run_folder)
        return
    folder = run_folder / "bad-input"
    record = sandbox.up(folder)
    yield Cluster(record.kubeconfig, record)
    sandbox.down(folder)


@pytest.fixture
async def admin(arena: Cluster, tmp_path: Path) -> AsyncIterator[Admin]:
    """The admin of that cluster."""
    async with open_admin(arena.kubeconfig, tmp_path) as client:
        yield client


@pytest.fixture
async def patient(arena: Cluster, tmp_path: Path) -> AsyncIterator[OperatorProcess]:
    """A serving operator that keeps its Lease when answers are slow."""
    identity = operator_token_kubeconfig(install(arena.kubeconfig), arena.kubeconfig, tmp_path)
    with running_operator(identity, tmp_path, *_PATIENCE, *_PEERS) as process:
        await process.until_serving()
        yield process


def _given() -> bool:
    return any(os.environ.get(name) for name in ("LANDLORD_TEST_KUBECONFIG", "KUBECONFIG"))


@dataclass(frozen=True, slots=True)
class Sent:
    """A variation as it was sent, and what the API server refused it with."""

    variation: Variation
    name: str
    refusal: Object | None


@pytest.mark.timeout(900)
async def test_no_input_ends_the_operator_or_leaves_an_object_without_a_truthful_condition(
    patient: OperatorProcess, admin: Admin
) -> None:
    stage, prefix = short_name("e"), short_name("b")
    await admin.apply_manifests(environment(stage))
    sent = await _send(admin, bad_input.variations(environment=stage), prefix)
    accepted = {one.name: one.variation for one in sent if one.refusal is None}
    try:
        unnamed = [one.variation.name for one in sent if one.refusal and not one.variation.is_named_by(one.refusal)]
        assert not unnamed
        assert len(sent) >= 500

        await eventually(lambda: _all_tell(admin, patient, accepted), deadline=_DEADLINE)

        print(await _summary(admin, accepted), f"{len(sent) - len(accepted)} refused by the API server")
        assert not await _untruths(admin, accepted)
        assert patient.is_running
        assert patient.get("/healthz")[0] == 200
        assert not patient.complaints()
    finally:
        if _given():
            await _clean_up(admin, [*accepted, stage])


async def _send(admin: Admin, variations: list[Variation], prefix: str) -> list[Sent]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def send(number: int, variation: Variation) -> Sent:
        name = f"{prefix}-{number}"
        async with gate:
            try:
                path = f"{API}/{variation.kind.plural}"
                await admin.create(path, variation.manifest(name), fieldValidation="Strict")
            except ApiError as refused:
                return Sent(variation, name, refused.body)
            return Sent(variation, name, None)

    return await asyncio.gather(*(send(number, variation) for number, variation in enumerate(variations)))


async def _found(admin: Admin, names: Iterable[str]) -> list[Object]:
    wanted = set(names)
    both = [one for plural in _KINDS for one in await admin.list(f"{API}/{plural}")]
    return [one for one in both if one["metadata"]["name"] in wanted]


async def _all_tell(admin: Admin, operator: OperatorProcess, accepted: dict[str, Variation]) -> bool:
    """Whether every object has been judged as it is now; otherwise the variations that were not are told."""
    if not operator.is_running:
        pytest.fail(f"the operator ended:\n{operator.log.read_text()[-4000:]}")
    found = await _found(admin, accepted)
    silent = [accepted[one["metadata"]["name"]].name for one in found if not _tells(one)]
    assert not silent, f"{len(silent)} of {len(found)} say nothing of themselves: {silent[:10]}"
    return len(found) == len(accepted)


def _tells(one: Object) -> bool:
    generation, ready = one["metadata"]["generation"], _ready(one)
    is_current = one["status"]["observedGeneration"] == generation == ready.get("observedGeneration")
    return bool(is_current and (ready["status"] != "Unknown" or ready["reason"] == Reason.API_TROUBLE))


def _ready(one: Object) -> Object:
    conditions = one["status"].get("conditions", ())
    return next((each for each in conditions if each["type"] == ConditionType.READY), {})


async def _untruths(admin: Admin, accepted: dict[str, Variation]) -> list[str]:
    """What objects say of themselves and is not so."""
    namespaces = {each["metadata"]["name"]: each["metadata"]["uid"] for each in await admin.list("/api/v1/namespaces")}
    return [
        f"{accepted[one['metadata']['name']].name}: {untruth}"
        for one in await _found(admin, accepted)
        for untruth in _untruths_of(one, namespaces)
    ]


def _untruths_of(one: Object, namespaces: dict[str, str]) -> Iterable[str]:
    ready = _ready(one)
    if ready["reason"] not in set(Reason):
        yield f"an unknown reason {ready['reason']}"
    if not ready["message"]:
        yield f"{ready['reason']} without a message"
    if one["kind"] == TENANT.name and ready["status"] == "True":
        for mine in one["status"]["environments"]:
            if namespaces.get(mine["namespace"]) != mine["uid"]:
                yield f"Ready, but its namespace {mine['namespace']} is not there"
        if len(one["status"]["environments"]) != len(one["spec"]["environments"]):
            yield "Ready, but not in all its environments"


async def _summary(admin: Admin, accepted: dict[str, Variation]) -> str:
    counts = Counter(f"{one['kind']} {_ready(one)['reason']}" for one in await _found(admin, accepted))
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


async def _clean_up(admin: Admin, names: Iterable[str]) -> None:
    """Begin to remove all; Tenants first, so that nothing is held by them for long."""
    found = await _found(admin, names)
    gate = asyncio.Semaphore(_AT_ONCE)

    async def remove(one: Object) -> None:
        path = f"{API}/{one['kind'].lower()}s/{one['metadata']['name']}"
        async with gate:
            if one["spec"].get("deletionProtection"):
                await admin.patch(path, {"spec": {"deletionProtection": False}})
            await admin.delete(path)

    for kind in (TENANT, ENVIRONMENT):
        await asyncio.gather(*(remove(one) for one in found if one["kind"] == kind.name))
