"""Words of Secrets stay where they were put: searched for in all that Landlord tells, runs and writes."""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from landlord.api.refs import SECRETS
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


@pytest.fixture(scope="module")
def release_operator(
    operator_kubeconfig: Path, shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """An operator that says all it can say, and puts temporary files where they are looked for."""
    folder = tmp_path_factory.mktemp("operator")
    with pytest.MonkeyPatch.context() as patch:
        (folder / "tmp").mkdir()
        patch.setenv("TMPDIR", str(folder / "tmp"))
        with running_operator(operator_kubeconfig, folder, *shop.flags, "--log-level", "debug") as process:
            yield process


@pytest.fixture(scope="module")
def search(release_operator: OperatorProcess) -> Iterator[Search]:
    """The search of the whole module."""
    folder = release_operator.log.parent
    with searching(release_operator, folder / "operator-state", folder / "tmp") as search:
        yield search


@pytest.fixture
async def marker(search: Search, release_operator: OperatorProcess, home: Home) -> str:
    """A word that must be nowhere."""
    await release_operator.until_serving()
    search.begin()
    return search.add(f"mk{secrets.token_hex(12)}")


async def keep(home: Home, password: str, *, name: str = "keeper", **files: str) -> None:
    """Push a release that gets the password by a Secret, of a chart of these templates."""
    templates = {f"templates/{key}.yaml": text for key, text in files.items() if key != "schema"}
    extra = {"values.schema.json": files["schema"]} if "schema" in files else {}
    home.shop.offer(name, "1.0.0", (templates or {"templates/a.yaml": KEEPER}) | extra, {})
    await home.put("Secret", "words", {"values.yaml": f"password: {password}"})
    await home.push(name, chart=home.shop.pin(name), valuesFrom=[{"kind": "Secret", "name": "words"}])


async def nowhere(search: Search, home: Home, operator: OperatorProcess) -> None:
    """The words are nowhere, and the search has looked since."""
    looks = search.looks
    await eventually(lambda: search.looks > looks + 1)
    assert await search.told(home, operator) == []


async def test_a_proven_release_tells_nothing(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess
) -> None:
    await keep(home, marker)
    await home.proven("keeper", deadline=20)
    stored = await home.admin.get(SECRETS.path(home.namespace, "keeper"))
    assert search.within(json.dumps(stored)), "the word has not come through"
    rotated = search.add(f"mk{secrets.token_hex(12)}")
    await home.put("Secret", "words", {"values.yaml": f"password: {rotated}"})
    await home.looked_at("keeper")
    await home.proven("keeper", deadline=20)
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
    await home.until("keeper", reason=reason, status="False", deadline=20)
    await nowhere(search, home, release_operator)


@pytest.mark.parametrize("what", NAMED)
async def test_a_name_made_of_the_word_is_told_without_it(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess, what: str
) -> None:
    files, reason = NAMED[what]
    await keep(home, marker, **files)
    await home.until("keeper", reason=reason, status="False", deadline=20)
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
    await home.until("keeper", status="False", deadline=20)
    await nowhere(search, home, release_operator)


async def test_an_uninstall_that_fails_tells_nothing(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess
) -> None:
    await keep(home, marker, a=KEEPER, b=LAST_WORDS)
    await home.proven("keeper", deadline=20)
    await home.admin.delete(home.path("keeper"))
    await home.until("keeper", reason="UninstallFailed", deadline=20)
    await nowhere(search, home, release_operator)


async def test_drift_names_fields_and_never_words(
    home: Home, marker: str, search: Search, release_operator: OperatorProcess
) -> None:
    await keep(home, marker)
    await home.proven("keeper", deadline=20)
    by_hand = search.add(f"mk{secrets.token_hex(12)}")
    await home.put("Secret", "keeper", {"password": by_hand})
    await home.looked_at("keeper")
    await home.until("keeper", kind="Drifted", status="True", words="password", deadline=20)
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
        await home.until(name, reason="ChartFetchFailed", status="False", deadline=20)
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
