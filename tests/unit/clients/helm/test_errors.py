"""What Helm and the API server really said (said.json, from a real cluster) becomes words a person can act on."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from landlord.api.failures import HelmFailed, HelmTrouble, Transient
from landlord.clients.helm.errors import LONGEST, failure
from landlord.clients.helm.process import Ended
from landlord.clients.helm.redaction import Redaction

SAID: list[dict[str, Any]] = json.loads((Path(__file__).parent / "said.json").read_text("utf-8"))
CREATE = "Error: server-side apply failed for object shop-test/web apps/v1, Kind=Deployment: "


def told(verb: str, stderr: str, code: int = 1, **how: Any) -> HelmFailed:
    wrong = failure(verb, Ended(code, b"", stderr.encode(), **how), Redaction(["S3CRET!"]))
    assert isinstance(wrong, HelmFailed)
    return wrong


@pytest.mark.parametrize("said", SAID, ids=[said["case"] for said in SAID])
def test_real_words_are_understood(said: dict[str, Any]) -> None:
    wrong = told(said["verb"], said["stderr"], said["code"])

    assert (wrong.trouble.value, wrong.why) == (said["trouble"], said["why"])
    assert "S3CRET" not in wrong.why


def test_every_trouble_but_the_last_resorts_was_heard_for_real() -> None:
    heard = {said["trouble"] for said in SAID}

    assert {trouble.value for trouble in HelmTrouble} - heard == {"unknown"}


@pytest.mark.parametrize(
    ("stderr", "trouble"),
    [
        ("Error: UPGRADE FAILED: etcdserver: request timed out\n", HelmTrouble.OUTAGE),
        (CREATE + "the server is currently unable to handle the request\n", HelmTrouble.OUTAGE),
        (CREATE + "Too many requests, please try again later.\n", HelmTrouble.OUTAGE),
        (CREATE + 'Patch "https://10.0.0.1:443/x": net/http: TLS handshake timeout\n', HelmTrouble.OUTAGE),
        (CREATE + 'Patch "https://10.0.0.1:443/x": http2: client connection lost\n', HelmTrouble.OUTAGE),
        (CREATE + 'Patch "https://10.0.0.1:443/x": EOF\n', HelmTrouble.OUTAGE),
        (
            CREATE + 'Post "https://10.0.0.1:443/x": write tcp 10.0.0.2:1->10.0.0.1:443: broken pipe\n',
            HelmTrouble.OUTAGE,
        ),
        ("Error: create: failed to create: Post x: dial tcp 10.0.0.1:443: i/o timeout\n", HelmTrouble.OUTAGE),
        (CREATE + 'admission webhook "deny.example.com" denied the request: no\n', HelmTrouble.POLICY),
        (CREATE + 'admission webhook "deny.example.com" denied the request without explanation\n', HelmTrouble.POLICY),
        (
            CREATE + 'pods "web" is forbidden: failed quota: mem: must specify limits.memory for: c\n',
            HelmTrouble.POLICY,
        ),
        (
            CREATE + 'Service "s" is invalid: spec.clusterIPs[0]: Invalid value: ["1"]: may not change once set',
            "immutable",
        ),
        ("Error: UPGRADE FAILED: release: already exists\n", HelmTrouble.LOCKED),
        ("Release web has been cancelled.\nError: UPGRADE FAILED: context canceled\n", HelmTrouble.KILLED),
        (
            'Error: UPGRADE FAILED: create: failed to create: namespaces "shop-test" not found\n',
            HelmTrouble.TERMINATING,
        ),
        ("Error: create: failed to create: Request entity too large: limit is 3145728\n", HelmTrouble.TOO_LARGE),
        ("Error: something nobody ever saw\n", HelmTrouble.UNKNOWN),
        ("", HelmTrouble.UNKNOWN),
    ],
)
def test_words_that_could_not_be_provoked_are_understood_too(stderr: str, trouble: HelmTrouble) -> None:
    wrong = told("deploy", stderr)

    assert wrong.trouble == trouble
    assert wrong.why.endswith(".")


def test_a_certain_fault_counts_more_than_trouble_around_it() -> None:
    webhook = 'Internal error occurred: failed calling webhook "a.example.com": connection refused'
    immutable = 'Deployment.apps "web" is invalid: spec.selector: Invalid value: {}: field is immutable'

    wrong = told("deploy", f"{CREATE}{webhook}\n{CREATE.removeprefix('Error: ')}{immutable}\n")

    assert wrong.trouble is HelmTrouble.IMMUTABLE
    assert wrong.why.endswith("1 more objects failed.")


def test_a_dumped_object_is_not_repeated() -> None:
    dump = '{"Env":[{"Name":"PASSWORD","Value":"from the values"}]}'

    wrong = told("deploy", f'{CREATE}Deployment.apps "web" is invalid: spec.x: Invalid value: {dump}: is too odd\n')

    assert "from the values" not in wrong.why
    assert wrong.why == "Deployment web is invalid: spec.x: Invalid value: (a whole object): is too odd."


def test_no_reason_is_longer_than_a_condition_bears() -> None:
    assert len(told("deploy", "Error: " + "x" * 50_000).why) == LONGEST


@pytest.mark.parametrize(
    "piece",
    [
        "x",
        "a.b[0]: ",
        "x:1 ",
        "Invalid value: {",
        "Invalid value: {}: ",
        '"a" in namespace',
        " && ",
        "\n",
        " executing ",
        "<",
    ],
)
def test_no_words_keep_us_busy(piece: str) -> None:
    hostile = (piece * 65_536)[:65_536]
    before = time.process_time()

    told("deploy", f"Error: {hostile}")
    told("deploy", f'level=DEBUG msg="uninstall: Failed to delete release" error="{hostile}')

    assert time.process_time() - before < 2


def test_nothing_is_said_of_success() -> None:
    assert failure("deploy", Ended(0, b"", b"level=WARN msg=deprecated\n"), Redaction()) is None


def test_who_was_ended_by_us_or_others_is_told_as_such() -> None:
    assert told("rollback", "", -signal.SIGKILL).why == "helm rollback was killed by SIGKILL."
    assert told("rollback", "", -signal.SIGKILL, too_long=True).trouble is HelmTrouble.KILLED
    assert told("render", "", -signal.SIGKILL, too_long=True).trouble is HelmTrouble.RENDER
    assert told("render", "", -signal.SIGKILL, too_much=True).trouble is HelmTrouble.TOO_LARGE
    assert told("deploy", "goroutine 1 [running]:\nmain.main()\n", 2).why == "helm deploy crashed."
    segments = "SIGSEGV: segmentation violation\nPC=0x0 m=3 sigcode=1\n\ngoroutine 1 [running]:\n"
    assert told("deploy", segments, 2).trouble is HelmTrouble.KILLED
    crashed = told("render", segments, 2)
    assert (crashed.trouble, "more memory than it is given" in crashed.why) == (HelmTrouble.RENDER, True)


def test_a_gate_that_never_opened_changed_nothing() -> None:
    assert isinstance(failure("deploy", Ended(111, b"", b""), Redaction()), Transient)
