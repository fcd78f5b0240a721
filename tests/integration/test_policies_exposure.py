"""Services, hosts, ingress classes and storage classes: how far a tenant reaches out of its namespace."""

from typing import Any

import pytest

from sandbox.waiting import wait_until
from tests.actors import Object
from tests.policies import Settle
from tests.tenancy import People, Tenancy, service

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def limited(settle: Settle) -> Tenancy:
    """A tenancy whose service types, hosts and classes are restricted."""
    return settle(
        annotations={
            "landlord.dev/policy.service-types": "ClusterIP, NodePort",
            "landlord.dev/policy.ingress-hosts": "shop.example.org,*.team.example.org",
            "landlord.dev/policy.ingress-classes": "public",
            "landlord.dev/policy.storage-classes": "fast,slow",
        }
    )


@pytest.fixture(scope="module")
def closed(settle: Settle) -> Tenancy:
    """A tenancy that may reach nothing: every list is there and empty."""
    lists = ("service-types", "ingress-hosts", "ingress-classes", "storage-classes")
    return settle(annotations={f"landlord.dev/policy.{name}": "" for name in lists})


class TestServices:
    @pytest.mark.parametrize("spec", [{}, {"type": "ClusterIP"}, {"type": "NodePort"}, {"clusterIP": "None"}], ids=str)
    def test_a_listed_type_is_made(self, limited: Tenancy, spec: Object) -> None:
        limited.editor.create(service(limited.namespace, **spec), dry_run=True).allowed()

    @pytest.mark.parametrize(
        "spec", [{"type": "LoadBalancer"}, {"type": "ExternalName", "externalName": "evil.example"}], ids=str
    )
    def test_another_type_is_not(self, limited: Tenancy, spec: Object) -> None:
        words = limited.editor.create(service(limited.namespace, **spec), dry_run=True).denied_by("landlord-services")
        assert "ClusterIP, NodePort" in words

    @pytest.mark.parametrize("who", ["owner", "deployer", "admin"])
    def test_nobody_else_makes_it_either(self, limited: Tenancy, who: str) -> None:
        balancer = service(limited.namespace, type="LoadBalancer")
        getattr(limited, who).create(balancer, dry_run=True).denied_by("landlord-services")

    def test_a_type_is_not_changed_to_another(self, limited: Tenancy) -> None:
        mine = service(limited.namespace, "grows")
        limited.editor.create(mine).allowed()
        limited.editor.patch(mine, {"spec": {"type": "LoadBalancer"}}).denied_by("landlord-services")
        limited.editor.patch(mine, {"spec": {"type": "NodePort"}}).allowed()

    def test_a_type_from_before_stays_and_its_finalizer_can_be_removed(self, limited: Tenancy) -> None:
        old = service(limited.namespace, "old", type="LoadBalancer")
        old["metadata"]["finalizers"] = ["service.kubernetes.io/load-balancer-cleanup"]
        limited.break_glass.create(old).allowed()
        controller = limited.admin.impersonating("system:serviceaccount:cloud:controller", "system:masters")
        controller.patch(old, {"metadata": {"finalizers": None}}).allowed()

    def test_external_ips_need_to_be_listed_even_without_a_list(
        self, tenancy: Tenancy, limited: Tenancy, settle: Settle
    ) -> None:
        stolen: dict[str, Any] = {"externalIPs": ["203.0.113.7"]}
        for one in (tenancy, limited):
            one.editor.create(service(one.namespace, **stolen), dry_run=True).denied_by("landlord-services")
            mine = service(one.namespace, "plain")
            one.editor.create(mine).allowed()
            one.editor.patch(mine, {"spec": stolen}).denied_by("landlord-services")
        trusted = settle(annotations={"landlord.dev/policy.service-types": "ClusterIP,ExternalIPs"})
        trusted.editor.create(service(trusted.namespace, **stolen), dry_run=True).allowed()

    def test_an_address_is_not_stolen_through_the_status(self, tenancy: Tenancy) -> None:
        mine = service(tenancy.namespace, "status", type="LoadBalancer")
        tenancy.editor.create(mine).allowed()
        stolen = {"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}}
        tenancy.owner.patch(mine, stolen, "status").forbidden()

    def test_without_a_list_every_type_is_made_and_with_an_empty_one_none(
        self, tenancy: Tenancy, closed: Tenancy
    ) -> None:
        for kind in ("ClusterIP", "NodePort", "LoadBalancer"):
            tenancy.editor.create(service(tenancy.namespace, type=kind), dry_run=True).allowed()
            closed.editor.create(service(closed.namespace, type=kind), dry_run=True).denied_by("landlord-services")


def ingress(
    namespace: str, *hosts: str, name: str = "web", annotations: Object | None = None, **spec: object
) -> Object:
    """An Ingress of class `public` with one rule per host; an empty host is left out of its rule."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    paths = {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}
    rules = [{"http": paths, **({"host": host} if host else {})} for host in hosts]
    body: Object = {"ingressClassName": "public", "rules": rules, **spec}
    metadata = {"name": name, "namespace": namespace, "annotations": annotations or {}}
    body = {key: value for key, value in body.items() if value is not None}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": body}


BACKEND = {"service": {"name": "web", "port": {"number": 80}}}


class TestIngresses:
    @pytest.mark.parametrize(
        "hosts",
        [("shop.example.org",), ("a.team.example.org", "a.b.team.example.org"), ("*.team.example.org",)],
        ids=str,
    )
    def test_listed_hosts_are_served(self, limited: Tenancy, hosts: tuple[str, ...]) -> None:
        limited.editor.create(ingress(limited.namespace, *hosts), dry_run=True).allowed()

    @pytest.mark.parametrize(
        "hosts",
        [
            ("example.org",),
            ("team.example.org",),
            ("evilteam.example.org",),
            ("*.example.org",),
            ("*.shop.example.org",),
            ("shop.example.org.evil.example",),
            ("shop.example.org", "evil.example"),
            ("",),
            ("shop.example.org", ""),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("who", ["editor", "deployer", "admin"])
    def test_other_hosts_are_not(self, limited: Tenancy, hosts: tuple[str, ...], who: str) -> None:
        wanted = ingress(limited.namespace, *hosts)
        words = getattr(limited, who).create(wanted, dry_run=True).denied_by("landlord-ingresses")
        assert "shop.example.org, *.team.example.org" in words
        if hosts[-1] == "":
            assert "(every host)" in words

    def test_no_default_backend_takes_every_host(self, limited: Tenancy) -> None:
        for wanted in (
            ingress(limited.namespace, defaultBackend=BACKEND),
            ingress(limited.namespace, "shop.example.org", defaultBackend=BACKEND),
        ):
            limited.editor.create(wanted, dry_run=True).denied_by("landlord-ingresses")

    def test_no_certificate_is_asked_for_another_host(self, limited: Tenancy) -> None:
        for hosts, fine in ((["shop.example.org"], True), (["shop.example.org", "evil.example"], False)):
            wanted = ingress(limited.namespace, "shop.example.org", tls=[{"hosts": hosts, "secretName": "cert"}])
            answer = limited.editor.create(wanted, dry_run=True)
            assert answer.ok == fine, answer.message
            if not fine:
                answer.denied_by("landlord-ingresses")

    def test_hosts_are_not_changed_to_others_and_old_ones_may_stay(self, limited: Tenancy) -> None:
        old = ingress(limited.namespace, "old.example", name="old")
        limited.break_glass.create(old).allowed()
        limited.editor.patch(old, {"metadata": {"labels": {"a": "b"}}}).allowed()
        limited.editor.replace(ingress(limited.namespace, "evil.example", name="old")).denied_by("landlord-ingresses")
        limited.editor.replace(ingress(limited.namespace, "shop.example.org", name="old")).allowed()

    @pytest.mark.parametrize("spec", [{"ingressClassName": "internal"}, {"ingressClassName": None}], ids=str)
    def test_a_class_that_is_not_listed_or_missing_is_refused(self, limited: Tenancy, spec: Object) -> None:
        wanted = ingress(limited.namespace, "shop.example.org", **spec)
        words = limited.editor.create(wanted, dry_run=True).denied_by("landlord-ingresses")
        assert "public" in words

    def test_the_old_annotation_names_a_class_as_well(self, limited: Tenancy) -> None:
        for value, fine in (("public", True), ("internal", False)):
            marked = {"kubernetes.io/ingress.class": value}
            wanted = ingress(limited.namespace, "shop.example.org", annotations=marked, ingressClassName=None)
            answer = limited.editor.create(wanted, dry_run=True)
            assert answer.ok == fine, answer.message
            if not fine:
                answer.denied_by("landlord-ingresses")
        mine = ingress(limited.namespace, "shop.example.org", name="both")
        limited.editor.create(mine).allowed()
        sly = {"metadata": {"annotations": {"kubernetes.io/ingress.class": "internal"}}}
        limited.editor.patch(mine, sly).denied_by("landlord-ingresses")

    def test_without_lists_everything_is_served_and_with_empty_ones_nothing(
        self, tenancy: Tenancy, closed: Tenancy
    ) -> None:
        tenancy.editor.create(ingress(tenancy.namespace, "any.example"), dry_run=True).allowed()
        tenancy.editor.create(ingress(tenancy.namespace, defaultBackend=BACKEND), dry_run=True).allowed()
        closed.editor.create(ingress(closed.namespace, "any.example"), dry_run=True).denied_by("landlord-ingresses")


@pytest.fixture(scope="module")
def gateways(people: People) -> None:
    """Definitions of the Gateway API's kinds, without their schemas, unless the cluster has them."""
    open_schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    for kind in ("Gateway", "HTTPRoute", "GRPCRoute", "TLSRoute"):
        plural = f"{kind.lower()}s"
        definition: Object = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": f"{plural}.gateway.networking.k8s.io",
                "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/1"},
            },
            "spec": {
                "group": "gateway.networking.k8s.io",
                "scope": "Namespaced",
                "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": open_schema}],
            },
        }
        if not people.admin.get(definition).ok:
            people.admin.create(definition).allowed()
    wait_until(lambda: all(_served(people, kind) for kind in ("gateways", "tlsroutes")), seconds=30, what="Gateway API")


