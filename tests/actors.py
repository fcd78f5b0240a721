"""People and programs as the API server sees them: one identity each, and the answers it gets, refusals included.

Tests of rights and policies must see status and words of an answer exactly, so nothing is translated or retried here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import urllib3
from kubernetes import config as kube_config
from kubernetes.client import ApiClient

Object = dict[str, Any]

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"

_CLUSTER_SCOPED = {
    "ClusterRole": "clusterroles",
    "CustomResourceDefinition": "customresourcedefinitions",
    "Environment": "environments",
    "Namespace": "namespaces",
    "Tenant": "tenants",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
}
_IRREGULAR = {"Ingress": "ingresses", "NetworkPolicy": "networkpolicies"}


def path_of(manifest: Object, *parts: str) -> str:
    """The URL path of the collection the object belongs to, followed by `parts`."""
    version = manifest["apiVersion"]
    kind = manifest["kind"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = manifest["metadata"].get("namespace")
    scope = f"/namespaces/{namespace}" if namespace else ""
    plural = _CLUSTER_SCOPED.get(kind) or _IRREGULAR.get(kind) or f"{kind.lower()}s"
    return "/".join([f"{root}{scope}/{plural}", *parts])


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said."""

    status: int
    body: Object

    @property
    def ok(self) -> bool:
        """Whether the request was carried out."""
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """The server's words when it refused."""
        return str(self.body.get("message", ""))

    def allowed(self) -> Object:
        """The object, if the request was carried out; otherwise the test fails with the server's words."""
        assert self.ok, f"{self.status}: {self.message}"
        return self.body

    def denied_by(self, policy: str) -> str:
        """The words of the admission policy that refused; any other answer fails the test."""
        assert not self.ok, f"let through, though {policy} should refuse"
        assert f"ValidatingAdmissionPolicy '{policy}'" in self.message, f"{self.status}: {self.message}"
        assert "evaluation" not in self.message, f"the policy itself stumbled: {self.message}"
        return self.message

    def forbidden(self) -> str:
        """The words of RBAC that refused; any other answer fails the test."""
        assert self.status == 403, f"{self.status}: {self.message}"
        assert "ValidatingAdmissionPolicy" not in self.message, self.message
        return self.message


@dataclass(frozen=True, slots=True)
class Actor:
    """One identity at one API server."""

    server: str
    pool: urllib3.PoolManager
    headers: Mapping[str, Any] = field(default_factory=dict)
    ca: str | None = None

    @classmethod
    def from_kubeconfig(cls, path: Path | str) -> Self:
        """Whoever the file says."""
        client: ApiClient = kube_config.new_client_from_config(str(path))  # type: ignore[no-untyped-call]
        token = client.default_headers.get("authorization") or client.configuration.api_key.get("authorization")
        headers = {"Authorization": token} if token else {}
        return cls(
            client.configuration.host, client.rest_client.pool_manager, headers, client.configuration.ssl_ca_cert
        )

    def impersonating(self, user: str, *groups: str) -> "Actor":
        """Somebody else, by this actor's right to impersonate."""
        extra: dict[str, Any] = {"Impersonate-User": user}
        if groups:
            extra["Impersonate-Group"] = list(groups)
        return Actor(self.server, self.pool, {**self.headers, **extra}, self.ca)

    def bearing(self, token: str) -> "Actor":
        """Somebody else, by his own token and without a client certificate."""
        pool = urllib3.PoolManager(ca_certs=self.ca, cert_reqs="CERT_REQUIRED" if self.ca else "CERT_NONE")
        return Actor(self.server, pool, {"Authorization": f"Bearer {token}"}, self.ca)

    def account(self, namespace: str, name: str) -> "Actor":
        """A ServiceAccount by a fresh token of its own: nothing is impersonated."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        return self.bearing(self.request("POST", path, review).allowed()["status"]["token"])

    def request(self, method: str, path: str, body: Object | None = None, content: str = "application/json") -> Answer:
        """Any request, answered in JSON."""
        headers = urllib3.HTTPHeaderDict({"Accept": "application/json", "Content-Type": content})
        for name, value in self.headers.items():
            for single in value if isinstance(value, list) else [value]:
                headers.add(name, single)
        sent = json.dumps(body) if body is not None else None
        answer = self.pool.request(method, self.server + path, body=sent, headers=headers, timeout=30)
        return Answer(answer.status, _body(answer.data))

    def get(self, manifest: Object) -> Answer:
        """Read the object."""
        return self.request("GET", path_of(manifest, manifest["metadata"]["name"]))

    def create(self, manifest: Object, *, dry_run: bool = False) -> Answer:
        """POST the object to its collection."""
        return self.request("POST", path_of(manifest) + ("?dryRun=All" if dry_run else ""), manifest)

    def replace(self, manifest: Object, *subresource: str) -> Answer:
        """PUT the object over itself, whatever version it has now, or onto a subresource."""
        return self.request("PUT", path_of(manifest, manifest["metadata"]["name"], *subresource), manifest)

    def patch(self, manifest: Object, change: Object, *subresource: str) -> Answer:
        """Merge `change` into the object, or through a subresource."""
        return self.request("PATCH", path_of(manifest, manifest["metadata"]["name"], *subresource), change, MERGE)

    def apply(self, manifest: Object, *subresource: str, manager: str = "test") -> Answer:
        """Server-side apply with force."""
        path = path_of(manifest, manifest["metadata"]["name"], *subresource)
        return self.request("PATCH", f"{path}?fieldManager={manager}&force=true", manifest, APPLY)

    def delete(self, manifest: Object) -> Answer:
        """DELETE the object."""
        return self.request("DELETE", path_of(manifest, manifest["metadata"]["name"]), {})

    def delete_all(self, manifest: Object) -> Answer:
        """DELETE the whole collection the object belongs to."""
        return self.request("DELETE", path_of(manifest), {})

    def may(self, verb: str, resource: str, namespace: str, *, group: str = "", name: str = "") -> bool:
        """What `kubectl auth can-i` answers; `resource` may be RESOURCE/SUBRESOURCE."""
        plural, _, subresource = resource.partition("/")
        asked = {"verb": verb, "group": group, "resource": plural, "subresource": subresource}
        spec = {"resourceAttributes": {**asked, "namespace": namespace, "name": name}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
        answer = self.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review).allowed()
        return bool(answer["status"]["allowed"])


def _body(data: bytes) -> Object:
    """The answer's JSON; a path that is not served (yet) is answered in plain words."""
    try:
        body: Object = json.loads(data or b"{}")
    except json.JSONDecodeError:
        return {"message": data.decode(errors="replace")}
    return body
