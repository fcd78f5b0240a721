"""Fixtures of the integration tests beside those of every test."""

from tests.installation import landlord_installed
from tests.policies import people, settle, tenancy

__all__ = ["landlord_installed", "people", "settle", "tenancy"]
