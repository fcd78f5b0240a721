"""What is wanted, as digests: the same inputs give the same desired state, and so the same attempt."""

from collections.abc import Mapping
from typing import Any, Final

from landlord.api.apprelease import AppReleaseSpec
from landlord.api.checks import HealthCheck
from landlord.api.conditions import Reason
from landlord.api.releases import Chart
from landlord.core.release import identity, rendered
from landlord.core.release.ledger import Desired
from landlord.core.release.rendered import Rendered
from landlord.core.release.values import canonical_digest
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.layers import Layers, NotPrepared
from landlord.reconcilers.release.looks import Written

MOST: Final = 32
LONGEST: Final = 256
"""Images noted of a desired state, and letters of each: people look at them, and a ledger must fit its ConfigMap."""


def checks_of(case: Case) -> tuple[HealthCheck, ...]:
    """The Environment's checks and the release's own, which replace those of the same name."""
    defaults = case.environment.spec.release_defaults if case.environment else None
    own = {check.name: check for check in spec_of(case).health_checks} if case.release else {}
    merged = {check.name: check for check in (defaults.health_checks if defaults else ())} | own
    return tuple(merged.values())


def places_of(case: Case) -> Mapping[str, Written]:
    """Where each of these checks stands, by its name."""
    defaults = case.environment.spec.release_defaults if case.environment else None
    theirs = enumerate(defaults.health_checks if defaults else ())
    own = enumerate(spec_of(case).health_checks if case.release else ())
    return {check.name: Written(index, case.environment_name) for index, check in theirs} | {
        check.name: Written(index) for index, check in own
    }


def spec_of(case: Case) -> AppReleaseSpec:
    """The spec; raises ``NotPrepared`` when it is not understood."""
    if case.release is None:
        raise NotPrepared(Reason.INVALID_SPEC, case.fault)
    return case.release.spec


def shared(case: Case) -> Mapping[str, Any]:
    """The inputs that may not differ between environments."""
    spec = spec_of(case)
    substitute = spec.substitute
    return {
        "values": spec.values,
        "image": spec.image.model_dump() if spec.image else None,
        "substitute": substitute.model_dump(mode="json") if substitute else None,
    }


def proof(case: Case) -> Mapping[str, Any]:
    """What must hold for a proof: another one is another attempt."""
    spec = spec_of(case)
    return {
        "checks": [check.model_dump(mode="json", exclude_defaults=True) for check in checks_of(case)],
        "test": spec.test.enabled,
        "bake": case.wish.bake.total_seconds(),
    }


def inputs_of(case: Case, merged: Layers) -> str:
    """Digest of all that a desired state is made of, short of the chart's content."""
    spec = spec_of(case)
    pin = {"repository": spec.chart.repository, "name": spec.chart.name, "version": spec.chart.version}
    parts = {
        "chart": pin | {"digest": spec.chart.digest},
        "release": case.release_name,
        "values": merged.values,
        "shared": shared(case),
        "proof": proof(case),
        "retry": case.retry_at,
    }
    return identity.short(canonical_digest(parts))


def desired_of(case: Case, chart: Chart, merged: Layers, found: tuple[Rendered, ...], inputs: str) -> Desired:
    """What is wanted, as digests."""
    images = rendered.images(found)
    values_digest = canonical_digest(merged.values)
    candidate = identity.candidate(chart.digest, images, shared(case))
    return Desired(
        key=identity.attempt_key(candidate, values_digest, proof(case), case.retry_at),
        candidate=candidate,
        digest=identity.desired(chart.digest, values_digest, case.release_name),
        values_digest=values_digest,
        chart_digest=chart.digest,
        chart_version=chart.version,
        app_version=chart.app_version,
        images=tuple(image[:LONGEST] for image in images[:MOST]),
        inputs=inputs,
    )


def pin_name(case: Case) -> str:
    """By what the ledger remembers the content of a chart's version."""
    pin = spec_of(case).chart
    return f"{pin.repository.rstrip('/')}/{pin.name}:{pin.version}"
