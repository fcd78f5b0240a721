"""What the machine answers with."""

import pytest

from landlord.core.release.steps import sentence


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("it failed", "It failed."),
        ("It failed.", "It failed."),
        ("Did it fail?", "Did it fail?"),
        ("  two\n lines ", "Two lines."),
        ("3 pods crash", "3 pods crash."),
        ("", "No reason was given."),
    ],
)
def test_whatever_is_told_is_a_sentence(text: str, told: str) -> None:
    assert sentence(text) == told
    assert sentence(told) == told
