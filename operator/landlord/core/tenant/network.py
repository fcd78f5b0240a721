"""NetworkPolicies: one that closes and opens what the profile says, one each for further peers in and out.

Policies add up, so each object only ever opens; what closes is that the first one selects every pod. Defaults of the
API server (policyTypes, protocol) are written out, so that wanted and stored are the same.
"""

import ipaddress
from typing import Any

from landlord.api import names
from landlord.api.body import NetworkProfile, NetworkRule, Port
from landlord.api.failures import SpecFault
from landlord.api.refs import NETWORK_POLICIES
from landlord.core.manifest import Desired, Object, desired
from landlord.core.tenant.defaults import NamedPeer, Standing
from landlord.core.tenant.place import Place

METADATA_ADDRESSES = ("169.254.169.254/32", "fd00:ec2::254/128")
"""Where clouds serve instance credentials: left out of every IP block that covers them."""


def plan(place: Place) -> tuple[Desired, ...]:
    """No policy under Open, else ``landlord-profile`` and, when asked for, ``landlord-allow-from`` and ``-to``."""
    network = place.body.network
    profile = (network and network.profile) or NetworkProfile.NAMESPACE_INTERNAL
    if profile is NetworkProfile.OPEN:
        return ()
    policies = [_profile(place, profile)]
    if network and network.allow_from:
        rules = [{**_ports(rule, place), "from": _peers(rule, place)} for rule in network.allow_from]
        policies.append(_policy(place, "landlord-allow-from", ingress=rules))
    if network and network.allow_to:
        rules = [{**_ports(rule, place), "to": _peers(rule, place)} for rule in network.allow_to]
        policies.append(_policy(place, "landlord-allow-to", egress=rules))
    return tuple(policies)


def _profile(place: Place, profile: NetworkProfile) -> Desired:
    inside = _inside(place, profile)
    ingress: list[Object] = [{"from": inside}] if inside else []
    egress: list[Object] = [_open("to", place.platform.dns)] + ([{"to": inside}] if inside else [])
    if profile is not NetworkProfile.DEFAULT_DENY:
        standing = [peer for _, peer in sorted(place.platform.peers.items())]
        ingress += [_open("from", peer) for peer in standing if peer.standing is Standing.INGRESS]
        egress += [_open("to", peer) for peer in standing if peer.standing is Standing.EGRESS]
    return _policy(place, "landlord-profile", ingress=ingress, egress=egress)


def _inside(place: Place, profile: NetworkProfile) -> list[Object]:
    match profile:
        case NetworkProfile.NAMESPACE_INTERNAL:
            return [{"podSelector": {}}]
        case NetworkProfile.TENANT_INTERNAL:
            return [{"namespaceSelector": {"matchLabels": {names.LABEL_TENANT: place.tenant_name}}}]
        case _:
            return []


def _open(direction: str, named: NamedPeer) -> Object:
    rule: Object = {direction: [dict(peer) for peer in named.peers]}
    return rule | ({"ports": [_port(port) for port in named.ports]} if named.ports else {})


def _policy(place: Place, name: str, **directions: list[Object]) -> Desired:
    spec: Object = {
        "podSelector": {},
        "policyTypes": [direction.capitalize() for direction in sorted(directions, reverse=True)],
    }
    spec |= {direction: rules for direction, rules in directions.items() if rules}
    return desired(NETWORK_POLICIES, name, place.namespace, labels=place.labels, spec=spec)


def _ports(rule: NetworkRule, place: Place) -> Object:
    ports = rule.ports or (_named(rule.peer, place).ports if rule.peer else ())
    return {"ports": [_port(port) for port in ports]} if ports else {}


def _port(port: Port) -> Object:
    end = {"endPort": port.end_port} if port.end_port is not None else {}
    return {"port": port.port, "protocol": port.protocol.value, **end}


def _peers(rule: NetworkRule, place: Place) -> list[Object]:
    if rule.peer:
        return [dict(peer) for peer in _named(rule.peer, place).peers]
    if rule.cidr:
        return [{"ipBlock": _block(rule)}]
    pods: Object = {"podSelector": {"matchLabels": dict(rule.pod_labels)}} if rule.pod_labels else {}
    if not rule.namespaces:
        return [pods]
    return [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}, **pods}
        for namespace in rule.namespaces
    ]


def _named(peer: str, place: Place) -> NamedPeer:
    if peer not in place.platform.peers:
        known = ", ".join(sorted(place.platform.peers)) or "none"
        raise SpecFault(
            f"spec.environments[{place.environment_name}].network",
            f"The platform has no peer named {peer}; it has {known}. Use one of those, or ask the platform team.",
        )
    return place.platform.peers[peer]


def _block(rule: NetworkRule) -> Object:
    whole = ipaddress.ip_network(str(rule.cidr))
    closed = {*(rule.except_ or ()), *(address for address in METADATA_ADDRESSES if _covers(whole, address))}
    return {"cidr": str(rule.cidr)} | ({"except": sorted(closed)} if closed else {})


def _covers(whole: Any, address: str) -> bool:
    inner = ipaddress.ip_network(address)
    return bool(inner.version == whole.version and inner != whole and inner.subnet_of(whole))
