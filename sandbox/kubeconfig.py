"""Kubeconfig files with everything in them, so that one file can be copied and used alone."""

import base64
import json
from pathlib import Path
from typing import Any


def with_certificate(server: str, pki: Path, identity: str) -> dict[str, Any]:
    """A kubeconfig for an identity that has a client certificate in `pki`."""
    user = {
        "client-certificate-data": _encoded(pki / f"{identity}.crt"),
        "client-key-data": _encoded(pki / f"{identity}.key"),
    }
    return _document(server, _encoded(pki / "ca.crt"), identity, user)


def with_token(server: str, authority: str, name: str, token: str) -> dict[str, Any]:
    """A kubeconfig for the holder of a bearer token; `authority` is the encoded certificate from another kubeconfig."""
    return _document(server, authority, name, {"token": token})


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a kubeconfig readable by the owner only; JSON is YAML too, and quicker."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=2) + "\n")


def _document(server: str, authority: str, name: str, user: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": name}}],
        "current-context": "sandbox",
    }


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
