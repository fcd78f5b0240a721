"""`landlord render`: what comes out, and what is said when nothing can."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from landlord.cli.render import render

STAGING: dict[str, Any] = {
    "apiVersion": "landlord.dev/v1alpha1",
    "kind": "Environment",
    "metadata": {"name": "staging"},
    "spec": {"tier": "staging", "tenantDefaults": {"quota": {"hard": {"pods": 20}}}},
}
PRODUCTION: dict[str, Any] = {
    "apiVersion": "landlord.dev/v1alpha1",
    "kind": "Environment",
    "metadata": {"name": "production"},
    "spec": {"tier": "production"},
}


def tenant(name: str = "shop", *environments: str, **spec: Any) -> dict[str, Any]:
    """A Tenant in these environments, staging if none is named."""
    where = [{"name": environment} for environment in environments or ("staging",)]
    return {
        "apiVersion": "landlord.dev/v1alpha1",
        "kind": "Tenant",
        "metadata": {"name": name},
        "spec": {"environments": where, **spec},
    }


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    """The command in this process."""
    return CliRunner().invoke(render, [str(argument) for argument in arguments], input=stdin)


def documents(result: Result) -> list[dict[str, Any]]:
    """What was printed as YAML."""
    assert result.exit_code == 0, result.output
    return list(yaml.safe_load_all(result.stdout))


def write(path: Path, *contents: dict[str, Any]) -> Path:
    """A file of YAML documents."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump_all(contents), "utf-8")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A Tenant and its Environment in one file."""
    return write(tmp_path / "all.yaml", STAGING, tenant())


def test_yaml_begins_with_the_namespace_and_is_ready_for_kubectl(file: Path) -> None:
    result = run(file)
    first, *others = documents(result)
    assert result.stdout.startswith("---\napiVersion: v1\nkind: Namespace\n")
    assert first["metadata"]["name"] == "shop-staging"
    assert {other["metadata"]["namespace"] for other in others} == {"shop-staging"}
    assert all(each["metadata"]["labels"]["landlord.dev/tenant"] == "shop" for each in (first, *others))


def test_json_is_one_list_of_the_same_objects(file: Path) -> None:
    listed = json.loads(run(file, "--output", "json").stdout)
    assert (listed["apiVersion"], listed["kind"]) == ("v1", "List")
    assert listed["items"] == documents(run(file))


def test_the_same_files_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.yaml", STAGING), write(tmp_path / "b.yaml", tenant("shop"), tenant("bank"))
    assert run(first, second).stdout == run(second, first).stdout


def test_defaults_of_the_environment_reach_the_tenant(file: Path) -> None:
    [quota] = [each for each in documents(run(file)) if each["kind"] == "ResourceQuota"]
    assert quota["spec"]["hard"] == {"pods": "20"}


def test_a_folder_is_read_whole_and_other_files_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "environments/staging.yml", STAGING)
    write(tmp_path / "tenants/deep/shop.yaml", tenant())
    (tmp_path / "tenants/bank.json").write_text(json.dumps(tenant("bank")), "utf-8")
    (tmp_path / "README.md").write_text("kind: Tenant", "utf-8")
    namespaces = [each["metadata"]["name"] for each in documents(run(tmp_path)) if each["kind"] == "Namespace"]
    assert namespaces == ["bank-staging", "shop-staging"]


def test_other_kinds_and_empty_documents_are_skipped(tmp_path: Path) -> None:
    path = write(tmp_path / "all.yaml", STAGING, {"apiVersion": "v1", "kind": "ConfigMap"}, tenant())
    path.write_text("---\n---\n" + path.read_text("utf-8") + "---\nplain words\n", "utf-8")
    assert len(documents(run(path))) > 1


def test_a_list_is_taken_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "all.yaml", {"apiVersion": "v1", "kind": "List", "items": [STAGING, tenant()]})
    assert documents(run(path))[0]["metadata"]["name"] == "shop-staging"


