"""Which of a chart's files Helm keeps, byte by byte, in a revision: to tell whether a revision was made of a chart."""

from collections.abc import Mapping
from typing import Final

_READ_AND_DROPPED: Final = frozenset(
    {"Chart.yaml", "Chart.lock", "values.yaml", "requirements.yaml", "requirements.lock"}
)


def kept_by_helm(files: Mapping[str, str]) -> dict[str, str]:
    """The digests by path that ``StoredRelease.chart_files`` has when it was made of a chart with these files.

    Chart.yaml and values.yaml are not among them, Helm stores only what they mean, and subcharts it does not store at
    all: name and version of the chart have to be compared as well.
    """
    return {
        path: digest
        for path, digest in files.items()
        if path not in _READ_AND_DROPPED and (not path.startswith("charts/") or path.endswith(".prov"))
    }
