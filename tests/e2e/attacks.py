"""The table of attacks (attacks.yaml) as requests on one home."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.admin import JSON_PATCH, MERGE_PATCH, Admin, ApiError
from tests.e2e.homes import Home
from tests.manifests import Object


@dataclass(frozen=True, slots=True)
class Attack:
    """A request, who tries it, and a word of the refusal."""

    what: str
    by: tuple[str, ...]
    words: str
    method: str
    path: str
    body: Any
    content: str

    @classmethod
    def read(cls, entry: Object, home: Home) -> "Attack":
        """One entry of attacks.yaml, with the home's names filled in."""
        verb = next(key for key in entry if key in _VERBS)
        method, content = _VERBS[verb]
        path, body = _named(entry[verb], home), _named(entry.get("body"), home)
        return cls(entry["what"], tuple(entry["by"]), entry["words"], method, path, body, content)

    async def send(self, who: Admin, **query: str) -> str:
        """The refusal, empty when it was carried out."""
        try:
            await who.request(self.method, self.path, self.body, content=self.content, query=query)
        except ApiError as refusal:
            return str(refusal)
        return ""


_VERBS = {
    "get": ("GET", "application/json"),
    "post": ("POST", "application/json"),
    "put": ("PUT", "application/json"),
    "delete": ("DELETE", "application/json"),
    "merge": ("PATCH", MERGE_PATCH),
    "json-patch": ("PATCH", JSON_PATCH),
}


def _named(value: Any, home: Home) -> Any:
    if isinstance(value, dict):
        return {_named(key, home): _named(inner, home) for key, inner in value.items()}
    if isinstance(value, list):
        return [_named(inner, home) for inner in value]
    return value.replace("NS", home.namespace).replace("TENANT", home.tenant) if isinstance(value, str) else value


def attacks_on(home: Home) -> list[Attack]:
    """Every attack of the table on this home."""
    table = yaml.safe_load((Path(__file__).parent / "attacks.yaml").read_text())
    return [Attack.read(entry, home) for entry in table]
