"""Releases and their records: who writes an AppRelease, its status, its verdicts and Helm's records of it."""

import secrets
from collections.abc import Iterator

import pytest

from landlord.api import names
from tests import specimens
from tests.actors import Actor, Object
from tests.policies import Settle
from tests.tenancy import People, Tenancy, config_map

pytestmark = pytest.mark.cluster

STATUS = {"status": {"observedGeneration": 99}}


def apprelease(tenancy: Tenancy, name: str = "") -> Object:
    return tenancy.here(specimens.apprelease(name or f"web-{secrets.token_hex(3)}"))


def record(tenancy: Tenancy, name: str = "", **fields: object) -> Object:
    """A Secret as Helm writes one for each revision."""
    metadata = {"name": name or f"sh.helm.release.v1.web-{secrets.token_hex(3)}.v1", "labels": {"owner": "helm"}}
    head = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "helm.sh/release.v1"}
    return tenancy.here({**head, **fields})


@pytest.fixture(scope="module")
def released(settle: Settle) -> Tenancy:
    """A tenancy that takes releases only."""
    return settle(labels={names.LABEL_WORKLOADS: "ReleasesOnly"})


@pytest.fixture(scope="module")
def still(settle: Settle) -> Tenancy:
    """A tenancy that is cordoned."""
    return settle(labels={names.LABEL_CORDONED: "true"})


@pytest.fixture
def applied(tenancy: Tenancy) -> Iterator[Object]:
    """An AppRelease of an editor; no operator runs, so it stays as it is."""
    one = apprelease(tenancy)
    tenancy.editor.create(one).allowed()
    yield one
    tenancy.break_glass.patch(one, {"metadata": {"finalizers": None}})
    tenancy.break_glass.delete(one)


class TestAppReleases:
    @pytest.mark.parametrize("who", ["owner", "editor", "admin"])
    def test_editors_and_owners_write_what_is_wanted(self, tenancy: Tenancy, who: str) -> None:
        actor: Actor = getattr(tenancy, who)
        one = apprelease(tenancy)
        actor.create(one).allowed()
        actor.patch(one, {"spec": {"suspend": True}}).allowed()
        actor.patch(one, {"metadata": {"annotations": {names.ANNOTATION_RETRY_AT: "now"}}}).allowed()
        actor.get(one).allowed()
        actor.delete(one).allowed()

    def test_viewers_only_read(self, tenancy: Tenancy, applied: Object) -> None:
        tenancy.viewer.get(applied).allowed()
        tenancy.viewer.create(apprelease(tenancy)).forbidden()
        tenancy.viewer.patch(applied, {"spec": {"suspend": True}}).forbidden()
        tenancy.viewer.delete(applied).forbidden()

    def test_a_release_has_no_right_on_releases(self, tenancy: Tenancy, applied: Object) -> None:
        tenancy.deployer.get(applied).forbidden()
        tenancy.deployer.create(apprelease(tenancy)).forbidden()
        tenancy.deployer.patch(applied, {"spec": {"suspend": True}}).forbidden()

    def test_nobody_writes_into_another_tenants_namespace(self, tenancy: Tenancy, settle: Settle) -> None:
        other = settle()
        for actor in (tenancy.owner, tenancy.editor):
            actor.create(apprelease(other)).forbidden()
            actor.get(apprelease(other)).forbidden()

    @pytest.mark.parametrize("who", ["admin", "owner", "editor", "deployer"])
    def test_nobody_forges_a_status(self, tenancy: Tenancy, applied: Object, who: str) -> None:
        actor: Actor = getattr(tenancy, who)
        for answer in (
            actor.patch(applied, STATUS, "status"),
            actor.apply({**applied, **STATUS}, "status"),
            actor.apply({**applied, **STATUS}, "status", manager=names.FIELD_MANAGER),
            actor.replace({**tenancy.admin.get(applied).allowed(), **STATUS}, "status"),
        ):
            if who == "admin":
                assert "Only Landlord writes the status of appreleases" in answer.denied_by("landlord-tenants")
            else:
                answer.forbidden()
        tenancy.admin.patch(applied, STATUS).allowed()
        assert tenancy.admin.get(applied).allowed()["status"]["observedGeneration"] == -1

    def test_the_operator_writes_status_deletes_and_never_writes_a_spec(self, people: People, applied: Object) -> None:
        people.operator.patch(applied, {"status": {"observedGeneration": 1}}, "status").allowed()
        people.operator.patch(applied, {"metadata": {"finalizers": [names.FINALIZER]}}).allowed()
        people.operator.patch(applied, {"metadata": {"finalizers": None}}).allowed()
        people.operator.patch(applied, {"spec": {"suspend": True}}).denied_by("landlord-tenants")
        people.operator.create(applied).forbidden()
        people.operator.delete(applied).allowed()

    def test_a_cordoned_namespace_takes_none(self, still: Tenancy) -> None:
        one = apprelease(still)
        for actor in (still.editor, still.owner, still.admin):
            assert "is cordoned" in actor.create(one).denied_by("landlord-cordon")
        still.break_glass.create(one).allowed()
        for actor in (still.editor, still.admin):
            actor.patch(one, {"spec": {"suspend": True}}).denied_by("landlord-cordon")
            actor.delete(one).denied_by("landlord-cordon")
        still.operator.patch(one, {"status": {"observedGeneration": 1}}, "status").allowed()
        still.break_glass.delete(one).allowed()

    def test_a_namespace_for_releases_takes_them_from_editors(self, released: Tenancy) -> None:
        one = apprelease(released)
        released.editor.create(one).allowed()
        released.editor.delete(one).allowed()


