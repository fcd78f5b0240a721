"""Facts about Helm releases and charts that decisions and clients both speak of. Values only; nothing here acts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

LOCKED: Final = frozenset({"pending-install", "pending-upgrade", "pending-rollback"})
"""Statuses under which Helm refuses every other operation."""


@dataclass(frozen=True, slots=True, order=True)
class RevisionMeta:
    """One revision as the metadata of its Secret tells: enough to notice, not to decide on content."""

    number: int
    status: str
    uid: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, compare=False, hash=False)
    modified_at: int = 0


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """One revision's payload: what Helm applied and with what."""

    name: str
    namespace: str
    number: int
    status: str
    description: str
    manifest: str
    config: Mapping[str, Any]
    hooks: tuple[Mapping[str, Any], ...]
    chart_name: str
    chart_version: str
    app_version: str
    apply_method: str
    chart_files: Mapping[str, str]
    """Digest of each file of the chart, by path: to tell whether two charts are the same."""
    last_deployed: str = ""


@dataclass(frozen=True, slots=True)
class ChartSource:
    """Where a chart comes from. ``digest`` (``sha256:...``) is of the content and, if given, must match."""

    repository: str
    name: str
    version: str
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart that lies in the cache, checked. ``digest`` is of its content, whoever packed it."""

    path: str
    digest: str
    name: str
    version: str
    app_version: str = ""
    files: Mapping[str, str] = field(default_factory=dict, compare=False, hash=False)


class Outcome(StrEnum):
    """What one look at a check said."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one check. ``message`` is a sentence that holds no secret."""

    check: str
    at: datetime
    outcome: Outcome
    value: str = ""
    message: str = ""
