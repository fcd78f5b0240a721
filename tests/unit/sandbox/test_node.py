import io
import ipaddress
import json
import tarfile
import tomllib
from pathlib import Path

import pytest

from sandbox import cgroups, cli, cluster, images, network, node, packages, parts, prometheus, registry, site
from sandbox.faults import SandboxFault
from sandbox.folder import Folder, Phase, Record
from sandbox.network import Subnet
from sandbox.site import Site

SITE = Site({"registry": 5000, "kube-apiserver": 6443}, "10.213.7.1", "10.213.7.2", "/programs/kubelet")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    here = Folder.at(tmp_path / "box")
    here.create()
    return here


def test_a_subnet_has_this_machine_first_then_the_node_then_the_pods() -> None:
    subnet = Subnet.around("10.213.7.1")
    assert (subnet.host, subnet.node) == ("10.213.7.1", "10.213.7.2")
    first, last = map(ipaddress.ip_address, subnet.pods)
    assert ipaddress.ip_address(subnet.node) < first < last < subnet.network.broadcast_address


def test_every_subnet_has_thousands_of_services_and_shares_them_with_no_other() -> None:
    ranges = [Subnet.around(f"10.213.{number}.1").services for number in range(256)]
    assert min(each.num_addresses for each in ranges) > 4000
    assert len(list(ipaddress.collapse_addresses(ranges))) == 1
    assert sum(each.num_addresses for each in ranges) == next(ipaddress.collapse_addresses(ranges)).num_addresses


def test_a_subnet_is_free_only_if_its_services_are(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = ["0.0.0.0/0", "10.213.0.7/24", str(Subnet.around("10.213.1.1").services[77])]
    monkeypatch.setattr(network, "_addresses_in_use", lambda: taken)
    assert network._free_subnet() == Subnet.around("10.213.2.1")
    taken.append("10.0.0.0/8")
    with pytest.raises(SandboxFault, match="ip route"):
        network._free_subnet()


def test_names_of_devices_fit_the_kernel_and_differ_by_folder() -> None:
    names = {network.link_name(Path(f"/a/rather/long/path/{number}")) for number in range(50)}
    assert len(names) == 50
    assert max(map(len, names)) <= 15


def test_everything_a_node_is_configured_with_can_be_read(folder: Folder) -> None:
    node.write_configuration(folder, SITE, ("10.213.7.1:5000",))
    containerd = tomllib.loads((folder.config / "containerd.toml").read_text())
    cri = containerd["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["restrict_oom_score_adj"] is True
    hosts = tomllib.loads((folder.config / "hosts" / "10.213.7.1:5000" / "hosts.toml").read_text())
    assert hosts["server"] == "http://10.213.7.1:5000"
    kubelet = json.loads((folder.config / "kubelet.json").read_text())
    assert kubelet["cgroupRoot"] == f"/{node.cgroup_name(folder.path)}"
    cni = json.loads((folder.config / "cni" / "10-sandbox.conflist").read_text())
    assert cni["plugins"][0]["ipam"]["ranges"][0][0]["gateway"] == "10.213.7.2"


def test_prometheus_scrapes_pods_of_the_real_node_only(folder: Folder) -> None:
    prometheus.write_configuration(folder)
    (job,) = json.loads((folder.config / "prometheus.json").read_text())["scrape_configs"]
    assert job["relabel_configs"][0]["regex"] == "true;real-node-0"


def test_the_archive_holds_every_image_over_one_layer(tmp_path: Path) -> None:
    busybox = tmp_path / "busybox"
    busybox.write_bytes(b"program")
    layer = images.layer(busybox)
    images.write_archive(tmp_path / "images.tar", layer)
    with tarfile.open(tmp_path / "images.tar") as tar:
        described = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
        assert {tag for one in described for tag in one["RepoTags"]} == {image.local for image in images.IMAGES}
        assert len({tuple(one["Layers"]) for one in described}) == 1
        assert {one["Config"] for one in described} <= set(tar.getnames())


def test_the_layer_is_the_same_every_time_and_its_scripts_can_be_run() -> None:
    program = Path(__file__)
    assert images.layer(program) == images.layer(program)
    with tarfile.open(fileobj=io.BytesIO(images.layer(program))) as tar:
        modes = {entry.name: entry.mode for entry in tar}
    assert modes["app/run.sh"] == modes["app/answer.sh"] == modes["bin/busybox"] == 0o755
    assert modes["tmp"] == 0o1777


def test_the_manifest_of_an_image_names_its_blobs() -> None:
    said = json.loads(images.manifest(b"config", b"layer"))
    assert said["config"]["digest"] == images.digest(b"config")
    assert [layer["size"] for layer in said["layers"]] == [5]


def test_no_image_runs_as_root() -> None:
    for image in images.IMAGES:
        user = json.loads(image.config("sha256:0"))["config"]["User"]
        assert user.partition(":")[0].isdigit()
        assert not user.startswith("0")


def test_extras_are_named_once_and_in_the_order_they_start_in() -> None:
    assert site.known_extras("prometheus, registry,registry") == ("registry", "prometheus")
    assert site.known_extras(None) == ()


def test_a_node_is_refused_without_root_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(packages.os, "geteuid", lambda: 1000)
    assert cli.main(["up", "--node", "--dir", str(tmp_path / "box")]) == 1
    assert "A real node needs root" in capsys.readouterr().err
    assert not (tmp_path / "box").exists()


def test_a_node_is_refused_where_packages_are_missing_and_they_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages.os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "missing", lambda: ["containerd", "runc"])
    with pytest.raises(SandboxFault, match="not installed here: containerd, runc"):
        cluster.up(tmp_path / "box", with_node=True)


@pytest.mark.parametrize(
    ("writable", "said", "words"), [(False, "", "read-only"), (True, "not permitted", "not permitted")]
)
def test_a_container_that_may_not_hold_a_node_is_told_so(
    monkeypatch: pytest.MonkeyPatch, writable: bool, said: str, words: str
) -> None:
    monkeypatch.setattr(packages.os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "missing", list)
    monkeypatch.setattr(packages.cgroups, "may_be_made", lambda: writable)
    monkeypatch.setattr(packages, "_namespaces_refused", lambda: said)
    assert words in str(packages.obstacle())


def test_packages_are_installed_only_where_that_can_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "missing", lambda: ["runc"])
    monkeypatch.setattr(packages, "_has_apt", lambda: False)
    with pytest.raises(SandboxFault, match="only on Debian"):
        packages.install()
    monkeypatch.setattr(packages, "_has_apt", lambda: True)
    monkeypatch.setattr(packages.os, "geteuid", lambda: 1000)
    with pytest.raises(SandboxFault, match="apt-get install runc"):
        packages.install()


