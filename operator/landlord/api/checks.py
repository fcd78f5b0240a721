"""Health checks: what must hold, beside readiness, before a release counts as proven."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from landlord.api.durations import Latency, LookTimeout, Timeout, Window
from landlord.api.schema import DNS_LABEL, Label, Model, marks, rule

Expression = Annotated[str, Field(min_length=1, max_length=2048)]
RegularExpression = Annotated[str, Field(min_length=1, max_length=512)]
CheckName = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]


class HttpMethod(StrEnum):
    """Methods that change nothing."""

    GET = "GET"
    HEAD = "HEAD"
    OPTIONS = "OPTIONS"


class HttpScheme(StrEnum):
    """How a Service is spoken to."""

    HTTP = "http"
    HTTPS = "https"


class CheckPolicy(StrEnum):
    """What a look counts as that brought no answer."""

    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"
    PASS = "Pass"  # noqa: S105 - no password


class HttpCheck(Model):
    """A request to a Service of the namespace, or to a URL that the platform lets tenants reach."""

    model_config = ConfigDict(
        json_schema_extra=marks(
            rules=(
                rule("has(self.url) != has(self.service)", "give either service or url", ".service"),
                rule(
                    "!has(self.url) || (!has(self.port) && !has(self.path) && !has(self.scheme))",
                    "port, path and scheme go with service; with url write them into it",
                    ".url",
                ),
            )
        )
    )

    service: Label | None = Field(None, description="A Service of the namespace.")
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        None, description="Its port; default 80, with https 443."
    )
    path: Annotated[str, Field(max_length=1024, pattern=r"^/[^\s#]*$")] | None = Field(
        None, description="Path and query, such as /healthz; default /."
    )
    scheme: HttpScheme | None = Field(None, description="http (default) or https.")
    url: Annotated[str, Field(max_length=2048, pattern=r"^https?://[^\s/?#@]+([/?][^\s#]*)?$")] | None = Field(
        None,
        description="A whole URL instead of a Service. Hosts outside the tenant's namespaces are refused unless the "
        "platform allows them.",
    )
    method: HttpMethod = Field(HttpMethod.GET, description="GET, HEAD or OPTIONS.")
    headers: Annotated[
        dict[str, Annotated[str, Field(max_length=1024, pattern=r"^[\x20-\x7e]*$")]], Field(max_length=16)
    ] = Field(
        default_factory=dict,
        description="Headers to send. They are no place for secrets: everybody who sees the release reads them.",
        json_schema_extra=marks(
            rules=(
                rule(
                    "self.all(key, key.size() <= 64 && key.matches('^[A-Za-z0-9-]+$'))",
                    "names of headers have 1 to 64 letters, digits and hyphens, such as X-Probe",
                ),
            )
        ),
    )
    expected_status: Annotated[tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(max_length=16)] = Field(
        (), description="Status codes that pass; default 200 to 399. Redirects are never followed."
    )
    body_regex: RegularExpression | None = Field(
        None, description="A regular expression that must be found in the first 64 KiB of the body."
    )
    max_latency: Latency | None = Field(None, description="The longest that an answer may take; default timeout.")


class PromqlCheck(Model):
    """A query to the platform's Prometheus, narrowed to the namespace; each value of the result must be in bounds."""

    model_config = ConfigDict(
        json_schema_extra=marks(rules=(rule("has(self.min) || has(self.max)", "give min, max or both", ".query"),))
    )

    query: Expression = Field(
        description='PromQL, such as sum(rate(http_requests_total{code=~"5.."}[1m])). The matcher namespace= is added.'
    )
    min: float | None = Field(None, description="The least that passes.")
    max: float | None = Field(None, description="The most that passes.")
    on_no_data: CheckPolicy = Field(
        CheckPolicy.INCONCLUSIVE, description="What no series, or NaN, counts as: Inconclusive, Pass or Fail."
    )


class CelCheck(Model):
    """CEL expressions about objects of the release; `object` is the object. The first that is true decides."""

    api_version: Annotated[
        str, Field(min_length=1, max_length=253, pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[a-z0-9]+$")
    ] = Field(description="API version of the objects, such as batch/v1.")
    kind: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Z][A-Za-z0-9]*$")] = Field(
        description="Kind of the objects."
    )
    name: Annotated[str, Field(max_length=253)] = Field(
        "", description="Name of the object; empty means all of the kind in the release."
    )
    in_progress: Expression | None = Field(None, description="True while the object is on its way; asked first.")
    failed: Expression | None = Field(None, description="True once the object has failed; asked second.")
    current: Expression = Field(
        description="True when the object is as it should be, such as object.status.phase == 'Ready'; asked last."
    )


class HealthCheck(Model):
    """One check, looked at again and again from the moment the release is ready until its bake ends.

    In texts of http and promql {{release}} and {{namespace}} stand for the names of the Helm release and of the
    namespace.
    """

    model_config = ConfigDict(
        json_schema_extra=marks(
            rules=(
                rule(
                    "(has(self.http) ? 1 : 0) + (has(self.promql) ? 1 : 0) + (has(self.cel) ? 1 : 0) == 1",
                    "give exactly one of http, promql, cel",
                    ".name",
                ),
            )
        )
    )

    name: CheckName = Field(description="Its name in conditions, Events and metrics.")
    http: HttpCheck | None = Field(None, description="An HTTP request.")
    promql: PromqlCheck | None = Field(None, description="A Prometheus query.")
    cel: CelCheck | None = Field(None, description="CEL expressions about objects of the release.")
    interval: Timeout | None = Field(None, description="Time between looks; default http 10s, promql 30s, cel 5s.")
    timeout: LookTimeout | None = Field(
        None, description="How long a look may take; default http 5s, promql 10s, cel 2s."
    )
    initial_delay: Window | None = Field(
        None, description="Time from ready to the first look; default http 5s, promql 60s, cel 0s."
    )
    failure_limit: Annotated[int, Field(ge=0, le=100)] | None = Field(
        None, description="How many failed looks are forgiven in all; default promql 1, http and cel no limit."
    )
    consecutive_failure_limit: Annotated[int, Field(ge=1, le=100)] | None = Field(
        None, description="How many failed looks in a row condemn; default http 3, promql no limit, cel 1."
    )
    on_error: CheckPolicy | None = Field(
        None,
        description="What a look without an answer counts as (no connection, no Prometheus, a broken expression): "
        "default http Fail, promql and cel Inconclusive.",
    )
    ignore_baseline: bool = Field(
        False,
        description="Also count failures of a check that failed before the deploy already. Otherwise such a check is "
        "reported and condemns nothing.",
    )


HealthChecks = Annotated[tuple[HealthCheck, ...], Field(max_length=16)]
"""The checks of a release; mark the field as a list by name."""
