"""What each role may do, resource by resource and verb by verb, as the API server answers `kubectl auth can-i`."""

from itertools import product

import pytest

from landlord.api import names
from sandbox.waiting import wait_until
from tests.actors import Actor, Object
from tests.policies import Settle
from tests.tenancy import People, Tenancy, binding

pytestmark = pytest.mark.cluster

READ = frozenset({"get", "list", "watch"})
WRITE = frozenset({"create", "update", "patch", "delete"})
WRITE_ALL = WRITE | {"deletecollection"}
VERBS = sorted(READ | WRITE_ALL)
NOTHING: frozenset[str] = frozenset()

Rights = dict[str, frozenset[str]]


def rights(words: str, verbs: frozenset[str]) -> Rights:
    """The same verbs on each of the resources."""
    return dict.fromkeys(words.split(), verbs)


def together(*parts: Rights) -> Rights:
    """All rights of the parts."""
    keys = {key for part in parts for key in part}
    return {key: frozenset().union(*(part.get(key, NOTHING) for part in parts)) for key in keys}


WRITABLE = """
    configmaps persistentvolumeclaims pods podtemplates replicationcontrollers serviceaccounts services
    daemonsets.apps deployments.apps replicasets.apps statefulsets.apps horizontalpodautoscalers.autoscaling
    cronjobs.batch jobs.batch leases.coordination.k8s.io ingresses.networking.k8s.io networkpolicies.networking.k8s.io
    poddisruptionbudgets.policy
"""
SCALES = "deployments.apps/scale replicasets.apps/scale statefulsets.apps/scale"
STATUSES = """
    persistentvolumeclaims/status pods/status replicationcontrollers/status resourcequotas/status services/status
    daemonsets.apps/status deployments.apps/status replicasets.apps/status statefulsets.apps/status
    horizontalpodautoscalers.autoscaling/status cronjobs.batch/status jobs.batch/status
    ingresses.networking.k8s.io/status poddisruptionbudgets.policy/status
"""
ACCESS = "roles.rbac.authorization.k8s.io rolebindings.rbac.authorization.k8s.io"

VIEWER = together(
    rights(WRITABLE, READ),
    rights(SCALES, READ),
    rights(STATUSES, READ),
    rights("endpoints events limitranges pods/log resourcequotas replicationcontrollers/scale", READ),
    rights("controllerrevisions.apps endpointslices.discovery.k8s.io events.events.k8s.io", READ),
    rights(ACCESS, READ),
)
EDITOR = together(
    VIEWER,
    rights(WRITABLE, WRITE_ALL),
    rights(SCALES, WRITE_ALL),
    rights("secrets", READ | WRITE_ALL),
    rights("replicationcontrollers/scale", WRITE_ALL),
    rights("pods/attach pods/exec pods/portforward", frozenset({"get", "create"})),
    rights("pods/eviction", frozenset({"create"})),
    rights("pods/ephemeralcontainers pods/resize", frozenset({"update", "patch"})),
    rights("events events.events.k8s.io", frozenset({"create", "update", "patch"})),
)
OWNER = together(
    EDITOR,
    rights(ACCESS, WRITE_ALL),
    rights("localsubjectaccessreviews.authorization.k8s.io", frozenset({"create"})),
)
DEPLOYER = together(
    rights(WRITABLE, READ | WRITE),
    rights("secrets", READ | WRITE),
    rights(ACCESS, READ | WRITE),
    rights(SCALES, frozenset({"get", "update", "patch"})),
    rights("events events.events.k8s.io", READ | {"create", "update", "patch"}),
    rights("pods/log", frozenset({"get"})),
    rights("controllerrevisions.apps endpointslices.discovery.k8s.io", frozenset({"list", "watch"})),
)
ROLES = {"viewer": VIEWER, "editor": EDITOR, "owner": OWNER, "deployer": DEPLOYER}
# Served by every API server to everybody, and no part of a tenant.
EVERYBODYS = ("selfsubject", "componentstatuses")


def namespaced_resources(admin: Actor) -> list[tuple[str, str]]:
    """Group and RESOURCE or RESOURCE/SUBRESOURCE of everything that Kubernetes itself keeps in namespaces."""
    groups = admin.request("GET", "/apis").allowed()["groups"]
    builtin = [g for g in groups if "." not in g["name"] or g["name"].endswith(".k8s.io")]
    paths = [("", "/api/v1"), *((g["name"], f"/apis/{g['preferredVersion']['groupVersion']}") for g in builtin)]
    return [
        (group, resource["name"])
        for group, path in paths
        if group != "gateway.networking.k8s.io"
        for resource in admin.request("GET", path).allowed()["resources"]
        if resource["namespaced"]
    ]


