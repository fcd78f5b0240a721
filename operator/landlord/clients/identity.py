"""Who we are to the API server: how we log in, and in a form that another library can log in with."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from kubernetes.aio import config as kube_config
from kubernetes.aio.client import Configuration

from landlord.api.failures import Refused


@dataclass(frozen=True, slots=True)
class Identity:
    """Address and credentials as they are at this moment; tokens rotate, so ask again before long."""

    server: str
    ca_file: str | None
    insecure: bool
    certificate_file: str | None
    key_file: str | None
    proxy: str | None
    authorization: str | None = field(repr=False)
    """The whole header, such as ``Bearer ...``; None when a certificate says who we are."""


async def log_in(kubeconfig: str | None, context: str | None) -> Configuration:
    """By the file ``kubeconfig``, else the pod's ServiceAccount, else ``KUBECONFIG`` or ~/.kube/config.

    Raises ``Refused`` when none of them gives a usable identity.
    """
    configuration = Configuration()
    try:
        await _load(configuration, kubeconfig, context)
    except (kube_config.ConfigException, OSError) as error:
        raise Refused(f"No way to log in to a cluster: {error}") from error
    return configuration


async def current(configuration: Configuration) -> Identity:
    """The identity a configuration stands for now, its token read again where it rotates."""
    bearer = (await configuration.auth_settings()).get("BearerToken")
    return Identity(
        server=str(configuration.host),
        ca_file=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        certificate_file=configuration.cert_file,
        key_file=configuration.key_file,
        proxy=configuration.proxy,
        authorization=bearer["value"] if bearer else None,
    )


def proxy_for(configuration: Configuration) -> str | None:
    """The proxy on the way to the API server: the kubeconfig's, or the environment's unless NO_PROXY has the host."""
    host = urlsplit(str(configuration.host)).hostname or ""
    return None if proxy_bypass(host) else configuration.proxy


async def _load(configuration: Configuration, kubeconfig: str | None, context: str | None) -> None:
    """Fill ``configuration`` from the first identity that exists."""
    if kubeconfig is None:
        try:
            kube_config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call] # no hints
        except kube_config.ConfigException:
            pass
        else:
            return
    else:
        _must_exist(kubeconfig)
    await kube_config.load_kube_config(  # type: ignore[no-untyped-call] # no hints upstream
        config_file=kubeconfig, context=context, client_configuration=configuration, persist_config=False
    )


def _must_exist(kubeconfig: str) -> None:
    """The library takes a missing file for an empty one and complains of what it lacks."""
    if not Path(kubeconfig).is_file():
        raise Refused(f"No way to log in to a cluster: there is no file {kubeconfig}.")
