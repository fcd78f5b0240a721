"""What the documents say: links lead somewhere, and every Tenant and Environment in them could be applied."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from landlord.core.tenant.defaults import PlatformDefaults
from landlord.core.tenant.rendering import sort_out

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"))
    if ".pytest_cache" not in path.parts
)
IDS = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


def links(path: Path) -> Iterator[tuple[str, str]]:
    """File and anchor of every link that stays in the repository."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            yield file, anchor


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as Git hosts make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def blocks(path: Path) -> list[dict[str, Any]]:
    """The documents of every YAML block."""
    found = re.findall(r"^```yaml\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [document for block in found for document in yaml.safe_load_all(block) if isinstance(document, dict)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_every_link_between_documents_leads_somewhere(path: Path) -> None:
    for file, anchor in links(path):
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{file} is not there"
        if anchor:
            assert anchor in anchors(target), f"{file}#{anchor}: there is no such heading"


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_every_tenant_and_environment_in_a_document_is_valid(path: Path) -> None:
    for document in blocks(path):
        sort_out([document])


def test_every_platform_file_in_the_guide_is_valid() -> None:
    platforms = [each for each in blocks(ROOT / "docs/tenants.md") if "peers" in each]
    assert platforms
    for platform in platforms:
        PlatformDefaults.model_validate(json.loads(json.dumps(platform)))


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs/decisions"
    listed = re.findall(r"\((\d{4}-[a-z-]+\.md)\)", (folder / "README.md").read_text("utf-8"))
    assert listed == sorted(path.name for path in folder.glob("0*.md"))
