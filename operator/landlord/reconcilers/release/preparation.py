"""What is to be deployed: the chart fetched, the values merged, the result rendered and looked through.

The same inputs are rendered once: the ledger notes what a desired state was made of, so after a restart nothing is
fetched or rendered for a release that is as it should be.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

from landlord.api.conditions import Reason
from landlord.api.failures import Forbidden, HelmFailed, LandlordFailure, NotYet, Refused, SpecFault, Transient
from landlord.api.refs import Ref
from landlord.api.releases import Chart, ChartSource
from landlord.clients.charts.client import Charts
from landlord.clients.charts.faults import ChartDigestMismatch, ChartFault
from landlord.clients.charts.flights import Flights
from landlord.clients.cluster import Cluster
from landlord.clients.discovery import Discovery
from landlord.clients.helm.client import Helm
from landlord.clients.probes.looks import Target
from landlord.core.release import rendered
from landlord.core.release.facts import Unprepared
from landlord.core.release.guilt import GUILTY
from landlord.core.release.ledger import Desired, Ledger
from landlord.core.release.rendered import Rendered
from landlord.core.release.sources import chart_permitted, permitted
from landlord.reconcilers.release.access import credentials_of, trusted
from landlord.reconcilers.release.case import Case, homeless
from landlord.reconcilers.release.content import Content
from landlord.reconcilers.release.hidden import Hidden
from landlord.reconcilers.release.layers import Layers, NotPrepared, layers
from landlord.reconcilers.release.looks import is_of_check
from landlord.reconcilers.release.probing import Prober
from landlord.reconcilers.release.texts import documents
from landlord.reconcilers.release.wanted import checks_of, desired_of, inputs_of, pin_name, places_of, spec_of

RENDERS: Final = 8
"""Charts rendered at once."""
OF_ONE_TENANT: Final = 2
"""Of one tenant's charts so many are rendered at once: a template may take a minute, and others do not wait for it."""
REMEMBERED: Final = 512
"""Prepared releases kept in memory; each holds a chart's path and what was rendered."""


class Sources(Protocol):
    """The part of a Tenant's policies that says where charts may come from."""

    def chart_sources(self, tenant: str, environment: str) -> tuple[str, ...] | None:
        """Permitted places, None when all are."""


