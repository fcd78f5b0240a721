"""Fixtures of tests against a running operator process."""

from tests.installation import landlord_installed
from tests.operator_process import operator, operator_kubeconfig
from tests.releases import leaving

__all__ = ["landlord_installed", "leaving", "operator", "operator_kubeconfig"]
