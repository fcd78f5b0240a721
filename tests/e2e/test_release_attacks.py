"""What an editor may not get by a chart, its package, or the words of a spec; each with what he does get."""

import asyncio
from typing import Any

import pytest

from tests.admin import ApiError
from tests.e2e import attacks_packages
from tests.e2e.attacks_charts import AT_NO_MOMENT, BEYOND_RIGHTS, FOREIGN, OWN, RECORDS, Greedy
from tests.e2e.attacks_packages import NO_ARCHIVES, ROTTEN
from tests.manifests import condition
from tests.releases import Home, home, move_in, release_operator, shop

__all__ = ["home", "release_operator", "shop"]


async def refused(home: Home, reason: str, *words: str, name: str = "web") -> str:
    """The message, once the AppRelease is refused for good in these words; no revision was made."""
    body = await home.until(name, reason=reason, status="False")
    told = condition(body)["message"]
    missing = [word for word in words if word not in told]
    assert not missing, f"{missing} not in: {told}"
    assert condition(body, "Stalled")["status"] == "True"
    assert await home.revisions(name) == []
    return str(told)


async def offered(home: Home, greedy: Greedy) -> None:
    """An editor asks for the chart."""
    home.shop.offer("greedy", "1.0.0", {"templates/a.yaml": greedy.template})
    await home.editor.push("greedy", chart=home.shop.pin("greedy"), values=greedy.values)


async def nothing_of(home: Home, greedy: Greedy) -> None:
    """What the chart is after is not there."""
    if greedy.trace:
        path = greedy.trace.replace("NS", home.namespace)
        assert await home.admin.find(path) is None, f"{path} is there"


@pytest.mark.parametrize("greedy", FOREIGN, ids=str)
async def test_a_chart_that_reaches_out_of_its_namespace_is_refused_by_name(home: Home, greedy: Greedy) -> None:
    await offered(home, greedy)
    words = [word.replace("NS", home.namespace) for word in greedy.words]
    await refused(home, "ForbiddenObjects", *words, name="greedy")
    await nothing_of(home, greedy)


async def test_the_same_kinds_at_home_are_deployed(home: Home) -> None:
    home.shop.offer("modest", "1.0.0", {"templates/a.yaml": OWN})
    await home.editor.push("modest", chart=home.shop.pin("modest"))
    await home.proven("modest")
    for path in ("/api/v1/namespaces/NS/configmaps/own", "/apis/batch/v1/namespaces/NS/jobs/own"):
        assert await home.admin.find(path.replace("NS", home.namespace))


async def test_a_hook_of_no_event_never_comes_to_be(home: Home) -> None:
    await offered(home, AT_NO_MOMENT)
    await home.proven("greedy")
    await home.delete("greedy")
    await nothing_of(home, AT_NO_MOMENT)


@pytest.mark.parametrize("greedy", RECORDS, ids=str)
async def test_a_chart_forges_no_record_of_helm(home: Home, greedy: Greedy) -> None:
    await offered(home, greedy)
    await refused(home, "ForbiddenObjects", *greedy.words, name="greedy")
    await nothing_of(home, greedy)


@pytest.mark.parametrize("greedy", BEYOND_RIGHTS, ids=str)
async def test_a_chart_gets_no_more_than_its_deployers_rights(home: Home, greedy: Greedy) -> None:
    await offered(home, greedy)
    body = await home.until("greedy", status="False")
    told = condition(body)
    assert told["reason"] in ("Forbidden", "Rejected"), told
    assert all(word in told["message"] for word in greedy.words), told["message"]
    await nothing_of(home, greedy)


async def test_a_chart_brings_no_crd(home: Home) -> None:
    crd = (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        "metadata: {name: greeds.example.org}\n"
        "spec:\n  group: example.org\n  scope: Namespaced\n  names: {kind: Greed, plural: greeds}\n"
        "  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]\n"
    )
    home.shop.offer("greedy", "1.0.0", {"crds/a.yaml": crd})
    await home.editor.push("greedy", chart=home.shop.pin("greedy"))
    await refused(home, "MissingCRD", "greeds.example.org", name="greedy")
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/greeds.example.org"
    assert await home.admin.find(path) is None


async def test_rotten_packages_are_refused_before_helm_sees_them(home: Home) -> None:
    """All at once: each is an AppRelease of its own."""
    for number, rotten in enumerate(ROTTEN):
        home.shop.offer_packed(attacks_packages.NAME, f"1.0.0-{number}", rotten.packed())
    await asyncio.gather(*(_push_rotten(home, number) for number in range(len(ROTTEN))))
    for number, rotten in enumerate(ROTTEN):
        told = await refused(home, "ChartFetchFailed", name=f"rotten-{number}")
        assert rotten.words in told, f"{rotten}: {told}"


