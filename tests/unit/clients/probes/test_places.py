"""Where checks may lead; every refusal stands beside what is let through."""

from typing import Any

import pytest

from landlord.api.checks import HttpCheck
from landlord.api.failures import SpecFault
from landlord.clients.probes.looks import Target
from landlord.clients.probes.places import Place, place

TARGET = Target("team-prod", "shop", frozenset({"team-prod", "team-staging"}))


def to(url: str = "", hosts: tuple[str, ...] = (), **spec: Any) -> Place:
    # Without the schema's checks: what follows must hold even if they were absent.
    check = HttpCheck.model_construct(url=url or None, **{"service": None, "path": None, "scheme": None, **spec})
    return place(check.model_copy(update={"port": spec.get("port")}), TARGET, hosts)


@pytest.mark.parametrize(
    ("url", "service", "namespace", "port", "path"),
    [
        ("http://web.team-prod.svc", "web", "team-prod", 80, "/"),
        ("http://web.team-prod.svc/a/b?c=d", "web", "team-prod", 80, "/a/b"),
        ("https://web.team-prod.svc", "web", "team-prod", 443, "/"),
        ("http://web.team-staging.svc:8080/x", "web", "team-staging", 8080, "/x"),
        ("http://web.team-prod.svc.cluster.local", "web", "team-prod", 80, "/"),
        ("http://WEB.team-prod.SVC./x", "web", "team-prod", 80, "/x"),
        ("http://{{release}}-web.{{namespace}}.svc/x", "shop-web", "team-prod", 80, "/x"),
    ],
)
def test_services_of_the_tenant_are_places_to_go(url: str, service: str, namespace: str, port: int, path: str) -> None:
    spot = to(url)
    assert (spot.service, spot.namespace, spot.port, spot.path) == (service, namespace, port, path)


def test_a_service_by_name_is_one_of_the_namespace() -> None:
    assert to(service="web", path="/x?y=1") == Place("http", "web.team-prod.svc", 80, "/x", "y=1", "web", "team-prod")
    assert to(service="web", scheme=None, port=8080).authority == "web.team-prod.svc:8080"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00:ec2::254]/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://0251.0376.0251.0376/",
        "http://127.1/",
        "http://localhost:10250/",
        "http://[::1]/",
        "http://kubernetes.default.svc/api",
        "http://kubernetes/",
        "http://web.other-team.svc/",
        "http://web.team-prod/",
        "http://web-0.web.team-prod.svc/",
        "http://web.team-prod.svc.evil.example/",
        "http://evil.example/web.team-prod.svc",
        "http://evil.example#.team-prod.svc",
        "http://web.team-prod.svc@evil.example/",
        "http://user:secret@web.team-prod.svc/",
        "http://web.team-prod.svc\\@evil.example/",
        "http://evil.example\\.team-prod.svc/",
        "http://web.team-prod.svc\r\nHost: x/",
        "http://web.team-prod.svc/\tx",
        "http://web.team-prod.svc:99999/",
        "http://web.team-prod.svc:x/",
        "http://web。team-prod。svc/",
        "http://%77eb.team-prod.svc/",
        "http://[web.team-prod.svc]/",
        "http:///web.team-prod.svc",
        "ftp://web.team-prod.svc/",
        "file:///etc/passwd",
        "gopher://web.team-prod.svc/",
        "//web.team-prod.svc/",
        "web.team-prod.svc",
        "http://{{host}}/",
        "http://api.evil.example/",
    ],
)
def test_nothing_else_is(url: str) -> None:
    with pytest.raises(SpecFault):
        to(url, hosts=("status.example", "*.api.example"))


@pytest.mark.parametrize("host", ["status.example", "v1.api.example", "STATUS.example."])
def test_hosts_of_the_platforms_list_are_places_to_go(host: str) -> None:
    spot = to(f"https://{host}:8443/x", hosts=("status.example", "*.api.example"))
    assert (spot.service, spot.port) == ("", 8443)


def test_the_url_that_is_asked_is_built_of_the_pieces_that_were_judged() -> None:
    spot = to("http://web.team-prod.svc:81/a%2Fb/../c?d=%20")
    assert str(spot.url("10.1.2.3", 8080)) == "http://10.1.2.3:8080/a%2Fb/../c?d=%20"
    assert str(spot.url("fd00::1", 8080)) == "http://[fd00::1]:8080/a%2Fb/../c?d=%20"
