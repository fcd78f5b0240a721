"""Who we are to the API server, in a form that another library can log in with."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from kubernetes.aio.client import Configuration


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
