"""What the platform decides for all tenants."""

import pytest
from pydantic import ValidationError

from landlord.core.tenant.defaults import NamedPeer, PlatformDefaults, Standing


@pytest.mark.parametrize("namespace", ["kube-system", "kube-", "default", "landlord-system", "landlord-deployers"])
def test_namespaces_of_kubernetes_and_of_landlord_are_always_protected(namespace: str) -> None:
    assert PlatformDefaults().is_protected(namespace)


@pytest.mark.parametrize("namespace", ["kube", "shop-kube-system", "defaults", "landlord", "argocd"])
def test_other_namespaces_are_not_protected_by_themselves(namespace: str) -> None:
    assert not PlatformDefaults().is_protected(namespace)


def test_the_platform_protects_names_and_prefixes() -> None:
    platform = PlatformDefaults(protected_namespaces=("argocd", "infra-*"))
    answers = {name: platform.is_protected(name) for name in ("argocd", "argocd-2", "infra-", "infra-dns", "infra")}
    assert answers == {"argocd": True, "argocd-2": False, "infra-": True, "infra-dns": True, "infra": False}


def test_names_are_resolved_by_the_cluster_s_own_dns_over_both_transports() -> None:
    dns = PlatformDefaults().dns
    assert [(port.port, port.protocol.value) for port in dns.ports] == [(53, "UDP"), (53, "TCP")]
    assert dns.peers[0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}


def test_a_named_peer_stands_open_only_when_told_so() -> None:
    peer = NamedPeer.model_validate({"peers": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]})
    assert peer.standing is Standing.NEVER


def test_an_unknown_key_of_the_platform_file_is_an_error() -> None:
    with pytest.raises(ValidationError, match="protectedNamespace"):
        PlatformDefaults.model_validate({"protectedNamespace": ["argocd"]})
