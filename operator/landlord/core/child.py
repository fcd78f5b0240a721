"""What the caches keep of a tenant's object: identity, digest and the few facts decisions need, never the object."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from landlord.api import names
from landlord.api.refs import Ref
from landlord.core.manifest import content, digest
from landlord.core.quantity import QuantityError, number


@dataclass(frozen=True, slots=True)
class Usage:
    """Use of one resource under a quota, as the quota's status says."""

    resource: str
    used: str
    hard: str

    @property
    def is_over(self) -> bool:
        """Whether more is in use than the quota allows."""
        try:
            return number(self.used) > number(self.hard)
        except QuantityError:
            return False


@dataclass(frozen=True, slots=True)
class Child:
    """One object that carries our tenant label, as last seen."""

    ref: Ref
    uid: str
    version: int
    tenant: str
    environment: str
    digest: str
    deleting: bool
    orphaned_from: str = ""
    blockers: str = ""
    usage: tuple[Usage, ...] = ()

    @property
    def over(self) -> tuple[Usage, ...]:
        """What is used above its quota."""
        return tuple(usage for usage in self.usage if usage.is_over)

    def matters_like(self, other: "Child | None") -> bool:
        """Whether a pass would see no difference between the two; mere use of a quota makes none."""
        return (
            other is not None
            and (self.uid, self.tenant, self.environment, self.digest, self.deleting, self.blockers)
            == (other.uid, other.tenant, other.environment, other.digest, other.deleting, other.blockers)
            and [usage.resource for usage in self.over] == [usage.resource for usage in other.over]
        )


def observe(kind: str, manifest: Mapping[str, Any]) -> Child:
    """The facts of a live object. ``kind`` is given because items of a LIST do not carry it."""
    meta = manifest["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    return Child(
        ref=Ref(kind, meta.get("namespace"), meta["name"]),
        uid=meta.get("uid", ""),
        version=version_of(manifest),
        tenant=labels.get(names.LABEL_TENANT, ""),
        environment=labels.get(names.LABEL_ENVIRONMENT, ""),
        digest=digest(content(kind, manifest)),
        deleting="deletionTimestamp" in meta,
        orphaned_from=annotations.get(names.ANNOTATION_ORPHANED_FROM, ""),
        blockers=_blockers(manifest) if kind == "Namespace" else "",
        usage=_usage(manifest) if kind == "ResourceQuota" else (),
    )


def version_of(manifest: Mapping[str, Any]) -> int:
    """The resourceVersion as a number (comparable since Kubernetes 1.35, and in practice before), 0 when it is none."""
    text = str((manifest.get("metadata") or {}).get("resourceVersion", ""))
    return int(text) if text.isdigit() else 0


def _usage(manifest: Mapping[str, Any]) -> tuple[Usage, ...]:
    status = manifest.get("status") or {}
    used = status.get("used") or {}
    hard = (manifest.get("spec") or {}).get("hard") or {}
    return tuple(Usage(key, str(used[key]), str(hard[key])) for key in sorted(hard) if key in used)


def _blockers(manifest: Mapping[str, Any]) -> str:
    """What a Terminating namespace waits for, in the namespace controller's words."""
    conditions = (manifest.get("status") or {}).get("conditions") or ()
    return " ".join(
        str(condition.get("message", ""))
        for condition in conditions
        if condition.get("status") == "True" and "message" in condition
    )
