"""What our builders emit is what the API server stores: equal digests mean that the cluster is as wanted.

The operator holds digests of live objects only, so a form that the API server would write in another way were drift
for ever. Whatever the API server refuses as invalid is skipped and counted: the draws must not become empty ones.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from landlord.api.failures import Forbidden, Invalid
from landlord.api.refs import NAMESPACES
from landlord.clients.cluster import Cluster as Client
from landlord.core.child import observe
from landlord.core.manifest import Desired, Object, content, differing_paths, surplus
from landlord.core.tenant import plan as planning
from landlord.core.tenant.place import Place
from tests.actors import Actor
from tests.cluster import Cluster, short_name
from tests.operator_process import operator_token_kubeconfig
from tests.unit.core import bodies, building
from tests.unit.core.building import Json

_KINDS = ("Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy", "ServiceAccount", "RoleBinding")


@dataclass
class Bench:
    """A client, its event loop, and a namespace to try objects in; counts what was taken and refused by kind."""

    runner: asyncio.Runner
    client: Client
    tenant: str
    taken: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def check(self, where: Place, *, dry_run: bool) -> None:
        """Every object of the place, sent as the operator sends it, is stored as it was wanted."""
        self.runner.run(self._check(planning.plan(where).objects, dry_run=dry_run))

    async def _check(self, objects: Sequence[Desired], *, dry_run: bool) -> None:
        for wanted, stored in zip(objects, await self._send(objects, dry_run=dry_run), strict=True):
            kind = wanted.resource.kind
            if stored is None:
                self.refused[kind] += 1
                event(f"refused {kind}")
                continue
            self.taken[kind] += 1
            found = content(kind, stored)
            assert differing_paths(content(kind, wanted.manifest), found) == []
            assert surplus(content(kind, wanted.manifest), found) == {}
            assert observe(kind, stored).digest == wanted.digest

    async def _send(self, objects: Sequence[Desired], *, dry_run: bool) -> list[Object | None]:
        return await asyncio.gather(*(self._apply(wanted, dry_run=dry_run) for wanted in objects))

    async def _apply(self, wanted: Desired, *, dry_run: bool) -> Object | None:
        """The object as stored, None when the API server calls it invalid, or the operator may not bind its role."""
        try:
            return await self.client.apply(wanted.resource, wanted.manifest, dry_run=dry_run)
        except (Invalid, Forbidden):
            return None


@pytest.fixture(scope="module")
def bench(cluster: Cluster, landlord_installed: Actor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The real API server, asked by the operator; at the end most objects of each kind must have been taken by it."""
    token = operator_token_kubeconfig(landlord_installed, cluster.kubeconfig, tmp_path_factory.mktemp("identity"))
    with asyncio.Runner() as runner:
        client = runner.run(Client.connect(str(token)))
        found = Bench(runner, client, short_name("t"))
        namespace = planning.plan(_place(found.tenant, {}, [])).namespace
        stored = runner.run(client.create(NAMESPACES, namespace.manifest))
        yield found
        runner.run(client.delete(NAMESPACES, stored["metadata"]["name"], uid=stored["metadata"]["uid"]))
        runner.run(client.close())
    for kind in _KINDS:
        assert found.taken[kind] >= found.refused[kind], f"most of {kind} must be taken: {found.taken} {found.refused}"


def _place(tenant: str, body: Json, members: list[Json], tier: str = "development") -> Place:
    spec = building.tenant({"name": "dev", **body}, members=members)
    environment = building.environment(tier=tier)
    return planning.place(tenant, spec, spec.spec.environments[0], environment, building.PLATFORM)


_slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@given(bodies.bodies(), bodies.members(), st.sampled_from(("development", "production")))
@settings(_slow, max_examples=150)
def test_every_object_of_any_body_is_stored_as_it_is_wanted(
    bench: Bench, body: Json, members: list[Json], tier: str
) -> None:
    bench.check(_place(bench.tenant, body, members, tier), dry_run=True)


@given(bodies.bodies(), bodies.members())
@settings(_slow, max_examples=50)
def test_an_object_that_is_changed_is_stored_as_it_is_wanted(bench: Bench, body: Json, members: list[Json]) -> None:
    bench.check(_place(bench.tenant, body, members), dry_run=False)


@given(st.lists(bodies.quantities(), min_size=1, max_size=12))
@settings(_slow, max_examples=100)
@example(["0.5", "1.5Gi", "1e3", "1000m", "12e6", "100k", "1E", "1Ei", "8Ei", "1n", "0.001Ki", "1.500"])
@example(["1000E", "1e21", "1E3", "1e-9", "007", "0Ki", 2**63 - 1, "9223372036854775807Mi", "1e25", "3.0e2"])
def test_a_quantity_in_any_spelling_is_stored_as_it_is_wanted(bench: Bench, amounts: list[int | str]) -> None:
    hard = {f"requests.example.org/thing-{number}": amount for number, amount in enumerate(amounts)}
    compute = dict(zip(("requests.cpu", "limits.cpu", "requests.memory", "limits.memory"), amounts, strict=False))
    for each in (hard, compute):
        bench.check(_place(bench.tenant, {"quota": {"hard": each}}, []), dry_run=True)


@given(bodies.limits(), bodies.quotas())
@settings(_slow, max_examples=150)
def test_a_limit_range_of_any_subset_is_stored_as_it_is_wanted(bench: Bench, limits: Json, quota: Json) -> None:
    bench.check(_place(bench.tenant, {"limits": limits, "quota": quota}, []), dry_run=True)


@given(bodies.networks())
@settings(_slow, max_examples=150)
@example({"profile": "DefaultDeny"})
@example({"profile": "TenantInternal", "allowTo": [{"cidr": "0.0.0.0/0"}, {"cidr": "::/0", "except": ["fd00::/8"]}]})
@example({"allowFrom": [{"peer": "monitoring", "ports": [{"port": 53, "endPort": 54, "protocol": "UDP"}]}]})
def test_a_network_of_any_profile_is_stored_as_it_is_wanted(bench: Bench, network: Json) -> None:
    bench.check(_place(bench.tenant, {"network": network}, []), dry_run=True)
