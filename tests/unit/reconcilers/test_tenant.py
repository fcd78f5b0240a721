"""The Tenant's pass on a cluster in memory: what it makes, what it leaves, what it says, and when it writes nothing."""

from datetime import timedelta
from typing import Any

import pytest

from landlord.api.conditions import ConditionType
from landlord.api.failures import Conflict, Forbidden, Invalid, LandlordFailure, NotOurs, Transient
from landlord.api.refs import Ref
from landlord.api.tenant import TenantStatus
from landlord.core.conditions import find, is_true
from landlord.core.drift import CONTEST_ROUNDS
from landlord.core.tenant.defaults import PlatformDefaults
from landlord.reconcilers.outcome import Outcome
from tests.unit.reconcilers.memory_cluster import kinds
from tests.unit.reconcilers.operators import DEV, NAMESPACE, QUOTA, SHOP, Operator, operator

JANE = {"kind": "User", "name": "jane", "role": "owner"}
LIMITED: dict[str, Any] = {"quota": {"hard": {"pods": 10}}}
OWNER = Ref("RoleBinding", "shop-dev", "landlord-owner")


async def ready(**facts: Any) -> Operator:
    """An operator whose Tenant is Ready."""
    one = operator(**facts)
    await one.run()
    assert one.ready() == ("True", "Applied"), one.status()
    return one


async def test_a_tenant_becomes_its_objects_and_says_so() -> None:
    one = await ready(defaults=LIMITED, members=[JANE])
    assert kinds(one.cluster.objects) == {"Namespace": 1, "ResourceQuota": 1, "NetworkPolicy": 1, "RoleBinding": 2}
    assert "landlord.dev/finalizer" in one.cluster.objects[SHOP]["metadata"]["finalizers"]
    entry = one.entry()
    assert entry["uid"] == one.cluster.objects[NAMESPACE]["metadata"]["uid"]
    assert len(entry["digest"]) == 16
    assert not entry.get("adopted")
    TenantStatus.model_validate(one.status())
    assert [reason for reason, _ in one.events] == ["Applied"]


async def test_namespace_and_guards_come_before_rights() -> None:
    one = operator(defaults=LIMITED, members=[JANE])
    await one.run()
    made = [name.split()[0] for verb, name in one.cluster.requests if verb in ("create", "apply")]
    assert made[0] == "Namespace"
    first_binding = made.index("RoleBinding")
    assert set(made[first_binding:]) == {"RoleBinding"}


async def test_a_second_pass_writes_nothing_nor_does_the_first_of_a_new_process() -> None:
    one = await ready(defaults=LIMITED, members=[JANE])
    assert await one.writes_of() == {}
    one.later(days=2)
    assert await one.writes_of() == {}
    one.restart()
    assert await one.writes_of() == {}


async def test_the_next_look_comes_with_the_interval_of_the_strictest_environment() -> None:
    one = operator(environment={"drift": {"interval": "10m"}})
    outcome = await one.run()
    assert isinstance(outcome, Outcome)
    assert outcome.requeue_after is not None
    assert timedelta(minutes=9) <= outcome.requeue_after <= timedelta(minutes=10)


async def test_a_change_of_the_spec_is_no_drift() -> None:
    one = await ready(defaults=LIMITED)
    one.tenant(defaults={"quota": {"hard": {"pods": 20}}})
    await one.run()
    assert one.cluster.objects[QUOTA]["spec"]["hard"] == {"pods": "20"}
    assert one.counted == []
    assert one.status()["observedGeneration"] == 2


async def test_what_the_spec_no_longer_has_goes_rights_first() -> None:
    one = await ready(defaults={**LIMITED, "serviceAccounts": [{"name": "web"}]}, members=[JANE])
    one.tenant()
    one.cluster.requests.clear()
    await one.run()
    deleted = [name for verb, name in one.cluster.requests if verb == "delete"]
    assert deleted[0] == str(OWNER)
    assert set(deleted) == {str(OWNER), str(QUOTA), "ServiceAccount shop-dev/web"}


