"""A tenant's namespace with a real release in it, made by real Helm as its deployer, and the parts that look at it."""

import asyncio
import base64
import gzip
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from landlord.api.names import deployer_username
from landlord.api.refs import Ref
from landlord.api.releases import StoredRelease
from landlord.clients.cluster import Cluster
from landlord.clients.discovery import Discovery
from landlord.core.release.rendered import parse
from landlord.reconcilers.release.drifting import Drifting
from landlord.reconcilers.release.inventory import Eyes, Inventory, inventory
from landlord.runtime.scopes import Scopes
from sandbox.programs import core_programs
from tests.admin import Admin

Object = dict[str, Any]
NAME = "web"

_TEMPLATES = {
    "settings.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  level: {{ .Values.level }}
  motd: hello
""",
    "service.yaml": """
{{- if .Values.service }}
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec: {selector: {app: web}, ports: [{port: 80}]}
{{- end }}
""",
    "web.yaml": """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: {{ .Values.image }}
          resources: {requests: {cpu: 1000m, memory: 1024Ki}}
          {{- if .Values.env }}
          env: [{name: LEVEL, value: {{ .Values.level }}}]
          {{- end }}
""",
    "scaled.yaml": """
{{- if .Values.scaled }}
apiVersion: apps/v1
kind: Deployment
metadata: {name: scaled}
spec:
  replicas: 1
  selector: {matchLabels: {app: scaled}}
  template:
    metadata: {labels: {app: scaled}}
    spec: {containers: [{name: web, image: "registry.example/app:1"}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: scaled}
spec:
  minReplicas: 1
  maxReplicas: 5
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: scaled}
{{- end }}
""",
    "ordered.yaml": """
{{- if .Values.ordered }}
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ordered}
spec:
  replicas: 2
  serviceName: ordered
  selector: {matchLabels: {app: ordered}}
  template:
    metadata: {labels: {app: ordered}}
    spec: {containers: [{name: db, image: {{ .Values.ordered | quote }}}]}
{{- end }}
""",
    "extra.yaml": """
{{- range .Values.extra }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ . }}
  annotations: {made-by: {{ $.Release.Name }}{{ if hasPrefix "kept" . }}, helm.sh/resource-policy: keep{{ end }}}
{{- end }}
{{- if .Values.broken }}
---
apiVersion: v1
kind: Service
metadata: {name: zzz-broken}
spec: {ports: [{port: 99999}]}
{{- end }}
""",
}
_VALUES: Object = {
    "level": "info",
    "image": "registry.example/app:1",
    "replicas": 1,
    "service": True,
    "env": True,
    "scaled": False,
    "ordered": "",
    "extra": [],
    "broken": False,
}


@dataclass
class Stage:
    """One release in one namespace. ``requests`` counts what Landlord's own connection asked for, by verb."""

    admin: Admin
    cluster: Cluster
    namespace: str
    chart: Path
    scopes: Scopes
    discovery: Discovery
    eyes: Eyes
    drifting: Drifting
    told: list[Ref]
    requests: Counter[str] = field(default_factory=Counter)

    @property
    def ref(self) -> Ref:
        return Ref("AppRelease", self.namespace, NAME)

    async def helm(self, *words: str) -> tuple[int, str]:
        """Exit code and what Helm said, run as the deployer."""
        user = f"--kube-as-user={deployer_username(self.namespace)}"
        command = [
            core_programs()["helm"],
            *words,
            f"--kubeconfig={self.admin.kubeconfig}",
            f"-n={self.namespace}",
            user,
        ]
        run = asyncio.subprocess
        process = await asyncio.create_subprocess_exec(*command, stdout=run.PIPE, stderr=run.STDOUT)
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    async def try_deploy(self, *flags: str, **values: Any) -> tuple[int, str]:
        """One ``helm upgrade --install`` with these values over the chart's own."""
        sets = [f"--set-json={key}={json.dumps(value)}" for key, value in values.items()]
        return await self.helm("upgrade", "--install", NAME, str(self.chart), *flags, *sets)

    async def deploy(self, *flags: str, **values: Any) -> None:
        """The same, which must work."""
        code, said = await self.try_deploy(*flags, **values)
        assert code == 0, said

    async def stored(self, number: int = 0) -> StoredRelease:
        """A revision as Helm recorded it, the newest unless said otherwise."""
        secrets = await self.admin.list(f"/api/v1/namespaces/{self.namespace}/secrets", labelSelector="owner=helm")
        found = [_decoded(secret) for secret in secrets]
        wanted = number or max(each.number for each in found)
        return next(each for each in found if each.number == wanted)

    async def inventory(self, number: int = 0) -> Inventory:
        """The objects of a revision."""
        release = await self.stored(number)
        return await inventory(parse(yaml.safe_load_all(release.manifest)), self.namespace, self.discovery)

    def path(self, plural: str, name: str, group: str = "") -> str:
        root = f"/apis/{group}" if group else "/api/v1"
        return f"{root}/namespaces/{self.namespace}/{plural}/{name}"

    def kubectl(self, *words: str) -> str:
        return self.admin.kubectl("-n", self.namespace, *words)


@asynccontextmanager
async def release_stage(admin: Admin, namespace: str, folder: Path) -> AsyncIterator[Stage]:
    """The stage, without a release yet."""
    requests: Counter[str] = Counter()
    told: list[Ref] = []

    def observe(verb: str, plural: str, status: int, seconds: float) -> None:
        requests[verb] += 1

    async with await Cluster.connect(admin.kubeconfig, observe=observe) as cluster:
        scopes = Scopes(cluster, told.append)
        eyes = Eyes(cluster, scopes)
        discovery = Discovery(cluster)
        parts = (scopes, discovery, eyes, Drifting(cluster, eyes))
        yield Stage(admin, cluster, namespace, _chart(folder), *parts, told, requests)
        await scopes.close()


def _chart(folder: Path) -> Path:
    chart = folder / "chart"
    (chart / "templates").mkdir(parents=True)
    head = {"apiVersion": "v2", "name": "web", "version": "1.0.0"}
    (chart / "Chart.yaml").write_text(yaml.safe_dump(head))
    (chart / "values.yaml").write_text(yaml.safe_dump(_VALUES))
    for name, text in _TEMPLATES.items():
        (chart / "templates" / name).write_text(text.lstrip())
    return chart


def _decoded(secret: Object) -> StoredRelease:
    raw = base64.b64decode(base64.b64decode(secret["data"]["release"]))
    body = json.loads(gzip.decompress(raw))
    return StoredRelease(
        name=body["name"],
        namespace=body["namespace"],
        number=body["version"],
        status=body["info"]["status"],
        description=body["info"].get("description", ""),
        manifest=body["manifest"],
        config=body.get("config") or {},
        hooks=tuple(body.get("hooks") or ()),
        chart_name="web",
        chart_version="1.0.0",
        app_version="",
        apply_method=body.get("apply_method", ""),
        chart_files={},
    )
