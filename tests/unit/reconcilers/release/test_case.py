"""A case as it is opened: what the World knows of a release's surroundings."""

from typing import Any

from landlord.reconcilers.release.bodies import Bodies
from landlord.reconcilers.release.case import Case, open_case
from landlord.reconcilers.world import World
from tests.unit.reconcilers.release.cases import REF, THEN, body


def opened(*environments: str, **spec: Any) -> Case:
    world = World()
    for name in environments:
        meta = {"name": name, "uid": name, "resourceVersion": "1"}
        world.put_environment({"metadata": meta, "spec": {"tier": "development"}})
    return open_case(world, Bodies(), REF, body(**spec), THEN)


def test_names_in_environment_values_that_no_environment_has_are_known() -> None:
    values = {"environmentValues": {"dev": {}, "moon": {}, "live": {}}}
    assert opened("dev", "live", **values).strangers == ("moon",)
    assert opened("dev", "live", "moon", **values).strangers == ()
    assert opened("dev").strangers == ()


def test_a_spec_that_is_not_understood_names_nothing() -> None:
    assert opened("dev", chart={}, environmentValues={"moon": {}}).strangers == ()
