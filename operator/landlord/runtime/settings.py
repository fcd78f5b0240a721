"""Every setting of the operator: its type, unit, bounds, default and meaning, in one place.

Flags of ``landlord run``, ``LANDLORD_*`` variables and docs/reference/settings.md are made from these fields.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from landlord.api import names
from landlord.core.tenant.defaults import PlatformDefaults
from landlord.runtime.places import listed, networks, places, servers, stores

PREFIX: Final = "LANDLORD_"
GROUPS: Final = ("Cluster", "Tenants", "Releases", "Work", "Leadership", "Observation")

_NAME: Final = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd]|)")


def duration(text: object) -> object:
    """``15s``, ``1h30m``, ``500ms`` or a plain number of seconds as a timedelta; anything else is left to pydantic."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return timedelta(seconds=text)
    if not isinstance(text, str):
        return text
    parts = _PART.findall(text.strip())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        raise ValueError(f"{text!r} is no duration; write 15s, 30m, 1h30m or 500ms")
    return timedelta(seconds=sum(float(number) * (0.001 if unit == "ms" else _UNITS[unit]) for number, unit in parts))


def spell(span: timedelta) -> str:
    """A timedelta as it would be written: ``1h30m``, ``15s``, ``500ms``."""
    milliseconds = round(span.total_seconds() * 1000)
    words = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        words += [f"{count}{unit}"] if count else []
    return "".join(words) or "0s"


def _mapping(text: object) -> object:
    """YAML or JSON, or the path of a file that holds it; a mapping is left as it is."""
    if not isinstance(text, str):
        return text
    try:
        value = yaml.safe_load(text)
        if isinstance(value, str):
            value = yaml.safe_load(Path(value).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{text!r} is no readable file: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"is no YAML: {' '.join(str(error).split())}") from error
    return {} if value is None else value


Duration = Annotated[timedelta, BeforeValidator(duration), PlainSerializer(spell, when_used="json")]
Platform = Annotated[PlatformDefaults, NoDecode, BeforeValidator(_mapping)]


Places = Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed), AfterValidator(places)]
Servers = Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed), AfterValidator(servers)]
Stores = Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed), AfterValidator(stores)]
Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed), AfterValidator(networks)]


def _setting(group: str, help_text: str, default: Any, metavar: str = "TEXT", **bounds: Any) -> Any:
    return Field(default, description=help_text, json_schema_extra={"group": group, "metavar": metavar}, **bounds)


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


