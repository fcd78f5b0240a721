"""The table of what Helm and the API server say when a run fails, and what that means. Order counts: first match wins.

Each pattern is searched in the words about one object; ``{object}`` in the answer is that object, other names are the
pattern's groups. What is searched was partly written by strangers, so no pattern may take long over any text. Certain
faults of the release stand before troubles of its surroundings: they stay when those pass.
"""

import re
from dataclasses import dataclass
from typing import Final

from landlord.api.failures import HelmTrouble


@dataclass(frozen=True, slots=True)
class Rule:
    """One trouble, how to know it, and what to tell whoever must act."""

    trouble: HelmTrouble
    pattern: re.Pattern[str]
    words: str


def _rule(trouble: HelmTrouble, pattern: str, words: str) -> Rule:
    return Rule(trouble, re.compile(pattern, re.DOTALL), words)


_FIELD: Final = r"(?<![\w.])(?P<field>[A-Za-z][\w.\[\]/-]{0,200}): "
_TO_THE_END: Final = r"(?P<rest>.+)"

RULES: Final = (
    _rule(
        HelmTrouble.TERMINATING,
        r"because it is being terminated|namespace \S+ is being terminated|namespaces \"[^\"]+\" not found",
        "The namespace is being deleted, so nothing can be made in it.",
    ),
    _rule(
        HelmTrouble.LOCKED,
        r"another operation \(.*\) is in progress|release: already exists|cannot reuse a name that is still in use",
        "Another Helm operation on this release is in progress, or died in the middle.",
    ),
    _rule(
        HelmTrouble.NO_DEPLOYED,
        r"has no deployed releases",
        "The release has a history but no deployed revision to upgrade from.",
    ),
    _rule(
        HelmTrouble.MISSING_REVISION,
        r"release has no (?P<number>\d+) version",
        "Revision {number} is no longer in the release's history.",
    ),
    _rule(HelmTrouble.MISSING_REVISION, r"release: not found", "There is no Helm release of this name."),
    _rule(
        HelmTrouble.TOO_LARGE,
        r"sh\.helm\.release\.v1\.\S+ is invalid: data: Too long"
        r"|[Rr]equest entity too large|request is too large|trying to send message larger than max",
        "The release is too large to be stored: chart, values and manifest packed together may take 1 MiB. Take large "
        "files out of the chart, or split it.",
    ),
    _rule(
        HelmTrouble.SCHEMA,
        r"values don't meet the specifications of the schema\(s\) in the following chart\(s\):" + _TO_THE_END,
        "The values do not fit the chart's schema: {rest}",
    ),
    _rule(
        HelmTrouble.RENDER,
        r"^(?:validation: |cannot load |error unpacking |unsupported chart version|invalid chart apiVersion)",
        "The chart itself is broken: {message}",
    ),
    _rule(
        HelmTrouble.RENDER,
        r"execution error at \((?P<place>[^)]*)\): " + _TO_THE_END,
        "The chart refuses these values: {rest} ({place}).",
    ),
    _rule(
        HelmTrouble.RENDER, r"parse error at \((?P<place>[^)]*)\): (?P<rest>[^\n]+)", "{place} is no template: {rest}."
    ),
    _rule(
        HelmTrouble.RENDER,
        r"nested reference name: (?P<name>\S+): unable to execute",
        "The chart's template {name} includes itself without end.",
    ),
    _rule(
        HelmTrouble.RENDER,
        r"YAML parse error on (?P<place>\S+): (?:error converting YAML to JSON: )?" + _TO_THE_END,
        "With these values {place} renders to something that is no manifest: {rest}.",
    ),
    _rule(
        HelmTrouble.RENDER,
        r"(?<!\S)(?P<place>\S{1,200}:\d+(?::\d+)?)\s+executing .*? at (?P<code><.*?>):\s+" + _TO_THE_END,
        "The chart cannot be rendered with these values: {rest} at {code} ({place}).",
    ),
    _rule(
        HelmTrouble.RENDER,
        r'executing "(?P<place>[^"]*)" at (?P<code><[^>]*>): (?P<rest>(?:(?!executing ").)+)$',
        "The chart cannot be rendered with these values: {rest} at {code} ({place}).",
    ),
    _rule(
        HelmTrouble.RENDER,
        r"chart requires kubeVersion: (?P<wanted>.+?) which is incompatible with Kubernetes (?P<version>\S+)",
        "The chart wants Kubernetes {wanted}, and this cluster is {version}.",
    ),
    _rule(
        HelmTrouble.RENDER,
        r"missing in charts/ directory: " + _TO_THE_END,
        "The chart was packed without its dependencies: {rest}. Run helm dependency build before packing it.",
    ),
    _rule(
        HelmTrouble.RENDER, r"library charts are not installable", "This is a library chart; it cannot be installed."
    ),
    _rule(
        HelmTrouble.RENDER,
        r"apiVersion not set|kind not set|[Oo]bject 'Kind' is missing|no matches for kind \"[^\"]+\" in version \"\"",
        "With these values the chart renders an object without kind or apiVersion.",
    ),
    _rule(
        HelmTrouble.RENDER,
        r'resource (?P<kind>\w+) ""[^\n]*resource name may not be empty',
        "With these values the chart renders a {kind} without a name.",
    ),
    _rule(
        HelmTrouble.RENDER,
        r"YAML parse error|error unmarshaling JSON|unable to decode|template: (?:no template|.*?: executing)",
        "With these values the chart renders to something that is no manifest: {message}",
    ),
    _rule(
        HelmTrouble.UNKNOWN_KIND,
        r'no matches for kind "(?P<kind>[^"]+)" in version "(?P<version>[^"]+)"',
        "The cluster serves no {kind} in {version}. Install what brings it, or leave it out of the chart.",
    ),
    _rule(
        HelmTrouble.OWNERSHIP,
        r'"meta\.helm\.sh/release-name" must equal "[^"]*": current value is "(?P<other>[^"]*)"',
        "{object} belongs to the Helm release {other} already.",
    ),
    _rule(
        HelmTrouble.OWNERSHIP,
        r"cannot be imported into the current release|cannot be owned",
        "{object} exists already and belongs to no Helm release. Delete it, or take it over with "
        "upgrade.takeOwnership.",
    ),
    _rule(
        HelmTrouble.IMMUTABLE,
        r"updates to statefulset spec for fields other than",
        "{object}: of a StatefulSet only replicas, ordinals, template, updateStrategy, revisionHistoryLimit, "
        "persistentVolumeClaimRetentionPolicy and minReadySeconds can change. Keep the other fields as they were, or "
        "delete it (--cascade=orphan keeps its pods).",
    ),
    _rule(
        HelmTrouble.IMMUTABLE,
        _FIELD + r"(?:Invalid value|Forbidden): (?:[^\n]*?)"
        r"(?:field is immutable|may not change once set|is immutable after creation|cannot change roleRef"
        r"|field can not be less than|can not be unset|updates to .{1,60} are forbidden)",
        "{object}: {field} cannot change once the object exists. Keep its old value, or have the object replaced "
        "(a Job by upgrade.recreate, others by deleting them).",
    ),
    _rule(
        HelmTrouble.CONFLICT,
        r'Apply failed with \d+ conflicts?: conflicts? with "(?P<manager>[^"]+)"[^:]*: ?(?P<fields>.+)',
        "{object}: {manager} holds {fields}. Leave the field to one of the two.",
    ),
    _rule(
        HelmTrouble.WEBHOOK,
        r'failed calling webhook "(?P<webhook>[^"]+)": ' + _TO_THE_END,
        "{object} cannot be admitted, because the admission webhook {webhook} gives no answer: {rest}",
    ),
    _rule(
        HelmTrouble.POLICY,
        r"ValidatingAdmissionPolicy '(?P<policy>[^']+)' with binding '[^']+' denied request: " + _TO_THE_END,
        "{object} is refused by the admission policy {policy}: {rest}",
    ),
    _rule(
        HelmTrouble.POLICY,
        r'admission webhook "(?P<webhook>[^"]+)" denied the request(?: without explanation|: (?P<rest>.+))',
        "{object} is refused by the admission webhook {webhook}: {rest}",
    ),
    _rule(
        HelmTrouble.POLICY,
        r'violates PodSecurity "(?P<level>[^"]+)": ' + _TO_THE_END,
        "{object} does not meet Pod Security {level}: {rest}",
    ),
    _rule(
        HelmTrouble.POLICY,
        r"failed quota: (?P<quota>[^:]+): must specify " + _TO_THE_END,
        "{object}: the quota {quota} demands that every pod says its {rest}",
    ),
    _rule(
        HelmTrouble.POLICY,
        r"is forbidden: (?P<rest>\[?(?:maximum|minimum|\S+ max limit)"
        r"[^\n]*(?:per (?:Container|Pod|PersistentVolumeClaim)|ratio)[^\n]*)",
        "{object} is outside the namespace's limits: {rest}",
    ),
    _rule(
        HelmTrouble.QUOTA,
        r"exceeded quota: (?P<quota>[^,]+), requested: (?P<asked>.+?), used: (?P<used>.+?), limited: (?P<hard>[^\n]+)",
        "{object} does not fit into the quota {quota}: it asks for {asked}, {used} is used, of {hard}.",
    ),
    _rule(
        HelmTrouble.FORBIDDEN,
        r"is attempting to grant RBAC permissions not currently held:" + _TO_THE_END,
        "{object} grants rights that the deployer does not have itself: {rest}",
    ),
    _rule(
        HelmTrouble.FORBIDDEN,
        r'cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
        r'(?: in the namespace "(?P<where>[^"]+)"| at the cluster scope)?',
        "{object}: the deployer of this namespace may not {verb} {resource}{place}. Leave it out of the chart, or have "
        "the platform allow it.",
    ),
    _rule(
        HelmTrouble.INVALID,
        r"failed to create typed patch object [^:]*: " + _TO_THE_END,
        "{object} is no valid manifest: {rest}",
    ),
    _rule(
        HelmTrouble.INVALID,
        r'"[^"]+" is invalid: ' + _TO_THE_END,
        "{object} is invalid: {rest}",
    ),
    _rule(
        HelmTrouble.INVALID,
        r"strict decoding error: (?P<rest>.+)|error validating data: (?P<other>.+)|the server rejected our request"
        r"|error decoding YAML",
        "{object} is no valid manifest: {message}",
    ),
    _rule(
        HelmTrouble.INVALID,
        r'Kind=\w+: (?P<resource>[\w.-]+) "(?P<name>[^"]+)" not found',
        "{object} needs something that is not there: {resource} {name} not found.",
    ),
    _rule(
        HelmTrouble.HOOK_FAILED,
        r"resource (?P<hook>\w+)/[^/]+/(?P<name>\S+) not ready\. status: Failed, message: (?P<rest>[^\n]*)",
        "The hook {hook} {name} failed: {rest}",
    ),
    _rule(
        HelmTrouble.HOOK_TIMEOUT,
        r"resource (?P<hook>\w+)/[^/]+/(?P<name>\S+) not ready\. status: \w+, message: (?P<rest>[^\n]*)",
        "The hook {hook} {name} did not end in time: {rest}",
    ),
    _rule(
        HelmTrouble.OUTAGE,
        r"kubernetes cluster unreachable|connection refused|connection reset|i/o timeout|TLS handshake timeout"
        r"|no such host|no route to host|network is unreachable|unexpected EOF|client connection lost|GOAWAY"
        r"|etcdserver: |[Tt]oo [Mm]any [Rr]equests|currently unable to handle the request"
        r"|unable to return a response in time|Internal error occurred|rate limiter Wait returned an error"
        r"|the object has been modified|Client\.Timeout|the server has asked for the client to provide credentials"
        r"|storage is \(re\)initializing|context deadline exceeded|StorageError|\": EOF\b|broken pipe|http2: "
        r"|server closed idle connection|transport connection broken|use of closed network connection",
        "The API server could not do its part: {message}",
    ),
    _rule(HelmTrouble.KILLED, r"context canceled|has been cancelled", "Helm was stopped before it was done."),
)

IMPERSONATION: Final = re.compile(r"kubernetes cluster unreachable: unknown$|cannot impersonate")
"""What Helm says when we may not act as the deployer; the reason itself is lost."""

NO_HISTORY: Final = re.compile(
    r'query: failed to query with labels: secrets is forbidden: User "(?P<user>[^"]+)" cannot list resource "secrets"'
)
"""What Helm says before anything else when the deployer has no rights in the namespace."""

NOT_DELETED: Final = re.compile(r'msg="uninstall: Failed to delete release" error="(?P<why>.*)"$', re.MULTILINE)
"""Where Helm says why it could not delete an object: not in its error, in its chatter."""

CRASH: Final = re.compile(
    r"fatal error: |panic: |^goroutine \d+ |runtime: (?:out of memory|cannot allocate memory)|SIGSEGV", re.MULTILINE
)

OUT_OF_MEMORY: Final = re.compile(r"out of memory|cannot allocate memory")