class TestLedger:
    @pytest.mark.parametrize("who", ["owner", "editor", "viewer", "deployer"])
    def test_no_tenant_reaches_the_verdicts(self, tenancy: Tenancy, who: str) -> None:
        actor: Actor = getattr(tenancy, who)
        for verb in ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"):
            assert not actor.may(verb, "configmaps", names.OPERATOR_NAMESPACE), verb
        actor.create(config_map(names.OPERATOR_NAMESPACE, labels={names.LABEL_LEDGER: "true"})).forbidden()

    def test_the_operator_keeps_them(self, people: People) -> None:
        one = config_map(names.OPERATOR_NAMESPACE, f"ledger-{secrets.token_hex(3)}", {names.LABEL_LEDGER: "true"})
        people.operator.create(one).allowed()
        people.operator.patch(one, {"data": {"a": "c"}}).allowed()
        people.operator.get(one).allowed()
        people.operator.delete(one).allowed()

    def test_the_operator_writes_no_config_map_anywhere_else(self, people: People, tenancy: Tenancy) -> None:
        for where in (tenancy.namespace, names.DEPLOYERS_NAMESPACE, "kube-system"):
            people.operator.create(config_map(where)).forbidden()

    def test_the_operator_sees_its_own_pods_and_changes_none(self, people: People) -> None:
        assert people.operator.may("get", "pods", names.OPERATOR_NAMESPACE)
        assert not people.operator.may("delete", "pods", names.OPERATOR_NAMESPACE)


class TestDeployers:
    def test_the_operator_acts_as_the_deployer_of_each_namespace(self, people: People, tenancy: Tenancy) -> None:
        deployer = people.operator.impersonating(names.deployer_username(tenancy.namespace))
        secret = record(tenancy)
        deployer.create(secret).allowed()
        deployer.get(secret).allowed()
        deployer.delete(secret).allowed()

    def test_the_operator_itself_reads_no_secret(self, people: People, tenancy: Tenancy) -> None:
        secret = record(tenancy)
        tenancy.deployer.create(secret).allowed()
        people.operator.get(secret).forbidden()
        people.operator.delete(secret).forbidden()
        tenancy.deployer.delete(secret).allowed()

    @pytest.mark.parametrize(
        ("user", "groups"),
        [
            ("admin", ()),
            ("system:serviceaccount:kube-system:namespace-controller", ()),
            (f"system:serviceaccount:{names.OPERATOR_NAMESPACE}:default", ()),
            (names.deployer_username("any"), ("system:masters",)),
            (names.deployer_username("any"), ("landlord:break-glass",)),
        ],
    )
    def test_the_operator_acts_as_nobody_else(self, people: People, user: str, groups: tuple[str, ...]) -> None:
        somebody = people.operator.impersonating(user, *groups)
        somebody.get({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}).forbidden()
        assert "cannot impersonate" in somebody.get(config_map("default")).forbidden()


class TestRecords:
    @pytest.mark.parametrize("who", ["admin", "owner", "editor"])
    def test_nobody_forges_changes_or_deletes_a_record(self, released: Tenancy, who: str) -> None:
        actor: Actor = getattr(released, who)
        plain = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"plain-{secrets.token_hex(3)}"}}
        own = released.here(plain)
        kept = record(released)
        released.deployer.create(kept).allowed()
        actor.create(own).allowed()
        for answer in (
            actor.create(record(released)),
            actor.create(record(released, "harmless")),
            actor.create(record(released, type="Opaque", metadata=kept["metadata"] | {"labels": {}})),
            actor.create(record(released, "harmless", type="Opaque")),
            actor.create(record(released), dry_run=True),
            actor.patch(own, {"metadata": {"labels": {"owner": "helm"}}}),
            actor.patch(kept, {"metadata": {"labels": {"owner": None}}}),
            actor.patch(kept, {"metadata": {"labels": {"status": "superseded"}}}),
            actor.patch(kept, {"metadata": {"ownerReferences": [_owner(own)]}}),
            actor.patch(kept, {"data": {"release": "Zm9yZ2Vk"}}),
            actor.delete(kept),
            actor.delete_all(kept),
        ):
            assert "record of Helm" in answer.denied_by("landlord-release-records")
        released.deployer.patch(kept, {"metadata": {"labels": {"status": "superseded"}}}).allowed()
        released.deployer.delete(kept).allowed()

    def test_the_deployer_of_another_namespace_is_nobody_here(self, released: Tenancy) -> None:
        other = released.admin.impersonating(names.deployer_username("other"), "system:masters")
        other.create(record(released)).denied_by("landlord-release-records")

    def test_other_secrets_stay_everybodys(self, released: Tenancy) -> None:
        other = released.here(
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "helmet", "labels": {"a": "b"}}}
        )
        released.editor.create(other).allowed()
        released.editor.patch(other, {"metadata": {"labels": {"a": "c"}}}).allowed()
        released.editor.delete(other).allowed()

    def test_break_glass_and_the_janitors_of_kubernetes_go_on(self, released: Tenancy) -> None:
        for user in (
            "system:serviceaccount:kube-system:generic-garbage-collector",
            "system:serviceaccount:kube-system:namespace-controller",
            "system:kube-controller-manager",
        ):
            kept = record(released)
            released.deployer.create(kept).allowed()
            released.admin.impersonating(user, "system:masters").delete(kept).allowed()
        kept = record(released)
        released.break_glass.create(kept).allowed()
        released.break_glass.delete(kept).allowed()

    def test_elsewhere_people_may_use_helm_by_hand(self, tenancy: Tenancy) -> None:
        kept = record(tenancy)
        tenancy.editor.create(kept).allowed()
        tenancy.editor.patch(kept, {"metadata": {"labels": {"status": "superseded"}}}).allowed()
        tenancy.editor.delete(kept).allowed()


def _owner(manifest: Object) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": manifest["metadata"]["name"], "uid": "made-up"}
