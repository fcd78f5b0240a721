"""What can be wrong with a chart that only its author or its user can put right."""

from landlord.api.failures import SpecFault

CHART = "spec.chart"
VERSION = "spec.chart.version"
DIGEST = "spec.chart.digest"


class ChartFault(SpecFault):
    """What the spec says of the chart cannot be: the others below say it more exactly."""


class ChartUnknown(ChartFault):
    """The place has no such chart, or none of that version; ``why`` says what there is instead."""


class ChartDigestMismatch(ChartFault):
    """What the place serves is not what ``spec.chart.digest`` pins."""


class ChartUnfit(ChartFault):
    """The package is no chart that Landlord would hand to Helm: damaged, too large, unsafe, or another one."""
