"""What is generated and committed is as its source says."""

import re
from pathlib import Path

import pytest

from generators import generate_crds, generate_reference
from generators.committed import main, stale, write


@pytest.mark.parametrize("generator", [generate_crds, generate_reference], ids=lambda module: module.__name__)
def test_committed_files_are_fresh(generator: object) -> None:
    files = {generate_crds: generate_crds.files, generate_reference: generate_reference.files}[generator]()  # type: ignore[index]

    assert not stale(files), f"run `python -m {generator.__name__}`"  # type: ignore[attr-defined]


def test_a_stale_file_is_shown_by_its_difference(tmp_path: Path) -> None:
    files = {Path("docs/page.md"): "one\ntwo\n"}
    write(files, tmp_path)
    assert not stale(files, tmp_path)

    (tmp_path / "docs/page.md").write_text("one\nthree\n")

    (difference,) = stale(files, tmp_path)
    assert "-three" in difference
    assert "+two" in difference


def test_check_fails_for_a_file_that_was_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["generate", "--check"])

    with pytest.raises(SystemExit, match="Stale"):
        main({Path("no/such/file"): "text\n"})


def test_unknown_arguments_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["generate", "--chekc"])

    with pytest.raises(SystemExit, match="usage"):
        main({})


def test_every_link_of_the_reference_leads_somewhere() -> None:
    for path, page in generate_reference.files().items():
        headings = {line.removeprefix("## ").lower() for line in page.splitlines() if line.startswith("## ")}
        assert set(re.findall(r"\]\(#([a-z]+)\)", page)) <= headings, path
