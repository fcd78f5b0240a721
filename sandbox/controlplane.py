"""How each part of the control plane is started: pure command lines and the files they name."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from sandbox.folder import Folder
from sandbox.site import LOOPBACK, Site

PORTS: Final = ("etcd", "etcd-peer", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
# Documentation range: never routed. The server complains about loopback, and left alone it wants a default route.
_ADVERTISED: Final = "192.0.2.1"
# The stock limits of 20 a second make a test wait for the garbage collector instead of for what it tests.
_UNTHROTTLED: Final = ("--kube-api-qps=500", "--kube-api-burst=1000")

AUDIT_POLICY: Final[dict[str, Any]] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        # Health checks, and everything the API server asks of itself.
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*"]},
        {"level": "None", "users": ["system:apiserver"]},
        # What the control plane merely reads, and its heartbeats. What it writes is kept.
        {
            "level": "None",
            "userGroups": ["system:serviceaccounts:kube-system"],
            "verbs": ["get", "list", "watch"],
        },
        {
            "level": "None",
            "users": ["system:kube-controller-manager", "system:kube-scheduler", "sandbox-kwok", "sandbox-addons"],
            "verbs": ["get", "list", "watch"],
        },
        {
            "level": "None",
            "users": ["system:kube-controller-manager", "system:kube-scheduler", "sandbox-kwok", "sandbox-addons"],
            "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}],
        },
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the sandbox: which program, with what arguments, listening where.

    `inside` says which of the real node's namespaces it runs in: all of them, or the network alone.
    """

    name: str
    program: str
    arguments: tuple[str, ...]
    address: str
    inside: Literal["node", "network"] | None = None


def etcd(folder: Folder, site: Site) -> Part:
    """The store. It never waits for the disk: what is lost with the machine is only a sandbox."""
    client, peer = (f"http://{LOOPBACK}:{site.ports[name]}" for name in ("etcd", "etcd-peer"))
    arguments = (
        f"--data-dir={folder.etcd}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    )
    return Part("etcd", "etcd", arguments, client)


def apiserver(folder: Folder, site: Site) -> Part:
    """The API server, with RBAC, the stock admission plugins and an audit log."""
    arguments = (
        f"--etcd-servers=http://{LOOPBACK}:{site.ports['etcd']}",
        f"--bind-address={site.host}",
        f"--secure-port={site.ports['kube-apiserver']}",
        f"--advertise-address={site.host if site.node else _ADVERTISED}",
        # Only on a real node is there anybody whom the service `kubernetes` could serve.
        f"--endpoint-reconciler-type={'lease' if site.node else 'none'}",
        f"--service-cluster-ip-range={site.services}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        *_serving(folder),
        f"--client-ca-file={folder.pki / 'ca.crt'}",
        f"--requestheader-client-ca-file={folder.pki / 'proxy-ca.crt'}",
        "--requestheader-allowed-names=none",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder.pki / 'service-accounts.pub'}",
        f"--service-account-signing-key-file={folder.pki / 'service-accounts.key'}",
        f"--audit-policy-file={folder.config / 'audit-policy.json'}",
        f"--audit-log-path={folder.audit_log}",
        "--audit-log-maxsize=2000",
        "--audit-log-maxbackup=1",
        *(_speaking_to_kubelet(folder) if site.node else ()),
    )
    return Part("kube-apiserver", "kube-apiserver", arguments, site.server)


def controller_manager(folder: Folder, site: Site) -> Part:
    """The stock controllers, each under its own service account, as in a real cluster."""
    arguments = (
        *_client(folder, "kube-controller-manager"),
        *_serving(folder),
        f"--bind-address={LOOPBACK}",
        f"--secure-port={site.ports['kube-controller-manager']}",
        "--leader-elect=false",
        f"--service-account-private-key-file={folder.pki / 'service-accounts.key'}",
        f"--root-ca-file={folder.pki / 'ca.crt'}",
        "--use-service-account-credentials=true",
        *_UNTHROTTLED,
    )
    address = f"https://{LOOPBACK}:{site.ports['kube-controller-manager']}"
    return Part("kube-controller-manager", "kube-controller-manager", arguments, address)


def scheduler(folder: Folder, site: Site) -> Part:
    """The stock scheduler."""
    arguments = (
        *_client(folder, "kube-scheduler"),
        *_serving(folder),
        f"--bind-address={LOOPBACK}",
        f"--secure-port={site.ports['kube-scheduler']}",
        "--leader-elect=false",
        *_UNTHROTTLED,
    )
    return Part("kube-scheduler", "kube-scheduler", arguments, f"https://{LOOPBACK}:{site.ports['kube-scheduler']}")


def kwok(folder: Folder, site: Site) -> Part:
    """The player of the fake nodes and of all pods on them."""
    arguments = (
        f"--kubeconfig={kubeconfig_of(folder, 'kwok')}",
        f"--config={folder.config / 'kwok.yaml'}",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        "--node-lease-duration-seconds=40",
        "--node-ip=10.63.255.254",
        "--cidr=10.64.0.0/12",
        f"--server-address={LOOPBACK}:{site.ports['kwok']}",
    )
    return Part("kwok", "kwok", arguments, f"http://{LOOPBACK}:{site.ports['kwok']}")


def kubeconfig_of(folder: Folder, identity: str) -> str:
    """Where the kubeconfig of a part lies."""
    return str(folder.config / f"{identity}.kubeconfig")


def _client(folder: Folder, identity: str) -> tuple[str, ...]:
    kubeconfig = kubeconfig_of(folder, identity)
    return tuple(f"--{use}kubeconfig={kubeconfig}" for use in ("", "authentication-", "authorization-"))


def _speaking_to_kubelet(folder: Folder) -> tuple[str, ...]:
    """What logs and exec need; the node's name means nothing to anybody's DNS."""
    return (
        f"--kubelet-client-certificate={folder.pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={folder.pki / 'kubelet-client.key'}",
        f"--kubelet-certificate-authority={folder.pki / 'ca.crt'}",
        "--kubelet-preferred-address-types=InternalIP",
    )


def _serving(folder: Folder) -> tuple[str, ...]:
    return (
        f"--tls-cert-file={folder.pki / 'serving.crt'}",
        f"--tls-private-key-file={folder.pki / 'serving.key'}",
    )