class Settings(BaseSettings):
    """What the operator was told at start. Flags win over ``LANDLORD_*`` variables, these over the defaults."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    kubeconfig: str | None = _setting(
        "Cluster", "Kubeconfig file to log in with; else the pod's ServiceAccount, else KUBECONFIG.", None, "FILE"
    )
    context: str | None = _setting("Cluster", "Context of the kubeconfig to use; else its current one.", None, "NAME")
    namespace: str = _setting(
        "Cluster",
        "Namespace of the operator itself: its Lease lives there.",
        names.OPERATOR_NAMESPACE,
        "NAME",
        pattern=_NAME,
        max_length=63,
    )
    api_parallel: int = _setting("Cluster", "Requests to the API server at once.", 32, "NUMBER", ge=1, le=1000)
    api_timeout: Duration = _setting(
        "Cluster", "How long one request may take.", _seconds(30), "DURATION", ge=_seconds(1), le=_seconds(300)
    )

    platform: Platform = _setting(
        "Tenants",
        "What the platform decides for all tenants: body (defaults), peers, dns, protectedNamespaces; YAML, or a file "
        "that holds it. `landlord render --platform` takes the same file.",
        PlatformDefaults(),
        "FILE|YAML",
    )

    helm: str = _setting(
        "Releases", "The Helm program, 4.2.4 or later: a path, or a name that is looked for in PATH.", "helm", "PROGRAM"
    )
    state_dir: Path = _setting(
        "Releases",
        "Folder for charts and for Helm's own files. Nothing in it is needed after a restart.",
        Path("/var/tmp/landlord"),  # noqa: S108 - made with mode 0700, and its owner is looked at
        "FOLDER",
    )
    helm_slots: int = _setting(
        "Releases",
        "Installs and upgrades by Helm at once, of which one tenant gets a quarter; half as many rollbacks besides.",
        8,
        "NUMBER",
        ge=1,
        le=64,
    )
    plain_http: Servers = _setting(
        "Releases", "Registries and chart repositories that are spoken to without TLS, comma separated.", (), "HOSTS"
    )
    reachable: Places = _setting(
        "Releases",
        "Networks, addresses and names beyond public ones that charts and http checks may come to, comma separated.",
        (),
        "PLACES",
    )
    download_hosts: Stores = _setting(
        "Releases",
        "Hosts that a registry or repository may redirect downloads to, such as *.githubusercontent.com; no "
        "credentials are sent there.",
        (),
        "HOSTS",
    )
    check_hosts: Places = _setting(
        "Releases", "Hosts outside a tenant's namespaces that its http checks may ask, comma separated.", (), "HOSTS"
    )
    pod_networks: Networks = _setting(
        "Releases",
        "Networks of pods where they are not private ones (RFC 1918, 100.64.0.0/10, fc00::/7), comma separated.",
        (),
        "NETWORKS",
    )
    prometheus: str | None = _setting(
        "Releases", "URL of the Prometheus that promql checks ask; without it there are no such checks.", None, "URL"
    )
    prometheus_token_file: Path | None = _setting(
        "Releases", "File with a bearer token for Prometheus, read anew for each query.", None, "FILE"
    )

    workers_tenant: int = _setting("Work", "Passes over Tenants at once.", 16, "NUMBER", ge=1, le=256)
    workers_release: int = _setting("Work", "Passes over AppReleases at once.", 64, "NUMBER", ge=1, le=1024)
    workers_environment: int = _setting("Work", "Passes over Environments at once.", 4, "NUMBER", ge=1, le=256)
    resync: Duration = _setting(
        "Work",
        "How often every object is looked at though nothing seems to have changed; spread by a tenth.",
        _seconds(1800),
        "DURATION",
        ge=_seconds(30),
        le=_seconds(86400),
    )
    drain: Duration = _setting(
        "Work",
        "How long running passes may go on after SIGTERM.",
        _seconds(20),
        "DURATION",
        ge=_seconds(0),
        le=_seconds(600),
    )

    lease_name: str = _setting(
        "Leadership",
        "Name of the Lease that one replica holds.",
        names.LEASE,
        "NAME",
        pattern=_NAME,
        max_length=253,
    )
    lease_duration: Duration = _setting(
        "Leadership",
        "How long the others wait after the holder's last sign of life before one takes over.",
        _seconds(15),
        "DURATION",
        ge=_seconds(1),
        le=_seconds(300),
    )
    lease_renew_deadline: Duration = _setting(
        "Leadership",
        "How long the holder may write after its last renewal; shorter than the duration.",
        _seconds(10),
        "DURATION",
        ge=_seconds(0.5),
        le=_seconds(299),
    )
    lease_retry_period: Duration = _setting(
        "Leadership",
        "How often the holder renews and the others look.",
        _seconds(2),
        "DURATION",
        ge=_seconds(0.1),
        le=_seconds(60),
    )

    listen: str = _setting(
        "Observation",
        "Where /healthz, /readyz and /metrics are served; in a pod 0.0.0.0:8080. Port 0 takes a free one.",
        "127.0.0.1:8080",
        "HOST:PORT",
    )
    log_format: Literal["auto", "json", "console"] = _setting(
        "Observation", "Form of the log; auto is console on a terminal, else json.", "auto", "auto|json|console"
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "Observation", "The least a line must be worth to be logged.", "info", "debug|info|warning|error"
    )

    @property
    def address(self) -> tuple[str, int]:
        """``listen`` as host and port."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @field_validator("listen")
    @classmethod
    def _listen_is_host_and_port(cls, listen: str) -> str:
        host, _, port = listen.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError(f"{listen!r} is no address; write HOST:PORT such as 0.0.0.0:8080")
        return listen

    @model_validator(mode="after")
    def _lease_times_are_in_order(self) -> Self:
        if not self.lease_retry_period < self.lease_renew_deadline < self.lease_duration:
            raise ValueError("lease_retry_period < lease_renew_deadline < lease_duration must hold")
        return self


def load(flags: Mapping[str, Any]) -> Settings:
    """The settings from ``flags`` (those given), the environment and the defaults; raises ``ValidationError``."""
    return Settings(**{name: value for name, value in flags.items() if value is not None})


def flag(field: str) -> str:
    """The flag of ``landlord run`` that sets a field."""
    return "--" + field.replace("_", "-")


def variable(field: str) -> str:
    """The environment variable that sets a field."""
    return PREFIX + field.upper()


def extra(field: FieldInfo, key: str) -> str:
    """What a field says of itself beside its meaning: ``group`` or ``metavar``."""
    said = field.json_schema_extra
    return str(said[key]) if isinstance(said, dict) else ""


def shown_default(field: FieldInfo) -> str:
    """A field's default as it would be written; empty where there is none worth showing."""
    default = field.default
    return spell(default) if isinstance(default, timedelta) else str(default) if isinstance(default, (str, int)) else ""


def complaints(error: ValidationError) -> list[str]:
    """What is wrong, a line for each field, in words for the person who set it."""
    lines = []
    for problem in error.errors():
        field = str(problem["loc"][0]) if problem["loc"] else ""
        within = "".join(f".{part}" for part in problem["loc"][1:])
        where = f"{flag(field)} ({variable(field)}){within}: " if field else ""
        lines.append(where + problem["msg"].removeprefix("Value error, "))
    return lines
