"""One certificate authority per sandbox, and all that it signs."""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID: Final = datetime.timedelta(days=365)
_CLOCK_TOLERANCE: Final = datetime.timedelta(hours=1)
_DNS_NAMES: Final = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
_ADDRESSES: Final = ("127.0.0.1", "::1")
NODE: Final = "real-node-0"

_Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody the API server knows by certificate: `name` is the file's, `user` and `groups` what RBAC sees."""

    name: str
    user: str
    groups: tuple[str, ...] = ()


IDENTITIES: Final = (
    Identity("admin", "sandbox-admin", ("system:masters",)),
    Identity("kube-controller-manager", "system:kube-controller-manager"),
    Identity("kube-scheduler", "system:kube-scheduler"),
    Identity("kwok", "sandbox-kwok", ("system:masters",)),
    Identity("kubelet", f"system:node:{NODE}", ("system:nodes",)),
    Identity("addons", "sandbox-addons", ("system:masters",)),
    # The API server, as kubelet sees it.
    Identity("kubelet-client", "sandbox-kubelet-client", ("system:masters",)),
)


def create_pki(folder: Path, now: datetime.datetime, addresses: Sequence[str] = ()) -> None:
    """Write ca, serving and client certificates with their keys, and the pair that signs service account tokens.

    Servers are known under loopback and under `addresses`.

    The API server also wants an authority for proxies in front of it. There are none: its key is thrown away.
    """
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca = _authority("landlord-sandbox", ca_key, now)
    _write(folder, "ca", ca, ca_key)
    proxy_ca = _authority("landlord-sandbox-proxies", ec.generate_private_key(ec.SECP256R1()), now)
    (folder / "proxy-ca.crt").write_bytes(proxy_ca.public_bytes(serialization.Encoding.PEM))
    for identity in IDENTITIES:
        key = ec.generate_private_key(ec.SECP256R1())
        _write(folder, identity.name, _client(identity, key, ca, ca_key, now), key)
    key = ec.generate_private_key(ec.SECP256R1())
    _write(folder, "serving", _serving(key, ca, ca_key, now, addresses), key)
    _write_token_keys(folder)


def _authority(common: str, key: _Key, now: datetime.datetime) -> x509.Certificate:
    name = _name(common)
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        _builder(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _client(
    identity: Identity, key: _Key, ca: x509.Certificate, ca_key: _Key, now: datetime.datetime
) -> x509.Certificate:
    subject = _name(identity.user, identity.groups)
    return _signed(_builder(subject, ca.subject, key, now), ExtendedKeyUsageOID.CLIENT_AUTH, ca_key)


def _serving(
    key: _Key, ca: x509.Certificate, ca_key: _Key, now: datetime.datetime, more: Sequence[str]
) -> x509.Certificate:
    names = [x509.DNSName(name) for name in _DNS_NAMES]
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in (*_ADDRESSES, *more)]
    builder = _builder(_name("landlord-sandbox-serving"), ca.subject, key, now)
    builder = builder.add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
    return _signed(builder, ExtendedKeyUsageOID.SERVER_AUTH, ca_key)


def _signed(builder: x509.CertificateBuilder, usage: x509.ObjectIdentifier, ca_key: _Key) -> x509.Certificate:
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: _Key, now: datetime.datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_TOLERANCE)
        .not_valid_after(now + _VALID)
    )


def _name(common: str, organizations: Sequence[str] = ()) -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization) for organization in organizations]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _write_token_keys(folder: Path) -> None:
    """RSA, as in nearly every cluster, so that whoever verifies tokens meets what it would meet there."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write_private(folder / "service-accounts.key", key)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / "service-accounts.pub").write_bytes(public)


def _write(folder: Path, name: str, certificate: x509.Certificate, key: _Key) -> None:
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_private(folder / f"{name}.key", key)


def _write_private(path: Path, key: _Key | rsa.RSAPrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