@pytest.mark.parametrize("role", ROLES.keys())
def test_each_role_holds_exactly_its_rights_in_its_namespace(tenancy: Tenancy, role: str) -> None:
    actor: Actor = getattr(tenancy, role)
    resources = namespaced_resources(tenancy.admin)
    assert len(resources) > 60
    wrong = []
    for (group, resource), verb in product(resources, VERBS):
        plural, _, subresource = resource.partition("/")
        key = f"{plural}.{group}" * bool(group) or plural
        key += f"/{subresource}" * bool(subresource)
        expected = verb in ROLES[role].get(key, NOTHING)
        if actor.may(verb, resource, tenancy.namespace, group=group) != expected:
            wrong.append(f"{role} should {'' if expected else 'not '}{verb} {key}")
    assert not wrong


@pytest.mark.parametrize("role", ROLES.keys())
def test_each_role_holds_nothing_in_another_tenants_namespace(tenancy: Tenancy, settle: Settle, role: str) -> None:
    other = settle()
    actor: Actor = getattr(tenancy, role)
    for (group, resource), verb in product(namespaced_resources(tenancy.admin), ("get", "update")):
        if not resource.startswith(EVERYBODYS):
            assert not actor.may(verb, resource, other.namespace, group=group), (verb, resource)


@pytest.mark.parametrize("role", ROLES.keys())
def test_each_role_holds_nothing_of_the_cluster(tenancy: Tenancy, role: str) -> None:
    actor: Actor = getattr(tenancy, role)
    for plural, group in (
        ("namespaces", ""),
        ("nodes", ""),
        ("persistentvolumes", ""),
        ("clusterroles", "rbac.authorization.k8s.io"),
        ("clusterrolebindings", "rbac.authorization.k8s.io"),
        ("customresourcedefinitions", "apiextensions.k8s.io"),
        ("validatingadmissionpolicies", "admissionregistration.k8s.io"),
        ("storageclasses", "storage.k8s.io"),
        ("priorityclasses", "scheduling.k8s.io"),
        ("tenants", "landlord.dev"),
        ("environments", "landlord.dev"),
    ):
        for verb in VERBS:
            assert not actor.may(verb, plural, "", group=group), (verb, plural)


@pytest.mark.parametrize("role", ROLES.keys())
def test_no_role_holds_what_leads_to_other_identities_or_weaker_guards(tenancy: Tenancy, role: str) -> None:
    actor: Actor = getattr(tenancy, role)
    rbac = "rbac.authorization.k8s.io"
    for verb, resource, group in (
        ("impersonate", "serviceaccounts", ""),
        ("impersonate", "users", ""),
        ("impersonate", "groups", ""),
        ("impersonate:serviceaccount", "serviceaccounts", "authentication.k8s.io"),
        ("create", "serviceaccounts/token", ""),
        ("bind", "clusterroles", rbac),
        ("bind", "roles", rbac),
        ("escalate", "roles", rbac),
        ("get", "pods/proxy", ""),
        ("get", "services/proxy", ""),
        ("create", "endpoints", ""),
        ("update", "endpointslices", "discovery.k8s.io"),
        ("update", "services/status", ""),
        ("update", "resourcequotas/status", ""),
        ("update", "ingresses/status", "networking.k8s.io"),
        ("update", "namespaces", ""),
        ("update", "namespaces/finalize", ""),
        ("delete", "namespaces", ""),
        ("create", "secretstores", "external-secrets.io"),
        ("get", "secretstores", "external-secrets.io"),
        ("create", "pushsecrets", "external-secrets.io"),
        ("approve", "environments", "landlord.dev"),
    ):
        assert not actor.may(verb, resource, tenancy.namespace, group=group), (verb, resource)


@pytest.mark.parametrize(
    ("role", "verb", "resource", "group"),
    [
        ("viewer", "get", "httproutes", "gateway.networking.k8s.io"),
        ("viewer", "get", "externalsecrets", "external-secrets.io"),
        ("viewer", "get", "pods", "metrics.k8s.io"),
        ("viewer", "get", "namespaces", ""),
        ("editor", "create", "httproutes", "gateway.networking.k8s.io"),
        ("editor", "create", "grpcroutes", "gateway.networking.k8s.io"),
        ("deployer", "create", "externalsecrets", "external-secrets.io"),
        ("deployer", "create", "servicemonitors", "monitoring.coreos.com"),
        ("deployer", "create", "tlsroutes", "gateway.networking.k8s.io"),
    ],
)
def test_kinds_that_clusters_commonly_add_are_covered(
    tenancy: Tenancy, role: str, verb: str, resource: str, group: str
) -> None:
    assert getattr(tenancy, role).may(verb, resource, tenancy.namespace, group=group)


