"""Our identity as two private files: a kubeconfig without a secret in it, and beside it the token it names."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from landlord.api.failures import Refused
from landlord.clients.identity import Identity

_BEARER: Final = "Bearer "


def write_kubeconfig(identity: Identity, folder: Path) -> Path:
    """The kubeconfig's path, once it and the token are as the identity is now. Blocks: call in a thread.

    Files are replaced whole, so a Helm that reads them meanwhile sees the old or the new ones; one that runs for long
    reads the new token by itself.
    """
    token = folder / "token"
    if identity.authorization is not None:
        _put(token, _bearer(identity.authorization))
    kubeconfig = folder / "kubeconfig"
    _put(kubeconfig, json.dumps(_document(identity, token), indent=1))
    return kubeconfig


def _document(identity: Identity, token: Path) -> dict[str, Any]:
    cluster = {
        "server": identity.server,
        "certificate-authority": identity.ca_file,
        "insecure-skip-tls-verify": identity.insecure or None,
        "proxy-url": None if proxy_bypass(urlsplit(identity.server).hostname or "") else identity.proxy,
    }
    user = {
        "tokenFile": str(token) if identity.authorization is not None else None,
        "client-certificate": identity.certificate_file,
        "client-key": identity.key_file,
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": _given(cluster)}],
        "users": [{"name": "landlord", "user": _given(user)}],
        "contexts": [{"name": "landlord", "context": {"cluster": "cluster", "user": "landlord"}}],
        "current-context": "landlord",
    }


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _bearer(authorization: str) -> str:
    if not authorization.startswith(_BEARER):
        raise Refused("Helm can log in by a bearer token or a certificate, and this cluster's login is neither.")
    return authorization.removeprefix(_BEARER)


def _put(path: Path, text: str) -> None:
    """Write a file nobody else may read, in one step, and only if it would change."""
    with suppress(FileNotFoundError):
        if path.read_text("utf-8") == text:
            return
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(path)
