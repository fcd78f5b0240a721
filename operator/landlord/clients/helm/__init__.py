"""Helm by its command line, and its records by the API: everything a release does is done as its deployer."""

from landlord.clients.helm.client import Helm, HelmSettings
from landlord.clients.helm.command import UNSET, Capabilities
from landlord.clients.helm.crds import Contents, ShippedCrd, crds_of
from landlord.clients.helm.pool import Pool
from landlord.clients.helm.proc import ProcessHome, here, is_alive, is_proven_gone
from landlord.clients.helm.process import Started
from landlord.clients.helm.redaction import Redaction
from landlord.clients.helm.storage import Revisions

__all__ = [
    "UNSET",
    "Capabilities",
    "Contents",
    "Helm",
    "HelmSettings",
    "Pool",
    "ProcessHome",
    "Redaction",
    "Revisions",
    "ShippedCrd",
    "Started",
    "crds_of",
    "here",
    "is_alive",
    "is_proven_gone",
]
