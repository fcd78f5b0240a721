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
    cluster = {"server": server, "certificate-authority-data": _encoded(pki / "ca.crt")}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": cluster}],
        "users": [{"name": identity, "user": user}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": identity}}],
        "current-context": "sandbox",
    }


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a kubeconfig readable by the owner only; JSON is YAML too, and quicker."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=2) + "\n")


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
