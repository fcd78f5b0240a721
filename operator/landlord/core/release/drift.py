"""Drift of a release: which fields are no longer as Helm applied them, who changed them, and what to apply again."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from landlord.core.manifest import Object
from landlord.core.release.rendered import Entry


@dataclass(frozen=True, slots=True)
class Ignore:
    """Fields that others may change. An empty ``api_version``, ``kind`` or ``name`` means any."""

    pointers: tuple[str, ...]
    kind: str = ""
    name: str = ""
    api_version: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs, as a JSON pointer, and the field manager that changed it."""

    pointer: str
    manager: str


@dataclass(frozen=True, slots=True)
class Drift:
    """One object that is not as Helm applied it; with no changes it is gone."""

    entry: Entry
    changes: tuple[Change, ...]
    is_gone: bool = False

    @property
    def why(self) -> str:
        """A sentence that names fields and managers, and never a value."""
        raise NotImplementedError


def autoscaled(scalers: Iterable[Mapping[str, Any]]) -> frozenset[tuple[str, str]]:
    """Kind and name of what these HorizontalPodAutoscalers (and ScaledObjects) scale."""
    raise NotImplementedError


def compare(
    entry: Entry,
    live: Mapping[str, Any] | None,
    would_be: Mapping[str, Any] | None,
    *,
    ignore: Sequence[Ignore] = (),
    scaled: Collection[tuple[str, str]] = (),
) -> Drift | None:
    """What a forced server-side dry-run of the stored object (``would_be``) would change of ``live``; None: nothing."""
    raise NotImplementedError


def correction(
    stored: Mapping[str, Any],
    live: Mapping[str, Any] | None,
    *,
    ignore: Sequence[Ignore] = (),
    scaled: Collection[tuple[str, str]] = (),
) -> Object:
    """The whole stored object to apply again, with the live values where others may change it."""
    raise NotImplementedError
