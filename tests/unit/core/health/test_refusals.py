"""Refusals: words of container runtimes, registries and the API server, read for who is to blame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landlord.core.health.refusals import brief, cause, of_creation, of_mount, of_pull, refusal
from landlord.core.health.signs import Sign

IMAGE = "registry.test/shop/web:2"
PULL = (
    f'rpc error: code = Unknown desc = failed to pull and unpack image "{IMAGE}": '
    f'failed to resolve reference "{IMAGE}": '
)
WEBHOOK = 'Internal error occurred: failed calling webhook "m.test": failed to call webhook: Post "https://m.test": '
NO_ACCESS = "pull access denied, repository does not exist or may require authorization: server message: "
POLICY = "pods \"w\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: registry not allowed"
HEAD = "unexpected status from HEAD request to https://registry.test/v2/shop/web/manifests/2: "
REQUEST = 'failed to do request: Head "https://registry.test/v2/shop/web/manifests/2": '
TOKEN = (
    "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to "
    "https://registry.test/token?scope=repository%3Ashop%2Fweb%3Apull&service=registry.test: "
)


@pytest.mark.parametrize(
    ("message", "sign"),
    [
        (f"{PULL}{IMAGE}: not found", Sign.IMAGE_NOT_FOUND),
        (f'Back-off pulling image "{IMAGE}": ErrImagePull: {PULL}{IMAGE}: not found', Sign.IMAGE_NOT_FOUND),
        (f"{PULL}no match for platform in manifest: not found", Sign.IMAGE_NOT_FOUND),
        ("reading manifest 2 in registry.test/shop/web: manifest unknown", Sign.IMAGE_NOT_FOUND),
        (f"{PULL}{HEAD}404 Not Found", Sign.IMAGE_NOT_FOUND),
        (f'Container image "{IMAGE}" is not present with pull policy of Never', Sign.IMAGE_NOT_FOUND),
        (f"{PULL}{TOKEN}401 Unauthorized", Sign.IMAGE_UNAUTHORIZED),
        (f"{PULL}{HEAD}403 Forbidden", Sign.IMAGE_UNAUTHORIZED),
        (f"{PULL}{NO_ACCESS}insufficient_scope: authorization failed", Sign.IMAGE_UNAUTHORIZED),
        ("initializing source docker://x: requested access to the resource is denied", Sign.IMAGE_UNAUTHORIZED),
        ("no basic auth credentials", Sign.IMAGE_UNAUTHORIZED),
        (f"{PULL}{HEAD}503 Service Unavailable", Sign.REGISTRY),
        (f"{PULL}{HEAD}500 Internal Server Error", Sign.REGISTRY),
        (f"{PULL}{HEAD}502 Bad Gateway", Sign.REGISTRY),
        (f"{PULL}{HEAD}429 Too Many Requests - toomanyrequests: You have reached your pull rate limit.", Sign.REGISTRY),
        (f"{PULL}{TOKEN}503 Service Unavailable", Sign.REGISTRY),
        (f"{PULL}{REQUEST}dial tcp 10.0.0.9:443: connect: connection refused", Sign.REGISTRY),
        (f"{PULL}{REQUEST}dial tcp 10.0.0.9:443: i/o timeout", Sign.REGISTRY),
        (f"{PULL}{REQUEST}dial tcp: lookup registry.test on 10.96.0.10:53: no such host", Sign.REGISTRY),
        (f"{PULL}{REQUEST}dial tcp: lookup registry.test on 10.96.0.10:53: server misbehaving", Sign.REGISTRY),
        (f"{PULL}{REQUEST}tls: failed to verify certificate: x509: signed by unknown authority", Sign.REGISTRY),
        (f"{PULL}{REQUEST}http: server gave HTTP response to HTTPS client", Sign.REGISTRY),
        (f"{PULL}{REQUEST}net/http: TLS handshake timeout", Sign.REGISTRY),
        (f"{PULL}{REQUEST}EOF", Sign.REGISTRY),
        (f"{PULL}context deadline exceeded", Sign.REGISTRY),
        ("rpc error: code = DeadlineExceeded desc = context deadline exceeded", Sign.REGISTRY),
        ("pull QPS exceeded", Sign.REGISTRY),
        ("failed to extract layer sha256:ab: write /var/lib/x: no space left on device", Sign.NODE),
        (f"{PULL}failed to extract layer: content digest sha256:ab: not found", Sign.NODE),
        ('failed to prepare extraction snapshot "x": parent snapshot sha256:ab does not exist: not found', Sign.NODE),
        (f"{PULL}something nobody has seen before", Sign.POD_TROUBLE),
        (f'Back-off pulling image "{IMAGE}"', Sign.POD_TROUBLE),
        ("", Sign.POD_TROUBLE),
    ],
)
def test_a_failed_pull_is_the_releases_fault_the_registrys_or_the_nodes(message: str, sign: Sign) -> None:
    assert of_pull(message, IMAGE) is sign


@pytest.mark.parametrize("name", ["timeout", "denied", "unavailable", "forbidden", "eof", "a", "unknown-503"])
def test_the_name_of_an_image_is_never_taken_for_a_word_about_it(name: str) -> None:
    image = f"registry.test/shop/{name}:503"
    said = f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": {image}: not found'
    assert of_pull(said, image) is Sign.IMAGE_NOT_FOUND
    head = (
        f"unexpected status from HEAD request to https://registry.test/v2/shop/{name}/manifests/503: 401 Unauthorized"
    )
    assert of_pull(f'failed to resolve reference "{image}": {head}', image) is Sign.IMAGE_UNAUTHORIZED


def test_a_port_of_a_registry_is_no_status() -> None:
    image = "registry.test:5000/shop/web:2"
    assert of_pull(f'failed to resolve reference "{image}": {image}: not found', image) is Sign.IMAGE_NOT_FOUND
    said = 'Head "https://registry.test:5000/v2/shop/web/manifests/2": authentication required'
    assert of_pull(said, image) is Sign.IMAGE_UNAUTHORIZED


@pytest.mark.parametrize(
    ("message", "sign"),
    [
        (
            'pods "web-1" is forbidden: exceeded quota: landlord, requested: pods=1, used: pods=10, limited: pods=10',
            Sign.QUOTA,
        ),
        ('pods "web-1" is forbidden: failed quota: landlord: must specify limits.cpu for: app', Sign.QUOTA),
        (f"{WEBHOOK}context deadline exceeded", Sign.WEBHOOK),
        ("Internal error occurred: resource quota evaluation timed out", Sign.QUOTA),
        ("etcdserver: request timed out", Sign.WEBHOOK),
        ('pods "web-1" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true', Sign.POLICY),
        ('admission webhook "v.test" denied the request: no', Sign.POLICY),
        (POLICY, Sign.POLICY),
        ('pods "w" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi', Sign.POLICY),
        (
            'pods "w" is forbidden: error looking up service account shop/x: serviceaccount "x" not found',
            Sign.POD_TROUBLE,
        ),
        ('Pod "w" is invalid: spec.containers[0].resources: Invalid value', Sign.POD_TROUBLE),
    ],
)
def test_a_pod_that_cannot_be_created_tells_why(message: str, sign: Sign) -> None:
    assert of_creation(message) is sign


@pytest.mark.parametrize(
    ("message", "sign"),
    [
        ('MountVolume.SetUp failed for volume "v" : secret "keys" not found', Sign.POD_TROUBLE),
        ('MountVolume.SetUp failed for volume "v" : configmap "conf" not found', Sign.POD_TROUBLE),
        ('MountVolume.SetUp failed for volume "v" : references non-existent config key: a', Sign.POD_TROUBLE),
        ("Unable to attach or mount volumes: timed out waiting for the condition", Sign.VOLUME),
        ('AttachVolume.Attach failed for volume "pvc-1" : rpc error: code = Internal', Sign.VOLUME),
    ],
)
def test_a_volume_that_cannot_be_mounted_is_missing_or_the_storages_trouble(message: str, sign: Sign) -> None:
    assert of_mount(message) is sign


def test_messages_are_cut_to_one_short_line_without_what_signs_an_address() -> None:
    assert brief("a\n b.  ") == "a b"
    assert brief(None) == ""
    assert len(brief("x" * 1000)) <= 300
    assert "hunter2" not in brief('Get "https://s3.test/blob?X-Amz-Signature=hunter2&a=hunter2": 403 Forbidden')


@given(st.text(), st.text())
def test_no_words_are_too_strange(message: str, image: str) -> None:
    assert of_pull(message, image) in Sign
    assert of_creation(message) in Sign
    assert "\n" not in brief(message)


BACK_OFF = f'Back-off pulling image "{IMAGE}"'


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (f"{PULL}{IMAGE}: not found", "not found"),
        (f"{BACK_OFF}: ErrImagePull: {PULL}{IMAGE}: not found", "not found"),
        (f"{BACK_OFF}: ErrImagePull: rpc error: code = NotFound desc = {IMAGE}: not found", "not found"),
        (f"{PULL}{HEAD}503 Service Unavailable", f"{HEAD}503 Service Unavailable"),
        (f"{PULL}{REQUEST}dial tcp 10.0.0.9:443: i/o timeout", "dial tcp 10.0.0.9:443: i/o timeout"),
        (
            f'Container image "{IMAGE}" is not present with pull policy of Never',
            "it is not present with pull policy of Never",
        ),
        (BACK_OFF, "the node waits before it tries again"),
        ("pull QPS exceeded", "pull QPS exceeded"),
        ("", ""),
    ],
)
def test_the_cause_of_a_failed_pull_does_not_name_the_image_once_more(message: str, words: str) -> None:
    assert cause(message, IMAGE) == words


def test_the_registry_that_a_runtime_took_for_granted_is_not_named_either() -> None:
    full = "docker.io/library/web:2"
    said = f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": {full}: not found'
    assert cause(said, "web:2") == "not found"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('Error creating: pods "web-x7k2p" is forbidden: exceeded quota: q', "exceeded quota: q"),
        ('pods "web-5d8-b" is forbidden: violates PodSecurity "restricted"', 'violates PodSecurity "restricted"'),
        (
            'create Pod web-0 in StatefulSet web failed error: pods "web-0" is forbidden: exceeded quota: q',
            "exceeded quota: q",
        ),
        (
            "Error creating: Internal error occurred: failed calling webhook",
            "Internal error occurred: failed calling webhook",
        ),
        ("something else", "something else"),
        ("", ""),
    ],
)
def test_why_a_pod_could_not_be_created_is_told_the_same_at_every_try(message: str, words: str) -> None:
    assert refusal(message) == words


def test_a_connection_is_told_without_the_port_it_happened_to_come_from() -> None:
    said = "dial tcp: lookup registry.test on 10.96.0.10:53: read udp 10.1.1.1:43210->10.96.0.10:53: i/o timeout"
    assert brief(said) == said.replace("10.1.1.1:43210->", "")
    assert brief("read tcp [::1]:43210->[::2]:443: reset") == "read tcp [::2]:443: reset"
