"""What is wanted: prepared once for the same inputs, and every way in which it cannot be told, in words."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from landlord.api.checks import HealthCheck
from landlord.api.conditions import Reason
from landlord.api.failures import (
    Forbidden,
    HelmFailed,
    HelmTrouble,
    Invalid,
    LandlordFailure,
    NotYet,
    SpecFault,
    Transient,
)
from landlord.api.releases import Chart, ChartSource
from landlord.clients.charts.credentials import Credentials
from landlord.clients.charts.faults import ChartDigestMismatch, ChartUnknown
from landlord.clients.discovery import Capabilities
from landlord.clients.helm.crds import Contents, ShippedCrd
from landlord.clients.probes.looks import Target
from landlord.core.release.facts import Unprepared
from landlord.core.release.ledger import Desired, Ledger, Running
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.hidden import Hidden
from landlord.reconcilers.release.looks import Written
from landlord.reconcilers.release.preparation import Preparation, Prepared
from tests.unit.reconcilers.release.cases import PIN, REF, Texts, case

SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
MINUTE = timedelta(minutes=1)
CHECK = {"name": "up", "http": {"service": "web", "port": 80}}
PULL = {"chart": {**PIN, "pullSecretRef": {"name": "pull"}}}


@dataclass
class Outside:
    """Registry, Helm, API server, policies and probes, as far as a preparation asks them; each request is noted."""

    digest: str = "sha256:one"
    manifest: str = SETTINGS
    crds: tuple[ShippedCrd, ...] = ()
    kinds: dict[tuple[str, str], bool] = field(
        default_factory=lambda: {("v1", "ConfigMap"): True, ("v1", "Secret"): True, ("v1", "Namespace"): False}
    )
    sources: tuple[str, ...] | None = None
    fetching: LandlordFailure | None = None
    rendering: LandlordFailure | None = None
    admitting: LandlordFailure | None = None
    places: dict[str, Written] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    logins: list[tuple[Credentials | None, str | None]] = field(default_factory=list)
    secrets: Collection[str] = ()

    async def fetch(
        self,
        source: ChartSource,
        login: Credentials | None,
        ca: str | None,
        *,
        permits: Callable[[str], bool],
        tenant: str,
    ) -> Chart:
        self.asked.append("fetch")
        self.logins.append((login, ca))
        assert tenant == "shop"
        assert permits("https://elsewhere.example.org/web.tgz") is (self.sources is None)
        if self.fetching is not None:
            raise self.fetching
        return Chart("/cache/web", self.digest, source.name, source.version)

    async def render(self, *_: object, upgrade: bool, secrets: Collection[str]) -> str:
        self.asked.append("render an upgrade" if upgrade else "render")
        self.secrets = secrets
        if self.rendering is not None:
            raise self.rendering
        return self.manifest

    async def contents(self, chart: Chart) -> Contents:
        return Contents(self.crds, schema_asks_elsewhere=False)

    async def capabilities(self) -> Capabilities:
        return Capabilities("v1.36.0", ())

    async def learn(self, kinds: Collection[tuple[str, str]]) -> None:
        self.asked.append("learn")

    async def resource(self, api_version: str, kind: str) -> object | None:
        return self.kinds.get((api_version, kind))

    def is_namespaced(self, api_version: str, kind: str) -> bool | None:
        return self.kinds.get((api_version, kind))

    def chart_sources(self, tenant: str, environment: str) -> tuple[str, ...] | None:
        return self.sources

    async def admit(self, checks: Sequence[HealthCheck], target: Target, places: Mapping[str, Written]) -> None:
        self.places = dict(places)
        if self.admitting is not None:
            raise self.admitting


class Room:
    """A preparation and its surroundings."""

    def __init__(self, **spec: Any) -> None:
        self.texts = Texts()
        self.outside = Outside()
        self.hidden = Hidden()
        outside: Any = self.outside
        self.preparation = Preparation(
            self.texts,  # type: ignore[arg-type] # the part that reads
            outside,
            outside,
            outside,
            outside,
            outside,
            self.hidden,
        )
        self.case: Case = case(**spec)

    async def prepare(self, ledger: Ledger | None = None, after: timedelta = timedelta()) -> Prepared:
        self.case = replace(self.case, now=self.case.now + after)
        return await self.preparation.prepare(self.case, ledger or Ledger())

    async def stop(self, ledger: Ledger | None = None, after: timedelta = timedelta()) -> Unprepared:
        found = (await self.prepare(ledger, after)).desired
        assert isinstance(found, Unprepared), found
        return found

    async def desired(self) -> Desired:
        found = (await self.prepare()).desired
        assert isinstance(found, Desired), found
        return found


def running(desired: Desired) -> Ledger:
    pins = {"https://charts.example.org/web:1.0.0": desired.chart_digest}
    return Ledger(running=Running(1, desired), pins=pins)


async def test_a_new_release_is_fetched_and_rendered_once() -> None:
    room = Room()
    first = await room.prepare()
    assert first.pin == ("https://charts.example.org/web:1.0.0", "sha256:one")
    again = await room.prepare()
    assert again.desired == first.desired
    assert again.pin is None
    assert room.outside.asked == ["fetch", "render", "learn"]
    assert room.texts.readers == {"system:serviceaccount:landlord-deployers:shop-dev"}


async def test_after_a_restart_the_ledger_says_what_runs_and_nothing_is_rendered() -> None:
    before = await Room().desired()
    room = Room()
    assert (await room.prepare(running(before))).desired == before
    assert room.outside.asked == []


async def test_other_values_are_rendered_as_an_upgrade_of_what_runs() -> None:
    before = await Room().desired()
    room = Room(values={"replicas": 2})
    after = (await room.prepare(running(before))).desired
    assert isinstance(after, Desired)
    assert after.key != before.key
    assert room.outside.asked == ["fetch", "render an upgrade", "learn"]


async def test_a_package_is_kept_for_the_deploy_and_made_anew_when_it_is_lost() -> None:
    room = Room()
    prepared = await room.prepare()
    assert isinstance(prepared.desired, Desired)
    assert prepared.layers is not None
    for _ in range(2):
        package = await room.preparation.package(room.case, Ledger(), prepared.desired, prepared.layers)
        assert [str(each) for each in package.rendered] == ["ConfigMap/settings"]
    assert room.outside.asked.count("fetch") == 1
    room.preparation.forget(REF)
    await room.preparation.package(room.case, Ledger(), prepared.desired, prepared.layers)
    assert room.outside.asked.count("fetch") == 2


async def test_other_content_under_the_same_version_stays_told_until_it_is_the_first_again() -> None:
    """Looked for once in an interval, told in every pass between."""
    room = Room()
    ledger = running(await room.desired())
    room.outside.digest = "sha256:two"
    assert isinstance((await room.prepare(ledger)).desired, Desired)
    stop = await room.stop(ledger, 10 * MINUTE)
    assert (stop.reason, stop.is_final) == (Reason.CHART_CONTENT_CHANGED, True)
    assert "sha256:two instead of sha256:one" in stop.why
    fetches = room.outside.asked.count("fetch")
    assert await room.stop(ledger, 5 * MINUTE) == stop
    assert room.outside.asked.count("fetch") == fetches
    room.outside.fetching = Transient("The registry is away.")
    assert await room.stop(ledger, 5 * MINUTE) == stop
    room.outside.fetching, room.outside.digest = None, "sha256:one"
    assert isinstance((await room.prepare(ledger, 10 * MINUTE)).desired, Desired)
    assert isinstance((await room.prepare(ledger, MINUTE)).desired, Desired)


def told(reason: str, status: str = "False", generation: int = 1) -> dict[str, Any]:
    """A status that another process has left."""
    ready = {"type": "Ready", "status": status, "reason": reason, "observedGeneration": generation}
    return {"conditions": [ready]}


async def restarted(status: dict[str, Any], digest: str = "sha256:two") -> tuple[Room, Ledger]:
    """A new process, which knows what runs from the ledger and what was told from the status."""
    ledger = running(await Room().desired())
    room = Room()
    room.case.body["status"] = status
    room.outside.digest = digest
    return room, ledger


async def test_other_content_is_told_by_the_next_process_at_once() -> None:
    room, ledger = await restarted(told("ChartContentChanged"))
    stop = await room.stop(ledger)
    assert "sha256:two instead of sha256:one" in stop.why
    assert await room.stop(ledger, MINUTE) == stop
    assert room.outside.asked == ["fetch"]


async def test_content_that_is_the_first_again_is_seen_by_the_next_process_at_once() -> None:
    room, ledger = await restarted(told("ChartContentChanged"), "sha256:one")
    assert isinstance((await room.prepare(ledger)).desired, Desired)
    assert room.outside.asked == ["fetch"]


async def test_other_content_stays_told_while_the_next_process_cannot_ask() -> None:
    room, ledger = await restarted(told("ChartContentChanged"))
    room.outside.fetching = Transient("The registry is away.")
    stop = await room.stop(ledger)
    assert (stop.reason, "has not answered" in stop.why) == (Reason.CHART_CONTENT_CHANGED, True)
    assert await room.stop(ledger, MINUTE) == stop
    room.outside.fetching = None
    assert "instead of sha256:one" in (await room.stop(ledger, 10 * MINUTE)).why


async def test_what_was_told_of_another_spec_is_looked_at_and_not_believed() -> None:
    room, ledger = await restarted(told("ChartContentChanged", generation=0))
    room.outside.fetching = Transient("The registry is away.")
    assert isinstance((await room.prepare(ledger)).desired, Desired)
    assert room.outside.asked == ["fetch"]


async def test_other_content_is_told_at_once_after_a_suspension_and_a_restart() -> None:
    room, ledger = await restarted(told("Suspended"))
    assert (await room.stop(ledger)).reason is Reason.CHART_CONTENT_CHANGED


@pytest.mark.parametrize("status", [{}, told("Proven", "True"), told("Suspended", "True"), told("RolledBack")])
async def test_no_registry_is_asked_at_a_start_for_what_nobody_doubted(status: dict[str, Any]) -> None:
    room, ledger = await restarted(status)
    assert isinstance((await room.prepare(ledger)).desired, Desired)
    assert room.outside.asked == []
    assert (await room.stop(ledger, 10 * MINUTE)).reason is Reason.CHART_CONTENT_CHANGED


async def test_a_pass_that_comes_a_little_early_looks_all_the_same() -> None:
    room, ledger = await restarted({})
    await room.prepare(ledger)
    assert (await room.stop(ledger, 9 * MINUTE)).reason is Reason.CHART_CONTENT_CHANGED


async def test_new_content_that_is_meant_is_pinned_by_its_digest() -> None:
    room = Room()
    ledger = running(await room.desired())
    room.outside.digest = "sha256:two"
    await room.prepare(ledger)
    await room.stop(ledger, 10 * MINUTE)
    room.case = replace(case(chart={**PIN, "digest": "sha256:" + "2" * 64}), now=room.case.now)
    assert isinstance((await room.prepare(ledger)).desired, Desired)


@pytest.mark.parametrize("trouble", [Transient("The registry is away."), ChartUnknown("spec.chart", "is gone.")])
async def test_a_registry_that_is_away_does_not_trouble_a_release_that_runs(trouble: LandlordFailure) -> None:
    room = Room()
    ledger = running(await room.desired())
    room.outside.fetching = trouble
    await room.prepare(ledger)
    assert isinstance((await room.prepare(ledger, 10 * MINUTE)).desired, Desired)


FAILURES = [
    (HelmFailed(HelmTrouble.RENDER, "It fails."), Reason.RENDER_FAILED, True),
    (HelmFailed(HelmTrouble.SCHEMA, "It says no."), Reason.SCHEMA_INVALID, True),
    (HelmFailed(HelmTrouble.KILLED, "It was killed."), Reason.RENDER_FAILED, True),
    (SpecFault("spec.values", "are wrong."), Reason.VALUES_ERROR, True),
    (NotYet("A moment.", 3 * MINUTE), Reason.PROGRESSING, False),
    (Forbidden("No."), Reason.FORBIDDEN, True),
    (Invalid("No."), Reason.CHART_FETCH_FAILED, True),
]


@pytest.mark.parametrize(("failure", "reason", "is_final"), FAILURES, ids=lambda each: getattr(each, "why", str(each)))
async def test_what_goes_wrong_while_rendering_has_its_reason(
    failure: LandlordFailure, reason: Reason, is_final: bool
) -> None:
    room = Room()
    room.outside.rendering = failure
    stop = await room.stop()
    assert (stop.reason, stop.why, stop.is_final) == (reason, failure.why, is_final)
    assert stop.after == (3 * MINUTE if isinstance(failure, NotYet) else 5 * MINUTE)


FETCHES = [
    (ChartUnknown("spec.chart.version", "There is no 1.0.0."), Reason.CHART_FETCH_FAILED, True),
    (ChartDigestMismatch("spec.chart.digest", "It is another."), Reason.CHART_DIGEST_MISMATCH, True),
    (Transient("The registry is away."), Reason.REGISTRY_UNAVAILABLE, False),
]


@pytest.mark.parametrize(("failure", "reason", "is_final"), FETCHES, ids=lambda each: getattr(each, "why", str(each)))
async def test_a_chart_that_cannot_be_had_has_its_reason(
    failure: LandlordFailure, reason: Reason, is_final: bool
) -> None:
    room = Room()
    room.outside.fetching = failure
    stop = await room.stop()
    assert (stop.reason, stop.is_final) == (reason, is_final)
    assert failure.why in stop.why


async def test_trouble_of_the_api_server_is_nobodys_fault_and_raised() -> None:
    room = Room(valuesFrom=[{"kind": "ConfigMap", "name": "settings"}])
    room.texts.failure = Transient("The API server is away.")
    with pytest.raises(Transient):
        await room.prepare()


async def test_a_chart_from_a_place_that_is_not_permitted_is_not_asked_for() -> None:
    room = Room()
    room.outside.sources = ("oci://registry.example.org/team",)
    stop = await room.stop()
    assert (stop.reason, room.outside.asked) == (Reason.CHART_SOURCE_FORBIDDEN, [])
    assert "has: oci://registry.example.org/team" in stop.why


@pytest.mark.parametrize("is_served", [True, False])
async def test_crds_that_a_chart_ships_must_be_there_already(is_served: bool) -> None:
    room = Room()
    room.outside.crds = (ShippedCrd("widgets.example.com", "Widget", "example.com", ("v1alpha1", "v1")),)
    if is_served:
        room.outside.kinds["example.com/v1", "Widget"] = True
        await room.desired()
        return
    stop = await room.stop()
    assert stop.reason is Reason.MISSING_CRD
    assert "widgets.example.com" in stop.why


OBJECTS = {
    "a record of Helm's by its name": ("v1", "Secret", "name: sh.helm.release.v1.web.v9", Reason.FORBIDDEN_OBJECTS),
    "a record by its label": ("v1", "ConfigMap", "{name: a, labels: {owner: helm}}", Reason.FORBIDDEN_OBJECTS),
    "an object of the cluster": ("v1", "Namespace", "name: mine", Reason.FORBIDDEN_OBJECTS),
    "an object elsewhere": ("v1", "ConfigMap", "{name: a, namespace: theirs}", Reason.FORBIDDEN_OBJECTS),
    "an object without a name": ("v1", "ConfigMap", "generateName: made-", Reason.RENDER_FAILED),
    "an unknown kind": ("example.com/v1", "Widget", "name: a", Reason.MISSING_CRD),
}


@pytest.mark.parametrize("what", OBJECTS)
async def test_objects_that_may_not_be_are_refused_by_name(what: str) -> None:
    version, kind, meta, reason = OBJECTS[what]
    room = Room()
    meta = meta if meta.startswith("{") else f"{{{meta}}}"
    room.outside.manifest = f"{SETTINGS}---\napiVersion: {version}\nkind: {kind}\nmetadata: {meta}\n"
    stop = await room.stop()
    assert (stop.reason, stop.is_final) == (reason, True)
    assert kind in stop.why
    assert "settings" not in stop.why


async def test_hooks_without_a_name_are_left_to_helm() -> None:
    room = Room()
    head = "metadata: {generateName: made-, annotations: {helm.sh/hook: pre-install}}"
    room.outside.manifest = f"{SETTINGS}---\napiVersion: v1\nkind: ConfigMap\n{head}\n"
    await room.desired()


async def test_a_check_that_can_never_be_carried_out_stops_before_anything_is_deployed() -> None:
    room = Room(healthChecks=[CHECK])
    for path in ("spec.healthChecks[0].http (check up)", "spec.releaseDefaults.healthChecks[0] (check up)"):
        room.outside.admitting = SpecFault(path, "names no port.")
        assert (await room.stop()).reason is Reason.INVALID_SPEC
    assert room.outside.places == {"up": Written(0)}


async def test_the_credentials_of_a_chart_come_from_its_secrets_and_are_hidden() -> None:
    room = Room(chart={**PULL["chart"], "caSecretRef": {"name": "ca"}})
    room.texts.secret("pull", username="robot", password="swordfish")
    room.texts.secret("ca", ca_crt="AUTHORITY")
    await room.prepare()
    assert room.outside.logins == [(Credentials("robot", "swordfish"), "AUTHORITY")]
    assert room.hidden.clean(REF, "robot has swordfish of AUTHORITY") == "robot has *** of ***"


ACCESS = {
    "no pull secret": ({}, Reason.WAITING_FOR_VALUES, False, "Secret pull is waited for"),
    "no password in it": ({"token": "x"}, Reason.CHART_FETCH_FAILED, True, "neither .dockerconfigjson nor username"),
    "no document": ({"_dockerconfigjson": "swordfish"}, Reason.CHART_FETCH_FAILED, True, "pullSecretRef"),
}


@pytest.mark.parametrize("what", ACCESS)
async def test_a_pull_secret_that_is_of_no_use_is_told(what: str) -> None:
    data, reason, is_final, words = ACCESS[what]
    room = Room(**PULL)
    if data:
        room.texts.secret("pull", **data)
    stop = await room.stop()
    assert (stop.reason, stop.is_final) == (reason, is_final)
    assert words in stop.why
    assert "swordfish" not in stop.why


async def test_a_certificate_that_is_not_there_is_told() -> None:
    room = Room(chart={**PIN, "caSecretRef": {"name": "ca"}})
    room.texts.secret("ca", other="x")
    stop = await room.stop()
    assert (stop.reason, "has no key ca.crt" in stop.why) == (Reason.CHART_FETCH_FAILED, True)


async def test_helm_is_told_all_words_to_hide_those_of_before_a_rotation_too() -> None:
    room = Room(valuesFrom=[{"kind": "Secret", "name": "words", "key": "password", "targetPath": "password"}])
    for word in ("swordfish", "herring"):
        room.texts.secret("words", password=word)
        await room.prepare()
    assert room.outside.secrets == {"swordfish", "herring"}


async def test_words_are_known_though_another_source_is_waited_for() -> None:
    room = Room(valuesFrom=[{"kind": "Secret", "name": "words"}, {"kind": "ConfigMap", "name": "late"}])
    room.texts.secret("words", values_yaml="password: swordfish")
    assert (await room.stop()).reason is Reason.WAITING_FOR_VALUES
    assert "swordfish" in room.hidden.of(REF)


async def test_a_release_that_goes_away_learns_what_must_not_be_said_of_it() -> None:
    room = Room(valuesFrom=[{"kind": "Secret", "name": "words"}])
    await room.preparation.learn_secrets(room.case)
    assert room.hidden.of(REF) == frozenset()
    room.texts.secret("words", values_yaml="password: swordfish")
    await room.preparation.learn_secrets(room.case)
    assert "swordfish" in room.hidden.of(REF)
    reads = len(room.texts.reads)
    await room.preparation.learn_secrets(room.case)
    await room.preparation.learn_secrets(replace(room.case, tenant=""))
    assert len(room.texts.reads) == reads
    room.preparation.forget(REF)
    assert room.hidden.of(REF) == frozenset()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tenant": ""}, Reason.NOT_A_TENANT_NAMESPACE),
        ({"tenant": "", "orphaned_from": "shop"}, Reason.NOT_A_TENANT_NAMESPACE),
        ({"rival": "older"}, Reason.RELEASE_NAME_TAKEN),
        ({"release": None, "fault": "spec.chart: is missing."}, Reason.INVALID_SPEC),
    ],
)
async def test_where_nothing_can_ever_be_deployed_nothing_is_read(change: dict[str, Any], reason: Reason) -> None:
    room = Room(valuesFrom=[{"kind": "Secret", "name": "words"}])
    room.case = replace(room.case, **change)
    stop = await room.stop()
    assert (stop.reason, stop.is_final, room.texts.reads) == (reason, True, [])
