"""The token flow of registries: from a 401 to the Authorization header that opens the repository."""

import json
import re
from typing import Final

from yarl import URL

from landlord.api.failures import Refused, Transient
from landlord.clients.charts.web import Access, Answer, Ask, Web, denied, origin, shown

_PARAMETER: Final = re.compile(r'([A-Za-z_]+)="([^"]*)"')
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,65536}")


async def authorize(web: Web, access: Access, answer: Answer, repository: str, limit: int) -> str:
    """The Authorization header that answers a registry's challenge; raises ``Refused`` when there is none."""
    challenge = answer.headers.get("WWW-Authenticate", "")
    scheme = challenge.partition(" ")[0].lower()
    if scheme == "basic" and access.credentials is not None:
        return access.credentials.basic()
    if scheme != "bearer":
        raise denied(answer, access)
    told = {key.lower(): value for key, value in _PARAMETER.findall(challenge)}
    realm = _realm(web, answer.url, told.get("realm", ""))
    return f"Bearer {await _token(web, access, realm, told.get('service', ''), repository, limit)}"


def _realm(web: Web, registry: URL, text: str) -> URL:
    """Where tokens are had; raises ``Refused`` unless it belongs to the registry, so that no password leaves it."""
    try:
        realm = URL(text)
        web.check(realm)
    except ValueError as error:
        raise Refused(f"{origin(registry)} names no URL where tokens are had.") from error
    if not _akin(registry, realm):
        raise Refused(f"{origin(registry)} wants the credentials to be sent to another host, {origin(realm)}.")
    return realm


def _akin(registry: URL, realm: URL) -> bool:
    """Whether two hosts are one, or names below one domain, as registry.example.org and auth.example.org are."""
    if registry.host == realm.host:
        return True
    here, there = (str(url.host).split(".") for url in (registry, realm))
    named = not (here[-1].isdigit() or ":" in here[-1])
    return named and len(here) > 1 and len(there) > 1 and here[-2:] == there[-2:]


async def _token(web: Web, access: Access, realm: URL, service: str, repository: str, limit: int) -> str:
    scope = f"repository:{repository}:pull"
    wanted = {"scope": scope} | ({"service": service} if service else {})
    credentials = access.credentials
    if credentials is not None and credentials.identity_token:
        form = wanted | {
            "grant_type": "refresh_token",
            "client_id": "landlord",
            "refresh_token": credentials.identity_token,
        }
        ask = Ask(realm, "POST", "application/json", form=form, limit=limit)
    else:
        basic = credentials.basic() if credentials is not None else None
        ask = Ask(realm.update_query(wanted), "GET", "application/json", authorization=basic, limit=limit)
    answer = await web.ask(ask, access)
    if answer.status in {400, 401, 403}:
        raise denied(answer, access)
    return _read(answer)


def _read(answer: Answer) -> str:
    try:
        document = json.loads(answer.body)
        token = document.get("token") or document.get("access_token")
    except (ValueError, AttributeError, RecursionError) as error:
        raise Transient(f"{shown(answer.url)} gave no token ({answer.status}).") from error
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise Transient(f"{shown(answer.url)} gave no token ({answer.status}).")
    return token
