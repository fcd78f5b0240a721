"""The closed set of condition types and reasons is documented to the last word."""

import re

from landlord.api.conditions import CONDITION_WORD, REASONS, TYPES, ConditionType, Reason


def test_every_type_is_explained_and_no_other() -> None:
    assert set(TYPES) == set(ConditionType)


def test_every_reason_is_explained_and_no_other() -> None:
    assert set(REASONS) == set(Reason)


def test_explanations_are_sentences() -> None:
    for text in [*TYPES.values(), *(text for pair in REASONS.values() for text in pair)]:
        assert text[0].isupper() or text.startswith(("spec.", "adopt "))
        assert text.endswith(".")


def test_every_word_is_one_that_the_schema_takes() -> None:
    for word in (*ConditionType, *Reason):
        assert re.fullmatch(CONDITION_WORD, word)
        assert word[0].isupper()
