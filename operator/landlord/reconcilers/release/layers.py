"""The values of a release: every layer read and merged. What of it is secret is made known as soon as it is read."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from landlord.api.apprelease import SourceKind, ValuesSource, VariableSource
from landlord.api.conditions import Reason
from landlord.api.failures import SpecFault
from landlord.api.refs import CONFIG_MAPS, SECRETS
from landlord.clients.cluster import Cluster
from landlord.core.release import values as merging
from landlord.reconcilers.release.case import Case
from landlord.reconcilers.release.texts import decoded, loaded

Values = dict[str, Any]
Learn = Callable[[Collection[str]], None]
"""Takes note of words that came out of a Secret, before anything can be said of them."""
_TELLING: Final = 4
"""A number of more digits than this is no common one."""


class NotPrepared(Exception):
    """What to deploy cannot be said; ``is_final`` when only a person can mend it."""

    def __init__(self, reason: Reason, why: str, *, is_final: bool = True) -> None:
        super().__init__(why)
        self.reason, self.why, self.is_final = reason, why, is_final


@dataclass(frozen=True, slots=True)
class Layers:
    """Merged values."""

    values: Values = field(repr=False)


async def layers(case: Case, cluster: Cluster, learn: Learn) -> Layers:
    """All layers of the release merged, read as its deployer. Raises ``NotPrepared`` and ``LandlordFailure``."""
    if case.release is None:
        raise NotPrepared(Reason.INVALID_SPEC, case.fault)
    spec, reader = case.release.spec, _Reader(case.namespace, cluster, learn)
    try:
        sources = spec.substitute.sources if spec.substitute else ()
        filled = _Filling(await _variables(case, reader, sources) if spec.substitute else None)
        defaults = case.environment.spec.release_defaults if case.environment else None
        merged = filled(defaults.values or {}, "releaseDefaults.values of the Environment") if defaults else {}
        for index, source in enumerate(spec.values_from):
            merged = await _laid_over(merged, reader, source, f"spec.valuesFrom[{index}]", filled)
        own = spec.environment_values.get(case.environment_name) or {}
        above = [
            filled(spec.values or {}, "spec.values"),
            filled(own, f"spec.environmentValues.{case.environment_name}"),
        ]
        merged = merging.with_image(merging.merge([merged, *above]), spec.image)
    except SpecFault as fault:
        raise NotPrepared(Reason.VALUES_ERROR, str(fault)) from None
    return Layers(merged)


@dataclass(frozen=True, slots=True)
class _Filling:
    """Replaces variables in a layer; None leaves it as it is. What a Secret holds is never looked into."""

    variables: Mapping[str, str] | None = field(repr=False)

    def __call__(self, layer: Mapping[str, Any], path: str) -> Values:
        """The layer with every variable replaced; raises ``SpecFault`` that names ``path``."""
        if self.variables is None:
            return merging.merge([layer])
        return merging.substitute(merging.merge([layer]), self.variables, path)


class _Reader:
    """ConfigMaps and Secrets of one namespace, each read once."""

    def __init__(self, namespace: str, cluster: Cluster, learn: Learn) -> None:
        self._namespace = namespace
        self._cluster = cluster
        self._read: dict[tuple[SourceKind, str], Mapping[str, str] | None] = {}
        self.learn = learn

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
        self.learn(texts.values())
        return texts


async def _laid_over(below: Values, reader: _Reader, source: ValuesSource, path: str, filled: _Filling) -> Values:
    data = await reader.data(source.kind, source.name)
    if data is None or source.key not in data:
        if source.optional:
            return below
        what = f"{source.kind.value} {source.name}" + ("" if data is None else f" has no key {source.key} and")
        raise NotPrepared(Reason.WAITING_FOR_VALUES, f"{path}: {what} is waited for.", is_final=False)
    text, is_secret = data[source.key], source.kind is SourceKind.SECRET
    if source.target_path is not None:
        said = text if is_secret else filled({"text": text}, path)["text"]
        return merging.place(below, source.target_path, said, f"{path}.targetPath")
    parsed = loaded(text, f"{path}: key {source.key} of {source.kind.value} {source.name}")
    if is_secret:
        reader.learn(_scalars(parsed))
        return merging.merge([below, parsed])
    return merging.merge([below, filled(parsed, path)])


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
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return set()
    return {value} if isinstance(value, str) else {str(value), *_as_helm_says(float(value))}


def _as_helm_says(value: float) -> set[str]:
    """A number as Go's templates write it: 73519284 becomes 7.3519284e+07."""
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    if not isinstance(exponent, int):  # infinite, or no number
        return set()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    mantissa = ("-" if sign else "") + text[0] + (f".{text[1:]}" if text[1:] else "")
    power = len(digits) - 1 + exponent
    whole = {f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"}
    return whole | ({mantissa} if len(text) > _TELLING else set())