async def _push_rotten(home: Home, number: int) -> None:
    pin = home.shop.pin(attacks_packages.NAME, f"1.0.0-{number}")
    await home.editor.push(f"rotten-{number}", chart=pin)


@pytest.mark.parametrize("what", NO_ARCHIVES)
async def test_what_is_no_package_is_refused(home: Home, what: str) -> None:
    home.shop.offer_packed(attacks_packages.NAME, "1.0.0", NO_ARCHIVES[what]())
    await home.editor.push("rotten", chart=home.shop.pin(attacks_packages.NAME))
    await refused(home, "ChartFetchFailed", "rotten", name="rotten")


async def test_the_same_package_without_harm_is_deployed(home: Home) -> None:
    home.shop.offer_packed(attacks_packages.NAME, "1.0.0", attacks_packages.sound())
    await home.editor.push("rotten", chart=home.shop.pin(attacks_packages.NAME))
    await home.proven("rotten")


INJECTIONS: dict[str, dict[str, Any]] = {
    "a flag for a release name": {"releaseName": "--kubeconfig"},
    "a template for a release name": {"releaseName": "{{ .Release.Name }}"},
    "a path for a release name": {"releaseName": "../../web"},
    "a flag for a chart's name": {"chart": {"name": "--post-renderer=sh"}},
    "a path for a chart's name": {"chart": {"name": "../../etc"}},
    "a flag for a version": {"chart": {"version": "--devel"}},
    "a range for a version": {"chart": {"version": ">=1.0.0"}},
    "latest for a version": {"chart": {"version": "latest"}},
    "half a version": {"chart": {"version": "v1"}},
    "no version": {"chart": {"version": ""}},
    "a file for a repository": {"chart": {"repository": "file:///var/lib"}},
    "plain http for a repository": {"chart": {"repository": "http://charts.example.org"}},
    "a password in a repository": {"chart": {"repository": "https://me:secret@charts.example.org"}},
    "a query in a repository": {"chart": {"repository": "https://charts.example.org?x=y"}},
    "latest for a tag": {"image": {"tag": "latest"}},
    "LATEST for a tag": {"image": {"tag": "LATEST"}},
    "no tag": {"image": {"tag": ""}},
    "a list for a tag": {"image": {"tag": "1.0.0,global.x=y"}},
    "an index for an image's path": {"image": {"tag": "1.0.0", "path": "containers[0].image"}},
    "a flag for an image's repository": {"image": {"tag": "1.0.0", "repository": "--set"}},
    "a path for a Secret": {"valuesFrom": [{"kind": "Secret", "name": "../default/secrets/x"}]},
    "another kind of source": {"valuesFrom": [{"kind": "Pod", "name": "x"}]},
    "no time at all": {"timeout": "0s"},
    "a history of one": {"maxHistory": 1},
}


@pytest.mark.parametrize("what", INJECTIONS)
async def test_the_api_server_refuses_what_is_no_pin_and_no_name(home: Home, what: str) -> None:
    spec = dict(INJECTIONS[what])
    chart = {**home.shop.pin(), **spec.pop("chart", {})}
    with pytest.raises(ApiError) as refusal:
        await home.editor.push(chart=chart, **spec)
    assert refusal.value.status == 422, refusal.value
    assert len(refusal.value.message) < 1000
    assert await home.admin.find(home.path()) is None


async def test_values_are_data_and_nothing_else(home: Home) -> None:
    """Neither templates, nor flags, nor what Helm's --set would read."""
    texts = {
        "template": '{{ .Release.Namespace }}{{ lookup "v1" "Secret" "" "" }}',
        "flag": "--kubeconfig=/etc/passwd",
        "set": "a=b,c[0]=d",
        "yaml": "x\n---\nkind: ClusterRole",
        "file": "@/etc/passwd",
        "variable": "${HOME} $(id) `id`",
        "substituted": "${HOME}",
    }
    template = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n"
        "data: {\n{{- range $key, $value := .Values.texts }}\n{{ $key | quote }}: {{ $value | quote }},{{ end }}\n"
        "release: {{ .Release.Name }}}\n"
    )
    home.shop.offer("texts", "1.0.0", {"templates/a.yaml": template})
    await home.editor.push("texts", chart=home.shop.pin("texts"), values={"texts": texts, "--set": {"a": "b"}})
    await home.proven("texts")
    assert await home.data("texts") == {**texts, "release": "texts"}


