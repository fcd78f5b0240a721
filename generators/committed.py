"""Generated files in the checkout: written, or with ``--check`` compared."""

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def stale(files: Mapping[Path, str], root: Path = ROOT) -> list[str]:
    """A diff for each file whose content is not what it should be; empty when all are fresh."""
    found = []
    for path, wanted in files.items():
        there = (root / path).read_text("utf-8") if (root / path).exists() else ""
        if there != wanted:
            lines = difflib.unified_diff(there.splitlines(), wanted.splitlines(), f"{path}", f"{path} (wanted)", n=1)
            found.append("\n".join(lines))
    return found


def write(files: Mapping[Path, str], root: Path = ROOT) -> None:
    """Writes all files."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content, "utf-8")


def main(files: Mapping[Path, str]) -> None:
    """Writes the files; with ``--check`` compares them and exits 1 when one is stale."""
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("usage: python -m MODULE [--check]")
    if not sys.argv[1:]:
        write(files)
    elif diffs := stale(files):
        sys.exit("\n\n".join([*diffs, "Stale: run the same command without --check, then commit."]))
