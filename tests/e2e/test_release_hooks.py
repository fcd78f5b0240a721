"""Hooks whose pods cannot start: told while Helm waits for them, and judged as workloads are."""

from typing import Any

import pytest

from tests.manifests import condition
from tests.polling import eventually
from tests.releases import Home, home, release_operator, shop
from tests.shop import MODEST, SETTINGS, VALUES, WEB, Shop

__all__ = ["home", "release_operator", "shop"]

HOOKED = "1.3.0"
HOOK = (
    """
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-migrate
  annotations: {helm.sh/hook: pre-upgrade, helm.sh/hook-delete-policy: "before-hook-creation,hook-failed"}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {{ .Values.nodes | toJson }}
      containers:
        - name: migrate
          image: registry.example.org/migrate:{{ .Values.hook }}
"""
    + MODEST
)


@pytest.fixture(scope="module", autouse=True)
def hooked(shop: Shop) -> None:
    """Puts the chart on offer whose upgrades begin with a hook; Helm deletes it when it fails."""
    files = {"templates/web.yaml": WEB, "templates/settings.yaml": SETTINGS, "templates/migrate.yaml": HOOK}
    shop.offer("web", HOOKED, files, {**VALUES, "hook": "1", "nodes": {}})


async def proven(home: Home) -> None:
    await home.push(chart=home.shop.pin(version=HOOKED))
    await home.proven()


async def upgraded(home: Home, timeout: str, **values: Any) -> None:
    await home.push(chart=home.shop.pin(version=HOOKED), timeout=timeout, values={"message": "two", **values})


async def test_a_hook_whose_image_is_not_there_is_rejected_long_before_its_time_is_over(home: Home) -> None:
    await proven(home)
    await upgraded(home, "10m", hook="image-pull")
    body = await home.until(reason="RolledBack", status="False", deadline=90)
    held = body["status"]["held"]
    assert held["reason"] == "HookFailed"
    assert "cannot pull registry.example.org/migrate:image-pull" in held["message"]
    assert [status for _, status in await home.revisions()] == ["superseded", "failed", "deployed"]
    assert await home.data() == {"message": "hello"}


async def test_a_hook_that_no_node_takes_is_told_of_and_condemns_nothing(home: Home) -> None:
    label = f"tests.landlord.dev/{home.namespace}"
    await proven(home)
    await upgraded(home, "20s", nodes={label: "here"})
    told = await home.until(reason="Deploying", status="Unknown", words="gets no node")
    assert "A hook is waited for: Pod web-migrate-" in condition(told)["message"]
    await home.until(reason="Unschedulable", status="Unknown", words="gets no node", deadline=90)
    node = (await home.admin.list("/api/v1/nodes"))[0]["metadata"]["name"]
    await home.admin.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": {label: "here"}}})
    try:
        body = await home.proven(deadline=120)
    finally:
        await home.admin.patch(f"/api/v1/nodes/{node}", {"metadata": {"labels": {label: None}}})
    outcomes = [(each["outcome"], each["reason"]) for each in body["status"]["history"]]
    assert outcomes == [("Proven", "Proven"), ("Undetermined", "Unschedulable"), ("Proven", "Proven")]
    assert await home.data() == {"message": "two"}
    await eventually(lambda: _is_settled(home), describe="one deployed revision")


async def _is_settled(home: Home) -> bool:
    return [status for _, status in await home.revisions()].count("deployed") == 1
