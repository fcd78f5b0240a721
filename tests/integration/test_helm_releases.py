"""Helm installs, upgrades, goes back, tests and uninstalls as the deployer, and shows nobody what it was given."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from landlord.api.failures import HelmFailed, HelmTrouble
from landlord.api.names import deployer_username
from landlord.clients.helm import UNSET, Helm, HelmSettings, crds_of
from sandbox.programs import core_programs
from tests.cluster import Audit, Cluster
from tests.helm_room import SOON, Offered, Room, Started, config_map, job, open_room
from tests.policies import Settle

SECRET = "s3cr3t-marker-value"


@pytest.fixture
async def room(settle: Settle, cluster: Cluster, tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(settle(), cluster.kubeconfig, tmp_path) as opened:
        yield opened


async def test_a_release_lives_from_install_to_uninstall(room: Room) -> None:
    await room.deploy(room.chart(config_map(level="1")), labels={"landlord.dev/attempt": "a-1"}, description="first")
    await room.deploy(room.chart(config_map(level="2")), {"a": 1}, labels={"landlord.dev/attempt": UNSET})
    await room.helm.rollback("web", room.namespace, 1, timeout=SOON, apply_method="ssa", description="back")

    assert room.data("settings") == {"level": "1"}
    assert await room.statuses() == ["superseded", "superseded", "deployed"]
    first, second, third = [await room.stored(number) for number in (1, 2, 3)]
    assert [one.description for one in (first, third)] == ["first", "back"]
    assert [dict(one.config) for one in (first, second, third)] == [{}, {"a": 1}, {}]
    assert (first.apply_method, first.chart_name, first.chart_version) == ("ssa", "web", "1.0.0")
    assert first.manifest == third.manifest != second.manifest
    assert set(first.chart_files) == {"templates/0.yaml"}
    labels = [dict(meta.labels) for meta in await room.history()]
    assert labels == [{"landlord.dev/attempt": "a-1"}, {}, {"landlord.dev/attempt": "a-1"}]

    await room.helm.uninstall("web", room.namespace, timeout=SOON)

    assert room.data("settings") is None
    assert await room.history() == ()


async def test_an_uninstall_of_what_is_gone_is_well(room: Room) -> None:
    await room.helm.uninstall("web", room.namespace, timeout=SOON)


async def test_everything_is_done_as_the_deployer_and_nothing_as_a_group(room: Room, audit: Audit) -> None:
    await room.deploy(room.chart(config_map()))
    await room.helm.uninstall("web", room.namespace, timeout=SOON)

    asked = [entry for entry in await audit.entries() if entry.user_agent.startswith("Helm/")]
    here = [entry for entry in asked if entry.namespace == room.namespace]
    assert {entry.verb for entry in here} >= {"create", "update", "patch", "delete", "get", "list"}
    assert {entry.user for entry in asked} == {deployer_username(room.namespace)}
    assert {entry.real_user for entry in asked} == {"system:serviceaccount:landlord-system:landlord"}


@pytest.mark.parametrize(
    "foreign",
    [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "mine"},
            "rules": [],
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine", "namespace": "default"}},
        job("mine", hook="pre-install") | {"metadata": {"name": "mine", "namespace": "kube-system"}},
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "landlord"}, "spec": {"hard": {}}},
    ],
    ids=["cluster-scoped", "another namespace", "a Job in another namespace", "the tenant's quota"],
)
async def test_what_the_deployer_may_not_touch_is_refused_before_anything_changes(room: Room, foreign: Any) -> None:
    """The second line of defence: nothing looked at the manifest before Helm ran."""
    with pytest.raises(HelmFailed) as refused:
        await room.deploy(room.chart(config_map(), foreign))

    assert refused.value.trouble is HelmTrouble.FORBIDDEN
    assert foreign["metadata"]["name"] in refused.value.why
    assert room.data("settings") is None
    assert await room.history() == ()


async def test_the_render_is_what_the_deploy_stores(room: Room) -> None:
    template = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: settings}\ndata: {level: {{ .Values.level | quote }}}"
    hook = job("migrate", hook="pre-upgrade", suspend=True)
    chart = room.chart(template, hook, crds__a_yaml=json.dumps(WIDGETS))

    text = await room.helm.render(chart, "web", room.namespace, {"level": 3}, Offered(), upgrade=False)
    await room.deploy(chart, {"level": 3})

    rendered = [document["kind"] for document in yaml.safe_load_all(text)]
    stored = await room.stored(1)
    assert rendered == ["ConfigMap", "Job"], "CRDs are left out, hooks are not"
    assert stored.manifest.strip() in text
    assert [hook["name"] for hook in stored.hooks] == ["migrate"]
    assert crds_of(chart) == ("widgets.example.com",)


WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {"group": "example.com", "names": {"kind": "Widget", "plural": "widgets"}, "versions": [{"name": "v1"}]},
}


async def test_values_arrive_as_they_are(room: Room) -> None:
    odd = "quotes \" ' \\ ${A} {{ .Values }} --set=x 😀 # not: a comment\n- tab\t"
    values = {"a": odd, "b": [1, -2.5, True, None, "012", "1e3", "yes"], odd: {"": ""}}
    unprintable = {"c": "\x7f \x85 \u2028 \ufeff \x00 \uffff"}
    dump = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {all: {{ .Values | toJson | quote }}}"

    text = await room.helm.render(room.chart(dump), "web", room.namespace, values | unprintable, Offered())
    await room.deploy(room.chart(dump), values)

    assert json.loads(yaml.safe_load(text)["data"]["all"]) == values | unprintable
    assert json.loads((room.data("settings") or {})["all"]) == values
    assert dict((await room.stored(1)).config) == values


async def test_what_the_api_server_cannot_read_is_the_charts_fault(room: Room) -> None:
    with pytest.raises(HelmFailed) as refused:
        await room.deploy(room.chart(config_map(level="\x7f")))

    assert refused.value.trouble is HelmTrouble.INVALID
    assert "ConfigMap settings" in refused.value.why


async def test_no_secret_shows_in_argv_files_environment_or_failures(room: Room) -> None:
    template = '{{ fail (printf "bad password %s, or %q" .Values.password .Values.password) }}'
    seen: list[bytes] = []

    async def look() -> None:
        seen.extend(Path(f"/proc/{started.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))

    started = Started(before=look)
    values = {"password": SECRET}
    with pytest.raises(HelmFailed) as failed:
        await room.deploy(room.chart(template), values, secrets=[SECRET], started=started)

    assert "bad password ***" in failed.value.why
    assert SECRET not in failed.value.why
    await room.deploy(room.chart(config_map(), "# {{ .Values.password }}"), values, started=started)
    assert seen
    assert not [text for text in seen if SECRET.encode() in text]
    files = [file for file in room.scratch.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if SECRET.encode() in file.read_bytes()]


async def test_a_schema_refuses_values_and_one_that_leads_elsewhere_is_not_followed(room: Room) -> None:
    schema = {"properties": {"replicas": {"type": "integer"}}}
    closed = room.chart(config_map(), values_schema_json=json.dumps(schema))
    open_ = room.chart(config_map(), values_schema_json=json.dumps({"$ref": "file:///etc/hostname"}))

    with pytest.raises(HelmFailed) as refused:
        await room.helm.render(closed, "web", room.namespace, {"replicas": "two"}, Offered())
    text = await room.helm.render(open_, "web", room.namespace, {"replicas": "two"}, Offered())

    assert refused.value.trouble is HelmTrouble.SCHEMA
    assert "/replicas" in refused.value.why
    assert "ConfigMap" in text


async def test_template_bombs_end_in_words(room: Room, tmp_path: Path) -> None:
    small = HelmSettings(render_bytes=100_000, memory_bytes=256 << 20)
    helm = Helm(Path(core_programs()["helm"]), room.cluster.identity, tmp_path / "small", small)
    bomb = room.chart('{{ $x := repeat 2000000000 "x" }}{{ len $x }}')
    flood = room.chart('a: {{ repeat 200000 "x" }}')

    with pytest.raises(HelmFailed) as memory:
        await helm.render(bomb, "web", room.namespace, {}, Offered())
    with pytest.raises(HelmFailed) as much:
        await helm.render(flood, "web", room.namespace, {}, Offered())

    assert "takes more memory than it is given" in memory.value.why
    assert (memory.value.trouble, much.value.trouble) == (HelmTrouble.RENDER, HelmTrouble.TOO_LARGE)


async def test_a_failing_or_endless_test_is_told_as_such(room: Room) -> None:
    failing = job("fails", hook="test", activeDeadlineSeconds=1)
    endless = job("sleeps", hook="test", suspend=True)
    await room.deploy(room.chart(config_map(), failing, endless))

    for name, seconds in (("fails", 30), ("sleeps", 2)):
        with pytest.raises(HelmFailed) as failed:
            await room.helm.test("web", room.namespace, timeout=timedelta(seconds=seconds), only=[name])
        assert failed.value.trouble is HelmTrouble.TEST_FAILED
        assert f"Job {name}" in failed.value.why
    await room.helm.test("web", room.namespace, timeout=SOON, only=["!fails", "!sleeps"])


async def test_a_server_that_is_away_is_no_fault_of_the_release(room: Room, tmp_path: Path) -> None:
    async def elsewhere() -> Any:
        return replace(await room.cluster.identity(), server="https://127.0.0.1:1")

    lost = Helm(Path(core_programs()["helm"]), elsewhere, tmp_path / "lost")

    with pytest.raises(HelmFailed) as failed:
        await lost.deploy(room.chart(config_map()), "web", room.namespace, {}, timeout=SOON)

    assert failed.value.trouble is HelmTrouble.OUTAGE


async def test_the_version_is_told_by_a_program_and_in_a_folder_given_relatively(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helm").symlink_to(core_programs()["helm"])

    assert (await Helm(Path("helm"), room.cluster.identity, Path("here")).version()).startswith("v4.")
