"""Templates of charts that reach for what a tenant's release may not have, and the words that refuse each."""

from dataclasses import dataclass, field

OWN = """
apiVersion: v1
kind: ConfigMap
metadata: {name: own, namespace: {{ .Release.Namespace }}}
data: {a: b}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: own}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]
---
apiVersion: batch/v1
kind: Job
metadata:
  name: own
  namespace: {{ .Release.Namespace }}
  annotations: {helm.sh/hook: pre-install}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: own
          image: registry.example.org/own:1
          resources: {limits: {cpu: 10m, memory: 16Mi}}
          securityContext:
            allowPrivilegeEscalation: false
            runAsNonRoot: true
            runAsUser: 1000
            capabilities: {drop: [ALL]}
            seccompProfile: {type: RuntimeDefault}
"""
"""What is allowed in place of all of these: the same kinds, at home."""


@dataclass(frozen=True, slots=True)
class Greedy:
    """One chart: a template, the words of the refusal, and where nothing may be found afterwards."""

    what: str
    template: str
    words: tuple[str, ...]
    trace: str = ""
    """Path of the object it is after, ``NS`` standing for the namespace."""
    values: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.what


_ROLE = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: greedy-{{ .Release.Namespace }}}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
"""
_ROLE_PATH = "/apis/rbac.authorization.k8s.io/v1/clusterroles/greedy-NS"
_ELSEWHERE = """
apiVersion: v1
kind: ConfigMap
metadata: {name: greedy-{{ .Release.Namespace }}, namespace: %s}
"""
_ELSEWHERE_PATH = "/api/v1/namespaces/default/configmaps/greedy-NS"
_HOOK = """
apiVersion: batch/v1
kind: Job
metadata:
  name: greedy-{{ .Release.Namespace }}
  namespace: default
  annotations: {"helm.sh/hook": %s}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: a, image: "registry.example.org/a:1"}]}
"""
_HOOK_PATH = "/apis/batch/v1/namespaces/default/jobs/greedy-NS"

FOREIGN: tuple[Greedy, ...] = (
    Greedy("cluster role", _ROLE, ("ClusterRole greedy-NS", "cluster-scoped"), _ROLE_PATH),
    Greedy(
        "cluster role in a list",
        "apiVersion: v1\nkind: List\nitems:\n- " + _ROLE.strip().replace("\n", "\n  "),
        ("ClusterRole greedy-NS",),
        _ROLE_PATH,
    ),
    Greedy(
        "cluster role among good ones",
        f"{OWN}---{_ROLE}",
        ("ClusterRole greedy-NS",),
        "/api/v1/namespaces/NS/configmaps/own",
    ),
    Greedy(
        "cluster role as a hook",
        _ROLE.replace("}}}", '}}, annotations: {"helm.sh/hook": post-install}}'),
        ("hook ClusterRole greedy-NS",),
        _ROLE_PATH,
    ),
    Greedy("namespace", "apiVersion: v1\nkind: Namespace\nmetadata: {name: greedy}", ("Namespace greedy",)),
    Greedy("object elsewhere", _ELSEWHERE % "default", ("ConfigMap greedy-NS", "namespace default"), _ELSEWHERE_PATH),
    Greedy(
        "object elsewhere by values",
        _ELSEWHERE % "{{ .Values.where }}",
        ("namespace default",),
        _ELSEWHERE_PATH,
        {"where": "default"},
    ),
    Greedy("job elsewhere", _HOOK % "pre-install", ("hook Job greedy-NS", "namespace default"), _HOOK_PATH),
    Greedy("job elsewhere when deleted", _HOOK % "pre-delete", ("hook Job greedy-NS",), _HOOK_PATH),
    Greedy("job elsewhere as a test", _HOOK % "test", ("hook Job greedy-NS",), _HOOK_PATH),
    Greedy("job elsewhere, in capitals", _HOOK % '"Pre-Install, POST-DELETE"', ("hook Job greedy-NS",), _HOOK_PATH),
)

AT_NO_MOMENT = Greedy("job elsewhere at no known moment", _HOOK % "whenever", (), _HOOK_PATH)
"""Helm drops what is a hook of no event it knows."""

_RECORD = """
apiVersion: v1
kind: Secret
metadata: {name: %s, labels: {owner: %s, name: neighbour, status: deployed, version: "7"}}
type: %s
data: {release: eA==}
"""
_RECORD_PATH = "/api/v1/namespaces/NS/secrets/"

RECORDS: tuple[Greedy, ...] = (
    Greedy(
        "record of Helm",
        _RECORD % ("sh.helm.release.v1.neighbour.v7", "helm", "helm.sh/release.v1"),
        ("sh.helm.release.v1.neighbour.v7",),
        f"{_RECORD_PATH}sh.helm.release.v1.neighbour.v7",
    ),
    Greedy(
        "record by its type", _RECORD % ("seven", "me", "helm.sh/release.v1"), ("Secret/seven",), f"{_RECORD_PATH}seven"
    ),
    Greedy("record by its label", _RECORD % ("eight", "helm", "Opaque"), ("Secret/eight",), f"{_RECORD_PATH}eight"),
)
"""Secrets that look like Helm's own."""

BEYOND_RIGHTS: tuple[Greedy, ...] = (
    Greedy(
        "release that makes releases",
        "apiVersion: landlord.dev/v1alpha1\nkind: AppRelease\nmetadata: {name: child}\n"
        "spec: {chart: {repository: 'oci://registry.example.org/a', name: a, version: 1.0.0}}",
        ("AppRelease", "child"),
        "/apis/landlord.dev/v1alpha1/namespaces/NS/appreleases/child",
    ),
    Greedy(
        "more rights than its own",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: greedy}\n"
        'rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]',
        ("Role greedy",),
        "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/roles/greedy",
    ),
    Greedy(
        "cluster-admin here",
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: greedy}\n"
        "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\n"
        "subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: mallory}]",
        ("RoleBinding greedy",),
        "/apis/rbac.authorization.k8s.io/v1/namespaces/NS/rolebindings/greedy",
    ),
    Greedy(
        "quota of its own",
        "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: greedy}\nspec: {hard: {pods: 1k}}",
        ("ResourceQuota", "greedy"),
        "/api/v1/namespaces/NS/resourcequotas/greedy",
    ),
)
"""What RBAC and admission refuse to the deployer: its own namespace, and yet not for it."""
