"""The few requests the sandbox itself makes: one at a time, with the standard library."""

import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.site import LOOPBACK

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Api:
    """The API server, seen by the admin."""

    port: int
    tls: ssl.SSLContext
    host: str = LOOPBACK

    @classmethod
    def as_admin(cls, port: int, pki: Path, host: str = LOOPBACK, identity: str = "admin") -> "Api":
        """The view of the admin, or of another identity with keys in `pki`."""
        tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        tls.load_cert_chain(pki / f"{identity}.crt", pki / f"{identity}.key")
        return cls(port, tls, host)

    def status(self, path: str) -> int:
        """The HTTP status of a GET; 0 while nobody answers."""
        return self._request("GET", path, None)[0]

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at `path`, if there is one and the server answers."""
        status, body = self._request("GET", path, None)
        return json.loads(body) if status == http.client.OK else None

    def items(self, path: str) -> list[dict[str, Any]]:
        """All objects of a collection, as the server has them at hand; none while nobody answers."""
        found = self.get(f"{path}?resourceVersion=0") or {}
        return found.get("items") or []

    def delete(self, path: str) -> None:
        """Ask for the end of the object at `path`."""
        self._request("DELETE", path, None)

    def create(self, path: str, manifest: dict[str, Any]) -> bool:
        """Whether the object exists now, made by this call or before."""
        status, _ = self._request("POST", path, json.dumps(manifest))
        return status in {http.client.CREATED, http.client.CONFLICT}

    def _request(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=_SECONDS, context=self.tls)
        headers = {"User-Agent": "landlord-sandbox", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()
