"""A case as a pass would open it, and a namespace in memory that ConfigMaps and Secrets are read from."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from landlord.api.apprelease import AppRelease
from landlord.api.environment import Environment
from landlord.api.failures import LandlordFailure
from landlord.api.refs import Ref, Resource
from landlord.core.release.ledger import Desired
from landlord.reconcilers.release.case import Case

Object = dict[str, Any]

REF = Ref("AppRelease", "shop-dev", "web")
THEN = datetime(2026, 1, 1, tzinfo=UTC)
PIN = {"repository": "https://charts.example.org", "name": "web", "version": "1.0.0"}
WANTED = Desired("key", "candidate", "digest", "values", "sha256:c0ffee", "1.0.0", inputs="inputs")


def body(**spec: Any) -> Object:
    """An AppRelease as stored."""
    meta = {"name": "web", "namespace": "shop-dev", "uid": "u1", "generation": 1, "resourceVersion": "1"}
    return {
        "apiVersion": "landlord.dev/v1alpha1",
        "kind": "AppRelease",
        "metadata": meta,
        "spec": {"chart": PIN, **spec},
    }


def case(environment: Object | None = None, **spec: Any) -> Case:
    """Release ``web`` of tenant ``shop`` in Environment ``dev``, whose spec is ``environment``."""
    stored = body(**spec)
    where = Environment.model_validate({"spec": {"tier": "development", **(environment or {})}})
    return Case(
        ref=REF,
        body=stored,
        now=THEN,
        release=AppRelease.model_validate({"spec": stored["spec"]}),
        fault="",
        tenant="shop",
        environment_name="dev",
        environment=where,
        closed=None,
        is_namespace_leaving=False,
    )


@dataclass
class Texts:
    """A namespace's ConfigMaps and Secrets; who reads them is noted."""

    objects: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    failure: LandlordFailure | None = None
    readers: set[str] = field(default_factory=set)
    reads: list[str] = field(default_factory=list)

    def acting_as(self, user: str) -> Self:
        self.readers.add(user)
        return self

    def config_map(self, name: str, **data: str) -> None:
        """Keys are written with underscores for dots: ``values_yaml``."""
        self.objects["ConfigMap", name] = {key.replace("_", "."): text for key, text in data.items()}

    def secret(self, name: str, **data: str) -> None:
        packed = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        self.objects["Secret", name] = {key.replace("_", "."): text for key, text in packed.items()}

    async def get(self, resource: Resource, name: str, namespace: str | None = None) -> Object | None:
        assert namespace == "shop-dev"
        self.reads.append(f"{resource.kind}/{name}")
        if self.failure is not None:
            raise self.failure
        data = self.objects.get((resource.kind, name))
        return None if data is None else {"metadata": {"name": name}, "data": data}
