"""Credentials of a release for one registry or repository, out of a pull Secret."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from landlord.clients.charts.faults import ChartFault

PULL_SECRET: Final = "spec.chart.pullSecretRef"  # noqa: S105 - a path, no password
_TOKEN_USER: Final = "<token>"  # noqa: S105 - a marker, no password
_DOCKER_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and its password, or a token that a registry takes in exchange for access tokens."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    def basic(self) -> str:
        """The value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def fingerprint(self) -> str:
        """Tells two credentials apart without giving either away."""
        parts = (self.username, self.password, self.identity_token)
        return sha256(b"".join(len(part).to_bytes(4) + part.encode() for part in parts)).hexdigest()


def docker_credentials(text: str, registry: str) -> Credentials | None:
    """The credentials in a ``.dockerconfigjson`` for ``HOST[:PORT][/PATH]``, those with the longest path first.

    None when it has none for this registry; raises ``ChartFault`` when the text is no such document.
    """
    try:
        entries = json.loads(text)["auths"]
        fitting = {_plain(key): entry for key, entry in entries.items() if _fits(_plain(key), _plain(registry))}
        longest = max(fitting, key=len, default=None)
        return None if longest is None else _credentials(fitting[longest])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ChartFault(
            PULL_SECRET, 'The Secret\'s .dockerconfigjson is not of the form {"auths": {"HOST": {"auth": ...}}}.'
        ) from None  # the cause would carry the text


def _plain(key: str) -> str:
    """``HOST[:PORT][/PATH]`` of a key, which may be a URL; the several names of Docker Hub are one."""
    rest = key.strip().partition("://")[2] or key.strip()
    host, _, path = rest.rstrip("/").partition("/")
    host = host.lower().removesuffix(":443")
    if host in _DOCKER_HUB:
        host, path = "docker.io", path.removeprefix("v1").removeprefix("v2").strip("/")
    return f"{host}/{path}".rstrip("/")


def _fits(key: str, registry: str) -> bool:
    return registry == key or registry.startswith(f"{key}/")


def _credentials(entry: Mapping[str, Any]) -> Credentials:
    username, password = entry.get("username") or "", entry.get("password") or ""
    if joined := entry.get("auth"):
        try:
            username, _, password = base64.b64decode(joined, validate=True).decode().partition(":")
        except binascii.Error as error:
            raise ValueError("auth is no base64") from error
    token = entry.get("identitytoken") or (password if username == _TOKEN_USER else "")
    return Credentials(str(username), str(password).rstrip("\x00"), str(token))
