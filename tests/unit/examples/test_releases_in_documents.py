"""Every AppRelease in the documents is valid: its fields, its checks, and what these say in CEL and PromQL."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from landlord.api.apprelease import AppReleaseSpec
from landlord.clients.expressions import Expressions
from landlord.core.health.promql import confine

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = (ROOT / "docs/releases.md", ROOT / "docs/getting-started.md", ROOT / "README.md")


def releases() -> list[tuple[str, dict[str, Any]]]:
    """Each with the name by which a test speaks of it."""
    found = []
    for path in DOCUMENTS:
        for block in re.findall(r"^```yaml\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE):
            documents = [each for each in yaml.safe_load_all(block) if each["kind"] == "AppRelease"]
            found += [(f"{path.name}:{each['metadata']['name']}", each) for each in documents]
    return found


@pytest.mark.parametrize("release", [each for _, each in releases()], ids=[name for name, _ in releases()])
def test_an_apprelease_in_a_document_is_valid(release: dict[str, Any]) -> None:
    for check in AppReleaseSpec.model_validate(release["spec"]).health_checks:
        if check.promql is not None:
            assert "namespace=" in confine(check.promql.query.replace("{{release}}", "web"), "shop-staging")


async def test_cel_in_the_guide_says_what_it_seems_to(tmp_path: Path) -> None:
    (orders,) = [each for name, each in releases() if name == "releases.md:orders"]
    (cel,) = [check.cel for check in AppReleaseSpec.model_validate(orders["spec"]).health_checks if check.cel]
    expressions = Expressions()
    head: dict[str, Any] = {"metadata": {"generation": 2}}
    try:
        for status, wanted in (
            (None, "inProgress"),
            ({"phase": "Healthy", "observedGeneration": 1}, "inProgress"),
            ({"phase": "Failed", "observedGeneration": 2}, "failed"),
            ({"phase": "Healthy", "observedGeneration": 2}, "current"),
        ):
            thing = {**head, "status": status} if status else head
            said = {"inProgress": cel.in_progress, "failed": cel.failed, "current": cel.current}
            for name, text in said.items():
                if await expressions.evaluate(text or "", {"object": thing}):
                    assert name == wanted
                    break
            else:
                pytest.fail(f"none is true of {thing}")
    finally:
        await expressions.close()
