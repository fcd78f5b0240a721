"""How releases live, as stories a person can read in a review: what happened, what was seen, done and told.

``LANDLORD_REGENERATE=1 pytest tests/unit/core/release/stories`` writes the expected logs anew.
"""

import os
from pathlib import Path

import pytest

from tests.unit.core.release.stories.plots import PLOTS

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", sorted(PLOTS))
def test_a_release_lives_as_the_story_tells(name: str) -> None:
    expected = HERE / f"{name}.txt"
    found = PLOTS[name]().text
    if os.environ.get("LANDLORD_REGENERATE"):
        expected.write_text(found)
    assert found == expected.read_text()


def test_no_story_is_forgotten() -> None:
    assert {path.stem for path in HERE.glob("*.txt")} == set(PLOTS)
