"""The pages about metrics and settings say what the code says."""

from generators import generate_operations
from generators.committed import stale


def test_the_reference_of_metrics_and_settings_is_fresh() -> None:
    assert not stale(generate_operations.files()), "run `python -m generators.generate_operations`"