async def test_a_hand_edit_is_put_back_counted_and_told() -> None:
    one = await ready(defaults=LIMITED)
    one.edit(QUOTA, spec={"hard": {"pods": "99", "services": "1"}})
    await one.run()
    assert one.cluster.objects[QUOTA]["spec"]["hard"] == {"pods": "10"}
    assert one.counted == [("ResourceQuota", "applied")]
    told = dict(one.events)["DriftCorrected"]
    assert "ResourceQuota shop-dev/landlord was changed at /spec/hard/pods, /spec/hard/services by" in told
    assert await one.writes_of() == {}


async def test_a_deleted_object_is_made_anew() -> None:
    one = await ready(defaults=LIMITED)
    one.cluster.destroy(QUOTA)
    one.look()
    await one.run()
    assert QUOTA in one.cluster.objects
    assert one.counted == [("ResourceQuota", "recreated")]


async def test_a_deleted_namespace_is_made_anew_with_all_in_it_and_that_is_no_drift() -> None:
    one = await ready(defaults=LIMITED)
    one.cluster.destroy(NAMESPACE)
    one.look()
    await one.run()
    assert kinds(one.cluster.objects) == {"Namespace": 1, "ResourceQuota": 1, "NetworkPolicy": 1, "RoleBinding": 1}
    assert one.entry()["uid"] == one.cluster.objects[NAMESPACE]["metadata"]["uid"]
    assert one.counted == []


@pytest.mark.parametrize("mode", ["Warn", "Ignore"])
async def test_a_deleted_namespace_is_not_made_anew_where_drift_is_not_corrected_however_often_it_is_looked_at(
    mode: str,
) -> None:
    one = await ready(environment={"drift": {"mode": mode}})
    one.cluster.destroy(NAMESPACE)
    one.look()
    for _ in range(3):
        await one.run()
        assert one.ready() == ("False", "DriftFound")
        assert NAMESPACE not in one.cluster.objects
    one.environment()
    await one.run()
    assert one.ready() == ("True", "Applied")


async def test_drift_is_only_told_in_mode_warn_and_survives_trouble_and_restarts() -> None:
    one = await ready(environment={"drift": {"mode": "Warn"}}, defaults=LIMITED)
    one.edit(QUOTA, spec={"hard": {"pods": "99"}})
    for _ in range(2):
        await one.run()
        assert one.cluster.objects[QUOTA]["spec"]["hard"] == {"pods": "99"}
        assert is_true(one.entry()["conditions"], ConditionType.DRIFTED)
        assert one.ready() == ("True", "Applied")
        one.restart()
    one.cluster.failing = lambda verb, name: Transient("No answer.") if verb == "get" else None
    await one.run()
    one.cluster.failing = lambda verb, name: None
    await one.run()
    assert one.cluster.objects[QUOTA]["spec"]["hard"] == {"pods": "99"}


async def test_drift_is_neither_told_nor_corrected_in_mode_ignore() -> None:
    one = await ready(environment={"drift": {"mode": "Ignore"}}, defaults=LIMITED)
    one.edit(QUOTA, spec={"hard": {"pods": "99"}})
    assert await one.writes_of() == {}
    assert not is_true(one.entry()["conditions"], ConditionType.DRIFTED)


async def test_fields_that_others_may_change_are_left_through_every_change_and_restart() -> None:
    ignore = [{"kind": "ResourceQuota", "pointers": ["/spec/hard/pods"]}]
    one = await ready(environment={"drift": {"ignore": ignore}}, defaults=LIMITED)
    one.edit(QUOTA, spec={"hard": {"pods": "99"}})
    assert await one.writes_of() == {}
    one.restart()
    assert await one.writes_of() == {}
    one.tenant(defaults={"quota": {"hard": {"pods": 20, "services": 5}}})
    await one.run()
    assert one.cluster.objects[QUOTA]["spec"]["hard"] == {"pods": "99", "services": "5"}
    one.edit(QUOTA, spec={"hard": {"pods": "99", "services": "6"}})
    await one.run()
    assert one.cluster.objects[QUOTA]["spec"]["hard"] == {"pods": "99", "services": "5"}
    one.environment()
    await one.run()
    assert one.cluster.objects[QUOTA]["spec"]["hard"] == {"pods": "20", "services": "5"}