def _served(people: People, plural: str) -> bool:
    return people.admin.request("GET", f"/apis/gateway.networking.k8s.io/v1/{plural}").ok


def route(namespace: str, kind: str, **spec: Any) -> Object:
    head = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind}
    return {**head, "metadata": {"name": "web", "namespace": namespace}, "spec": spec}


@pytest.mark.usefixtures("gateways")
class TestGateways:
    @pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute", "TLSRoute"])
    @pytest.mark.parametrize(
        ("spec", "fine"),
        [
            ({"hostnames": ["shop.example.org", "a.team.example.org"]}, True),
            ({"hostnames": ["shop.example.org", "evil.example"]}, False),
            ({"hostnames": ["*.example.org"]}, False),
            ({"hostnames": []}, False),
            ({}, False),
        ],
        ids=str,
    )
    def test_routes_serve_listed_hosts_only(self, limited: Tenancy, kind: str, spec: Object, fine: bool) -> None:
        answer = limited.deployer.create(route(limited.namespace, kind, **spec), dry_run=True)
        assert answer.ok == fine, answer.message
        if not fine:
            answer.denied_by("landlord-ingresses")

    def test_a_gateway_listens_on_listed_hosts_only(self, limited: Tenancy) -> None:
        for listener, fine in (({"hostname": "shop.example.org"}, True), ({}, False), ({"hostname": "x.org"}, False)):
            wanted = route(limited.namespace, "Gateway", listeners=[listener])
            answer = limited.admin.create(wanted, dry_run=True)
            assert answer.ok == fine, answer.message

    def test_without_a_list_a_route_serves_everything(self, tenancy: Tenancy) -> None:
        tenancy.editor.create(route(tenancy.namespace, "HTTPRoute"), dry_run=True).allowed()