@pytest.mark.parametrize(
    ("role", "verb", "resource", "group"),
    [
        ("editor", "create", "externalsecrets", "external-secrets.io"),
        ("owner", "create", "gateways", "gateway.networking.k8s.io"),
        ("deployer", "get", "secretstores", "external-secrets.io"),
        ("deployer", "get", "resourcequotas", ""),
        ("deployer", "get", "namespaces", ""),
        ("deployer", "get", "endpoints", ""),
    ],
)
def test_what_a_role_may_not_write_stays_out(tenancy: Tenancy, role: str, verb: str, resource: str, group: str) -> None:
    assert not getattr(tenancy, role).may(verb, resource, tenancy.namespace, group=group)


def test_the_deployer_reads_nothing_that_it_may_not_write() -> None:
    for resource, verbs in DEPLOYER.items():
        assert resource == "pods/log" or "get" not in verbs or verbs & WRITE, resource


@pytest.mark.parametrize(("aggregate", "gaining"), [("viewer", 3), ("editor", 2), ("owner", 1)])
def test_a_platform_extends_a_role_and_those_above_it_by_label(tenancy: Tenancy, aggregate: str, gaining: int) -> None:
    rule = {"apiGroups": [f"{aggregate}.example"], "resources": ["widgets"], "verbs": ["get"]}
    extension: Object = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": f"extends-{aggregate}",
            "labels": {f"landlord.dev/aggregate-to-{aggregate}": "true"},
        },
        "rules": [rule],
    }
    tenancy.admin.create(extension).allowed()
    try:
        roles = [tenancy.owner, tenancy.editor, tenancy.viewer]
        group = f"{aggregate}.example"

        def held() -> list[bool]:
            return [one.may("get", "widgets", tenancy.namespace, group=group) for one in roles]

        wanted = [place < gaining for place in range(3)]
        wait_until(lambda: held() == wanted, seconds=30, what=f"The extension of {aggregate}")
    finally:
        tenancy.admin.delete(extension)


def test_the_builtin_view_holds_more_than_an_owner_so_only_the_platform_binds_it(tenancy: Tenancy) -> None:
    wanted = binding("view", tenancy.namespace, role="view", users=["sam"])
    tenancy.owner.create(wanted, dry_run=True).forbidden()
    tenancy.admin.create(wanted, dry_run=True).allowed()


def test_the_operator_holds_exactly_what_its_passes_need(people: People, tenancy: Tenancy) -> None:
    write = {"create", "patch", "delete"}
    expected = {
        **dict.fromkeys(("namespaces", "resourcequotas", "limitranges", "serviceaccounts"), READ | write),
        "networkpolicies.networking.k8s.io": READ | write,
        "rolebindings.rbac.authorization.k8s.io": READ | write,
        "pods": {"list"},
        "services": {"list"},
        "ingresses.networking.k8s.io": {"list"},
        "events.events.k8s.io": {"create", "patch"},
    }
    wrong = []
    for (group, resource), verb in product(namespaced_resources(people.admin), VERBS):
        key = f"{resource}.{group}" if group else resource
        if people.operator.may(verb, resource, tenancy.namespace, group=group) != (verb in expected.get(key, ())):
            wrong.append(f"{verb} {key}")
    assert not wrong


def test_the_operator_leads_and_tells_where_it_must(people: People) -> None:
    home = names.OPERATOR_NAMESPACE
    for verb in ("get", "create", "update", "patch"):
        assert people.operator.may(verb, "leases", home, group="coordination.k8s.io")
    for where in (home, "default"):
        assert people.operator.may("create", "events", where, group="events.k8s.io")
        assert people.operator.may("patch", "events", where, group="events.k8s.io")
    assert not people.operator.may("get", "leases", "kube-system", group="coordination.k8s.io")


def test_every_policy_is_compiled_without_a_warning(people: People) -> None:
    def checked() -> list[Object]:
        path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
        query = "?labelSelector=app.kubernetes.io/part-of%3Dlandlord"
        items: list[Object] = people.admin.request("GET", path + query).allowed()["items"]
        assert len(items) >= 14
        return [
            one for one in items if one.get("status", {}).get("observedGeneration") != one["metadata"]["generation"]
        ]

    wait_until(lambda: not checked(), seconds=30, what="The type check of every policy")
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    for one in people.admin.request("GET", path).allowed()["items"]:
        assert not one["status"].get("typeChecking", {}).get("expressionWarnings"), one["metadata"]["name"]