async def test_a_fight_is_given_up_told_and_taken_up_again_when_the_spec_changes() -> None:
    one = await ready(defaults=LIMITED)
    for round_ in range(CONTEST_ROUNDS + 2):
        one.edit(QUOTA, spec={"hard": {"pods": str(100 + round_)}})
        outcome = await one.run()
        one.later(seconds=5)
    assert len(one.counted) == CONTEST_ROUNDS
    assert is_true(one.status()["conditions"], ConditionType.CONTESTED)
    assert isinstance(outcome, Outcome)
    assert outcome.requeue_after == timedelta(seconds=60)
    one.tenant(defaults=LIMITED, displayName="Shop")
    await one.run()
    assert one.cluster.objects[QUOTA]["spec"]["hard"] == {"pods": "10"}
    assert not is_true(one.status()["conditions"], ConditionType.CONTESTED)


async def test_past_the_cap_drift_is_only_told_until_the_hour_is_over() -> None:
    one = await ready(environment={"drift": {"maxCorrectionsPerHour": 1}}, defaults=LIMITED)
    for pods in ("98", "99"):
        one.edit(QUOTA, spec={"hard": {"pods": pods}})
        await one.run()
    found = find(one.entry()["conditions"], ConditionType.DRIFTED)
    assert (found["status"], found["reason"]) == ("True", "CorrectionsCapped")
    one.later(hours=2)
    await one.run()
    assert one.cluster.objects[QUOTA]["spec"]["hard"] == {"pods": "10"}


async def test_a_role_that_cannot_be_changed_is_made_anew() -> None:
    one = await ready(members=[JANE])
    one.edit(OWNER, roleRef={"name": "cluster-admin"})

    def refuse(verb: str, name: str) -> LandlordFailure | None:
        changed = one.cluster.objects.get(OWNER, {}).get("roleRef", {}).get("name") == "cluster-admin"
        return Invalid("cannot change roleRef") if verb == "apply" and name == str(OWNER) and changed else None

    one.cluster.failing = refuse
    await one.run()
    assert one.cluster.objects[OWNER]["roleRef"]["name"] == "landlord-owner"


async def test_an_account_that_somebody_else_made_is_left_alone_and_the_rest_is_made() -> None:
    one = operator(defaults={**LIMITED, "serviceAccounts": [{"name": "default"}, {"name": "web"}]})
    account = Ref("ServiceAccount", "shop-dev", "default")
    one.cluster.store("ServiceAccount", {"metadata": {"name": "default", "namespace": "shop-dev"}})
    assert isinstance(await one.run(), NotOurs)
    assert one.ready() == ("False", "NotOurs")
    assert "labels" not in one.cluster.objects[account]["metadata"]
    assert kinds(one.cluster.objects)["ServiceAccount"] == 2
    assert kinds(one.cluster.objects)["ResourceQuota"] == 1


async def test_a_failing_object_stops_neither_its_siblings_nor_other_environments_but_rights() -> None:
    one = Operator()
    for name in ("dev", "prod"):
        one.environment(name)
    one.tenant("dev", "prod", defaults=LIMITED, members=[JANE])
    one.cluster.failing = lambda verb, name: Forbidden("No.") if name == str(QUOTA) else None
    assert isinstance(await one.run(), Forbidden)
    assert one.ready(one.entry("dev")) == ("False", "Forbidden")
    assert one.ready(one.entry("prod")) == ("True", "Applied")
    assert kinds(one.cluster.objects) == {"Namespace": 2, "ResourceQuota": 1, "NetworkPolicy": 2, "RoleBinding": 2}
    one.cluster.failing = lambda verb, name: None
    await one.run()
    assert one.ready() == ("True", "Applied")
    assert kinds(one.cluster.objects)["RoleBinding"] == 4


