"""The application team's repository: a copy of the example, in which commits are made as one makes them."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from demo.faults import StepFailed

EXAMPLE = Path("examples/app-repo")
CHECKS = "healthChecks:"


@dataclass(frozen=True, slots=True)
class Repository:
    """One folder; `change` and `drop_health_checks` are commits."""

    path: Path

    @classmethod
    def cloned(cls, folder: Path) -> "Repository":
        """A fresh copy of the example within `folder`."""
        shutil.copytree(EXAMPLE, folder / "app-repo")
        return cls.of(folder)

    @classmethod
    def of(cls, folder: Path) -> "Repository":
        """The copy within `folder`."""
        return cls(folder / "app-repo")

    @property
    def chart(self) -> Path:
        """The chart's folder."""
        return self.path / "chart"

    @property
    def version(self) -> str:
        """The chart's version."""
        chart: dict[str, Any] = yaml.safe_load((self.chart / "Chart.yaml").read_text("utf-8"))
        return str(chart["version"])

    def change(self, old: str, new: str) -> None:
        """Replace one text of the AppRelease by another."""
        text = self._release.read_text("utf-8")
        if text.count(old) != 1:
            raise StepFailed(f"{self._release.name} has {old!r} {text.count(old)} times, not once.")
        self._release.write_text(text.replace(old, new), "utf-8")

    def drop_health_checks(self) -> None:
        """Take the health checks out, which stand at the AppRelease's end."""
        text, found, _ = self._release.read_text("utf-8").partition(f"  {CHECKS}")
        if not found:
            raise StepFailed(f"{self._release.name} has no {CHECKS}")
        self._release.write_text(text, "utf-8")

    @property
    def _release(self) -> Path:
        return self.path / "releases" / "web.yaml"
