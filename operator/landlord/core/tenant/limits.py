"""The LimitRange, with container defaults wherever a compute quota would refuse pods that set none.

What the API server would fill in by itself is written out (``SetDefaults_LimitRangeItem`` of k8s.io/kubernetes: max
gives default, default gives defaultRequest, min gives defaultRequest), so that wanted and stored are the same.
"""

from decimal import Decimal

from landlord.api.body import ClaimLimits, ContainerLimits, PodLimits
from landlord.api.refs import LIMIT_RANGES
from landlord.core.manifest import Desired, Object, desired
from landlord.core.quantity import canonical, number
from landlord.core.tenant.place import Place

_DEFAULTS = {
    "cpu": ("100m", "500m"),
    "memory": ("128Mi", "512Mi"),
    "ephemeral-storage": ("256Mi", "2Gi"),
}
"""Request and limit of a container that says nothing, by resource."""


def plan(place: Place) -> tuple[Desired, ...]:
    """At most one LimitRange, none when there is nothing to say."""
    said = place.body.limits
    container = _container(said.container if said else None, _counted(place))
    pod = _bounds("Pod", said.pod if said else None)
    claim = _bounds("PersistentVolumeClaim", said.persistent_volume_claim if said else None)
    items = [item for item in (container, pod, claim) if len(item) > 1]
    if not items:
        return ()
    return (desired(LIMIT_RANGES, "landlord", place.namespace, labels=place.labels, spec={"limits": items}),)


def _counted(place: Place) -> dict[str, tuple[bool, bool]]:
    """For each compute resource of the quotas: whether requests, and whether limits, must be set by every pod."""
    quota = place.body.quota
    if quota is None:
        return {}
    keys = {*(quota.hard or {}), *(key for scoped in quota.scopes or () for key in scoped.hard)}
    counted = {name: (name in keys or f"requests.{name}" in keys, f"limits.{name}" in keys) for name in _DEFAULTS}
    return {name: needs for name, needs in counted.items() if any(needs)}


def _container(said: ContainerLimits | None, counted: dict[str, tuple[bool, bool]]) -> Object:
    item = _bounds("Container", said)
    default, request = dict(item.get("default", {})), dict(item.get("defaultRequest", {}))
    lowest, highest = item.get("min", {}), item.get("max", {})
    for name, (request_counts, limit_counts) in counted.items():
        wanted_request, wanted_limit = _DEFAULTS[name]
        if limit_counts and name not in default and name not in highest:
            default[name] = _clamped(wanted_limit, request.get(name) or lowest.get(name), None)
        if request_counts and name not in request:
            request[name] = _clamped(wanted_request, lowest.get(name), default.get(name) or highest.get(name))
    _fill(default, highest)
    _fill(request, default)
    _fill(request, lowest)
    filled = {"default": default, "defaultRequest": request}
    return item | {key: value for key, value in filled.items() if value}


def _clamped(value: str, at_least: str | None, at_most: str | None) -> str:
    amount: Decimal = number(value)
    if at_most is not None and amount > number(at_most):
        return at_most
    if at_least is not None and amount < number(at_least):
        return at_least
    return canonical(value)


def _fill(into: dict[str, str], source: dict[str, str]) -> None:
    for key, value in source.items():
        into.setdefault(key, value)


def _bounds(kind: str, said: ContainerLimits | PodLimits | ClaimLimits | None) -> Object:
    """One LimitRange item with canonical quantities; only its type when nothing is said."""
    lists = said.model_dump(by_alias=True, exclude_none=True) if said else {}
    return {"type": kind} | {
        key: {name: canonical(value) for name, value in sorted(values.items())}
        for key, values in lists.items()
        if values
    }
