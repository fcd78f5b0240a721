"""Credentials out of pull Secrets, and never into a text."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.clients.charts.credentials import Credentials, docker_credentials
from landlord.clients.charts.faults import ChartFault


def joined(username: str, password: str) -> str:
    """The form of ``auth``."""
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def config(**auths: object) -> str:
    """A .dockerconfigjson."""
    return json.dumps({"auths": auths})


WORDS = {"auth": joined("jane", "pass:word")}
JANE = Credentials("jane", "pass:word")


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("ghcr.io", "ghcr.io"),
        ("ghcr.io", "ghcr.io/team/web"),
        ("https://ghcr.io", "ghcr.io/team"),
        ("https://ghcr.io/", "ghcr.io"),
        ("GHCR.io", "ghcr.io"),
        ("ghcr.io:443", "ghcr.io"),
        ("127.0.0.1:5000", "127.0.0.1:5000/team"),
        ("ghcr.io/team", "ghcr.io/team/web"),
        ("https://index.docker.io/v1/", "registry-1.docker.io/library"),
        ("docker.io", "index.docker.io"),
    ],
)
def test_a_registry_is_found_however_its_key_is_written(key: str, registry: str) -> None:
    assert docker_credentials(config(**{key: WORDS}), registry) == JANE


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("ghcr.io", "ghcr.io.evil.test"),
        ("ghcr.io", "evil.test/ghcr.io"),
        ("ghcr.io/team", "ghcr.io/teams"),
        ("ghcr.io/team", "ghcr.io"),
        ("ghcr.io:5000", "ghcr.io"),
        ("*.io", "ghcr.io"),
    ],
)
def test_credentials_are_for_their_registry_alone(key: str, registry: str) -> None:
    assert docker_credentials(config(**{key: WORDS}), registry) is None


def test_the_longest_path_that_fits_wins() -> None:
    text = config(**{"ghcr.io": WORDS, "ghcr.io/team": {"username": "team", "password": "x"}, "ghcr.io/te": WORDS})
    assert docker_credentials(text, "ghcr.io/team/web") == Credentials("team", "x")


def test_identity_tokens_are_told_from_passwords() -> None:
    by_field = config(**{"a.io": {"auth": joined("00", ""), "identitytoken": "tok"}})
    by_user = config(**{"a.io": {"auth": joined("<token>", "tok")}})
    assert docker_credentials(by_field, "a.io") == Credentials("00", "", "tok")
    assert docker_credentials(by_user, "a.io") == Credentials("<token>", "tok", "tok")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", "{}", '{"auths": []}', '{"auths": {"a.io": 1}}', '{"auths": {"a.io": {"auth": "%"}}}']
)
def test_what_is_no_such_document_is_the_users_fault(text: str) -> None:
    with pytest.raises(ChartFault, match="dockerconfigjson") as raised:
        docker_credentials(text, "a.io")
    assert raised.value.path == "spec.chart.pullSecretRef"


@given(st.text(max_size=80))
def test_no_text_raises_anything_else_or_is_repeated(text: str) -> None:
    try:
        docker_credentials('{"auths": ' + text + "}", "a.io")
    except ChartFault as fault:
        assert len(text) < 20 or text not in fault.why  # noqa: PT017 - both ends are right


def test_a_password_is_in_no_text_of_the_credentials() -> None:
    held = Credentials("jane", "hidden", "token")
    assert "hidden" not in repr(held) + str(held) + held.fingerprint()
    assert "token'" not in repr(held)


def test_fingerprints_differ_wherever_credentials_do() -> None:
    several = [Credentials("a", "bc"), Credentials("ab", "c"), Credentials("a", "b", "c"), Credentials()]
    assert len({each.fingerprint() for each in several}) == len(several)
