"""One object of each kind in which every field of its spec is given: what variations start from."""

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
            "variables": {"REGION": "eu-1"},
            "tenantDefaults": _guards(),
            "releaseDefaults": {
                "values": {"priority": "low"},
                "timeout": "15m",
                "bake": "5m",
                "healthChecks": _checks(),
                "rollback": {"mode": "Automatic"},
                "drift": {"mode": "Correct"},
            },
            "drift": {
                "mode": "Correct",
                "interval": "30m",
                "ignore": [{"kind": "ResourceQuota", "name": "landlord", "pointers": ["/spec/hard/pods"]}],
                "maxCorrectionsPerHour": 30,
            },
            "suspend": False,
        },
    }


def apprelease(name: str) -> JsonObject:
    """An AppRelease that says everything an AppRelease can say."""
    return {
        "apiVersion": API_VERSION,
        "kind": "AppRelease",
        "metadata": {"name": name},
        "spec": {
            "chart": {
                "repository": "oci://registry.example.org/charts",
                "name": "web",
                "version": "1.4.2",
                "digest": f"sha256:{'0a' * 32}",
                "pullSecretRef": {"name": "registry"},
                "caSecretRef": {"name": "registry-ca", "key": "tls.crt"},
            },
            "releaseName": "shop-web",
            "image": {
                "repository": "registry.example.org/shop/web",
                "tag": "1.4.2",
                "digest": f"sha256:{'1b' * 32}",
                "path": "web.image",
            },
            "valuesFrom": [
                {"kind": "ConfigMap", "name": "web-values", "key": "values.yaml", "optional": True},
                {"kind": "Secret", "name": "web-secret", "key": "password", "targetPath": "database.password"},
            ],
            "values": {"replicas": 2, "ingress": {"host": "shop.example.org"}},
            "environmentValues": {"staging": {"replicas": 1, "ingress": None}},
            "substitute": {"from": [{"kind": "ConfigMap", "name": "cluster"}], "vars": {"REGION": "eu-1"}},
            "dependsOn": [{"name": "database"}],
            "interval": "10m",
            "timeout": "5m",
            "bake": "1m30s",
            "healthChecks": _checks(),
            "test": {"enabled": True, "timeout": "5m"},
            "upgrade": {"retries": 1, "recreate": ["Job"], "takeOwnership": False},
            "rollback": {"mode": "Automatic", "attempts": 3},
            "drift": {
                "mode": "Warn",
                "ignore": [{"target": {"kind": "Deployment", "name": "web"}, "pointers": ["/spec/replicas"]}],
            },
            "maxHistory": 10,
            "deletionPolicy": "Uninstall",
            "suspend": False,
        },
    }


def _checks() -> list[JsonObject]:
    policy = {
        "interval": "10s",
        "timeout": "5s",
        "initialDelay": "0s",
        "failureLimit": 5,
        "consecutiveFailureLimit": 3,
        "onError": "Fail",
        "ignoreBaseline": False,
    }
    service = {"service": "web", "port": 8080, "path": "/healthz?full=1", "scheme": "http"}
    answer = {"expectedStatus": [200], "bodyRegex": "^ok", "maxLatency": "250ms"}
    return [
        {"name": "answers", "http": service | answer | {"method": "GET", "headers": {"X-Probe": "landlord"}}} | policy,
        {"name": "page", "http": {"url": "https://shop.example.org/"}},
        {"name": "errors", "promql": {"query": "sum(errors)", "min": 0, "max": 0.05, "onNoData": "Pass"}},
        {
            "name": "certificate",
            "cel": {
                "apiVersion": "cert-manager.io/v1",
                "kind": "Certificate",
                "name": "web",
                "inProgress": "object.status.phase == 'Issuing'",
                "failed": "object.status.phase == 'Failed'",
                "current": "object.status.phase == 'Ready'",
            },
        },
    ]


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
            "chartSources": ["oci://registry.example.org/shop"],
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