def claim(namespace: str, name: str = "data", **spec: Any) -> Object:
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": body}


class TestStorage:
    @pytest.mark.parametrize("name", ["fast", "slow"])
    def test_a_listed_class_is_claimed(self, limited: Tenancy, name: str) -> None:
        limited.editor.create(claim(limited.namespace, storageClassName=name), dry_run=True).allowed()

    @pytest.mark.parametrize("spec", [{"storageClassName": "other"}, {"storageClassName": ""}, {}], ids=str)
    @pytest.mark.parametrize("who", ["editor", "deployer", "admin"])
    def test_another_class_or_none_is_not(self, limited: Tenancy, spec: Object, who: str) -> None:
        answer = getattr(limited, who).create(claim(limited.namespace, **spec), dry_run=True)
        assert "fast, slow" in answer.denied_by("landlord-storage")

    def test_claims_of_controllers_are_checked_too(self, limited: Tenancy) -> None:
        controller = limited.admin.impersonating("system:serviceaccount:kube-system:statefulset-controller")
        wanted = claim(limited.namespace, storageClassName="other")
        controller.create(wanted, dry_run=True).denied_by("landlord-storage")

    def test_an_old_claim_can_be_grown_and_removed(self, limited: Tenancy) -> None:
        old = claim(limited.namespace, "old", storageClassName="other")
        limited.break_glass.create(old).allowed()
        limited.editor.patch(old, {"metadata": {"labels": {"a": "b"}}}).allowed()
        limited.editor.delete(old).allowed()

    def test_without_a_list_every_class_is_claimed_and_with_an_empty_one_none(
        self, tenancy: Tenancy, closed: Tenancy
    ) -> None:
        tenancy.editor.create(claim(tenancy.namespace, storageClassName="any"), dry_run=True).allowed()
        wanted = claim(closed.namespace, storageClassName="any")
        closed.editor.create(wanted, dry_run=True).denied_by("landlord-storage")
