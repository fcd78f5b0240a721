"""The values of a release: every layer read and merged, and what of it is secret."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from landlord.api.apprelease import SourceKind, ValuesSource, VariableSource
from landlord.api.conditions import Reason
from landlord.api.failures import SpecFault
from landlord.api.refs import CONFIG_MAPS, SECRETS
from landlord.clients.cluster import Cluster
from landlord.core.release import values as merging
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.texts import decoded, loaded

Values = dict[str, Any]


class NotPrepared(Exception):
    """What to deploy cannot be said; ``is_final`` when only a person can mend it."""

    def __init__(self, reason: Reason, why: str, *, is_final: bool = True) -> None:
        super().__init__(why)
        self.reason, self.why, self.is_final = reason, why, is_final


@dataclass(frozen=True, slots=True)
class Layers:
    """Merged values. ``secrets`` are texts that must not be repeated anywhere."""

    values: Values = field(repr=False)
    secrets: frozenset[str] = field(repr=False)


async def layers(case: Case, cluster: Cluster) -> Layers:
    """All layers of the release merged, read as its deployer. Raises ``NotPrepared`` and ``LandlordFailure``."""
    if case.release is None:
        raise NotPrepared(Reason.INVALID_SPEC, case.fault)
    spec, reader = case.release.spec, _Reader(case.namespace, cluster)
    try:
        defaults = case.environment.spec.release_defaults if case.environment else None
        merged = merging.merge([defaults.values or {}]) if defaults else {}
        for index, source in enumerate(spec.values_from):
            merged = await _laid_over(merged, reader, source, f"spec.valuesFrom[{index}]")
        own = spec.environment_values.get(case.environment_name) or {}
        merged = merging.with_image(merging.merge([merged, spec.values or {}, own]), spec.image)
        if spec.substitute is not None:
            merged = merging.substitute(merged, await _variables(case, reader, spec.substitute.sources))
    except SpecFault as fault:
        raise NotPrepared(Reason.VALUES_ERROR, str(fault)) from fault
    return Layers(merged, frozenset(reader.secrets))


class _Reader:
    """ConfigMaps and Secrets of one namespace, each read once."""

    def __init__(self, namespace: str, cluster: Cluster) -> None:
        self._namespace = namespace
        self._cluster = cluster
        self._read: dict[tuple[SourceKind, str], Mapping[str, str] | None] = {}
        self.secrets: set[str] = set()

    async def data(self, kind: SourceKind, name: str) -> Mapping[str, str] | None:
        """Texts by key; None when there is no such object."""
        if (kind, name) not in self._read:
            resource = SECRETS if kind is SourceKind.SECRET else CONFIG_MAPS
            found = await self._cluster.get(resource, name, self._namespace)
            self._read[kind, name] = None if found is None else self._texts(kind, name, found)
        return self._read[kind, name]

    def _texts(self, kind: SourceKind, name: str, found: Mapping[str, Any]) -> Mapping[str, str]:
        data: Mapping[str, str] = found.get("data") or {}
        if kind is not SourceKind.SECRET:
            return data
        texts = {key: decoded(value, f"key {key} of Secret {name}") for key, value in data.items()}
        self.secrets.update(texts.values())
        return texts


async def _laid_over(below: Values, reader: _Reader, source: ValuesSource, path: str) -> Values:
    data = await reader.data(source.kind, source.name)
    if data is None or source.key not in data:
        if source.optional:
            return below
        what = f"{source.kind.value} {source.name}" + ("" if data is None else f" has no key {source.key} and")
        raise NotPrepared(Reason.WAITING_FOR_VALUES, f"{path}: {what} is waited for.", is_final=False)
    text = data[source.key]
    if source.target_path is not None:
        return merging.place(below, source.target_path, text, f"{path}.targetPath")
    parsed = loaded(text, f"{path}: key {source.key} of {source.kind.value} {source.name}")
    if source.kind is SourceKind.SECRET:
        reader.secrets.update(_scalars(parsed))
    return merging.merge([below, parsed])


async def _variables(case: Case, reader: _Reader, sources: Sequence[VariableSource]) -> dict[str, str]:
    """Lowest first: the Environment's, those of ``from`` in order, ``vars``."""
    found: dict[str, str] = dict(case.environment.spec.variables) if case.environment else {}
    for index, source in enumerate(sources):
        data = await reader.data(source.kind, source.name)
        if data is None:
            why = f"spec.substitute.from[{index}]: {source.kind.value} {source.name} is waited for."
            raise NotPrepared(Reason.WAITING_FOR_VALUES, why, is_final=False)
        found |= data
    substitute = case.release.spec.substitute if case.release else None
    return found | (dict(substitute.vars) if substitute else {})


def _scalars(value: Any) -> set[str]:
    """Every text in a Secret's values, so that none of them is repeated in an error."""
    if isinstance(value, dict):
        return set().union(*(_scalars(inner) for inner in value.values())) if value else set()
    if isinstance(value, list):
        return set().union(*(_scalars(inner) for inner in value)) if value else set()
    return {str(value)} if isinstance(value, str | int | float) and not isinstance(value, bool) else set()
