"""What our Tenants become: checked with every commit, before anything reaches a cluster.

Needs `pip install landlord pytest`; no cluster. Copy it and say what your organisation must always have.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TENANT = "landlord.dev/tenant"
ENVIRONMENT = "landlord.dev/environment"
# The program lies beside the Python that runs the tests, else somewhere on the PATH.
LANDLORD = shutil.which("landlord", path=str(Path(sys.executable).parent)) or "landlord"


@pytest.fixture(scope="session")
def manifests():
    """Everything that all Tenants of this repository become, in every environment."""
    done = subprocess.run(
        [LANDLORD, "render", str(ROOT), "--platform", str(ROOT / "platform.yaml"), "--output", "json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["items"]


@pytest.fixture(scope="session")
def find(manifests):
    """Picks objects: find("ResourceQuota", tenant="shop", environment="staging")."""

    def find(kind, tenant=None, environment=None, name=None):
        wanted = {TENANT: tenant, ENVIRONMENT: environment}
        return [
            each
            for each in manifests
            if each["kind"] == kind
            and name in (None, each["metadata"]["name"])
            and all(value in (None, each["metadata"]["labels"][label]) for label, value in wanted.items())
        ]

    return find


def test_every_namespace_has_a_quota_and_closed_walls(find):
    for namespace in find("Namespace"):
        place = namespace["metadata"]["labels"][TENANT], namespace["metadata"]["labels"][ENVIRONMENT]
        assert find("ResourceQuota", *place), place
        assert find("NetworkPolicy", *place, name="landlord-profile"), place


def test_nobody_runs_privileged(find):
    levels = {each["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for each in find("Namespace")}
    assert levels <= {"restricted", "baseline"}


def test_production_takes_images_from_our_registry_only(find):
    for namespace in find("Namespace", environment="production"):
        assert namespace["metadata"]["annotations"]["landlord.dev/policy.registries"] == "registry.example.org"


def test_only_jane_writes_in_the_shop_s_production(find):
    [editors] = find("RoleBinding", "shop", "production", name="landlord-editor")
    assert [subject["name"] for subject in editors["subjects"]] == ["jane@example.org"]
    assert find("RoleBinding", "shop", "production", name="landlord-owner") == []


def test_the_shop_is_reached_through_the_ingress(find):
    [policy] = find("NetworkPolicy", "shop", "staging", name="landlord-allow-from")
    assert policy["spec"]["ingress"] == [
        {
            "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}],
            "ports": [{"port": 8080, "protocol": "TCP"}],
        }
    ]


def test_the_warehouse_stays_below_its_ceiling(find):
    shares = [int(each["spec"]["hard"]["requests.cpu"]) for each in find("ResourceQuota", "warehouse", name="landlord")]
    assert sum(shares) <= 20