def test_a_dash_means_standard_input(tmp_path: Path) -> None:
    given = yaml.safe_dump_all([STAGING, tenant()])
    assert documents(run("-", stdin=given))[0]["metadata"]["name"] == "shop-staging"


def test_only_the_tenants_and_environments_asked_for_are_printed(tmp_path: Path) -> None:
    path = write(
        tmp_path / "all.yaml", STAGING, PRODUCTION, tenant("shop", "staging", "production"), tenant("bank", "staging")
    )
    chosen = documents(run(path, "--tenant", "shop", "--environment", "production"))
    assert chosen[0]["metadata"]["name"] == "shop-production"
    assert {each["metadata"]["labels"]["landlord.dev/environment"] for each in chosen} == {"production"}


def test_the_platform_file_names_peers_and_lowest_defaults(tmp_path: Path) -> None:
    rules = {"network": {"allowFrom": [{"peer": "ingress"}]}}
    path = write(tmp_path / "all.yaml", STAGING, tenant(defaults=rules))
    peers = [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
    platform = write(tmp_path / "platform.yaml", {"peers": {"ingress": {"peers": peers}}})
    found = {each["metadata"]["name"]: each for each in documents(run(path, "--platform", platform))}
    assert found["landlord-allow-from"]["spec"]["ingress"] == [{"from": peers}]


REFUSED = {
    "an unknown field": ([STAGING, tenant(colour="red")], "Tenant shop: spec.colour"),
    "a value of the wrong kind": ([STAGING, tenant(cordoned="perhaps")], "Tenant shop: spec.cordoned"),
    "a quantity that is none": (
        [STAGING, tenant(defaults={"quota": {"hard": {"pods": "many"}}})],
        "Tenant shop: spec.defaults.quota.hard.pods",
    ),
    "an environment without a file": ([tenant()], "There is no Environment staging in the given files"),
    "a tenant that stands twice": ([STAGING, tenant(), tenant()], "Tenant shop: It stands twice"),
    "an environment that stands twice": ([STAGING, STAGING, tenant()], "Environment staging: It stands twice"),
    "a peer the platform does not have": (
        [STAGING, tenant(defaults={"network": {"allowTo": [{"peer": "moon"}]}})],
        "The platform has no peer named moon",
    ),
    "shares above the ceiling": (
        [STAGING, tenant(quota={"aggregate": {"pods": "10"}})],
        "The environments ask for 20 of pods (staging 20), quota.aggregate allows 10",
    ),
    "a protected namespace": (
        [STAGING, tenant(environments=[{"name": "staging", "namespace": "kube-system"}])],
        "Namespace kube-system is protected",
    ),
    "an invalid environment": ([{**STAGING, "spec": {"tier": "moon"}}, tenant()], "Environment staging: spec.tier"),
}


@pytest.mark.parametrize(("contents", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_made_true_is_refused_by_name(
    tmp_path: Path, contents: list[dict[str, Any]], words: str
) -> None:
    result = run(write(tmp_path / "all.yaml", *contents))
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stdout == ""


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("a: [1", "utf-8")
    result = run(path)
    assert result.exit_code == 1
    assert "broken.yaml is no valid YAML" in result.stderr


def test_a_platform_file_with_an_unknown_field_is_refused(file: Path, tmp_path: Path) -> None:
    result = run(file, "--platform", write(tmp_path / "platform.yaml", {"colour": "red"}))
    assert result.exit_code == 1
    assert "colour" in result.stderr


@pytest.mark.parametrize("arguments", [(), ("nowhere",), ("--output", "xml", ".")], ids=" ".join)
def test_wrong_usage_is_exit_code_two(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_tenant_that_is_not_there_is_wrong_usage(file: Path) -> None:
    result = run(file, "--tenant", "bank")
    assert result.exit_code == 2
    assert "There is no Tenant bank" in result.stderr


def test_files_without_a_tenant_are_wrong_usage(tmp_path: Path) -> None:
    result = run(write(tmp_path / "all.yaml", STAGING))
    assert result.exit_code == 2
    assert "There is no Tenant in the given files" in result.stderr
