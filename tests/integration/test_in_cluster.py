"""Logging in as a pod does: by the files and variables that the kubelet gives it, with a token that changes."""

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from kubernetes.aio.config import incluster_config

from landlord.api.failures import Refused, Transient
from landlord.api.refs import NAMESPACES
from landlord.clients.cluster import Cluster
from landlord.runtime.door import connection
from landlord.runtime.lease import wall_clock
from tests.admin import Admin


@pytest.fixture
async def pod(admin: Admin, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The token file of a pod of ServiceAccount `default`; its environment is this process's for the test."""
    known = yaml.safe_load(Path(admin.kubeconfig).read_text())["clusters"][0]["cluster"]
    authority = tmp_path / "ca.crt"
    if "certificate-authority-data" in known:
        authority.write_bytes(base64.b64decode(known["certificate-authority-data"]))
    else:
        authority.write_bytes(Path(known["certificate-authority"]).read_bytes())
    token = tmp_path / "token"
    token.write_text(await admin.token_of(namespace, "default"))
    server = urlsplit(known["server"])
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(server.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port or 443))
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority))
    return token


async def test_a_pod_logs_in_by_its_token_file_and_so_does_kopf(pod: Path, namespace: str) -> None:
    async with await Cluster.connect() as cluster:
        with pytest.raises(Refused, match=f"system:serviceaccount:{namespace}:default"):
            await cluster.get(NAMESPACES, "default")
        info = connection(await cluster.identity(), wall_clock())
    assert info.as_http_headers()["Authorization"].lower() == f"bearer {pod.read_text()}".lower()
    assert info.expiration is not None


class Impatient(incluster_config.InClusterConfigLoader):
    """Reads the token at every request instead of every minute."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call] # no hints upstream
        self._token_refresh_period = timedelta()


async def test_a_token_that_the_kubelet_renews_is_read_again(
    pod: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = pod.read_text()
    pod.write_text("not-a-token")
    monkeypatch.setattr(incluster_config, "InClusterConfigLoader", Impatient)
    async with await Cluster.connect() as cluster:
        with pytest.raises(Transient, match="401"):
            await cluster.get(NAMESPACES, "default")
        pod.write_text(good)
        with pytest.raises(Refused, match=f"system:serviceaccount:{namespace}:default"):
            await cluster.get(NAMESPACES, "default")
