"""HTTP answers of the API server and broken connections, as failures of ours, in the server's own words."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from landlord.api.failures import Busy, Conflict, Forbidden, Gone, Invalid, LandlordFailure, Missing, Transient
from landlord.api.refs import Resource


def words(error: BaseException) -> str:
    """What a library's exception says, or at least its kind, without a full stop."""
    return str(error).rstrip(".") or type(error).__name__


def watch_event(event: dict[str, Any], resource: Resource) -> dict[str, Any]:
    """The event itself, unless it is the server's way to end the watch."""
    if event.get("type") != "ERROR":
        return event
    status = event.get("object", {})
    raise failure(int(status.get("code") or 500), {}, json.dumps(status), f"watch {resource.plural}")


_FINAL: Mapping[int, type[LandlordFailure]] = {400: Invalid, 403: Forbidden, 422: Invalid}
_TOLD: Mapping[int, type[LandlordFailure]] = {404: Missing, 409: Conflict, 410: Gone}


def failure(status: int, headers: Mapping[str, str], text: str, doing: str) -> LandlordFailure:
    """The failure an HTTP answer stands for, in the server's words; bodies that are no Status are cut short."""
    why, reason = _status_words(text)
    if status == 429:
        return Busy(f"The API server asked to slow down ({doing}): {why}", _retry_after(headers))
    if status == 403 and "being terminated" in why:
        return Transient(f"The namespace is being deleted ({doing}): {why}")
    if status in _FINAL:
        return _FINAL[status](why)
    told = _TOLD.get(status, Transient)
    return told(f"The API server answered {status} {reason} ({doing}): {why}")


def _status_words(text: str) -> tuple[str, str]:
    try:
        status = json.loads(text)
        return str(status.get("message") or status.get("reason") or text[:500]), str(status.get("reason") or "")
    except (ValueError, AttributeError):
        return text[:500], ""


def _retry_after(headers: Mapping[str, str]) -> timedelta:
    try:
        return timedelta(seconds=max(0.1, float(headers.get("Retry-After", "1"))))
    except ValueError:
        return timedelta(seconds=1)


def warning_texts(headers: Iterable[str]) -> list[str]:
    """The texts of ``Warning`` headers (RFC 7234, code 299), without code, agent and quotes."""
    return [header.split('"', 1)[-1].rstrip('"').replace('\\"', '"') for header in headers]
