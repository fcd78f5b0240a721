"""Helm's command lines. Nothing a tenant wrote freely stands in one: names are checked, values go to stdin."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from landlord.api.failures import SpecFault
from landlord.api.names import deployer_username
from landlord.api.releases import Chart

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_LABEL_KEY: Final = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LABEL_VALUE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_TEST_NAME: Final = re.compile(r"!?[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_DESCRIPTION_LENGTH: Final = 256
_KEPT: Final = ["--history-max=0"]
"""Helm's own pruning may take the proven revision; Landlord prunes."""

UNSET: Final = "null"
"""The value that takes a label away; a revision inherits the labels of the one before."""


class Capabilities(Protocol):
    """What a cluster offers to templates."""

    @property
    def kube_version(self) -> str:
        """Such as ``v1.36.4``."""

    @property
    def api_versions(self) -> Sequence[str]:
        """Such as ``apps/v1`` and ``apps/v1/Deployment``."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release by name and namespace; everything is done as the namespace's deployer."""

    namespace: str
    name: str

    def __post_init__(self) -> None:
        for path, name, longest in (("releaseName", self.name, 53), ("namespace", self.namespace, 63)):
            if len(name) > longest or not _NAME.fullmatch(name):
                raise SpecFault(path, f"{name!r} is no name that Helm can be given.")


def render(chart: Chart, release: Release, capabilities: Capabilities, *, upgrade: bool, unchecked: bool) -> list[str]:
    """``helm template`` without a cluster: hooks included, CRDs not."""
    flags = ["--skip-crds", f"--namespace={release.namespace}", "--values=-"]
    flags += [f"--kube-version={capabilities.kube_version}"]
    flags += [f"--api-versions={','.join(capabilities.api_versions)}"] if capabilities.api_versions else []
    flags += ["--is-upgrade"] if upgrade else []
    flags += _unchecked(unchecked)
    return ["template", *flags, "--", release.name, str(Path(chart.path).absolute())]


def deploy(
    chart: Chart,
    release: Release,
    *,
    timeout: timedelta,
    labels: Mapping[str, str],
    description: str,
    apply_method: str,
    take_ownership: bool,
    unchecked: bool,
) -> list[str]:
    """``helm upgrade --install`` that waits for hooks only and keeps every revision."""
    flags = ["--install", "--reset-values", "--skip-crds", "--hide-notes", "--values=-", *_KEPT, *_common(timeout)]
    flags += ["--server-side=auto", *_forced(apply_method), f"--description={_short(description)}"]
    # The API server validates every field strictly when it applies; reading its schemas first takes Helm twice as long.
    flags += ["--disable-openapi-validation"]
    flags += ["--take-ownership"] if take_ownership else []
    flags += _unchecked(unchecked)
    flags += [f"--labels={_pairs(labels)}"] if labels else []
    return ["upgrade", *flags, *_acting(release), "--", release.name, str(Path(chart.path).absolute())]


def rollback(
    release: Release, revision: int, *, timeout: timedelta, description: str, apply_method: str, no_hooks: bool
) -> list[str]:
    """``helm rollback`` to an explicit number: without one Helm goes to the last but one, even if that never ran."""
    if revision < 1:
        raise ValueError(f"no revision to roll back to: {revision}")
    flags = [*_KEPT, *_common(timeout), "--server-side=auto", *_forced(apply_method)]
    flags += [f"--description={_short(description)}"] if description else []
    flags += ["--no-hooks"] if no_hooks else []
    return ["rollback", *flags, *_acting(release), "--", release.name, str(revision)]


def uninstall(release: Release, *, timeout: timedelta, no_hooks: bool) -> list[str]:
    """``helm uninstall``, telling why; not with ``--ignore-not-found``, which takes every trouble for absence."""
    flags = [*_common(timeout), "--debug", *(["--no-hooks"] if no_hooks else [])]
    return ["uninstall", *flags, *_acting(release), "--", release.name]


def test(release: Release, *, timeout: timedelta, only: Sequence[str]) -> list[str]:
    """``helm test``, of all tests or those named; a name behind ``!`` is left out."""
    for name in only:
        if not _TEST_NAME.fullmatch(name):
            raise SpecFault("spec.test", f"{name!r} is no name of a test.")
    flags = [
        _span(timeout),
        *(f"--filter=name={name}" if name[0] != "!" else f"--filter=!name={name[1:]}" for name in only),
    ]
    return ["test", *flags, *_acting(release), "--", release.name]


def _acting(release: Release) -> list[str]:
    """Where, and as whom. By user alone: a group would drop the groups every ServiceAccount has."""
    return [f"--namespace={release.namespace}", f"--kube-as-user={deployer_username(release.namespace)}"]


def _common(timeout: timedelta) -> list[str]:
    return ["--wait=hookOnly", _span(timeout)]


def _span(timeout: timedelta) -> str:
    return f"--timeout={max(1, round(timeout.total_seconds()))}s"


def _forced(apply_method: str) -> list[str]:
    """Only where the release is applied by the server: elsewhere Helm refuses the flag."""
    return ["--force-conflicts"] if apply_method == "ssa" else []


def _unchecked(unchecked: bool) -> list[str]:
    """A schema that leads out of the chart is not followed: Helm would open its files and addresses as us."""
    return ["--skip-schema-validation"] if unchecked else []


def _short(description: str) -> str:
    return description[:_DESCRIPTION_LENGTH]


def _pairs(labels: Mapping[str, str]) -> str:
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key) or len(value) > 63 or not _LABEL_VALUE.fullmatch(value):
            raise ValueError(f"no label: {key}={value}")
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
