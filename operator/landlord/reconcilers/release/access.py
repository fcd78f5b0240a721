"""A release's right to its chart: credentials and certificates out of Secrets of its namespace."""

from typing import Any
from urllib.parse import urlsplit

from landlord.api.apprelease import ChartPin
from landlord.api.conditions import Reason
from landlord.api.refs import SECRETS
from landlord.clients.charts.credentials import Credentials, docker_credentials
from landlord.clients.cluster import Cluster
from landlord.reconcilers.release.layers import Learn, NotPrepared
from landlord.reconcilers.release.texts import decoded


async def credentials_of(cluster: Cluster, namespace: str, pin: ChartPin, learn: Learn) -> Credentials | None:
    """Name and password, or a token; None when the chart is fetched without. Raises ``NotPrepared``."""
    if pin.pull_secret_ref is None:
        return None
    name = pin.pull_secret_ref.name
    data = await _data(cluster, namespace, name, "spec.chart.pullSecretRef", learn)
    if ".dockerconfigjson" in data:
        place = urlsplit(pin.repository)
        found = docker_credentials(data[".dockerconfigjson"], f"{place.netloc}{place.path}/{pin.name}")
        learn({found.password, found.identity_token} if found else ())
        return found
    if "password" in data:
        return Credentials(data.get("username", ""), data["password"])
    why = f"spec.chart.pullSecretRef: Secret {name} has neither .dockerconfigjson nor username and password."
    raise NotPrepared(Reason.CHART_FETCH_FAILED, why)


async def trusted(cluster: Cluster, namespace: str, pin: ChartPin, learn: Learn) -> str | None:
    """Certificates to trust, as PEM; None for the usual ones. Raises ``NotPrepared``."""
    if pin.ca_secret_ref is None:
        return None
    data = await _data(cluster, namespace, pin.ca_secret_ref.name, "spec.chart.caSecretRef", learn)
    if pin.ca_secret_ref.key not in data:
        why = f"spec.chart.caSecretRef: Secret {pin.ca_secret_ref.name} has no key {pin.ca_secret_ref.key}."
        raise NotPrepared(Reason.CHART_FETCH_FAILED, why)
    return data[pin.ca_secret_ref.key]


async def _data(cluster: Cluster, namespace: str, name: str, path: str, learn: Learn) -> dict[str, str]:
    found: dict[str, Any] | None = await cluster.get(SECRETS, name, namespace)
    if found is None:
        raise NotPrepared(Reason.WAITING_FOR_VALUES, f"{path}: Secret {name} is waited for.", is_final=False)
    data = {key: decoded(value, f"{path}: key {key}") for key, value in (found.get("data") or {}).items()}
    learn([value for key, value in data.items() if key != "username"])
    return data
