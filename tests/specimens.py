"""One Tenant and one Environment in which every field of their specs is given: what variations start from."""

from typing import Any

from landlord.api.names import API_VERSION

JsonObject = dict[str, Any]


def tenant(name: str, environment: str = "staging") -> JsonObject:
    """A Tenant that says everything a Tenant can say."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Tenant",
        "metadata": {"name": name},
        "spec": {
            "displayName": "Web shop",
            "contacts": ["shop@example.org"],
            "members": [
                {"kind": "User", "name": "jane@example.org", "role": "owner", "environments": [environment]},
                {"kind": "Group", "name": "shop-developers", "role": "editor"},
                {"kind": "ServiceAccount", "name": "ci", "namespace": "tools", "role": "viewer"},
            ],
            "defaults": _body(),
            "environments": [{"name": environment, "namespace": f"{name}-{environment}", "adopt": "Never"} | _body()],
            "quota": {"aggregate": {"pods": 1000, "requests.cpu": "1000", "requests.memory": "1000Gi"}},
            "deletionPolicy": "Delete",
            "deletionProtection": False,
            "cordoned": False,
            "suspend": False,
        },
    }


def environment(name: str) -> JsonObject:
    """An Environment that says everything an Environment can say."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Environment",
        "metadata": {"name": name},
        "spec": {
            "tier": "staging",
            "tenantDefaults": _guards(),
            "drift": {
                "mode": "Correct",
                "interval": "30m",
                "ignore": [{"kind": "ResourceQuota", "name": "landlord", "pointers": ["/spec/hard/pods"]}],
                "maxCorrectionsPerHour": 30,
            },
            "suspend": False,
        },
    }


def _body() -> JsonObject:
    return _guards() | {
        "serviceAccounts": [{"name": "web", "automountToken": True}],
        "deployer": {"clusterRoles": ["landlord-viewer"]},
    }


def _guards() -> JsonObject:
    return {
        "quota": {
            "hard": {"pods": 10, "requests.cpu": "4", "requests.memory": "8Gi"},
            "scopes": [{"name": "batch", "match": _scopes(), "hard": {"pods": 5}}],
        },
        "limits": {
            "container": {
                "default": {"cpu": "500m", "memory": "256Mi"},
                "defaultRequest": {"cpu": "100m", "memory": "128Mi"},
                "min": {"cpu": "10m"},
                "max": {"cpu": 2},
                "maxLimitRequestRatio": {"cpu": 10},
            },
            "pod": {"min": {"cpu": "10m"}, "max": {"cpu": 4}, "maxLimitRequestRatio": {"cpu": 10}},
            "persistentVolumeClaim": {"min": {"storage": "1Gi"}, "max": {"storage": "100Gi"}},
        },
        "network": {"profile": "NamespaceInternal", "allowFrom": _peers(), "allowTo": _peers()},
        "podSecurity": {"enforce": "baseline", "audit": "restricted", "warn": "restricted", "version": "latest"},
        "policies": {
            "registries": ["registry.example.org/shop"],
            "ingressHosts": ["*.shop.example.org"],
            "ingressClasses": ["nginx"],
            "storageClasses": ["standard"],
            "priorityClasses": ["batch"],
            "serviceTypes": ["ClusterIP"],
            "workloads": "Members",
        },
    }


def _scopes() -> list[JsonObject]:
    return [
        {"scope": "PriorityClass", "operator": "In", "values": ["batch"]},
        {"scope": "NotBestEffort", "operator": "Exists"},
        {"scope": "NotTerminating", "operator": "Exists"},
        {"scope": "CrossNamespacePodAffinity", "operator": "Exists"},
    ]


def _peers() -> list[JsonObject]:
    return [
        {"namespaces": ["monitoring"], "ports": [{"port": 9090, "endPort": 9100, "protocol": "TCP"}]},
        {"podLabels": {"app": "web"}},
        {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]},
        {"peer": "ingress"},
    ]
