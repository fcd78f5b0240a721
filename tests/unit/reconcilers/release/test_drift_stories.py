"""Drift under each mode, as a story a person can read in a review: what was changed, found, done and told.

``LANDLORD_REGENERATE=1 pytest tests/unit/reconcilers/release/test_drift_stories.py`` writes the expected logs anew.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from landlord.api.conditions import ConditionType, Reason
from landlord.core.conditions import find
from landlord.core.release.ledger import Ledger, Proven, Running
from landlord.core.release.report import Told, status
from landlord.core.release.steps import Standing, Word
from tests.unit.reconcilers.release.cases import THEN, WANTED
from tests.unit.reconcilers.release.drift_stage import SETTINGS, WEB
from tests.unit.reconcilers.release.resting_stage import Room

HERE = Path(__file__).parent / "stories"
LEDGER = Ledger(running=Running(1, WANTED), proven=Proven(1, WANTED, THEN))
WELL = Word(Standing.READY, Reason.PROVEN, "Revision 1 is proven.")
LEAVE_REPLICAS = {"pointers": ["/spec/replicas"], "target": {"kind": "Deployment", "name": "web"}}


class Story:
    """A release of a ConfigMap and a Deployment at rest, looked at every ten minutes."""

    def __init__(self, **drift: Any) -> None:
        self.room = Room(SETTINGS, WEB, drift=drift)
        self.status: Mapping[str, Any] = {}
        self.text = ""

    def hand(self, what: str, kind: str, name: str, **rest: Any) -> None:
        self.text += f"{what}\n"
        if rest:
            self.room.cluster.edit(kind, name, **rest)
        else:
            del self.room.cluster.objects[kind, name]

    async def look(self) -> None:
        self.room.cluster.requests.clear()
        found = await self.room.look(timedelta(minutes=10))
        self.status = status(self.status, Told(1, LEDGER, WELL, WANTED, drift=found.drift), self.room.case.now)
        drifted = find(self.status["conditions"], ConditionType.DRIFTED)
        writes = [f"{verb} {what}" for verb, what in self.room.cluster.requests if verb in ("apply", "create")]
        self._line("look", f"{len(self.room.cluster.requests)} requests, {', '.join(writes) or 'no write'}")
        for note in (*found.notes, *found.troubles):
            self._line("Event", note)
        self._line("Drifted", f"{drifted['status']}: {drifted['message']}" if drifted else "not told")

    def _line(self, what: str, said: str) -> None:
        self.text += f"{f'{self.room.case.now:%H:%M}' if what == 'look' else '':>7} {what:<8} {said}\n"


async def _edited_and_deleted(**drift: Any) -> str:
    story = Story(**drift)
    await story.look()
    story.hand("Somebody sets the level of ConfigMap settings.", "ConfigMap", "settings", data={"level": "debug"})
    story.hand("Somebody scales Deployment web.", "Deployment", "web", spec={"replicas": 5, "paused": False})
    await story.look()
    story.hand("Somebody deletes Deployment web.", "Deployment", "web")
    await story.look()
    await story.look()
    return story.text


STORIES = {
    "drift_ignored": {"mode": "Ignore"},
    "drift_warned": {"mode": "Warn"},
    "drift_corrected": {"mode": "Correct"},
    "drift_corrected_but_for_replicas": {"mode": "Correct", "ignore": [LEAVE_REPLICAS]},
}


@pytest.mark.parametrize("name", sorted(STORIES))
async def test_drift_is_treated_as_the_story_tells(name: str) -> None:
    found = await _edited_and_deleted(**STORIES[name])
    expected = HERE / f"{name}.txt"
    if os.environ.get("LANDLORD_REGENERATE"):
        HERE.mkdir(exist_ok=True)
        expected.write_text(found)
    assert found == expected.read_text()


def test_no_story_is_forgotten() -> None:
    assert {path.stem for path in HERE.glob("*.txt")} == set(STORIES)
