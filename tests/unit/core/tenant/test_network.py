"""NetworkPolicies: each profile, each kind of peer, and what no IP block ever opens."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import example, given
from pydantic import ValidationError

from landlord.api.failures import SpecFault
from landlord.core.tenant import network
from landlord.core.tenant.defaults import NamedPeer, PlatformDefaults
from tests.unit.core import bodies, building

Json = dict[str, Any]
DNS: Json = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
}
INGRESS: Json = {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}]}
APISERVER: Json = {
    "to": [{"ipBlock": {"cidr": "10.96.0.1/32"}}],
    "ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP", "endPort": 6450}],
}
TENANT: Json = {"namespaceSelector": {"matchLabels": {"landlord.dev/tenant": "shop"}}}


def specs(said: Json | None, platform: PlatformDefaults = building.PLATFORM) -> dict[str, Json]:
    place = building.place({"network": said}, platform=platform)
    return {wanted.ref.name: wanted.manifest["spec"] for wanted in network.plan(place)}


@pytest.mark.parametrize("said", [None, {}, {"profile": "NamespaceInternal"}])
def test_by_default_a_namespace_talks_within_itself_to_dns_and_to_standing_peers(said: Json | None) -> None:
    assert specs(said) == {
        "landlord-profile": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"podSelector": {}}]}, INGRESS],
            "egress": [DNS, {"to": [{"podSelector": {}}]}, APISERVER],
        }
    }


def test_a_tenant_may_be_open_to_itself() -> None:
    spec = specs({"profile": "TenantInternal"})["landlord-profile"]
    assert spec["ingress"] == [{"from": [TENANT]}, INGRESS]
    assert spec["egress"] == [DNS, {"to": [TENANT]}, APISERVER]


def test_default_deny_lets_out_to_dns_only_and_nobody_in_not_even_standing_peers() -> None:
    assert specs({"profile": "DefaultDeny"})["landlord-profile"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "egress": [DNS],
    }


def test_open_means_no_policy_whatever_else_is_allowed() -> None:
    assert specs({"profile": "Open", "allowFrom": [{"peer": "ingress"}]}) == {}


def test_allow_rules_are_policies_of_their_own_for_their_direction_only() -> None:
    found = specs({"allowFrom": [{"namespaces": ["a"]}], "allowTo": [{"cidr": "192.0.2.0/24"}]})
    assert list(found) == ["landlord-profile", "landlord-allow-from", "landlord-allow-to"]
    assert found["landlord-allow-from"] == {
        "podSelector": {},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "a"}}}]}],
    }
    assert found["landlord-allow-to"]["policyTypes"] == ["Egress"]
    assert found["landlord-allow-to"]["egress"] == [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]


@pytest.mark.parametrize(
    ("rule", "peers"),
    [
        ({"podLabels": {"app": "web"}}, [{"podSelector": {"matchLabels": {"app": "web"}}}]),
        (
            {"namespaces": ["a", "b"], "podLabels": {"app": "web"}},
            [
                {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
                    "podSelector": {"matchLabels": {"app": "web"}},
                }
                for name in ("a", "b")
            ],
        ),
        ({"cidr": "10.0.0.0/8", "except": ["10.2.0.0/16", "10.1.0.0/16"]}, None),
        ({"peer": "ingress"}, INGRESS["from"]),
    ],
)
def test_each_kind_of_peer_is_what_kubernetes_calls_it(rule: Json, peers: list[Json] | None) -> None:
    found = specs({"allowFrom": [rule]})["landlord-allow-from"]["ingress"]
    block = [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16", "10.2.0.0/16"]}}]
    assert found == [{"from": peers if peers is not None else block}]


def test_a_named_peer_brings_its_ports_unless_the_rule_says_others() -> None:
    said = {"allowTo": [{"peer": "monitoring"}, {"peer": "monitoring", "ports": [{"port": 1, "protocol": "UDP"}]}]}
    rules = specs(said)["landlord-allow-to"]["egress"]
    assert [rule["ports"] for rule in rules] == [
        [{"port": 9090, "protocol": "TCP"}],
        [{"port": 1, "protocol": "UDP"}],
    ]
    assert "ports" not in specs({"allowTo": [{"peer": "ingress"}]})["landlord-allow-to"]["egress"][0]


def test_a_peer_that_the_platform_does_not_have_is_a_fault_that_names_those_it_has() -> None:
    with pytest.raises(SpecFault, match="no peer named mesh; it has apiserver, ingress, monitoring") as fault:
        specs({"allowTo": [{"peer": "mesh"}]})
    assert fault.value.path == "spec.environments[dev].network"
    with pytest.raises(SpecFault, match="it has none"):
        specs({"allowFrom": [{"peer": "mesh"}]}, PlatformDefaults())


def test_a_named_peer_without_peers_would_mean_everybody_and_is_refused() -> None:
    with pytest.raises(ValidationError):
        NamedPeer.model_validate({"peers": []})


def test_no_manifest_shares_its_parts_with_the_platform_or_within_itself() -> None:
    said = {
        "allowTo": [{"peer": "ingress"}, {"peer": "ingress"}, {"namespaces": ["a", "b"], "podLabels": {"app": "web"}}]
    }
    for spec in specs(said).values():
        parts = [id(part) for part in _containers(spec)]
        assert len(parts) == len(set(parts))
        assert not {*parts} & {id(part) for part in _containers(building.PLATFORM.peers["ingress"].peers)}


def _containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list | tuple):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner)


@pytest.mark.parametrize(
    ("cidr", "closed"),
    [
        ("0.0.0.0/0", ["169.254.169.254/32"]),
        ("169.254.0.0/16", ["169.254.169.254/32"]),
        ("::/0", ["fd00:ec2::254/128"]),
        ("fd00::/8", ["fd00:ec2::254/128"]),
        ("10.0.0.0/8", None),
        ("2001:db8::/32", None),
    ],
)
def test_instance_credentials_stay_closed_in_every_block_that_covers_them(cidr: str, closed: list[str] | None) -> None:
    block = specs({"allowTo": [{"cidr": cidr}]})["landlord-allow-to"]["egress"][0]["to"][0]["ipBlock"]
    assert block.get("except") == closed


def test_exceptions_of_the_user_and_ours_are_one_sorted_list() -> None:
    rule = {"cidr": "0.0.0.0/0", "except": ["192.168.0.0/16", "169.254.169.254/32", "10.0.0.0/8"]}
    block = specs({"allowTo": [rule]})["landlord-allow-to"]["egress"][0]["to"][0]["ipBlock"]
    assert block["except"] == ["10.0.0.0/8", "169.254.169.254/32", "192.168.0.0/16"]


@given(bodies.networks())
@example({"allowTo": [{"cidr": "169.254.169.254/31"}]})
def test_every_policy_of_any_network_is_closed_by_default_and_every_rule_names_somebody(said: Json) -> None:
    found = specs(said)
    assert (found == {}) == (said.get("profile") == "Open")
    for name, spec in found.items():
        assert spec["podSelector"] == {}
        for direction, side in (("ingress", "from"), ("egress", "to")):
            assert direction not in spec or direction.capitalize() in spec["policyTypes"]
            for rule in spec.get(direction, ()):
                assert rule[side], f"{name} opens {direction} to everybody"
                assert all(peer and "added" not in peer for peer in rule[side])
                assert rule.get("ports", [1])


@given(bodies.network_rules())
def test_no_ip_block_opens_the_metadata_addresses_unless_it_is_one_of_them(rule: Json) -> None:
    if "cidr" not in rule:
        return
    block = specs({"allowTo": [rule]})["landlord-allow-to"]["egress"][0]["to"][0]["ipBlock"]
    whole, closed = ip_network(block["cidr"]), [ip_network(each) for each in block.get("except", ())]
    assert block["cidr"] == rule["cidr"]
    for text in ("169.254.169.254", "fd00:ec2::254"):
        address = ip_address(text)
        if address in whole and whole.num_addresses > 1:
            assert any(address in each for each in closed)
    assert all(_is_part(each, whole) for each in closed)


def _is_part(part: IPv4Network | IPv6Network, whole: IPv4Network | IPv6Network) -> bool:
    """As the API server wants exceptions: strictly within."""
    return part != whole and part.version == whole.version and part[0] in whole and part[-1] in whole
