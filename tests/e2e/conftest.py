"""Fixtures of tests against a running operator process."""

from tests.installation import landlord_installed
from tests.operator_process import operator, operator_kubeconfig

__all__ = ["landlord_installed", "operator", "operator_kubeconfig"]
