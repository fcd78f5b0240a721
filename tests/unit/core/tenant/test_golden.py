"""Typical tenants and all they become, as files a person can read in a review.

``LANDLORD_REGENERATE=1 pytest tests/unit/core/tenant/test_golden.py`` writes the expected files anew.
"""

import os
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from landlord.core.tenant.rendering import render, sort_out
from tests.unit.core import building

GOLDEN = Path(__file__).parent / "golden"
EXPECTED = ".manifests.yaml"
SPECS = sorted(path for path in GOLDEN.glob("*.yaml") if not path.name.endswith(EXPECTED))


def rendered(spec: Path) -> list[dict[str, Any]]:
    return render(sort_out(yaml.safe_load_all(spec.read_text())), building.PLATFORM)


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_a_typical_tenant_becomes_what_was_reviewed(spec: Path) -> None:
    expected = spec.with_name(spec.stem + EXPECTED)
    found = yaml.safe_dump_all(rendered(spec), sort_keys=False, explicit_start=True)
    if os.environ.get("LANDLORD_REGENERATE"):
        expected.write_text(found)
    assert found == expected.read_text()


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_every_manifest_is_valid_for_kubernetes(spec: Path) -> None:
    for manifest in rendered(spec):
        kubernetes_validate.validate(manifest, desired_version="1.36", strict=True)


def test_every_expected_file_has_a_spec() -> None:
    kept = {path.name.removesuffix(EXPECTED) for path in GOLDEN.glob(f"*{EXPECTED}")}
    assert kept == {path.stem for path in SPECS}
