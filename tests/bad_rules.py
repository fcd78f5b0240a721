"""Breaches of the rules that a schema cannot say: each names the field that a refusal must point at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_PEERS = ("environments", 0, "network", "allowFrom")
_SCOPES = ("environments", 0, "quota", "scopes", 0, "match")


@dataclass(frozen=True, slots=True)
class Breach:
    """A value that is wrong although its type is right; a function makes it of the value that stands there."""

    name: str
    path: tuple[str | int, ...]
    value: Any | Callable[[Any], Any]
    field: str = ""


def _member(**fields: str) -> dict[str, str]:
    return {"kind": "User", "name": "jane@example.org", "role": "viewer"} | fields


TENANT_BREACHES = (
    Breach("a user with a namespace", ("members", 0), _member(namespace="tools"), "spec.members[0].namespace"),
    Breach("an account without a namespace", ("members", 0), _member(kind="ServiceAccount", name="ci")),
    Breach("an account by its long name", ("members", 2, "name"), "tools:ci"),
    Breach("a group of Kubernetes", ("members", 1, "name"), "system:masters"),
    Breach("everyone", ("members", 1, "name"), "system:authenticated"),
    Breach("a user that is an account", ("members", 0, "name"), "system:serviceaccount:tools:ci"),
    Breach("a member twice", ("members", 1), lambda _: _member(role="owner"), "spec.members"),
    Breach(
        "two environments in one namespace",
        ("environments",),
        [{"name": "one", "namespace": "both"}, {"name": "two", "namespace": "both"}],
    ),
    Breach("an environment twice", ("environments",), [{"name": "one"}, {"name": "one"}]),
    Breach("a peer of no kind", (*_PEERS, 0), {}),
    Breach("a peer of two kinds", (*_PEERS, 0), {"peer": "ingress", "cidr": "10.0.0.0/8"}),
    Breach("namespaces and a block", (*_PEERS, 0), {"namespaces": ["a"], "cidr": "10.0.0.0/8"}),
    Breach("an exception without a block", (*_PEERS, 0), {"peer": "ingress", "except": ["10.0.0.0/8"]}),
    Breach("an exception outside its block", (*_PEERS, 2, "except"), ["192.168.0.0/16"]),
    Breach("an exception that is the block", (*_PEERS, 2, "except"), ["10.0.0.0/8"]),
    Breach("a block with host bits", (*_PEERS, 2, "cidr"), "10.1.2.3/8"),
    Breach("a block without a length", (*_PEERS, 2, "cidr"), "10.0.0.0"),
    Breach("a block with a mask", (*_PEERS, 2, "cidr"), "10.0.0.0/255.0.0.0"),
    Breach("a block of IPv6 with host bits", (*_PEERS, 2, "cidr"), "2001:db8::1/32"),
    Breach("an exception with host bits", (*_PEERS, 2, "except"), ["10.1.2.3/16"], "except[0]"),
    Breach("a range that ends before it begins", (*_PEERS, 0, "ports", 0, "endPort"), 80),
    Breach("a label that is none", (*_PEERS, 1, "podLabels"), {"no label": "web"}),
    Breach("operator In for a scope that only exists", (*_SCOPES, 1, "operator"), "NotIn"),
    Breach("values for Exists", (*_SCOPES, 0, "operator"), "Exists", "values"),
    Breach("no values for In", (*_SCOPES, 0, "values"), []),
    Breach("a scope and its opposite", _SCOPES, [{"scope": "Terminating"}, {"scope": "NotTerminating"}]),
)

ENVIRONMENT_BREACHES = (
    Breach("an interval under a minute", ("drift", "interval"), "59s"),
    Breach("an interval of nothing", ("drift", "interval"), "0s"),
    Breach("an interval in days", ("drift", "interval"), "1d"),
    Breach("an interval without a unit", ("drift", "interval"), "60"),
    Breach("an interval past all bounds", ("drift", "interval"), "999999999999999h"),
    Breach("a pointer without a slash", ("drift", "ignore", 0, "pointers"), ["spec/hard"], "pointers[0]"),
    Breach("a pointer to the whole", ("drift", "ignore", 0, "pointers"), ["/"], "pointers[0]"),
    Breach("a pointer with a broken escape", ("drift", "ignore", 0, "pointers"), ["/spec/a~2"], "pointers[0]"),
    Breach("a pointer to what is not ours to say", ("drift", "ignore", 0, "pointers"), ["/metadata"], "pointers[0]"),
    Breach("two exceptions for one object", ("drift", "ignore"), lambda ignore: [*ignore, *ignore]),
)

_CHECK = ("healthChecks", 0)
_PINS = {
    "version": ("", "latest", "1", "v1", "1.4", "1.4.x", "^1.4.2", "~1.4.2", ">=1.4.2", "1.4.2 - 1.5.0", "*", "01.4.2"),
    "repository": ("registry.example.org/charts", "http://charts.example.org", "https://user:word@charts.example.org"),
}
_IMAGES = ("registry.example.org/web:1.4.2", "web:14", "Web", "https://registry.example.org/web", "web@sha256:0", "")
_TAGS = ("", "latest", "Latest", ">=1.4", "1.4.*", "tag with blanks", "a" * 129)

APPRELEASE_BREACHES = (
    *(
        Breach(f"the chart's {field} {value!r}", ("chart", field), value)
        for field, values in _PINS.items()
        for value in values
    ),
    *(Breach(f"the image {value!r}", ("image", "repository"), value) for value in _IMAGES),
    *(Breach(f"the tag {value[:20]!r}", ("image", "tag"), value) for value in _TAGS),
    Breach("a repository with a query", ("chart", "repository"), "https://charts.example.org/?version=1"),
    Breach("a repository with steps upwards", ("chart", "repository"), "oci://registry.example.org/team/../other"),
    Breach("a release that is too long", ("releaseName",), "n" * 54),
    Breach("a release named twice", ("dependsOn",), [{"name": "database"}, {"name": "database"}]),
    Breach("a check twice", ("healthChecks",), lambda checks: [checks[1], checks[1]]),
    Breach("a check of no kind", _CHECK, {"name": "nothing"}),
    Breach(
        "a check of two kinds",
        _CHECK,
        lambda check: check | {"cel": {"apiVersion": "v1", "kind": "Pod", "current": "true"}},
    ),
    Breach("a service and a URL", (*_CHECK, "http", "url"), "https://shop.example.org/"),
    Breach("neither service nor URL", (*_CHECK, "http"), {"method": "GET"}),
    Breach(
        "a URL with a user", (*_CHECK, "http"), {"url": "http://jane:word@shop.example.org/"}, "healthChecks[0].http"
    ),
    Breach("a URL of a file", (*_CHECK, "http"), {"url": "file:///etc/passwd"}, "healthChecks[0].http"),
    Breach("a header in two lines", (*_CHECK, "http", "headers"), {"X-Probe": "a\r\nHost: b"}, "headers"),
    Breach("a query without bounds", ("healthChecks", 2, "promql"), {"query": "up"}),
    Breach("an interval of a second", ("interval",), "1s"),
    Breach("an interval of a month", ("interval",), "720h"),
    Breach("a timeout of nothing", ("timeout",), "0s"),
    Breach("a look of an hour", (*_CHECK, "timeout"), "1h"),
    Breach("a latency of nothing", (*_CHECK, "http", "maxLatency"), "0ms"),
    Breach("an interval in milliseconds", ("interval",), "600000ms"),
    Breach("a bake without a unit", ("bake",), "120"),
    Breach("a variable with a hyphen", ("substitute", "vars"), {"IMAGE-TAG": "1"}),
    Breach("an Environment that is none", ("environmentValues",), {"Staging!": {}}),
    Breach("a history of two", ("maxHistory",), 2),
    Breach("a pointer that points nowhere", ("drift", "ignore", 0, "pointers"), ["spec.replicas"], "pointers[0]"),
)