async def test_what_may_heal_is_tried_again_sooner_than_what_was_refused() -> None:
    one = Operator()
    for name in ("dev", "prod"):
        one.environment(name)
    one.tenant("dev", "prod")
    one.cluster.failing = lambda verb, name: (
        Forbidden("No.") if name == str(NAMESPACE) else Transient("Later.") if name == "Namespace shop-prod" else None
    )
    outcome = await one.run()
    assert isinstance(outcome, Transient)
    assert one.ready() == ("False", "Forbidden")


async def test_two_environments_are_worked_on_side_by_side_and_nothing_runs_on_after_a_pass() -> None:
    one = Operator()
    for name in ("dev", "prod"):
        one.environment(name)
    adopting = {"name": "dev", "adopt": "Preview"}
    one.cluster.store("Namespace", {"metadata": {"name": "shop-dev"}})
    one.tenant(adopting, "prod", defaults=LIMITED, members=[JANE])
    one.cluster.failing = lambda verb, name: (
        Forbidden("May not list pods.") if verb == "list" and "Pod" in name else None
    )
    await one.run()
    assert one.cluster.running == 0
    assert one.ready(one.entry("dev")) == ("False", "Forbidden")
    assert one.ready(one.entry("prod")) == ("True", "Applied")


async def test_a_namespace_of_nobody_is_left_alone_until_adoption_is_asked_for() -> None:
    one = operator()
    one.cluster.store("Namespace", {"metadata": {"name": "shop-dev", "labels": {"team": "x"}}})
    await one.run()
    assert one.ready() == ("False", "NamespaceExists")
    assert kinds(one.cluster.objects) == {"Namespace": 1}

    one.tenant({"name": "dev", "adopt": "Preview"})
    one.cluster.warnings = ("pod web violates restricted",)
    outcome = await one.run()
    assert outcome == Outcome(timedelta(seconds=60))
    assert one.ready() == ("False", "AdoptionPreview")
    assert one.entry()["preview"] == [{"kind": "PodSecurity", "message": "pod web violates restricted"}]
    await one.run()
    assert one.cluster.objects[NAMESPACE]["metadata"]["labels"] == {"team": "x"}
    assert kinds(one.cluster.objects) == {"Namespace": 1}

    one.tenant({"name": "dev", "adopt": "Enforce"}, defaults=LIMITED)
    await one.run()
    assert one.ready() == ("True", "Applied")
    assert one.entry()["adopted"]
    assert "preview" not in one.entry()
    assert one.cluster.objects[NAMESPACE]["metadata"]["labels"]["team"] == "x"
    assert one.cluster.objects[NAMESPACE]["metadata"]["labels"]["landlord.dev/tenant"] == "shop"

    one.edit(QUOTA, spec={"hard": {"pods": "99"}})
    await one.run()
    assert one.entry()["adopted"]


async def test_a_namespace_that_another_tenant_holds_is_a_conflict_and_theirs_stays_untouched() -> None:
    one = await ready(defaults=LIMITED)
    one.tenant({"name": "dev", "namespace": "shop-dev", "adopt": "Enforce"}, name="bank")
    before = dict(one.cluster.objects)
    bank = Ref("Tenant", None, "bank")
    await one.run(bank)
    assert one.ready(one.status(bank)) == ("False", "NamespaceConflict")
    assert {ref: each for ref, each in one.cluster.objects.items() if ref.namespace} == {
        ref: each for ref, each in before.items() if ref.namespace
    }


async def test_of_two_tenants_that_want_a_free_namespace_the_older_one_gets_it() -> None:
    one = operator()
    one.tenant({"name": "dev", "namespace": "shop-dev"}, name="a-younger-one")
    younger = Ref("Tenant", None, "a-younger-one")
    one.edit(younger, metadata={"creationTimestamp": "2026-01-02T00:00:00Z"})
    await one.run(younger)
    assert one.ready(one.status(younger)) == ("False", "NamespaceConflict")
    await one.run()
    assert one.ready() == ("True", "Applied")


