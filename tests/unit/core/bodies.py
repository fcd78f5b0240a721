"""What users may write, drawn at random: quantities in every spelling, and whole bodies, as plain JSON."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

_SUFFIXES = ("", "", "m", "k", "M", "G", "T", "P", "E", "u", "n", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_ROUND = (0, 1, 2, 3, 8, 10, 100, 512, 1000, 1023, 1024, 1536, 10**6, 2**20, 2**31, 2**53 + 1, 2**63 - 1, 2**63)


def spelled_quantities() -> st.SearchStrategy[str]:
    """Quantities as text, within the pattern of the CRDs: fractions, leading zeros, every suffix, exponents."""
    whole = st.one_of(st.sampled_from(_ROUND), st.integers(0, 10**20)).map(str)
    padded = st.builds("{}{}".format, st.sampled_from(("", "", "", "0", "000")), whole)
    fraction = st.one_of(st.just(""), st.text("0123456789", min_size=1, max_size=10).map(".{}".format))
    exponent = st.builds(
        "{}{}{}".format, st.sampled_from("eE"), st.sampled_from(("", "+", "-")), st.integers(0, 25).map(str)
    )
    suffix = st.one_of(st.sampled_from(_SUFFIXES), exponent)
    return st.builds("{}{}{}".format, padded, fraction, suffix).filter(lambda text: len(text) <= 32)


def quantities() -> st.SearchStrategy[int | str]:
    """Quantities as text or as a plain number."""
    return st.one_of(st.integers(0, 2**63 - 1), spelled_quantities())


_SMALL = (1, 2, "1", "0.5", "1.5", "250m", "1e3", "1000m", "12e6", "100k", "1.5Gi", "64Mi", "1024Ki", "0.1Gi", "2e-1")


def resources(names: Sequence[str], *, most: int = 4) -> st.SearchStrategy[Json]:
    """A resource list over some of these names."""
    values = st.one_of(st.sampled_from(_SMALL), quantities())
    return st.dictionaries(st.sampled_from(names), values, min_size=1, max_size=most)


_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_COUNTED = ("pods", "services", "secrets", "configmaps", "services.nodeports", "count/deployments.apps")
_HARD = (*_COMPUTE, *(f"{verb}.{name}" for verb in ("requests", "limits") for name in _COMPUTE))


def _hard() -> st.SearchStrategy[Json]:
    compute = st.dictionaries(st.sampled_from((*_HARD, "requests.storage")), st.sampled_from(_SMALL), max_size=6)
    odd = st.dictionaries(st.sampled_from((*_HARD, "requests.storage")), quantities(), max_size=2)
    counted = st.dictionaries(
        st.sampled_from(_COUNTED), st.sampled_from((0, 1, 10, "10", "1k", "2e2", "1Ki", "3000m")), max_size=3
    )
    return st.builds(
        lambda *parts: {key: value for part in parts for key, value in part.items()}, compute, odd, counted
    )


_MATCHES: tuple[list[Json], ...] = (
    [{"scope": "PriorityClass", "operator": "In", "values": ["high", "batch"]}],
    [{"scope": "PriorityClass", "operator": "NotIn", "values": ["batch"]}],
    [{"scope": "PriorityClass", "operator": "Exists"}],
    [{"scope": "PriorityClass", "operator": "DoesNotExist"}],
    [{"scope": "NotBestEffort"}],
    [{"scope": "NotTerminating", "operator": "Exists"}, {"scope": "PriorityClass", "operator": "In", "values": ["a"]}],
    [{"scope": "Terminating"}],
    [{"scope": "CrossNamespacePodAffinity"}],
)


def _scoped() -> st.SearchStrategy[list[Json]]:
    pods = st.sampled_from((0, 5, "5", "1e1")).map(lambda count: {"pods": count})
    compute = st.dictionaries(st.sampled_from(("requests.cpu", "limits.memory")), st.sampled_from(_SMALL), max_size=2)
    plain = st.builds(
        lambda match, counts, amounts: {"match": match, "hard": counts | amounts},
        st.sampled_from(_MATCHES),
        pods,
        compute,
    )
    best_effort = pods.map(lambda counts: {"match": [{"scope": "BestEffort"}], "hard": counts})
    return st.lists(st.one_of(plain, best_effort), max_size=3).map(
        lambda entries: [{"name": f"scope-{number}", **entry} for number, entry in enumerate(entries)]
    )


def quotas() -> st.SearchStrategy[Json]:
    """``quota`` with plain and scoped limits."""
    return st.fixed_dictionaries({}, optional={"hard": _hard(), "scopes": _scoped()})


def limits() -> st.SearchStrategy[Json]:
    """``limits`` with any of its lists: in ascending order mostly, so that the API server takes most of them."""
    pods = st.fixed_dictionaries({}, optional={"min": _ladder(0), "max": _ladder(3), "maxLimitRequestRatio": _ratios()})
    claims = st.fixed_dictionaries(
        {},
        optional={
            "min": st.sampled_from(({"storage": "1Gi"}, {"storage": "0.5Gi"}, {"storage": (1e9).__int__()})),
            "max": st.sampled_from(({"storage": "1.5Ti"}, {"storage": "1e12"}, {"storage": "100G"})),
        },
    )
    containers = st.fixed_dictionaries(
        {},
        optional={
            "min": _ladder(0),
            "defaultRequest": _ladder(1),
            "default": _ladder(2),
            "max": _ladder(3),
            "maxLimitRequestRatio": _ratios(),
        },
    )
    return st.fixed_dictionaries({}, optional={"container": containers, "pod": pods, "persistentVolumeClaim": claims})


_RUNGS: Mapping[str, tuple[tuple[int | str, ...], ...]] = {
    "cpu": (
        ("10m", "0.01", "1e-2"),
        ("50m", "0.25", "250m", "25e-2"),
        ("500m", "1", 1, "1.5"),
        (2, "4", "2500m", "4e0"),
    ),
    "memory": (
        ("1Mi", "4e6", "1000k"),
        ("64Mi", "128Mi", "0.125Gi"),
        ("512Mi", "1Gi", "1.5Gi", "1e9"),
        ("2Gi", "4G", "4096Mi"),
    ),
    "ephemeral-storage": (("1Mi",), ("100M", "0.5Gi"), ("2Gi", "2e9"), ("10Gi", "1e10")),
}


def _ladder(rung: int) -> st.SearchStrategy[Json]:
    """Amounts that are in order from rung to rung; now and then any others."""
    orderly = st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(choices[rung]) for name, choices in _RUNGS.items()}
    )
    return st.one_of(orderly, orderly, orderly, orderly, orderly, resources(tuple(_RUNGS), most=2))


def _ratios() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {}, optional={"cpu": st.sampled_from((1, 2, "10", "1.5", "4e0")), "memory": st.sampled_from((1, "2", "2500m"))}
    )


_LABELS = ("a", "web", "monitoring", "kube-system", "team-b-staging")
PEERS = ("ingress", "monitoring", "apiserver")


def networks() -> st.SearchStrategy[Json]:
    """``network``: every profile, peers, namespaces, pods and IP blocks of both families."""
    profiles = st.sampled_from(("Open", "DefaultDeny", "TenantInternal", "NamespaceInternal"))
    rules = st.lists(network_rules(), max_size=3)
    return st.fixed_dictionaries({}, optional={"profile": profiles, "allowFrom": rules, "allowTo": rules})


def network_rules() -> st.SearchStrategy[Json]:
    """One entry of ``allowFrom`` or ``allowTo``."""
    pods = st.dictionaries(
        st.sampled_from(("app", "app.kubernetes.io/name")), st.sampled_from(("x", "y.z", "")), min_size=1
    )
    namespaces = st.lists(st.sampled_from(_LABELS), min_size=1, max_size=3, unique=True)
    who = st.one_of(
        st.sampled_from(PEERS).map(lambda peer: {"peer": peer}),
        st.fixed_dictionaries({"namespaces": namespaces}, optional={"podLabels": pods}),
        st.fixed_dictionaries({"podLabels": pods}),
        _blocks(),
    )
    return st.builds(
        lambda peer, ports: {**peer, **ports}, who, st.fixed_dictionaries({}, optional={"ports": _ports()})
    )


def _ports() -> st.SearchStrategy[list[Json]]:
    protocol = st.sampled_from(("TCP", "UDP", "SCTP"))
    single = st.fixed_dictionaries({"port": st.integers(1, 65535)}, optional={"protocol": protocol})
    spans = st.builds(
        lambda ends, rest: {"port": min(ends), "endPort": max(ends), **rest},
        st.tuples(st.integers(1, 65535), st.integers(1, 65535)),
        st.fixed_dictionaries({}, optional={"protocol": protocol}),
    )
    return st.lists(st.one_of(single, spans), max_size=3)


def cidrs() -> st.SearchStrategy[str]:
    """IP blocks of both families with no host bits, many of them around the metadata addresses of clouds."""
    four = st.builds(lambda address, length: (address, length), st.integers(0, 2**32 - 1), st.integers(0, 32))
    six = st.builds(lambda address, length: (address, length), st.integers(2**124, 2**128 - 1), st.integers(0, 128))
    near = st.integers(0, 32).map(lambda length: str(ip_network(f"169.254.169.254/{length}", strict=False)))
    near_six = st.integers(0, 128).map(lambda length: str(ip_network(f"fd00:ec2::254/{length}", strict=False)))
    drawn = st.one_of(four, six).map(lambda pair: str(ip_network(pair, strict=False)))
    return st.one_of(drawn, near, near_six, st.sampled_from(("0.0.0.0/0", "::/0", "10.0.0.0/8", "fd00::/8")))


def _blocks() -> st.SearchStrategy[Json]:
    return st.builds(_block, cidrs(), st.lists(st.integers(0, 255), max_size=3, unique=True))


def _block(cidr: str, seeds: Sequence[int]) -> Json:
    whole = ip_network(cidr)
    room = whole.max_prefixlen - whole.prefixlen
    if not seeds or room == 0:
        return {"cidr": cidr}
    depth = min(room, 8)
    size = 2 ** (room - depth)
    family = IPv4Network if whole.version == 4 else IPv6Network
    starts = (int(whole.network_address) + (seed % 2**depth) * size for seed in seeds)
    return {"cidr": cidr, "except": sorted({str(family((start, whole.prefixlen + depth))) for start in starts})}


def policies() -> st.SearchStrategy[Json]:
    """``policies``: absent, empty and filled lists."""
    names = st.lists(st.sampled_from(("nginx", "fast", "a.b")), max_size=2, unique=True)
    return st.fixed_dictionaries(
        {},
        optional={
            "registries": st.lists(
                st.sampled_from(("ghcr.io", "registry.example.org:5000/team")), max_size=2, unique=True
            ),
            "ingressHosts": st.lists(st.sampled_from(("*.example.org", "shop.example.org")), max_size=2, unique=True),
            "ingressClasses": names,
            "storageClasses": names,
            "priorityClasses": names,
            "serviceTypes": st.lists(
                st.sampled_from(("ClusterIP", "NodePort", "ExternalIPs")), max_size=3, unique=True
            ),
            "workloads": st.sampled_from(("Members", "ReleasesOnly")),
        },
    )


def pod_security() -> st.SearchStrategy[Json]:
    """``podSecurity`` with any of its fields."""
    level = st.sampled_from(("privileged", "baseline", "restricted"))
    version = st.sampled_from(("latest", "v1.30"))
    return st.fixed_dictionaries({}, optional={"enforce": level, "audit": level, "warn": level, "version": version})


def guards() -> st.SearchStrategy[Json]:
    """What an Environment may preset."""
    return st.fixed_dictionaries(
        {},
        optional={
            "quota": quotas(),
            "limits": limits(),
            "network": networks(),
            "podSecurity": pod_security(),
            "policies": policies(),
        },
    )


def accounts() -> st.SearchStrategy[list[Json]]:
    """``serviceAccounts``."""
    one = st.fixed_dictionaries(
        {"name": st.sampled_from(("web", "jobs", "a.b-c"))}, optional={"automountToken": st.booleans()}
    )
    return st.lists(one, max_size=3, unique_by=lambda account: str(account["name"]))


def bodies() -> st.SearchStrategy[Json]:
    """All a tenant can say of an environment."""
    deployer = st.fixed_dictionaries(
        {}, optional={"clusterRoles": st.lists(st.sampled_from(("view", "edit")), unique=True)}
    )
    own = st.fixed_dictionaries({}, optional={"serviceAccounts": accounts(), "deployer": deployer})
    return st.builds(lambda shared, mine: {**shared, **mine}, guards(), own)


ENVIRONMENTS = ("production", "staging", "testing")


def members() -> st.SearchStrategy[list[Json]]:
    """``members`` of all kinds and roles, some for named environments only."""
    user = st.sampled_from(("jane@example.org", "joe", "Ann Other", "o:idc:4711")).map(
        lambda name: {"kind": "User", "name": name}
    )
    group = st.sampled_from(("developers", "ops/on-call")).map(lambda name: {"kind": "Group", "name": name})
    account = st.builds(
        lambda name, namespace: {"kind": "ServiceAccount", "name": name, "namespace": namespace},
        st.sampled_from(("ci", "ci.runner")),
        st.sampled_from(("tools", "argocd")),
    )
    where = st.fixed_dictionaries({}, optional={"environments": st.lists(st.sampled_from(ENVIRONMENTS), unique=True)})
    role = st.sampled_from(("owner", "editor", "viewer"))
    one = st.builds(lambda who, rest, role: {**who, **rest, "role": role}, st.one_of(user, group, account), where, role)
    return st.lists(
        one, max_size=6, unique_by=lambda entry: (entry["kind"], entry.get("namespace"), entry["name"], entry["role"])
    )
