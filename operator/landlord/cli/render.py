"""``landlord render``: what Tenants would become, from files, so that infrastructure code can be unit-tested."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click
import yaml

from landlord.api.failures import SpecFault
from landlord.api.names import LABEL_ENVIRONMENT
from landlord.core.tenant.defaults import PlatformDefaults
from landlord.core.tenant.rendering import Documents, sort_out
from landlord.core.tenant.rendering import render as render_documents

SUFFIXES = (".yaml", ".yml", ".json")


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--tenant", "tenants", multiple=True, metavar="NAME", help="Only this Tenant; can be given again.")
@click.option(
    "--environment", "environments", multiple=True, metavar="NAME", help="Only this environment; can be given again."
)
@click.option(
    "--platform",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="The operator's defaults, peers and protected namespaces, as YAML with the keys body, peers, dns, "
    "protectedNamespaces.",
)
@click.option(
    "--output",
    "-o",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="yaml: documents, ready for kubectl. json: one List.",
)
def render(
    paths: tuple[str, ...], tenants: tuple[str, ...], environments: tuple[str, ...], platform: Path | None, output: str
) -> None:
    """Print the manifests that Tenants in files would become; no cluster is needed.

    PATH is a file, a folder (read whole, with all below it) or - for standard input. Tenants and the Environments
    they name must be among the files; other kinds are skipped.

    Exit codes: 0 printed; 1 a Tenant or Environment cannot be made true as written, the reason is on standard error;
    2 wrong usage.
    """
    try:
        documents = _only(sort_out(_documents(paths)), tenants)
        manifests = render_documents(documents, _platform(platform))
    except SpecFault as fault:
        raise click.ClickException(str(fault)) from fault
    wanted = [one for one in manifests if not environments or _environment(one) in environments]
    click.echo(_text(wanted, output), nl=False)


def _only(documents: Documents, tenants: tuple[str, ...]) -> Documents:
    unknown = sorted(set(tenants) - documents.tenants.keys())
    if unknown:
        raise click.UsageError(f"There is no Tenant {', '.join(unknown)} in the given files.")
    if not documents.tenants:
        raise click.UsageError("There is no Tenant in the given files.")
    chosen = {name: tenant for name, tenant in documents.tenants.items() if not tenants or name in tenants}
    return Documents(chosen, documents.environments)


def _documents(paths: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for path in paths:
        if path == "-":
            yield from _parse(sys.stdin, "standard input")
            continue
        for file in _files(Path(path)):
            with file.open(encoding="utf-8") as stream:
                yield from _parse(stream, str(file))


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise click.UsageError(f"There is no file or folder {path}.")
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())


def _parse(stream: IO[str], name: str) -> Iterator[dict[str, Any]]:
    """The mappings of a YAML or JSON stream, the items of a List one by one."""
    try:
        for document in yaml.safe_load_all(stream):
            if isinstance(document, dict):
                yield from document["items"] if str(document.get("kind", "")).endswith("List") else [document]
    except yaml.YAMLError as error:
        raise click.ClickException(f"{name} is no valid YAML: {error}") from error


def _platform(path: Path | None) -> PlatformDefaults:
    if path is None:
        return PlatformDefaults()
    try:
        return PlatformDefaults.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except (ValueError, yaml.YAMLError) as error:
        raise click.ClickException(f"{path}: {error}") from error


def _environment(manifest: dict[str, Any]) -> str:
    return str(manifest["metadata"]["labels"][LABEL_ENVIRONMENT])


def _text(manifests: list[dict[str, Any]], output: str) -> str:
    if output == "json":
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}, indent=2) + "\n"
    return "".join("---\n" + yaml.safe_dump(manifest, sort_keys=False) for manifest in manifests)