async def test_a_protected_namespace_is_never_touched() -> None:
    one = Operator(platform=PlatformDefaults(protected_namespaces=("infra-*",)))
    one.environment()
    for name in ("kube-system", "default", "infra-db", "landlord-system"):
        one.tenant({"name": "dev", "namespace": name, "adopt": "Enforce"})
        await one.run()
        assert one.ready() == ("False", "ProtectedNamespace")
    assert kinds(one.cluster.objects) == {}


async def test_an_environment_that_is_missing_suspended_or_going_is_left_as_it_is() -> None:
    one = await ready(defaults=LIMITED, members=[JANE])
    made = {ref: each for ref, each in one.cluster.objects.items() if ref.kind not in ("Tenant", "Environment")}
    one.tenant(defaults={"quota": {"hard": {"pods": 1}}})

    one.environment(suspend=True)
    await one.run()
    assert one.ready() == ("True", "EnvironmentSuspended")
    one.edit(DEV, metadata={"finalizers": ["landlord.dev/finalizer"]}, spec={})
    one.delete(DEV)
    await one.run()
    assert one.ready() == ("False", "EnvironmentDeleting")
    del one.cluster.objects[DEV]
    one.look()
    await one.run()
    assert one.ready() == ("False", "EnvironmentMissing")
    assert one.entry()["digest"]
    assert {ref: each for ref, each in one.cluster.objects.items() if ref.kind not in ("Tenant", "Environment")} == made

    one.environment()
    await one.run()
    assert one.ready() == ("True", "Applied")
    assert OWNER not in one.cluster.objects


@pytest.mark.parametrize("how", ["spec", "annotation"])
async def test_a_suspended_tenant_is_left_as_it_is(how: str) -> None:
    one = await ready(defaults=LIMITED)
    if how == "spec":
        one.tenant(suspend=True)
    else:
        one.edit(SHOP, metadata={"annotations": {"landlord.dev/suspend": "true"}})
    one.edit(QUOTA, spec={"hard": {"pods": "99"}})
    assert set(await one.writes_of()) == {"patch status"}
    assert one.ready() == ("True", "Suspended")
    assert await one.writes_of() == {}


async def test_an_invalid_spec_names_the_field_and_changes_nothing() -> None:
    one = await ready(defaults=LIMITED)
    one.tenant(defaults={"quota": {"hard": {"pods": "many"}}})
    assert set(await one.writes_of()) == {"patch status"}
    assert one.ready() == ("False", "InvalidSpec")
    assert "spec.defaults.quota.hard.pods" in find(one.status()["conditions"], ConditionType.READY)["message"]
    assert len(one.status()["environments"]) == 1


async def test_a_full_ceiling_stops_everything_but_revocation() -> None:
    one = await ready(defaults=LIMITED, members=[JANE])
    one.tenant(defaults=LIMITED, quota={"aggregate": {"pods": 5}})
    await one.run()
    assert one.ready() == ("False", "AggregateExceeded")
    assert OWNER not in one.cluster.objects
    assert QUOTA in one.cluster.objects
    assert await one.writes_of() == {}


async def test_revocation_leaves_a_suspended_environment_as_it_is() -> None:
    one = await ready(defaults=LIMITED, members=[JANE])
    one.environment(suspend=True)
    one.tenant(defaults=LIMITED, quota={"aggregate": {"pods": 5}})
    await one.run()
    assert OWNER in one.cluster.objects


async def test_a_peer_the_platform_does_not_have_is_told_and_other_environments_go_on() -> None:
    one = Operator()
    for name in ("dev", "prod"):
        one.environment(name)
    one.tenant({"name": "dev", "network": {"allowTo": [{"peer": "mesh"}]}}, "prod")
    await one.run()
    assert one.ready(one.entry("dev")) == ("False", "InvalidSpec")
    assert one.ready(one.entry("prod")) == ("True", "Applied")


async def test_a_failing_revocation_stops_no_other_environment() -> None:
    one = Operator()
    for name in ("dev", "prod"):
        one.environment(name)
    one.tenant("dev", members=[JANE])
    await one.run()
    one.tenant({"name": "dev", "network": {"allowTo": [{"peer": "mesh"}]}}, "prod", defaults=LIMITED)
    one.cluster.failing = lambda verb, name: Transient("No answer.") if verb == "delete" else None
    await one.run()
    assert one.cluster.running == 0
    assert one.ready(one.entry("prod")) == ("True", "Applied")


