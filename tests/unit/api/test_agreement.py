"""The models take what the CRDs take, wherever no CEL rule has a say: preview without a cluster tells the truth."""

import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from landlord.api import apprelease, body, checks, environment, release_status, tenant
from landlord.api.schema import Model
from landlord.api.structural import INT_OR_STRING, Schema, structural
from tests import bad_input
from tests.bad_input import Variation

# Not here: NetworkRule and Network, whose blocks a model checks as CEL does and JSON schema cannot.
MODELS = (
    body.Quota,
    body.Limits,
    body.Port,
    body.PodSecurity,
    body.Policies,
    body.ServiceAccount,
    body.Deployer,
    environment.Drift,
    environment.TenantCounts,
    tenant.AggregateQuota,
    tenant.Finding,
    tenant.MemberStatus,
    apprelease.CertificateReference,
    apprelease.ValuesSource,
    apprelease.Dependency,
    apprelease.Upgrade,
    apprelease.Rollback,
    apprelease.ReleaseDrift,
    checks.PromqlCheck,
    checks.CelCheck,
    release_status.AttemptStatus,
    release_status.HeldStatus,
    release_status.CheckStatus,
    release_status.DriftStatus,
)


def plain(schema: Schema) -> dict[str, Any]:
    """The same in plain JSON schema, where unknown fields are errors as under strict field validation."""
    out = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-") and key != "format"}
    if "properties" in schema:
        out["properties"] = {name: plain(field) for name, field in schema["properties"].items()}
        out["additionalProperties"] = False
    for inside in ("items", "additionalProperties"):
        if inside in schema:
            out[inside] = plain(schema[inside])
    return out


def values(schema: Schema) -> st.SearchStrategy[Any]:
    """Whatever a structural schema describes; lists and maps stay small."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if INT_OR_STRING in schema:
        return st.integers(schema["minimum"], 2**63 - 1) | texts(schema)
    if "properties" in schema:
        fields = {name: values(field) for name, field in schema["properties"].items()}
        required = {name: fields.pop(name) for name in schema.get("required", ())}
        return st.fixed_dictionaries(required, optional=fields)
    if "additionalProperties" in schema:
        return st.dictionaries(st.text(max_size=9), values(schema["additionalProperties"]), max_size=3)
    if "items" in schema:
        return st.lists(
            values(schema["items"]), min_size=schema.get("minItems", 0), max_size=min(3, schema["maxItems"])
        )
    if schema["type"] == "number":
        return st.floats(allow_nan=False, allow_infinity=False)
    if schema["type"] == "integer":
        return st.integers(schema.get("minimum"), schema.get("maximum"))
    return texts(schema) if schema["type"] == "string" else st.booleans()


def texts(schema: Schema) -> st.SearchStrategy[str]:
    """Strings within the schema's bounds and pattern."""
    if "pattern" not in schema:
        return st.text(min_size=schema.get("minLength", 0), max_size=min(schema["maxLength"], 50))
    pattern: str = schema["pattern"]
    matching = st.from_regex(pattern, fullmatch=True)
    return matching.filter(lambda text: schema.get("minLength", 0) <= len(text) <= schema["maxLength"])


def taken_by(model: type[Model], value: Any) -> bool:
    """Whether the model takes a value as it came in JSON; without the leniency that Python values enjoy."""
    try:
        model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_whatever_the_schema_describes_the_model_takes(model: type[Model]) -> None:
    @given(values(structural(model)))
    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def takes(value: Any) -> None:
        assert taken_by(model, value)

    takes()


def test_a_changed_specimen_is_taken_by_both_or_by_neither() -> None:
    models: dict[str, type[Model]] = {
        "Tenant": tenant.TenantSpec,
        "Environment": environment.EnvironmentSpec,
        "AppRelease": apprelease.AppReleaseSpec,
    }
    schemas = {name: jsonschema.Draft202012Validator(plain(structural(model))) for name, model in models.items()}

    torn = [
        variation.name
        for variation in [*bad_input.variations(), *bad_input.release_variations()]
        if not breaks_a_rule(variation)
        and taken_by(models[variation.kind.name], variation.spec)
        != schemas[variation.kind.name].is_valid(variation.spec)
    ]

    assert not torn


BY_RULE = (
    *("cidr", "except", "block"),
    *("spec.chart.version", "spec.chart.repository", "spec.image.repository", "spec.image.tag"),
    *("interval", "timeout", "bake", "Delay", "maxLatency"),
)


def breaks_a_rule(variation: Variation) -> bool:
    """Whether JSON schema cannot judge: what a model checks as CEL does, and null, which the server drops."""
    return any(word in f"{variation.name} {variation.field}" for word in (" null", *BY_RULE))
