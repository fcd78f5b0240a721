"""Words of Secrets stay where they were put: searched for in all that Landlord tells, runs and writes."""

import base64
import json
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from landlord.api.refs import PODS, SECRETS
from sandbox.build import cache_folder
from tests.e2e.marker_search import Search, searching
from tests.manifests import condition
from tests.operator_process import OperatorProcess, running_operator
from tests.polling import eventually
from tests.releases import Home, home, shop
from tests.shop import Shop

__all__ = ["home", "shop"]

KEEPER = """
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}}
stringData: {password: {{ .Values.password | quote }}}
"""
FAILS = '{{ fail (printf "the password %s is too weak" (toString .Values.password)) }}'
REQUIRES = '{{ required (printf "%s has no user" .Values.password) .Values.user }}'
BREAKS = "a: {{ .Values.password }}: {{ .Values.password }}: ["
NO_OBJECT = "{{ .Values.password }}"
NO_LABEL = """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}, labels: {password: {{ printf "%s!" .Values.password | quote }}}}
"""
NO_KIND = "apiVersion: v1\nkind: {{ .Values.password }}\nmetadata: {name: a}"
NO_NAMESPACE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: {{ .Values.password }}}"
MONITOR = """
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: {{ .Release.Name }}}
spec: {password: {{ .Values.password | quote }}}
"""
MONITORS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "servicemonitors.monitoring.coreos.com"},
    "spec": {
        "group": "monitoring.coreos.com",
        "names": {"kind": "ServiceMonitor", "plural": "servicemonitors", "singular": "servicemonitor"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
LAST_WORDS = """
apiVersion: batch/v1
kind: Job
metadata:
  name: farewell
  labels: {password: {{ printf "%s!" .Values.password | quote }}}
  annotations: {"helm.sh/hook": pre-delete}
spec:
  template: {spec: {restartPolicy: Never, containers: [{name: a, image: "registry.example.org/a:1"}]}}
"""
SCHEMA = {"properties": {"password": {"type": "string", "pattern": "^[A-Z]{64}$"}}}
NUMBER = {"properties": {"password": {"maximum": 3}}}


PLACES = ("operator-state", "tmp", "home", "cwd")
"""Folders in which the operator could leave a file; any file that it holds open elsewhere is searched too."""


@pytest.fixture(scope="module")
def release_operator(
    operator_kubeconfig: Path, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """An operator that says all it can say, and is at home in folders that are looked into."""
    folder = tmp_path_factory.mktemp("operator")
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LANDLORD_SANDBOX_CACHE", str(cache_folder()))
            for name in PLACES:
                (folder / name).mkdir(mode=0o700)
            patch.setenv("TMPDIR", str(folder / "tmp"))
            patch.setenv("HOME", str(folder / "home"))
            patch.delenv("XDG_CACHE_HOME", raising=False)
            patch.chdir(folder / "cwd")
            flags = (*shop.flags, "--log-level", "debug")
            process = stack.enter_context(running_operator(operator_kubeconfig, folder, *flags))
        yield process


@pytest.fixture(scope="module")
def search(release_operator: OperatorProcess) -> Iterator[Search]:
    """The search of the whole module."""
    folder = release_operator.log.parent
    with searching(release_operator, *(folder / name for name in PLACES)) as search:
        yield search


@pytest.fixture
async def marker(search: Search, release_operator: OperatorProcess, home: Home) -> str:
    """A word that must be nowhere."""
    await release_operator.until_serving()
    search.begin()
    return search.add(f"mk{secrets.token_hex(12)}")


async def keep(home: Home, password: str, *, name: str = "keeper", timeout: str = "30s", **files: str) -> None:
    """Push a release that gets the password by a Secret, of a chart of these templates."""
    templates = {f"templates/{key}.yaml": text for key, text in files.items() if key != "schema"}
    extra = {"values.schema.json": files["schema"]} if "schema" in files else {}
    home.shop.offer(name, "1.0.0", (templates or {"templates/a.yaml": KEEPER}) | extra, {})
    await home.put("Secret", "words", {"values.yaml": f"password: {password}"})
    source = {"kind": "Secret", "name": "words"}
    await home.push(name, chart=home.shop.pin(name), valuesFrom=[source], timeout=timeout)


async def nowhere(search: Search, home: Home, operator: OperatorProcess) -> None:
    """The words are nowhere, and the search has looked since."""
    looks = search.looks
    await eventually(lambda: search.looks > looks + 1)
    assert await search.told(home, operator) == []


async def test_a_proven_release_tells_nothing(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess
) -> None:
    await keep(home, marker)
    await home.proven("keeper")
    stored = await home.admin.get(SECRETS.path(home.namespace, "keeper"))
    assert search.within(json.dumps(stored)), "the word has not come through"
    rotated = search.add(f"mk{secrets.token_hex(12)}")
    await home.put("Secret", "words", {"values.yaml": f"password: {rotated}"})
    await home.looked_at("keeper")
    await home.proven("keeper")
    assert len(await home.revisions("keeper")) == 2
    await home.delete("keeper")
    await nowhere(search, home, release_operator)
    assert {"template", "upgrade", "uninstall"} <= search.seen


TROUBLES = {
    "a template fails": ({"a": FAILS}, "RenderFailed"),
    "a template requires": ({"a": REQUIRES}, "RenderFailed"),
    "a template is no YAML": ({"a": BREAKS}, "RenderFailed"),
    "a document is no object": ({"a": NO_OBJECT}, ""),
    "a schema says no": ({"a": KEEPER, "schema": json.dumps(SCHEMA)}, "SchemaInvalid"),
    "the API server says no": ({"a": NO_LABEL}, "Rejected"),
}


NAMED = {
    "a kind is unknown": ({"a": NO_KIND}, "MissingCRD"),
    "a namespace is foreign": ({"a": NO_NAMESPACE}, "ForbiddenObjects"),
}


@pytest.mark.parametrize("what", TROUBLES)
async def test_trouble_is_told_without_the_word(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess, what: str
) -> None:
    files, reason = TROUBLES[what]
    await keep(home, marker, **files)
    await home.until("keeper", reason=reason, status="False")
    await nowhere(search, home, release_operator)


@pytest.mark.parametrize("what", NAMED)
async def test_a_name_made_of_the_word_is_told_without_it(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess, what: str
) -> None:
    files, reason = NAMED[what]
    await keep(home, marker, **files)
    await home.until("keeper", reason=reason, status="False")
    await nowhere(search, home, release_operator)


@pytest.mark.parametrize("what", ["a template fails", "a schema says no"])
async def test_a_number_is_a_word_too(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess, what: str
) -> None:
    """Templates get numbers as floats: 73519284 becomes 7.3519284e+07."""
    number = secrets.randbelow(80_000_000) + 10_000_001
    for form in (str(number), f"{number:.7e}", f"{number / 10**7:.7f}"):
        search.add(form)
    files = {"a": FAILS} if what == "a template fails" else {"a": KEEPER, "schema": json.dumps(NUMBER)}
    await keep(home, str(number), **files)
    await home.until("keeper", status="False")
    assert marker
    await nowhere(search, home, release_operator)


async def test_a_variable_brings_no_word_out(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess
) -> None:
    """Put together of two Secrets' words, and told of by a template."""
    home.shop.offer("keeper", "1.0.0", {"templates/a.yaml": FAILS}, {})
    await home.put("Secret", "variables", {"PASSWORD": marker})
    substitute = {"from": [{"kind": "Secret", "name": "variables"}]}
    values = {"password": "postgres://me:${PASSWORD}@db"}
    await home.push("keeper", chart=home.shop.pin("keeper"), values=values, substitute=substitute)
    body = await home.until("keeper", reason="RenderFailed", status="False")
    assert "postgres://me:***@db" in condition(body)["message"]
    await nowhere(search, home, release_operator)


async def test_a_password_that_looks_like_a_variable_is_not_told(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess
) -> None:
    await home.put("Secret", "keeper", {"password": f"x${{{marker}}}"})
    home.shop.offer("keeper", "1.0.0", {"templates/a.yaml": KEEPER}, {})
    source = {"kind": "Secret", "name": "keeper", "key": "password", "targetPath": "password"}
    await home.push("keeper", chart=home.shop.pin("keeper"), valuesFrom=[source], substitute={})
    await home.until("keeper")
    await home.looked_at("keeper")
    await nowhere(search, home, release_operator)


@pytest.mark.parametrize("text", ["password: [%s", "%s", "- %s", "{%s", "a: *%s"])
async def test_a_secret_that_is_no_yaml_is_not_quoted(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess, text: str
) -> None:
    home.shop.offer("keeper", "1.0.0", {"templates/a.yaml": KEEPER}, {})
    await home.put("Secret", "keeper", {"values.yaml": text % marker})
    await home.push("keeper", chart=home.shop.pin("keeper"), valuesFrom=[{"kind": "Secret", "name": "keeper"}])
    await home.until("keeper", status="False")
    await nowhere(search, home, release_operator)


@pytest.fixture
async def monitors(home: Home) -> AsyncIterator[str]:
    """Custom resources whose controller is the test; where those of the home are."""
    await home.admin.apply_manifests(MONITORS)
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{MONITORS['metadata']['name']}"

    async def is_served() -> bool:
        return condition(await home.admin.get(path), "Established").get("status") == "True"

    await eventually(is_served, describe="custom resources that are served")
    yield f"/apis/monitoring.coreos.com/v1/namespaces/{home.namespace}/servicemonitors"
    await home.admin.delete(path)


async def test_a_custom_resource_that_echoes_the_word_is_told_without_it(
    home: Home, monitors: str, marker: str, search: Search, release_operator: OperatorProcess
) -> None:
    """While it is waited for, when it is rejected for that, and when it turns bad after it was proven."""
    await keep(home, marker, timeout="8s", a=MONITOR)

    async def is_there() -> bool:
        return await home.admin.find(f"{monitors}/keeper") is not None

    await eventually(is_there)
    said = {"type": "Ready", "status": "False", "reason": "Bad", "message": f"the password {marker} is too weak"}
    await home.admin.patch(f"{monitors}/keeper/status", {"status": {"conditions": [said]}})
    await home.until("keeper", status="Unknown", words="the password *** is too weak")
    await home.until("keeper", status="False", words="the password *** is too weak")
    well = {**said, "status": "True", "message": marker}
    await home.admin.patch(f"{monitors}/keeper/status", {"status": {"conditions": [well]}})
    await home.proven("keeper")
    packed = base64.b64encode(f"user:{marker}".encode()).decode()
    said = {**said, "message": f"no answer to {packed}: {'x' * 200} {marker} {'x' * 200}"}
    await home.admin.patch(f"{monitors}/keeper/status", {"status": {"conditions": [said]}})
    await home.looked_at("keeper")
    await home.until("keeper", reason="Unready", status="False", words="no answer to dXNlcjp***")
    await nowhere(search, home, release_operator)


async def test_a_pod_that_echoes_the_word_is_told_without_it(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess
) -> None:
    """As the kubelet does with what a container is configured by, and when it cannot be started."""
    await home.put("Secret", "words", {"values.yaml": f"message: {marker}"})
    source = {"kind": "Secret", "name": "words"}
    await home.push("web", image={"tag": "never-ready"}, valuesFrom=[source], timeout="15s")

    async def pod() -> dict[str, Any] | None:
        found = await home.admin.list(PODS.path(home.namespace))
        return next((each for each in found if (each.get("status") or {}).get("containerStatuses")), None)

    seen = await eventually(pod)
    waiting = {"reason": "CreateContainerConfigError", "message": f"couldn't find key {marker}"}
    ended = {"reason": "StartError", "message": f"exec: {marker}: not found", "exitCode": 128}
    was = seen["status"]["containerStatuses"][0]
    now = {**was, "ready": False, "restartCount": 1, "state": {"waiting": waiting}, "lastState": {"terminated": ended}}
    path = f"{PODS.path(home.namespace, seen['metadata']['name'])}/status"
    await home.admin.patch(path, {"status": {"containerStatuses": [now]}})
    await home.until("web", words="***")
    await home.until("web", status="False")
    await nowhere(search, home, release_operator)


async def test_an_uninstall_that_fails_tells_nothing(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess
) -> None:
    await keep(home, marker, a=KEEPER, b=LAST_WORDS)
    await home.proven("keeper")
    await home.admin.delete(home.path("keeper"))
    await home.until("keeper", reason="UninstallFailed")
    await nowhere(search, home, release_operator)


async def test_drift_names_fields_and_never_words(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess
) -> None:
    await keep(home, marker)
    await home.proven("keeper")
    by_hand = search.add(f"mk{secrets.token_hex(12)}")
    await home.put("Secret", "keeper", {"password": by_hand})
    await home.looked_at("keeper")
    await home.until("keeper", kind="Drifted", status="True", words="password")
    await nowhere(search, home, release_operator)


async def test_the_way_to_a_chart_is_told_without_its_password(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess
) -> None:
    home.shop.offer("private", "1.0.0")
    home.shop.users["private"] = ("owner", "another")
    await home.put("Secret", "pull", {"username": "owner", "password": marker})
    await home.put("Secret", "authority", {"ca.crt": marker})
    await home.put("Secret", "docker", {".dockerconfigjson": json.dumps({"auths": marker})})
    pin = home.shop.pin("private")
    await home.push("pull", chart={**pin, "pullSecretRef": {"name": "pull"}})
    await home.push("docker", chart={**pin, "pullSecretRef": {"name": "docker"}})
    await home.push("authority", chart={**pin, "caSecretRef": {"name": "authority"}})
    for name in ("pull", "docker", "authority"):
        await home.until(name, reason="ChartFetchFailed", status="False")
    await nowhere(search, home, release_operator)


async def test_the_search_finds_what_is_there(home: Home, search: Search, release_operator: OperatorProcess) -> None:
    """Its positive control: a word that is no secret is found in each of its places."""
    await release_operator.until_serving()
    control = Search(search.folders, {home.namespace, "deployments"})
    await home.push()

    async def is_seen() -> bool:
        control.look(release_operator.pid)
        return any("argv" in each for each in control.found)

    await eventually(is_seen, deadline=30, describe="Helm's command line")
    await home.proven()
    told = " ".join(await control.told(home, release_operator))
    assert all(f"{home.namespace} in {place}" in told for place in ("AppReleases", "Events", "ledgers", "argv"))
    assert search.found == set()


def test_the_search_finds_files_wherever_they_are(search: Search) -> None:
    """Its positive control for files: in each of the folders, and in any other as long as one is held open."""
    word = f"mk{secrets.token_hex(12)}"
    with tempfile.TemporaryFile() as held:
        held.write(word.encode())
        held.flush()
        for folder in search.folders:
            (folder / "control").write_text(word)
        control = Search(search.folders, {word})
        control.look(os.getpid())
    for folder in search.folders:
        (folder / "control").unlink()
    assert all(any(str(folder) in each for each in control.found) for folder in search.folders)
    assert any("held open" in each for each in control.found)