@dataclass(frozen=True, slots=True)
class Package:
    """All that a deploy needs."""

    desired: Desired
    chart: Chart
    layers: Layers
    rendered: tuple[Rendered, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is wanted; ``pins`` is the ledger's pin to note, as name and digest."""

    desired: Desired | Unprepared
    layers: Layers | None = None
    pin: tuple[str, str] | None = None


class Preparation:
    """Prepares releases. Its memory holds only what can be made again."""

    def __init__(
        self,
        cluster: Cluster,
        charts: Charts,
        helm: Helm,
        discovery: Discovery,
        sources: Sources,
        prober: Prober,
        hidden: Hidden,
    ) -> None:
        self._cluster = cluster
        self._charts = charts
        self._helm = helm
        self._discovery = discovery
        self._sources = sources
        self._prober = prober
        self._packages: OrderedDict[Ref, Package] = OrderedDict()
        self._renders = asyncio.Semaphore(RENDERS)
        self._tenants = Flights(OF_ONE_TENANT)
        self._content = Content()
        self._hidden = hidden

    def forget(self, ref: Ref) -> None:
        """Drop what is remembered of a release that is gone."""
        self._packages.pop(ref, None)
        self._content.forget(ref)
        self._hidden.forget(ref)

    async def learn_secrets(self, case: Case) -> None:
        """Know what must not be said of a release that goes away, as far as its Secrets can still be read."""
        if case.release is None or not case.tenant or self._hidden.of(case.ref):
            return
        try:
            await self._layers(case)
        except (NotPrepared, LandlordFailure):
            return

    async def prepare(self, case: Case, ledger: Ledger) -> Prepared:
        """What is wanted, or why that cannot be said."""
        stop = homeless(case)
        if stop is not None:
            return Prepared(stop)
        try:
            merged = await self._layers(case)
            inputs = inputs_of(case, merged)
            known = _known(ledger, inputs) or self._remembered(case.ref, inputs)
            if known is not None:
                await self._content.see_same(case, inputs, partial(self._fetch, case, ledger))
                return Prepared(known, merged)
            package = await self._package(case, ledger, merged, inputs)
        except NotPrepared as stop_:
            after = timedelta(minutes=5) if stop_.is_final else timedelta(seconds=30)
            return Prepared(Unprepared(stop_.reason, stop_.why, stop_.is_final, after))
        except LandlordFailure as failure:
            return Prepared(_unprepared(failure))
        return Prepared(package.desired, merged, (pin_name(case), package.chart.digest))

    async def _layers(self, case: Case) -> Layers:
        """The values; what of them is secret is hidden from here on, whether the rest can be read or not."""
        return await layers(case, self._cluster.acting_as(case.deployer), partial(self._hidden.learn, case.ref))

    async def package(self, case: Case, ledger: Ledger, desired: Desired, merged: Layers) -> Package:
        """All that deploying ``desired`` needs; raises ``NotPrepared`` and ``LandlordFailure``."""
        known = self._packages.get(case.ref)
        if known is not None and known.desired == desired:
            return replace(known, layers=merged)
        return await self._package(case, ledger, merged, desired.inputs)

    def _remembered(self, ref: Ref, inputs: str) -> Desired | None:
        known = self._packages.get(ref)
        return known.desired if known is not None and known.desired.inputs == inputs else None

    async def _package(self, case: Case, ledger: Ledger, merged: Layers, inputs: str) -> Package:
        chart = await self._fetch(case, ledger)
        await self._see_crds(chart)
        capabilities = await self._discovery.capabilities()
        async with self._tenants.turn(case.tenant or case.namespace), self._renders:
            text = await self._helm.render(
                chart,
                case.release_name,
                case.namespace,
                merged.values,
                capabilities,
                upgrade=ledger.running is not None,
                secrets=self._hidden.of(case.ref),
            )
        found = rendered.parse(documents(text))
        await self._look_through(case, found)
        target = Target(case.namespace, case.release_name, case.namespaces)
        await self._prober.admit(checks_of(case), target, places_of(case))
        package = Package(desired_of(case, chart, merged, found, inputs), chart, merged, found)
        self._packages.pop(case.ref, None)
        self._packages[case.ref] = package
        if len(self._packages) > REMEMBERED:
            self._packages.popitem(last=False)
        return package

    async def _fetch(self, case: Case, ledger: Ledger) -> Chart:
        pin = spec_of(case).chart
        allowed = self._sources.chart_sources(case.tenant, case.environment_name)
        url = f"{pin.repository.rstrip('/')}/{pin.name}"
        if not chart_permitted(pin.repository, pin.name, allowed):
            listed = ", ".join(allowed or ())
            why = f"Charts from {url} are not permitted; policies.chartSources of the Tenant has: {listed}."
            raise NotPrepared(Reason.CHART_SOURCE_FORBIDDEN, why)
        acting = self._cluster.acting_as(case.deployer)
        source = ChartSource(pin.repository, pin.name, pin.version, pin.digest)
        learn = partial(self._hidden.learn, case.ref)
        login = await credentials_of(acting, case.namespace, pin, learn)
        ca = await trusted(acting, case.namespace, pin, learn)
        try:
            chart = await self._charts.fetch(
                source, login, ca, permits=lambda place: permitted(place, allowed), tenant=case.tenant
            )
        except Transient as trouble:
            why = f"{trouble.why} What runs keeps running."
            raise NotPrepared(Reason.REGISTRY_UNAVAILABLE, why, is_final=False) from trouble
        first = ledger.pins.get(pin_name(case))
        if pin.digest is None and first is not None and first != chart.digest:
            why = (
                f"Chart {pin.name} {pin.version} has other content than when it was first seen: {chart.digest} "
                f"instead of {first}. What runs keeps running. Publish it as a new version, or set spec.chart.digest "
                "to say that the new content is meant."
            )
            raise NotPrepared(Reason.CHART_CONTENT_CHANGED, why)
        return chart

    async def _see_crds(self, chart: Chart) -> None:
        """A chart's CRDs are never installed; they must be there."""
        shipped = (await self._helm.contents(chart)).crds
        missing = []
        for crd in shipped:
            served = [await self._discovery.resource(f"{crd.group}/{version}", crd.kind) for version in crd.versions]
            if not any(served):
                missing.append(crd.name)
        if missing:
            names = ", ".join(missing)
            why = f"The chart ships CRDs that the cluster does not have: {names}. The platform must install them."
            raise NotPrepared(Reason.MISSING_CRD, why)

    async def _look_through(self, case: Case, found: tuple[Rendered, ...]) -> None:
        """Refuse, by name, what a release of this namespace may not hold; nothing was changed yet."""
        await self._discovery.learn({(each.api_version, each.kind) for each in found})
        forged = [str(each) for each in found if _is_record(each)]
        if forged:
            what = ", ".join(forged[:10])
            why = f"The chart renders records of releases, which only Helm may write: {what}. Take them out of it."
            raise NotPrepared(Reason.FORBIDDEN_OBJECTS, why)
        beyond = rendered.foreign(found, case.namespace, self._discovery.is_namespaced)
        if beyond:
            what = ", ".join(beyond[:10])
            why = f"The chart renders objects outside namespace {case.namespace}: {what}. Take them out of the chart."
            raise NotPrepared(Reason.FORBIDDEN_OBJECTS, why)
        nameless = [str(each) for each in found if not each.is_hook and _is_nameless(each)]
        if nameless:
            what = ", ".join(nameless[:10])
            why = f"The chart renders objects with generateName, which Helm cannot deploy: {what}. Give them names."
            raise NotPrepared(Reason.RENDER_FAILED, why)
        unknown = rendered.unserved(found, self._discovery.is_namespaced)
        if unknown:
            what = ", ".join(unknown[:10])
            why = f"The cluster does not know the kinds of: {what}. The platform must install their CRDs."
            raise NotPrepared(Reason.MISSING_CRD, why)


def _is_record(each: Rendered) -> bool:
    """Whether it would pass for one of Helm's records: the deployer may write those, so a chart could forge them."""
    labels = (each.obj.get("metadata") or {}).get("labels") or {}
    is_named_so = each.name.startswith("sh.helm.release.")
    is_typed_so = each.obj.get("type") == "helm.sh/release.v1" or labels.get("owner") == "helm"
    return each.kind in ("Secret", "ConfigMap") and (is_named_so or is_typed_so)


def _is_nameless(each: Rendered) -> bool:
    """Whether the API server would name it: Helm finds no such object again, so it refuses them half-way through."""
    return not (each.obj.get("metadata") or {}).get("name")


def _known(ledger: Ledger, inputs: str) -> Desired | None:
    """A desired state of the ledger that was made of the same inputs."""
    attempt = ledger.attempt.desired if ledger.attempt else None
    entries = [each.desired for each in (ledger.running, ledger.proven, ledger.held) if each is not None]
    candidates = [*([attempt] if attempt else []), *entries]
    return next((desired for desired in candidates if desired.inputs == inputs), None)


def _unprepared(failure: LandlordFailure) -> Unprepared:
    match failure:
        case HelmFailed(trouble=trouble, why=why):
            return Unprepared(GUILTY.get(trouble, Reason.RENDER_FAILED), why, is_final=True)
        case ChartDigestMismatch():
            return Unprepared(Reason.CHART_DIGEST_MISMATCH, failure.why, is_final=True)
        case ChartFault():
            return Unprepared(Reason.CHART_FETCH_FAILED, failure.why, is_final=True)
        case SpecFault(path=path):
            reason = Reason.INVALID_SPEC if is_of_check(path) else Reason.VALUES_ERROR
            return Unprepared(reason, failure.why, is_final=True)
        case NotYet(after=after):
            return Unprepared(Reason.PROGRESSING, failure.why, is_final=False, after=after)
        case Forbidden():
            return Unprepared(Reason.FORBIDDEN, failure.why, is_final=True)
        case Refused():
            return Unprepared(Reason.CHART_FETCH_FAILED, failure.why, is_final=True)
        case Transient():
            raise failure
        case _:
            return Unprepared(Reason.CHART_FETCH_FAILED, failure.why, is_final=False)
