"""ResourceQuotas: one for the namespace, one more for each scope.

One object per scope set, not one per item: kubernetes#141904 lets pods past a quota when an unrelated quota object of
the same namespace meets a conflict.
"""

from landlord.api.body import ScopedQuota, ScopeMatch
from landlord.api.refs import RESOURCE_QUOTAS
from landlord.core.manifest import Desired, Object, desired
from landlord.core.quantity import canonical
from landlord.core.tenant.place import Place


def plan(place: Place) -> tuple[Desired, ...]:
    """No quota at all when nothing is limited."""
    quota = place.body.quota
    if quota is None:
        return ()
    plain = (_quota(place, "landlord", hard(quota.hard)),) if quota.hard else ()
    return plain + tuple(_scoped(place, scoped) for scoped in quota.scopes or ())


def hard(resources: dict[str, int | str] | None) -> dict[str, str]:
    """Quantities as the API server stores them."""
    return {key: canonical(value) for key, value in sorted((resources or {}).items())}


def _scoped(place: Place, scoped: ScopedQuota) -> Desired:
    selector = {"matchExpressions": [_expression(match) for match in scoped.match]}
    return _quota(place, f"landlord-{scoped.name}", hard(scoped.hard), scopeSelector=selector)


def _expression(match: ScopeMatch) -> Object:
    head: Object = {"scopeName": match.scope.value, "operator": match.operator.value}
    return head | ({"values": list(match.values)} if match.values else {})


def _quota(place: Place, name: str, limits: dict[str, str], **selector: Object) -> Desired:
    return desired(RESOURCE_QUOTAS, name, place.namespace, labels=place.labels, spec={"hard": limits, **selector})
