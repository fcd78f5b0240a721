"""Words that must not be said, taken out of texts that others wrote."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

MASK: Final = "***"
_SHORT: Final = 4
"""Shorter than this, a secret is taken out as a whole word only: its letters stand in every sentence."""


class Redaction:
    """Replaces given secrets by ``***``: as they are, line by line, quoted and base64."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
        self._longest = len(forms[0]) if forms else 0
        self._pattern = re.compile("|".join(map(_expression, forms))) if forms else None

    def __repr__(self) -> str:
        return "Redaction(...)"

    def clean(self, text: str, *, cut: bool = False) -> str:
        """The text without secrets. ``cut`` says that its beginning was cut off, where half a secret may stand."""
        if self._pattern is None:
            return text
        if cut:
            text = text[self._longest :]
        return self._pattern.sub(MASK, text)


def _forms(secret: str) -> Iterator[str]:
    """How a secret may appear in what Helm and the API server say."""
    for part in {secret, secret.strip(), *secret.splitlines()}:
        if not part.strip():
            continue
        yield part
        yield json.dumps(part)[1:-1]
        yield json.dumps(part, ensure_ascii=False)[1:-1]
    if secret:
        yield base64.b64encode(secret.encode("utf-8", "surrogatepass")).decode("ascii")


def _expression(form: str) -> str:
    quoted = re.escape(form)
    return quoted if len(form) >= _SHORT else rf"(?<!\w){quoted}(?!\w)"
