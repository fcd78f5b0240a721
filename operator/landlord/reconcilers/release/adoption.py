"""A revision that is not in the ledger: is it what is wanted? Then it is taken over without deploying it again."""

from landlord.api.releases import RevisionMeta, StoredRelease
from landlord.clients.charts.kept import kept_by_helm
from landlord.core.release.facts import Stranger
from landlord.core.release.values import canonical_digest
from landlord.reconcilers.release.preparation import Package


def stranger(newest: RevisionMeta, stored: StoredRelease | None, package: Package) -> Stranger:
    """Compared by the files of the chart and the values given, which is all that makes a release."""
    if stored is None:
        return Stranger(newest.number, is_desired=False)
    chart = package.chart
    is_same_name = (stored.chart_name, stored.chart_version) == (chart.name, chart.version)
    is_same_chart = is_same_name and dict(stored.chart_files) == kept_by_helm(chart.files)
    is_same_values = canonical_digest(dict(stored.config)) == package.desired.values_digest
    return Stranger(newest.number, is_desired=is_same_chart and is_same_values)