async def test_a_template_sees_neither_this_machine_nor_the_names_it_knows(home: Home) -> None:
    """What Helm offers templates beyond their values says nothing of the operator's surroundings."""
    asks = {
        "file": '.Files.Get "../../../../etc/passwd"',
        "glob": '(.Files.Glob "/etc/*").AsConfig',
        "name": 'getHostByName "localhost"',
        "own": '.Files.Get "own.txt"',
    }
    lines = "".join(f"  {key}: {{{{ {ask} | quote }}}}\n" for key, ask in asks.items())
    template = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {{{{ .Release.Name }}}}}}\ndata:\n{lines}"
    home.shop.offer("nosy", "1.0.0", {"templates/a.yaml": template, "own.txt": "own"})
    await home.editor.push("nosy", chart=home.shop.pin("nosy"))
    await home.proven("nosy")
    assert await home.data("nosy") == {"file": "", "glob": "{}", "name": "", "own": "own"}


@pytest.mark.parametrize("ask", ['env "HOME"', 'expandenv "$HOME"'])
async def test_a_template_that_asks_for_the_environment_is_refused(home: Home, ask: str) -> None:
    template = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{a: {{{{ {ask} | quote }}}}}}\n"
    home.shop.offer("nosy", "1.0.1", {"templates/a.yaml": template})
    await home.editor.push("nosy", chart=home.shop.pin("nosy", "1.0.1"))
    await refused(home, "RenderFailed", "not defined", name="nosy")


async def test_a_template_looks_up_no_secret_of_another_namespace(home: Home) -> None:
    """While rendering nothing is there to be looked up; at the deploy it is the deployer who asks."""
    look = '{{ lookup "v1" "Secret" "kube-system" "" | toJson | quote }}'
    template = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: nosy}}\ndata: {{seen: {look}}}\n"
    home.shop.offer("nosy", "1.0.2", {"templates/a.yaml": template})
    await home.editor.push("nosy", chart=home.shop.pin("nosy", "1.0.2"))
    body = await home.until("nosy", status="False", words="forbidden")
    assert condition(body, "Stalled")["status"] == "True"
    assert await home.data("nosy") is None


async def test_values_do_not_bend_what_is_rendered(home: Home) -> None:
    """Release and Chart are no values, whatever the values say."""
    values = {"Release": {"Name": "x"}, "global": {"Release": {"Namespace": "default"}}, "Chart": {"Name": "x"}}
    await home.editor.push(values={**values, "message": "plain"})
    await home.proven()
    assert await home.data("web-settings") == {"message": "plain"}


async def test_a_manifest_that_values_break_open_is_looked_through_all_the_same(home: Home) -> None:
    """A careless template lets a value add a document; it is looked through as what it has become."""
    careless = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: careless}\ndata:\n  a: {{ .Values.a }}\n"
    home.shop.offer("careless", "1.0.0", {"templates/a.yaml": careless})
    second = "b\n---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: greedy"
    await home.editor.push("careless", chart=home.shop.pin("careless"), values={"a": second})
    await refused(home, "ForbiddenObjects", "Namespace greedy", name="careless")
    await home.editor.push("careless", chart=home.shop.pin("careless"), values={"a": "b"})
    await home.proven("careless")


async def test_another_tenants_private_chart_is_not_had_by_its_name(home: Home, tenant_name: str) -> None:
    home.shop.offer("private", "1.0.0")
    home.shop.users["private"] = ("owner", "of-the-chart")
    pin = {**home.shop.pin("private"), "pullSecretRef": {"name": "pull"}}
    await home.put("Secret", "pull", {"username": "owner", "password": "of-the-chart"})
    await home.editor.push(chart=pin)
    await home.proven()

    thief = await move_in(home.admin, f"{tenant_name}x", home.shop)
    await thief.editor.push("bare", chart=home.shop.pin("private"))
    await refused(thief, "ChartFetchFailed", "401", "pullSecretRef", name="bare")
    await thief.put("Secret", "guessed", {"username": "owner", "password": "guessed"})
    await thief.editor.push("wrong", chart={**pin, "pullSecretRef": {"name": "guessed"}})
    assert "guessed" not in await refused(thief, "ChartFetchFailed", "401", name="wrong")
    await thief.editor.push("borrowed", chart=pin)
    waiting = await thief.until("borrowed", reason="WaitingForValues", words="Secret pull")
    assert await thief.revisions("borrowed") == []
    assert waiting["status"].get("deployed") is None

    await thief.put("Secret", "pull", {"username": "owner", "password": "of-the-chart"})
    await thief.looked_at("borrowed")
    await thief.proven("borrowed")


async def test_an_editor_gets_no_release_of_another_tenant(home: Home, tenant_name: str) -> None:
    other = await move_in(home.admin, f"{tenant_name}x", home.shop)
    stranger = Home(home.editor.admin, other.namespace, home.shop)
    for attempt in (stranger.push(), stranger.body(), stranger.put("ConfigMap", "a", {})):
        with pytest.raises(ApiError) as refusal:
            await attempt
        assert refusal.value.status == 403
    await home.editor.push()
    await home.proven()
