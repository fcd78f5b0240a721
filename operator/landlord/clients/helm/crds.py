"""The CRDs that a chart ships in its ``crds/`` folders. Landlord never installs them, but must know them by name."""

from landlord.api.releases import Chart


def crds_of(chart: Chart) -> tuple[str, ...]:
    """Names such as ``widgets.example.com``, of the chart and its subcharts, sorted. Reads a file: call in a thread."""
    raise NotImplementedError
