"""Real Helm as the operator runs it: by the operator's own token, in a tenant's namespace, as its deployer."""

import io
import json
import tarfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from landlord.api.names import deployer_username
from landlord.api.releases import Chart, RevisionMeta, StoredRelease
from landlord.clients.cluster import Cluster
from landlord.clients.helm import Helm, HelmSettings, Revisions
from sandbox.programs import core_programs
from tests.actors import Object
from tests.admin import write_token_kubeconfig
from tests.polling import eventually
from tests.tenancy import Tenancy

SOON = timedelta(seconds=30)


@dataclass(frozen=True)
class Offered:
    """What templates are told of a cluster that nobody asked."""

    kube_version: str = "v1.36.4"
    api_versions: tuple[str, ...] = ("v1", "apps/v1")


@dataclass
class Started:
    """Whoever is told that Helm was started; `hold` keeps it waiting at the gate."""

    pid: int = 0
    since: int = 0
    before: Callable[[], Any] | None = None

    async def __call__(self, pid: int, since: int) -> None:
        """Write it down."""
        self.pid, self.since = pid, since
        if self.before is not None:
            await self.before()


@dataclass
class Room:
    """A tenant's namespace, and Helm and its records in it."""

    tenancy: Tenancy
    cluster: Cluster
    helm: Helm
    scratch: Path
    packed: Path
    revisions: Revisions = field(init=False)

    def __post_init__(self) -> None:
        self.revisions = Revisions(self.cluster.acting_as(deployer_username(self.namespace)))

    @property
    def namespace(self) -> str:
        """The tenant's."""
        return self.tenancy.namespace

    def chart(self, *manifests: Object | str, version: str = "1.0.0", **files: str) -> Chart:
        """A chart of these manifests, or templates, and of files by path (`__` is a slash, `_` a dot)."""
        contents = {"Chart.yaml": json.dumps({"apiVersion": "v2", "name": "web", "version": version})}
        for number, manifest in enumerate(manifests):
            contents[f"templates/{number}.yaml"] = manifest if isinstance(manifest, str) else json.dumps(manifest)
        contents |= {path.replace("__", "/").replace("_", "."): content for path, content in files.items()}
        return pack(contents, self.packed)

    async def deploy(
        self, chart: Chart, values: Mapping[str, Any] | None = None, name: str = "web", **how: Any
    ) -> None:
        """Install or upgrade, applied by the server."""
        known: dict[str, Any] = {"timeout": SOON, "apply_method": "ssa"}
        await self.helm.deploy(chart, name, self.namespace, values or {}, **(known | how))

    async def statuses(self, name: str = "web") -> list[str]:
        """What the labels of the revisions say, oldest first."""
        return [meta.status for meta in await self.history(name)]

    async def history(self, name: str = "web") -> tuple[RevisionMeta, ...]:
        """The revisions."""
        return await self.revisions.list(self.namespace, name)

    async def stored(self, number: int, name: str = "web") -> StoredRelease:
        """A revision that must be there."""
        found = await self.revisions.read(self.namespace, name, number)
        assert found is not None
        return found

    async def until_status(self, status: str, name: str = "web") -> None:
        """Return once the newest revision says so."""

        async def newest() -> bool:
            return (await self.statuses(name))[-1:] == [status]

        await eventually(newest, describe=f"a newest revision that is {status}")

    def data(self, name: str) -> dict[str, str] | None:
        """The data of a ConfigMap of the tenant, None when there is none."""
        answer = self.tenancy.admin.get(config_map(name) | {"metadata": {"name": name, "namespace": self.namespace}})
        return answer.body.get("data", {}) if answer.ok else None


@asynccontextmanager
async def open_room(tenancy: Tenancy, kubeconfig: str, folder: Path, **settings: Any) -> AsyncIterator[Room]:
    """Helm in the tenant's namespace, logged in by the operator's token alone."""
    token = str(tenancy.operator.headers["Authorization"]).removeprefix("Bearer ")
    operator = write_token_kubeconfig(folder / "operator.kubeconfig", kubeconfig, token)
    packed = folder / "charts"
    packed.mkdir(parents=True)
    async with await Cluster.connect(str(operator)) as cluster:
        helm = Helm(Path(core_programs()["helm"]), cluster.identity, folder / "scratch", HelmSettings(**settings))
        yield Room(tenancy, cluster, helm, folder / "scratch", packed)


def pack(contents: Mapping[str, str], folder: Path) -> Chart:
    """A packed chart, kept by its content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in contents.items():
            member = tarfile.TarInfo(f"web/{path}")
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))
    digest = sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()
    package = folder / f"{digest}.tgz"
    package.write_bytes(buffer.getvalue())
    return Chart(str(package), f"sha256:{digest}", "web", json.loads(contents["Chart.yaml"])["version"])


def config_map(name: str = "settings", **data: str) -> Object:
    """A ConfigMap of a chart."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def job(name: str, hook: str = "", **spec: Any) -> Object:
    """A Job of a chart, as a hook if one is named; with `suspend=True` it never ends."""
    annotations = {"helm.sh/hook": hook} if hook else {}
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "registry.example/job:1"}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}, **spec},
    }
