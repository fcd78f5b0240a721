"""The real node: kubelet and containerd in namespaces of their own, so that nothing is left once they end.

All mounts, among them those of containers and volumes, lie in one mount namespace; all network devices in one network
namespace. A process that does nothing holds both. Inside, the sandbox's folder is /run/landlord-sandbox, and the places
where containerd and kubelet keep things are folders in it: paths stay short and the machine's own ones are not touched.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from sandbox import images, network
from sandbox.controlplane import Part
from sandbox.dns import DOMAIN
from sandbox.faults import SandboxFault
from sandbox.folder import Folder
from sandbox.network import Subnet
from sandbox.packages import CNI_PLUGINS, SEARCH_PATH, program
from sandbox.pki import NODE
from sandbox.process import MARKER, Running
from sandbox.site import Site

HOLDER: Final = "node-namespaces"
LABEL: Final = "sandbox.landlord.dev/real"
_INSIDE: Final = "/run/landlord-sandbox"
_SOCKET: Final = "/run/containerd/containerd.sock"
_IMPORT_SECONDS: Final = 60.0

# What kubelet would set for the whole machine. It finds these values instead, and changes nothing.
_TUNED: Final = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}
# Both folders are opened before anything is mounted over the places they may lie in.
_HOLD: Final = f"""
exec 8<"$1" 9<"$2"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p {_INSIDE} /run/programs /run/netns /run/sysctl
mount --no-canonicalize --bind /proc/self/fd/8 {_INSIDE}
mount --no-canonicalize --bind /proc/self/fd/9 /run/programs
exec 8<&- 9<&-
mount --bind {_INSIDE}/node/lib /var/lib
mount --bind {_INSIDE}/node/log /var/log
shift 2
for setting in "$@"; do
  file="/run/sysctl/$(echo "${{setting%=*}}" | tr / .)"
  echo "${{setting#*=}}" > "$file"
  mount --bind "$file" "/proc/sys/${{setting%=*}}"
done
mount --make-rshared /
cd /
touch /run/ready
exec sleep infinity
"""


def cgroup_name(folder: Path) -> str:
    """The name of the cgroup of this sandbox's containers, known from the folder alone."""
    return f"landlord-{network.link_name(folder)}"


def holder(folder: Folder, site: Site) -> Part:
    """The process that keeps the namespaces while containerd and kubelet come and go."""
    arguments = (
        "--net",
        "--mount",
        "--propagation=private",
        "sh",
        "-euc",
        _HOLD,
        "hold",
        str(folder.path),
        str(Path(site.kubelet or "/").parent),
        *(f"{name}={value}" for name, value in _TUNED.items()),
    )
    return Part(HOLDER, "unshare", arguments, site.node or "-")


def containerd(_: Folder, site: Site) -> Part:
    """The container runtime."""
    arguments = (f"--config={_INSIDE}/config/containerd.toml",)
    return Part("containerd", "containerd", arguments, f"unix://{_SOCKET}", inside="node")


def kubelet(_: Folder, site: Site) -> Part:
    """The real kubelet."""
    arguments = (
        f"--config={_INSIDE}/config/kubelet.json",
        f"--kubeconfig={_INSIDE}/config/kubelet.kubeconfig",
        f"--hostname-override={NODE}",
        f"--node-ip={site.node}",
        f"--node-labels={LABEL}=true",
    )
    return Part("kubelet", "/run/programs/kubelet", arguments, f"https://{site.node}:10250", inside="node")


def programs(kubelet_program: str) -> dict[str, str]:
    """The path of each program of the node by its name."""
    return {
        "unshare": program("unshare"),
        "containerd": program("containerd"),
        "kubelet": kubelet_program,
    }


def entering(holder_process: Running, inside: Literal["node", "network"] = "node") -> tuple[str, ...]:
    """The words before a command line that is to run on the node, or in its network alone."""
    spaces = (program("nsenter"), f"--target={holder_process.pid}", "--net", *(["--mount"] * (inside == "node")), "--")
    return (*spaces, program("env"), f"PATH={SEARCH_PATH}")


