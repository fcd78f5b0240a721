"""What an editor nests beyond anybody's reading is refused, on that one release, and fells nobody."""

import asyncio
import json
from contextlib import suppress

import pytest

from landlord.api.refs import APPRELEASES
from tests.manifests import condition
from tests.operator_process import OperatorProcess
from tests.polling import eventually
from tests.releases import Home, home, leaving, release_operator, shop
from tests.shop import SETTINGS, VALUES

__all__ = ["home", "leaving", "release_operator", "shop"]


@pytest.mark.parametrize("levels", [120, 900, 1500, 9000])
async def test_values_that_are_too_deep_are_told_on_their_release_alone(
    home: Home, release_operator: OperatorProcess, levels: int
) -> None:
    """The API server takes 10,000 levels; Python's readers give up long before."""
    home.shop.offer("light", "1.0.0", {"templates/settings.yaml": SETTINGS}, VALUES)
    whole = json.dumps(home.manifest("pit", chart=home.shop.pin("light"), values={"x": "PIT"}))
    text = whole.replace('"PIT"', '{"a":' * levels + "1" + "}" * levels)
    where = ("--namespace", home.namespace)

    async def kubectl(*arguments: str, stdin: str | None = None) -> str:
        return await asyncio.to_thread(home.admin.kubectl, *arguments, *where, stdin=stdin)

    async def reason() -> str:
        return await kubectl("get", "arel", "pit", "-o", 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}')

    async def is_told() -> bool:
        return await reason() in ("ValuesError", "InvalidSpec")

    await kubectl("create", "--validate=false", "-f", "-", stdin=text)
    try:
        await eventually(is_told, deadline=60, describe="that the values are too deep is told")
        await home.push("light", chart=home.shop.pin("light"))
        body = await home.proven("light")
        assert condition(body)["status"] == "True"
        assert release_operator.is_running
    finally:
        with suppress(AssertionError):
            await kubectl("delete", "arel", "pit", "--timeout=60s")
    assert await home.admin.find(APPRELEASES.path(home.namespace, "pit")) is None


async def test_a_chart_whose_crds_are_too_deep_is_refused(home: Home, release_operator: OperatorProcess) -> None:
    home.shop.offer(
        "deep", "1.0.0", {"templates/settings.yaml": SETTINGS, "crds/a.yaml": "x: " + "[" * 100_000}, VALUES
    )
    await home.push("deep", chart=home.shop.pin("deep"))
    await home.until("deep", status="False", words="is no YAML")
    assert release_operator.is_running