async def test_use_above_a_quota_is_told_and_nothing_is_evicted() -> None:
    one = await ready(defaults=LIMITED)
    one.edit(QUOTA, status={"used": {"pods": "12"}})
    await one.run()
    assert is_true(one.status()["conditions"], ConditionType.QUOTA_EXCEEDED)
    assert one.ready() == ("True", "Applied")
    one.edit(QUOTA, status={"used": {"pods": "3"}})
    await one.run()
    assert not is_true(one.status()["conditions"], ConditionType.QUOTA_EXCEEDED)


async def test_a_request_by_annotation_reads_everything_afresh_and_is_echoed_once() -> None:
    one = await ready(defaults=LIMITED)
    one.edit(SHOP, metadata={"annotations": {"landlord.dev/requested-at": "now"}})
    one.cluster.destroy(QUOTA)
    assert one.world.child(QUOTA) is not None
    await one.run()
    assert QUOTA in one.cluster.objects
    assert one.status()["lastHandledReconcileAt"] == "now"
    one.cluster.requests.clear()
    await one.run()
    assert one.cluster.requests == []


async def test_what_watches_missed_is_found_when_the_interval_is_over() -> None:
    one = await ready(environment={"drift": {"interval": "10m"}}, defaults=LIMITED)
    one.is_blind = True
    one.cluster.destroy(QUOTA)
    one.later(minutes=9)
    assert await one.writes_of() == {}
    one.later(minutes=1)
    await one.run()
    assert QUOTA in one.cluster.objects


async def test_a_namespace_that_comes_into_being_at_the_same_moment_is_looked_at_again() -> None:
    one = operator()

    def somebody_is_first(verb: str, name: str) -> LandlordFailure | None:
        if verb == "create" and NAMESPACE not in one.cluster.objects:
            one.cluster.store("Namespace", {"metadata": {"name": "shop-dev"}})
        return None

    one.cluster.failing = somebody_is_first
    await one.run()
    assert one.ready() == ("False", "NamespaceExists")


async def test_a_terminating_namespace_is_waited_for_and_what_holds_it_is_told() -> None:
    one = await ready()
    held = {"conditions": [{"status": "True", "message": "Some content remains."}]}
    one.edit(NAMESPACE, metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}, status=held)
    outcome = await one.run()
    assert outcome == Outcome(timedelta(seconds=5))
    assert one.ready() == ("Unknown", "NamespaceTerminating")
    assert "Some content remains." in find(one.entry()["conditions"], ConditionType.READY)["message"]
    one.cluster.destroy(NAMESPACE)
    one.look()
    await one.run()
    assert one.ready() == ("True", "Applied")


async def test_labels_that_somebody_took_off_the_namespace_come_back() -> None:
    one = await ready()
    one.edit(NAMESPACE, metadata={"labels": {"team": "x"}})
    await one.run()
    assert one.cluster.objects[NAMESPACE]["metadata"]["labels"]["landlord.dev/tenant"] == "shop"
    assert one.cluster.objects[NAMESPACE]["metadata"]["labels"]["team"] == "x"
    assert one.ready() == ("True", "Applied")


async def test_a_tenant_that_is_gone_is_forgotten() -> None:
    one = await ready()
    del one.cluster.objects[SHOP]
    one.look()
    assert await one.run() == Outcome()


async def test_a_status_that_cannot_be_written_is_written_by_the_next_pass() -> None:
    one = operator(defaults=LIMITED)
    one.cluster.failing = lambda verb, name: Conflict("Another.") if verb == "patch status" else None
    assert isinstance(await one.run(), Conflict)
    assert one.status() == {}
    one.cluster.failing = lambda verb, name: None
    one.restart()
    assert set(await one.writes_of()) == {"patch status"}
    assert one.ready() == ("True", "Applied")
    assert one.counted == []
