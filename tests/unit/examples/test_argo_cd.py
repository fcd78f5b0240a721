"""Argo CD's health check for our kinds, run as Argo CD runs it: by Lua, over statuses as the operator writes them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lupa
import pytest
import yaml

from landlord.api.conditions import Reason
from landlord.core.release import report
from landlord.core.release.ledger import Ledger
from landlord.core.release.report import Told
from landlord.core.release.steps import Standing, Word

CONFIGURATION = Path(__file__).resolve().parents[3] / "examples/argo-cd/argocd-cm.yaml"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def health(obj: dict[str, Any]) -> tuple[str, str]:
    """What Argo CD would show for the object."""
    customizations = yaml.safe_load(yaml.safe_load(CONFIGURATION.read_text("utf-8"))["data"]["resource.customizations"])
    lua = lupa.LuaRuntime()
    lua.globals().obj = lua.table_from(obj, recursive=True)
    found = lua.execute(customizations["landlord.dev/*"]["health.lua"])
    return found["status"], found["message"]


def told(standing: Standing, reason: Reason, *, generation: int = 3) -> dict[str, Any]:
    """An AppRelease of generation 3, with the status of the pass that saw ``generation``."""
    status = report.status({}, Told(generation, Ledger(), Word(standing, reason, "That is why.")), NOW)
    return {"metadata": {"generation": 3}, "status": status}


@pytest.mark.parametrize(
    ("standing", "reason", "shown"),
    [
        (Standing.READY, Reason.PROVEN, "Healthy"),
        (Standing.WORKING, Reason.BAKING, "Progressing"),
        (Standing.WAITING, Reason.UNREADY, "Degraded"),
        (Standing.STUCK, Reason.ROLLED_BACK, "Degraded"),
        (Standing.FROZEN, Reason.SUSPENDED, "Suspended"),
    ],
)
def test_every_standing_of_a_release_is_shown_for_what_it_is(standing: Standing, reason: Reason, shown: str) -> None:
    assert health(told(standing, reason)) == (shown, "That is why.")


def test_a_status_of_an_earlier_generation_proves_nothing() -> None:
    status, message = health(told(Standing.READY, Reason.PROVEN, generation=2))
    assert (status, message) == ("Progressing", "Landlord has not seen the newest change yet.")


@pytest.mark.parametrize("status", [None, {}, {"conditions": [], "observedGeneration": 3}])
def test_what_nobody_has_looked_at_yet_is_waited_for(status: dict[str, Any] | None) -> None:
    assert health({"metadata": {"generation": 3}, "status": status})[0] == "Progressing"


def test_what_is_being_deleted_is_shown_as_it_is_told() -> None:
    obj = told(Standing.WORKING, Reason.UNINSTALLING, generation=2)
    obj["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert health(obj) == ("Progressing", "That is why.")
