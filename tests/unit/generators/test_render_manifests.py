"""The renderer's own work: which document goes into which file, and in which order files are applied."""

from generators.render_manifests import HEADER, MANIFESTS, ROOT, kustomization, split

RENDERED = """---
# Source: landlord/templates/policies/operator.yaml
# What it is for.
kind: A
---
# Source: landlord/templates/rbac/members.yaml
kind: B
---
# Source: landlord/templates/policies/operator.yaml
kind: C
---
# Source: landlord/templates/crds.yaml
kind: D
---
# Source: landlord/templates/policies/workloads.yaml
kind: E
"""


def test_documents_go_to_the_file_of_their_template_in_their_order() -> None:
    assert split(RENDERED)["policies/operator.yaml"] == "---\n# What it is for.\nkind: A\n---\nkind: C\n"


def test_files_come_in_the_order_in_which_they_are_needed() -> None:
    names = ["crds.yaml", "rbac/members.yaml", "policies/workloads.yaml", "policies/operator.yaml"]
    assert list(split(RENDERED)) == names
    assert kustomization(split(RENDERED)).endswith("".join(f"  - {name}\n" for name in names))


def test_every_committed_manifest_is_listed_once_and_says_where_it_comes_from() -> None:
    folder = ROOT / MANIFESTS
    listed = [line[4:] for line in (folder / "kustomization.yaml").read_text().splitlines() if line.startswith("  - ")]
    committed = {str(path.relative_to(folder)) for path in folder.rglob("*.yaml")} - {"kustomization.yaml"}
    assert sorted(listed) == sorted(committed)
    assert all((folder / name).read_text().startswith(HEADER) for name in committed)
