"""Landlord: tenants, environments and releases on Kubernetes, made true and kept true."""

__version__ = "0.1.0"
