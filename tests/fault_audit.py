"""Which operator process wrote what and when, as the API server's audit log tells it.

All processes are the same ServiceAccount. They are told apart by their tokens: each is given one of its own, and the
log names the token's id with every request.
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

import yaml

_CREDENTIAL = "authentication.kubernetes.io/credential-id"
_OPERATOR = "system:serviceaccount:landlord-system:landlord"
_READS = frozenset({"get", "list", "watch"})


@dataclass(frozen=True, slots=True)
class Write:
    """One write of an operator: when it reached the API server and when it was answered, by the server's clock."""

    writer: str
    verb: str
    resource: str
    namespace: str
    name: str
    status: int
    received: datetime
    answered: datetime


def token_id(kubeconfig: Path) -> str:
    """The id under which the audit log knows the token of this file."""
    token = yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"]
    payload = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"])


class OperatorLog:
    """The operators' writes since this was made; renewals of the Lease and dry runs are not among them."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offset = log.stat().st_size

    def writes(self, by: str = "") -> list[Write]:
        """In the order in which they reached the API server; of one token only, if it is given."""
        found = [write for write in self._all() if by in ("", write.writer)]
        return sorted(found, key=lambda write: write.received)

    def reigns(self) -> list[str]:
        """The tokens of who wrote, each uninterrupted reign once."""
        return [writer for writer, _ in groupby(write.writer for write in self.writes())]

    def _all(self) -> Iterator[Write]:
        with self._log.open() as log:
            log.seek(self._offset)
            for line in log:
                if _OPERATOR in line and line.endswith("\n"):
                    said = json.loads(line)
                    if _counts(said):
                        yield _write(said)


def _counts(said: dict[str, object]) -> bool:
    target = said.get("objectRef") or {}
    assert isinstance(target, dict)
    is_write = said["verb"] not in _READS and "dryRun=All" not in str(said["requestURI"])
    return is_write and target.get("resource") != "leases"


def _write(said: dict[str, object]) -> Write:
    user, target, answer = said["user"], said["objectRef"], said.get("responseStatus") or {}
    assert isinstance(user, dict)
    assert isinstance(target, dict)
    assert isinstance(answer, dict)
    return Write(
        writer=str(user["extra"][_CREDENTIAL][0]).removeprefix("JTI="),
        verb=str(said["verb"]),
        resource=target.get("resource", ""),
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        status=answer.get("code", 0),
        received=datetime.fromisoformat(str(said["requestReceivedTimestamp"])),
        answered=datetime.fromisoformat(str(said["stageTimestamp"])),
    )
