"""The LimitRange, with container defaults wherever a compute quota would refuse pods that set none.

What the API server would fill in by itself is written out (``SetDefaults_LimitRangeItem`` of k8s.io/kubernetes: max
gives default, default gives defaultRequest, min gives defaultRequest), so that wanted and stored are the same.
"""

from decimal import ROUND_CEILING

from landlord.api.body import ClaimLimits, ContainerLimits, PodLimits
from landlord.api.refs import LIMIT_RANGES
from landlord.core.manifest import Desired, Object, desired
from landlord.core.quantity import canonical, like, number
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
    pod = _bounds("Pod", said.pod if said else None)
    container = _container(said.container if said else None, pod, _counted(place))
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


def _container(said: ContainerLimits | None, pod: Object, counted: dict[str, tuple[bool, bool]]) -> Object:
    """The item for containers; a pod of one container that says nothing must be let in by all of it, and by ``pod``."""
    item = _bounds("Container", said)
    default, request = dict(item.get("default", {})), dict(item.get("defaultRequest", {}))
    for name, (request_counts, limit_counts) in counted.items():
        ratios = [each[_RATIO][name] for each in (item, pod) if name in each.get(_RATIO, {})]
        if name not in default and (limit_counts or ratios or name in pod.get("max", {})):
            default[name] = _limit(name, item, pod, request.get(name))
        if name not in request and request_counts:
            request[name] = _request(name, item, pod, default.get(name), ratios)
    _fill(default, item.get("max", {}))
    _fill(request, default)
    _fill(request, item.get("min", {}))
    filled = {"default": default, "defaultRequest": request}
    return item | {key: value for key, value in filled.items() if value}


_RATIO = "maxLimitRequestRatio"


def _limit(name: str, container: Object, pod: Object, request: str | None) -> str:
    """A default limit; the bounds that the API server checks against each other come last."""
    highest = container.get("max", {}).get(name)
    wanted = _at_least(highest or canonical(_DEFAULTS[name][1]), pod.get("min", {}).get(name))
    fitting = _at_most(wanted, pod.get("max", {}).get(name), highest)
    return _at_least(fitting, container.get("min", {}).get(name), request)


def _request(name: str, container: Object, pod: Object, limit: str | None, ratios: list[str]) -> str:
    """A default request, large enough for the ratio to its limit."""
    limit = limit or container.get("max", {}).get(name)
    shares = [_share(name, limit, ratio) for ratio in ratios if limit]
    wanted = _at_least(canonical(_DEFAULTS[name][0]), pod.get("min", {}).get(name), *shares)
    fitting = _at_most(wanted, pod.get("max", {}).get(name))
    return _at_most(_at_least(fitting, container.get("min", {}).get(name)), limit)


def _share(name: str, limit: str, ratio: str) -> str:
    """The least request that may go with ``limit``, of all but CPU in whole units."""
    least = number(limit) / number(ratio)
    return like(least if name == "cpu" else least.to_integral_value(ROUND_CEILING), limit)


def _at_least(value: str, *bounds: str | None) -> str:
    return max((value, *(bound for bound in bounds if bound)), key=number)


def _at_most(value: str, *bounds: str | None) -> str:
    return min((value, *(bound for bound in bounds if bound)), key=number)


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
