import datetime
import ipaddress
import socket
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from sandbox import cli, controlplane, kubeconfig, kwok, parts
from sandbox.faults import SandboxFault
from sandbox.folder import Folder
from sandbox.pki import IDENTITIES, create_pki
from sandbox.ports import HeldPorts
from sandbox.process import Running
from sandbox.site import EXTRAS, LOOPBACK, Site
from sandbox.status import PartStatus

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
PORTS = {name: 20000 + number for number, name in enumerate((*controlplane.PORTS, *EXTRAS))}
FOLDER = Folder(Path("/box"))
BARE = Site(PORTS)
REGISTRIES = {"registry", "private-registry"}
FULL = Site(PORTS, host="10.213.7.1", node="10.213.7.2", kubelet="/programs/kubelet", extras=EXTRAS)
PARTS = [parts.PARTS[name](FOLDER, BARE) for name in parts.parts_of(BARE)]
ALL_PARTS = [parts.PARTS[name](FOLDER, FULL) for name in parts.parts_of(FULL)]


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    create_pki(folder, NOW)
    return folder


def certificate(pki: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((pki / f"{name}.crt").read_bytes())


def test_every_certificate_is_signed_by_the_one_authority(pki: Path) -> None:
    authority = certificate(pki, "ca")
    for name in ["serving", *(identity.name for identity in IDENTITIES)]:
        certificate(pki, name).verify_directly_issued_by(authority)


def test_certificates_name_user_and_groups_as_rbac_reads_them(pki: Path) -> None:
    assert certificate(pki, "admin").subject.rfc4514_string() == "CN=sandbox-admin,O=system:masters"
    assert certificate(pki, "kube-scheduler").subject.rfc4514_string() == "CN=system:kube-scheduler"


def test_keys_are_readable_by_the_owner_only(pki: Path) -> None:
    assert {key.stat().st_mode & 0o077 for key in pki.glob("*.key")} == {0}


def test_certificates_are_valid_now_even_on_a_slow_clock(pki: Path) -> None:
    serving = certificate(pki, "serving")
    assert serving.not_valid_before_utc < NOW < serving.not_valid_after_utc


def test_a_kubeconfig_carries_all_it_needs(pki: Path, tmp_path: Path) -> None:
    document = kubeconfig.with_certificate("https://s", pki, "admin")
    kubeconfig.write(tmp_path / "kubeconfig", document)
    assert yaml.safe_load((tmp_path / "kubeconfig").read_text()) == document
    assert (tmp_path / "kubeconfig").stat().st_mode & 0o077 == 0
    assert "/" not in document["contexts"][0]["context"]["cluster"]


def test_all_parts_listen_on_loopback_and_on_ports_of_their_own() -> None:
    assert all(LOOPBACK in part.address for part in PARTS)
    assert len({part.address for part in PARTS}) == len(PARTS)
    assert not any("=0.0.0.0" in argument for part in PARTS for argument in part.arguments)


def test_a_real_node_is_a_part_only_where_it_was_asked_for() -> None:
    assert not {"kubelet", "containerd", *EXTRAS} & {part.name for part in PARTS}
    assert {part.name for part in ALL_PARTS} == set(parts.PARTS)


def test_with_a_real_node_only_what_the_node_needs_leaves_loopback() -> None:
    far = {part.name for part in ALL_PARTS if LOOPBACK not in part.address}
    assert far == {"node-namespaces", "containerd", "kubelet", "node-addons", "kube-apiserver", *REGISTRIES}
    assert not any("=0.0.0.0" in argument for part in ALL_PARTS for argument in part.arguments)


def test_the_api_server_reaches_kubelet_only_where_there_is_one() -> None:
    bare, full = (controlplane.apiserver(FOLDER, site).arguments for site in (BARE, FULL))
    assert set(full) - set(bare) >= {"--kubelet-preferred-address-types=InternalIP"}
    assert not any("kubelet" in argument for argument in bare)


def test_there_is_room_for_thousands_of_services_and_none_is_a_pod_of_the_fake_node() -> None:
    pods = next(word for word in controlplane.kwok(FOLDER, BARE).arguments if word.startswith("--cidr="))
    services = [ipaddress.ip_network(site.services) for site in (BARE, FULL)]
    assert min(each.num_addresses for each in services) > 4000
    assert not any(each.overlaps(ipaddress.ip_network(pods.removeprefix("--cidr="))) for each in services)


def test_parts_write_nowhere_but_in_their_folder() -> None:
    paths = [argument.partition("=")[2] for part in PARTS for argument in part.arguments if "=/" in argument]
    assert paths
    assert all(path.startswith("/box/") for path in paths)


def test_the_audit_log_leaves_out_the_chatter_of_the_control_plane_only() -> None:
    silenced = [rule for rule in controlplane.AUDIT_POLICY["rules"] if rule["level"] == "None"]
    named = {user for rule in silenced for user in rule.get("users", [])}
    assert named == {
        "system:apiserver",
        "system:kube-controller-manager",
        "system:kube-scheduler",
        "sandbox-kwok",
        "sandbox-addons",
    }
    assert controlplane.AUDIT_POLICY["rules"][-1] == {"level": "Metadata"}


def test_every_failure_that_is_promised_has_its_stages() -> None:
    selected = {
        value
        for stage in kwok.stages()
        for expression in stage["spec"]["selector"]["matchExpressions"]
        if kwok.FAIL_ANNOTATION in expression["key"] and expression["operator"] == "In"
        for value in expression["values"]
    }
    assert selected == set(kwok.FAILURES)


def test_a_healthy_pod_is_exactly_one_that_no_failure_selects() -> None:
    conditions = yaml.safe_load((Path(kwok.__file__).parent / "stages.yaml").read_text())["when"]
    assert conditions["healthy"]["operator"] == "NotIn"
    assert set(conditions["healthy"]["values"]) == set(kwok.FAILURES)


def test_the_configuration_of_kwok_is_one_document_per_stage() -> None:
    documents = list(yaml.safe_load_all(kwok.configuration()))
    assert {document["kind"] for document in documents} == {"Stage"}
    assert len({document["metadata"]["name"] for document in documents}) == len(documents)


def test_a_node_is_ready_only_when_it_says_so() -> None:
    assert not kwok.is_ready(None)
    assert not kwok.is_ready({"status": {"conditions": [{"type": "Ready", "status": "False"}]}})
    assert kwok.is_ready({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})


def test_a_held_port_goes_to_whoever_names_it_and_to_nobody_who_asks_for_any() -> None:
    with HeldPorts() as held:
        port = held.choose(["a"])["a"]
        with socket.socket() as careless, pytest.raises(OSError, match="in use"):
            careless.bind((LOOPBACK, port))
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((LOOPBACK, port))
            server.listen()


def test_the_status_table_tells_what_lives_and_what_died() -> None:
    log = Path("/log")
    alive = PartStatus("etcd", Running(7, 1), True, "http://127.0.0.1:1", log, 50 * 2**20)
    died = PartStatus("kwok", Running(8, 1), False, "http://127.0.0.1:2", log, None)
    never = PartStatus("kube-scheduler", None, False, "https://127.0.0.1:3", log, None)
    assert [line.split() for line in cli.table([alive, died, never]).splitlines()] == [
        ["PART", "PID", "STATE", "ADDRESS", "RSS"],
        ["etcd", "7", "running", "http://127.0.0.1:1", "50", "MiB"],
        ["kwok", "8", "died", "http://127.0.0.1:2", "-"],
        ["kube-scheduler", "-", "not", "started", "https://127.0.0.1:3", "-"],
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["up", "--with", "pony,registry"], "pony; --with knows registry, private-registry, prometheus"),
        (["build", "x"], "Unknown component"),
    ],
)
def test_what_does_not_exist_yet_is_refused_in_a_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 1
    assert words in capsys.readouterr().err


def test_a_port_that_somebody_has_taken_meanwhile_is_told() -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        with HeldPorts() as held, pytest.raises(SandboxFault, match="was taken by another program"):
            held.hold(other.getsockname()[1])