def test_nothing_is_installed_where_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "missing", list)
    assert packages.install() == []


def test_a_running_sandbox_without_what_is_asked_for_is_told(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = record(folder, extras=("registry",))
    monkeypatch.setattr(cluster, "programs_of", lambda **_: {})
    monkeypatch.setattr(cluster, "read_record", lambda _: lacking)
    folder.presence.touch()
    with pytest.raises(SandboxFault, match="runs without prometheus"):
        cluster.up(folder.path, extras=("registry", "prometheus"))


def test_a_part_that_the_sandbox_does_not_have_is_told_with_those_it_has(folder: Folder) -> None:
    with pytest.raises(SandboxFault, match=r"no part prometheus; it has registry, etcd"):
        parts.stop(record(folder, extras=("registry",)), "prometheus")


def test_a_cgroup_that_is_not_there_is_empty_and_gone(folder: Folder) -> None:
    name = node.cgroup_name(folder.path)
    assert cgroups.kill_all(name)
    assert cgroups.remove(name)
    assert not cgroups.exists(name)


def test_a_registry_that_does_not_run_is_not_ready() -> None:
    assert not registry.is_ready("127.0.0.1:1")


def test_each_registry_has_its_own_address_store_and_lock(folder: Folder) -> None:
    both = Site({"registry": 1, "private-registry": 2}, extras=("registry", "private-registry"))
    registry.write_configuration(folder, both)
    opened, private = (
        json.loads((folder.config / f"{name}.yaml").read_text()) for name in ("registry", "private-registry")
    )
    assert (opened["http"]["addr"], private["http"]["addr"]) == registry.addresses(both)
    assert opened["storage"] != private["storage"]
    assert "auth" in private
    assert "auth" not in opened


def record(folder: Folder, *, extras: tuple[str, ...]) -> Record:
    return Record(
        phase=Phase.READY,
        server="https://127.0.0.1:1",
        kubeconfig=str(folder.kubeconfig),
        audit_log="a",
        kubectl="kubectl",
        helm="helm",
        kubernetes="v1",
        programs={},
        ports={"etcd": 1, "registry": 2},
        extras=extras,
    )