def write_configuration(folder: Folder, site: Site, registries: Sequence[str]) -> None:
    """Write what containerd, its network plugins and kubelet are configured with."""
    subnet = Subnet.around(site.host)
    for place in ("lib", "log"):
        (folder.path / "node" / place).mkdir(parents=True, exist_ok=True)
    (folder.config / "cni").mkdir(exist_ok=True)
    (folder.config / "cni" / "10-sandbox.conflist").write_text(json.dumps(_cni(subnet), indent=1))
    (folder.config / "resolv.conf").write_text(f"nameserver {subnet.node}\noptions timeout:1 attempts:1\n")
    (folder.config / "containerd.toml").write_text(_CONTAINERD)
    (folder.config / "kubelet.json").write_text(json.dumps(_kubelet(folder, subnet), indent=1))
    hosts = folder.config / "hosts"
    hosts.mkdir(exist_ok=True)
    for registry in registries:
        # Without this file containerd speaks plain HTTP to loopback only.
        (hosts / registry).mkdir(exist_ok=True)
        words = f'server = "http://{registry}"\n\n[host."http://{registry}"]\n  capabilities = ["pull", "resolve"]\n'
        (hosts / registry / "hosts.toml").write_text(words)


def forget(folder: Folder) -> None:
    """Remove what pods and containers have left in the folder of a node that is gone."""
    for place in ("lib", "log"):
        shutil.rmtree(folder.path / "node" / place, ignore_errors=True)
        if (folder.path / "node").exists():
            (folder.path / "node" / place).mkdir()


def is_held(holder_process: Running) -> bool:
    """Whether the namespaces are there and all is mounted in them."""
    root = Path("/proc", str(holder_process.pid), "root")
    return (root / "run/ready").exists() and (root / _INSIDE.lstrip("/")).is_dir()


def runtime_answers(folder: Folder, holder_process: Running) -> bool:
    """Whether containerd takes requests."""
    return _ctr(folder, holder_process, "version").returncode == 0


def import_images(folder: Folder, holder_process: Running) -> None:
    """Give containerd the sandbox's own images."""
    archive = folder.path / "node" / "images.tar"
    images.write_archive(archive, images.layer())
    done = _ctr(folder, holder_process, "--namespace=k8s.io", "images", "import", f"{_INSIDE}/node/images.tar")
    if done.returncode != 0:
        raise SandboxFault(f"containerd did not take the images: {done.stderr.strip()}")


def _ctr(folder: Folder, holder_process: Running, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [*entering(holder_process), "ctr", f"--address={_SOCKET}", *arguments]
    environment = {**os.environ, MARKER: str(folder.path)}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=_IMPORT_SECONDS
    )


def _cni(subnet: Subnet) -> dict[str, Any]:
    first, last = subnet.pods
    ranges = [[{"subnet": str(subnet.network), "rangeStart": first, "rangeEnd": last, "gateway": subnet.node}]]
    ipam = {"type": "host-local", "dataDir": "/run/cni", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": network.BRIDGE, "isGateway": False, "ipMasq": False, "hairpinMode": True}
    return {"cniVersion": "1.0.0", "name": "sandbox", "plugins": [{**bridge, "ipam": ipam}]}


# Containers' scores for the out-of-memory killer may only be raised where CAP_SYS_RESOURCE is missing.
_CONTAINERD: Final = f"""\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]

[grpc]
  address = "{_SOCKET}"

[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{images.PAUSE}"
  disable_apparmor = true
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PLUGINS}"
    conf_dir = "{_INSIDE}/config/cni"

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{_INSIDE}/config/hosts"

  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
"""


def _kubelet(folder: Folder, subnet: Subnet) -> dict[str, Any]:
    pki = f"{_INSIDE}/pki"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": subnet.node,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{pki}/serving.crt",
        "tlsPrivateKeyFile": f"{pki}/serving.key",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup_name(folder.path)}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{_SOCKET}",
        "clusterDNS": [subnet.node],
        "clusterDomain": DOMAIN,
        "resolvConf": f"{_INSIDE}/config/resolv.conf",
        "crashLoopBackOff": {"maxContainerRestartPeriod": "5s"},
        "enforceNodeAllocatable": ["pods"],
        # The disk is the machine's: how full it is must not decide over a test, nor may images vanish that nobody
        # could pull again.
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "makeIPTablesUtilChains": False,
        "nodeStatusUpdateFrequency": "2s",
        "oomScoreAdj": 0,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "serializeImagePulls": False,
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
    }
