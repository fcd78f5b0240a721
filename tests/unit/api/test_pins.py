"""Pins are refused by the models in the words of the CRD, which tell what to write."""

import pytest
from pydantic import TypeAdapter, ValidationError

from landlord.api.pins import (
    IMAGE_WORDS,
    REPOSITORY_WORDS,
    TAG_WORDS,
    VERSION_WORDS,
    ImageName,
    Repository,
    Tag,
    Version,
)
from tests.bad_rules import APPRELEASE_BREACHES

PINS = {
    ("chart", "version"): (TypeAdapter(Version), VERSION_WORDS),
    ("chart", "repository"): (TypeAdapter(Repository), REPOSITORY_WORDS),
    ("image", "repository"): (TypeAdapter(ImageName), IMAGE_WORDS),
    ("image", "tag"): (TypeAdapter(Tag), TAG_WORDS),
}
BROKEN = [(breach.path, breach.value) for breach in APPRELEASE_BREACHES if breach.path in PINS]


@pytest.mark.parametrize(("path", "text"), BROKEN)
def test_what_is_no_pin_is_refused_with_what_to_write(path: tuple[str, str], text: str) -> None:
    adapter, words = PINS[path]

    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(text)

    assert words in str(refused.value) or len(text) > 128


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("chart", "version"), "1.4.2"),
        (("chart", "version"), "v1.16.2"),
        (("chart", "version"), "1.4.2-rc.1+build.5"),
        (("chart", "repository"), "oci://127.0.0.1:5000/charts"),
        (("chart", "repository"), "https://charts.example.org/stable/"),
        (("image", "repository"), "nginx"),
        (("image", "repository"), "localhost:5000/web"),
        (("image", "repository"), "registry.example.org/shop/web_front"),
        (("image", "tag"), "1"),
        (("image", "tag"), "sha-3f9c2ab"),
        (("image", "tag"), "latest-2026"),
    ],
)
def test_pins_are_taken(path: tuple[str, str], text: str) -> None:
    adapter, _ = PINS[path]

    assert adapter.validate_python(text) == text


def test_there_is_something_to_refuse() -> None:
    assert {path for path, _ in BROKEN} == set(PINS)
