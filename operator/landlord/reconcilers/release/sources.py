"""ConfigMaps that releases take values from are kept in sight, so that a change is acted on at once.

Secrets are not: they are read when a release is looked at, and what External Secrets rotates is seen there.
"""

from typing import Final, Protocol

from landlord.api.apprelease import SourceKind
from landlord.api.refs import APPRELEASES, CONFIG_MAPS, Ref, Resource
from landlord.reconcilers.release.case import Case

KIND: Final = f"{APPRELEASES.kind}Sources"
"""Under which a release holds its sources, beside the objects that it holds while an attempt is in flight."""


class Holds(Protocol):
    """The part of ``Scopes`` that starts and ends watches."""

    def hold(self, ref: Ref, namespace: str, resources: list[Resource]) -> None:
        """Keep these kinds in sight."""

    def release(self, ref: Ref) -> None:
        """They are needed no more."""


def watcher_of(ref: Ref) -> Ref:
    """The release that is to be woken when what ``ref`` holds has changed."""
    return Ref(APPRELEASES.kind, ref.namespace, ref.name)


def keep_in_sight(case: Case, holds: Holds) -> None:
    """Hold what the spec names, and nothing when it names none; the same again changes nothing."""
    ref = Ref(KIND, case.ref.namespace, case.ref.name)
    if names_config_maps(case) and case.tenant and not case.is_deleting:
        holds.hold(ref, case.namespace, [CONFIG_MAPS])
    else:
        holds.release(ref)


def names_config_maps(case: Case) -> bool:
    """Whether values or variables come from a ConfigMap."""
    if case.release is None:
        return False
    spec = case.release.spec
    kinds = [source.kind for source in spec.values_from]
    kinds += [source.kind for source in spec.substitute.sources] if spec.substitute else []
    return SourceKind.CONFIG_MAP in kinds


def drop(ref: Ref, holds: Holds) -> None:
    """The release is gone."""
    holds.release(Ref(KIND, ref.namespace, ref.name))
