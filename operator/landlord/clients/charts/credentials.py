"""Credentials of a release for one registry or repository, out of a pull Secret."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and its password, or a token that a registry takes in exchange for access tokens."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)


def docker_credentials(text: str, registry: str) -> Credentials | None:
    """The credentials in a ``.dockerconfigjson`` for a host such as ``ghcr.io`` (and path), or None; the longest fits.

    Raises ``SpecFault`` when the text is no such document.
    """
    raise NotImplementedError
