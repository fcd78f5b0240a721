"""Health checks as they are carried out: what the spec left open filled in, PromQL narrowed, faults named."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from landlord.api.checks import CheckPolicy, HealthCheck
from landlord.api.failures import SpecFault
from landlord.clients.probes.looks import Look, Target, filled
from landlord.core import intervals
from landlord.core.health import promql
from landlord.core.health.checks import CheckSpec

_FIELD: Final = "spec.healthChecks"
_THEIRS: Final = "spec.releaseDefaults.healthChecks"


@dataclass(frozen=True, slots=True)
class Written:
    """Where a check stands: at which place of the release's own list, or of its Environment's."""

    index: int
    environment: str = ""

    @property
    def path(self) -> str:
        """The field."""
        return f"{_THEIRS if self.environment else _FIELD}[{self.index}]"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a check is looked at: for the first time after ``delay``, then every ``interval``."""

    delay: timedelta
    interval: timedelta


@dataclass(frozen=True, slots=True)
class _Defaults:
    interval: int
    delay: int
    timeout: int
    on_error: CheckPolicy
    forgiven: int | None
    too_many_in_a_row: int | None


_DEFAULTS: Final[Mapping[str, _Defaults]] = {
    "http": _Defaults(interval=10, delay=5, timeout=5, on_error=CheckPolicy.FAIL, forgiven=None, too_many_in_a_row=3),
    "promql": _Defaults(
        interval=30, delay=60, timeout=10, on_error=CheckPolicy.INCONCLUSIVE, forgiven=1, too_many_in_a_row=None
    ),
    "cel": _Defaults(
        interval=5, delay=0, timeout=2, on_error=CheckPolicy.INCONCLUSIVE, forgiven=None, too_many_in_a_row=1
    ),
}


def rhythm(check: HealthCheck) -> Rhythm:
    """When to look."""
    defaults = _defaults(check)
    return Rhythm(_span(check.initial_delay, defaults.delay), _span(check.interval, defaults.interval))


def prepare(check: HealthCheck, target: Target, *, label: str = "namespace", is_baseline: bool = False) -> Look:
    """What to look at; ``SpecFault`` when the query cannot be narrowed to the namespace."""
    defaults = _defaults(check)
    latency = check.http.max_latency if check.http else None
    query = ""
    if check.promql is not None:
        query = promql.confine(filled(check.promql.query, target), target.namespace, label=label)
    return Look(
        check=check,
        timeout=_span(check.timeout, defaults.timeout),
        max_latency=intervals.parse(latency) if latency else None,
        on_error=check.on_error or defaults.on_error,
        query=query,
        is_baseline=is_baseline,
    )


@contextmanager
def named(check: HealthCheck, written: Written | None = None) -> Iterator[None]:
    """Let a ``SpecFault`` say which check it is about, and in which field that stands."""
    try:
        yield
    except SpecFault as fault:
        field = fault.path.removeprefix(_FIELD).removeprefix("[]") if fault.path.startswith(_FIELD) else ""
        owner = f" of Environment {written.environment}" if written is not None and written.environment else ""
        path = f"{written.path if written else f'{_FIELD}[]'}{field} (check {check.name}{owner})"
        raise SpecFault(path, fault.why.removeprefix(f"{fault.path}: ")) from fault


def is_of_check(path: str) -> bool:
    """Whether the path of a fault leads to a check."""
    return path.startswith((_FIELD, _THEIRS))


def spec_of(check: HealthCheck) -> CheckSpec:
    """The limits by which its samples are judged."""
    defaults = _defaults(check)
    in_a_row = check.consecutive_failure_limit
    return CheckSpec(
        name=check.name,
        failure_limit=check.failure_limit if check.failure_limit is not None else defaults.forgiven,
        consecutive_failure_limit=in_a_row if in_a_row is not None else defaults.too_many_in_a_row,
        ignores_baseline=check.ignore_baseline,
    )


def kind_of(check: HealthCheck) -> str:
    """``http``, ``promql`` or ``cel``."""
    for kind in _DEFAULTS:
        if getattr(check, kind) is not None:
            return kind
    raise SpecFault(f"{_FIELD}[]", "must have one of http, promql, cel.")


def _defaults(check: HealthCheck) -> _Defaults:
    return _DEFAULTS[kind_of(check)]


def _span(text: str | None, seconds: int) -> timedelta:
    return intervals.parse(text) if text else timedelta(seconds=seconds)
