"""A revision that is not in the ledger: is it what is wanted? Then it is taken over without deploying it again."""

from collections.abc import Iterable, Mapping
from typing import Any

from landlord.api.releases import RevisionMeta, StoredRelease
from landlord.clients.charts.kept import kept_by_helm
from landlord.core.release.facts import Stranger
from landlord.core.release.rendered import Rendered, parse
from landlord.core.release.values import canonical_digest
from landlord.reconcilers.release.preparation import Package
from landlord.reconcilers.release.texts import documents


def stranger(newest: RevisionMeta, stored: StoredRelease | None, package: Package) -> Stranger:
    """Compared by the chart's files, the values given, and what both render to.

    Helm stores neither a chart's own defaults as a file nor its subcharts, so only the objects tell whether those are
    the same. What differs by chance (a template that asks for the time) is deployed once more, visibly.
    """
    if stored is None:
        return Stranger(newest.number, is_desired=False)
    chart = package.chart
    is_same_name = (stored.chart_name, stored.chart_version) == (chart.name, chart.version)
    is_same_chart = is_same_name and dict(stored.chart_files) == kept_by_helm(chart.files)
    is_same_values = canonical_digest(dict(stored.config)) == package.desired.values_digest
    is_same_result = is_same_chart and _objects(parse(documents(stored.manifest))) == _objects(package.rendered)
    return Stranger(newest.number, is_desired=is_same_result and is_same_values)


def _objects(rendered: Iterable[Rendered]) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    return {(each.api_version, each.kind, each.name): each.obj for each in rendered if not each.is_hook}
