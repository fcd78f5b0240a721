"""ConfigMaps that releases take values from are kept in sight, so that a change is acted on at once.

Secrets are not: they are read when a release is looked at, and what External Secrets rotates is seen there.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from landlord.api.apprelease import SourceKind
from landlord.api.refs import APPRELEASES, CONFIG_MAPS, Ref, Resource
from landlord.clients.cluster import Object
from landlord.core.release.values import canonical_digest
from landlord.reconcilers.release.case import Case

KIND: Final = f"{APPRELEASES.kind}Sources"
"""Under which a release holds its sources, beside the objects that it holds while an attempt is in flight."""


class Holds(Protocol):
    """The part of ``Scopes`` that starts and ends watches, and tells what they see."""

    def hold(self, ref: Ref, namespace: str, resources: Sequence[Resource]) -> None:
        """Keep these kinds in sight."""

    def release(self, ref: Ref) -> None:
        """They are needed no more."""

    def objects(self, namespace: str, resource: Resource) -> Mapping[str, Object] | None:
        """What is seen, by name; None when the kind is not in sight."""


def watcher_of(ref: Ref) -> Ref:
    """The release that is to be woken when what ``ref`` holds has changed."""
    return Ref(APPRELEASES.kind, ref.namespace, ref.name)


class Sources:
    """Which ConfigMaps each release names, and what was last seen in them."""

    def __init__(self, holds: Holds) -> None:
        self._holds = holds
        self._names: dict[Ref, frozenset[str]] = {}
        self._seen: dict[Ref, Mapping[str, str]] = {}

    def keep_in_sight(self, case: Case) -> None:
        """Hold what the spec names, and nothing when it names none; the same again changes nothing."""
        named = config_maps(case) if case.tenant and not case.is_deleting else frozenset()
        if not named:
            self.drop(case.ref)
            return
        ref = _holder(case.ref)
        self._names[ref] = named
        self._holds.hold(ref, case.namespace, [CONFIG_MAPS])

    def drop(self, ref: Ref) -> None:
        """The release is gone, or names none any more."""
        holder = _holder(ref)
        self._names.pop(holder, None)
        self._seen.pop(holder, None)
        self._holds.release(holder)

    def is_news(self, ref: Ref) -> bool:
        """Whether a change of what ``ref`` holds means anything to it: other ConfigMaps may change every second."""
        if ref.kind != KIND:
            return True
        there = self._holds.objects(ref.namespace or "", CONFIG_MAPS)
        if there is None:
            return True
        found = {name: canonical_digest(there[name].get("data")) for name in self._names.get(ref, ()) if name in there}
        before, self._seen[ref] = self._seen.get(ref), found
        return before != found


def config_maps(case: Case) -> frozenset[str]:
    """The ConfigMaps that values or variables come from."""
    if case.release is None:
        return frozenset()
    spec = case.release.spec
    values = {each.name for each in spec.values_from if each.kind is SourceKind.CONFIG_MAP}
    variables = spec.substitute.sources if spec.substitute else ()
    return frozenset(values | {each.name for each in variables if each.kind is SourceKind.CONFIG_MAP})


def _holder(ref: Ref) -> Ref:
    return Ref(KIND, ref.namespace, ref.name)
