"""An operator beside CRDs that are not its own: told once, for as long as it lasts, and never a reason to stop."""

import asyncio
import copy
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from landlord.api.crd import KINDS, render
from landlord.api.failures import Transient
from landlord.api.refs import CRDS, Resource
from landlord.runtime.definitions import TROUBLED_SECONDS, WELL_SECONDS, Definitions
from landlord.runtime.pace import Pace


class Enough(Exception):
    """The test has seen what it wants to."""


@dataclass
class World:
    """CRDs as they are served, what is exported, and pauses, before each of which the next of ``then`` happens."""

    then: list[Callable[[], object]] = field(default_factory=list)
    served: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {kind.crd_name: copy.deepcopy(render(kind)) for kind in KINDS}
    )
    unfits: dict[str, bool] = field(default_factory=dict)
    pauses: list[float] = field(default_factory=list)
    is_down: bool = False

    async def get(self, resource: Resource, name: str) -> dict[str, Any] | None:
        assert resource is CRDS
        if self.is_down:
            raise Transient("The API server is down.")
        return self.served.get(name)

    def unfit(self, kind: str, is_unfit: bool) -> None:
        self.unfits[kind] = is_unfit

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)
        if not self.then:
            raise Enough
        self.then.pop(0)()

    def status(self, name: str = "tenants.landlord.dev") -> dict[str, Any]:
        version = self.served[name]["spec"]["versions"][0]
        found: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
        return found

    async def watched(self) -> Definitions:
        made = Definitions(self, self, pace=Pace(lambda: 0.0, self.sleep))
        with pytest.raises(Enough):
            await made.run()
        return made


async def test_crds_that_fit_are_looked_at_seldom_and_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    world = World(then=[lambda: None])
    assert (await world.watched()).remarks() == []
    assert world.pauses == [WELL_SECONDS, WELL_SECONDS]
    assert world.unfits == {"Tenant": False, "Environment": False, "AppRelease": False}
    assert caplog.messages == []


async def test_a_crd_that_does_not_fit_is_told_once_with_what_to_apply(caplog: pytest.LogCaptureFixture) -> None:
    world = World(then=[lambda: None])
    del world.status()["summary"]
    found = await world.watched()
    assert world.unfits == {"Tenant": True, "Environment": False, "AppRelease": False}
    assert world.pauses == [TROUBLED_SECONDS, TROUBLED_SECONDS]
    assert len(found.remarks()) == 1
    assert "CRD tenants.landlord.dev" in found.remarks()[0]
    assert "status.summary is unknown" in found.remarks()[0]
    assert "kubectl apply --server-side" in found.remarks()[0]
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == found.remarks()


async def test_a_crd_that_is_applied_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = World()
    summary = world.status().pop("summary")
    world.then = [lambda: world.status().update(summary=summary)]
    assert (await world.watched()).remarks() == []
    assert not world.unfits["Tenant"]
    assert "CRD tenants.landlord.dev fits" in caplog.messages[-1]


async def test_nothing_is_concluded_while_the_api_server_is_away_or_a_crd_is_gone() -> None:
    world = World(is_down=True)
    assert (await world.watched()).remarks() == []
    world = World(served={})
    assert (await world.watched()).remarks() == []


async def test_what_was_told_stays_told_while_the_api_server_is_away() -> None:
    world = World()
    del world.status()["summary"]
    world.then = [lambda: setattr(world, "is_down", True)]
    assert len((await world.watched()).remarks()) == 1
    assert world.unfits["Tenant"]
