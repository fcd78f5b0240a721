"""What pins a release exactly: chart repository, version, image tag, digests; and the values it pins them with.

Each refusal says what to write instead. The models judge as the CRDs' CEL rules do, so that manifests can be checked
without a cluster.
"""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from landlord.api.schema import marks, rule
from landlord.api.structural import PRESERVE_UNKNOWN

_PART: Final = r"(0|[1-9][0-9]{0,17}|[0-9]{0,17}[A-Za-z-][0-9A-Za-z-]*)"
VERSION: Final = (
    r"^v?(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})\.(0|[1-9][0-9]{0,17})"
    rf"(-{_PART}(\.{_PART})*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$"
)
VERSION_WORDS: Final = (
    "must be one exact version, such as 1.4.2 or 1.5.0-rc.1; not empty, no range, no latest, no 1.4 or v1"
)

REPOSITORY: Final = (
    r"^(oci|https)://[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?$"
)
REPOSITORY_WORDS: Final = (
    "must be where the chart lies, such as oci://registry.example.org/team or https://charts.example.org/stable; "
    "no user, no query"
)

IMAGE: Final = r"^[a-z0-9]([-a-z0-9.]{0,253}[a-z0-9])?((:[0-9]{1,5})?(/[a-z0-9._-]+)+)?$"
IMAGE_WORDS: Final = (
    "must be an image's name in small letters, such as registry.example.org/shop/web; its tag goes into tag, "
    "its digest into digest"
)

TAG: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$"
TAG_WORDS: Final = "must be the tag of one build, such as 1.4.2 or sha-3f9c2ab; not empty, not latest"


def _version(text: str) -> str:
    if not re.fullmatch(VERSION, text):
        raise ValueError(VERSION_WORDS)
    return text


def _repository(text: str) -> str:
    if not re.fullmatch(REPOSITORY, text):
        raise ValueError(REPOSITORY_WORDS)
    return text


def _image(text: str) -> str:
    if not re.fullmatch(IMAGE, text):
        raise ValueError(IMAGE_WORDS)
    return text


def _tag(text: str) -> str:
    if not re.fullmatch(TAG, text) or text.lower() == "latest":
        raise ValueError(TAG_WORDS)
    return text


def _rules(expression: str, words: str) -> dict[str, Any]:
    return marks(rules=(rule(expression, words),))


Version = Annotated[
    str,
    Field(max_length=128, json_schema_extra=_rules(f"self.matches(r'{VERSION}')", VERSION_WORDS)),
    AfterValidator(_version),
]
"""An exact semantic version; a leading v is kept, because some charts' versions begin so."""

Repository = Annotated[
    str,
    Field(max_length=512, json_schema_extra=_rules(f"self.matches(r'{REPOSITORY}')", REPOSITORY_WORDS)),
    AfterValidator(_repository),
]
"""The URL of a chart repository, without credentials."""

ImageName = Annotated[
    str,
    Field(max_length=255, json_schema_extra=_rules(f"self.matches(r'{IMAGE}')", IMAGE_WORDS)),
    AfterValidator(_image),
]
"""Where an image lies, without tag and digest."""

Tag = Annotated[
    str,
    Field(
        max_length=128,
        json_schema_extra=_rules(f"self.matches(r'{TAG}') && self.lowerAscii() != 'latest'", TAG_WORDS),
    ),
    AfterValidator(_tag),
]
"""The tag of an image."""

Digest = Annotated[str, Field(max_length=71, pattern=r"^sha256:[0-9a-f]{64}$")]
"""A content digest."""

Values = Annotated[dict[str, Any], Field(json_schema_extra={PRESERVE_UNKNOWN: True})]
"""Values of a chart: any object, kept as it was written."""
