"""Words that must not be said, taken out of texts that others wrote."""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final
from urllib.parse import quote

MASK: Final = "***"
SHORT: Final = 4
"""Shorter than this, a secret is taken out as a whole word only: its letters stand in every sentence."""

_CUT: Final = re.compile(r" ?(?:\.\.\.|…) ?")
"""Where the middle or the end of a text was left out: half a secret may stand on either side."""
_MOST_CUTS: Final = 16
_TELLING: Final = 6
"""So many letters of a secret give it away where it was cut."""
_LONGEST_HALF: Final = 4096
_PACKED: Final = 12
"""So long a secret is known by the middle of its base64, wherever it begins in what was packed."""


class Redaction:
    """Replaces given secrets by ``***``: as they are, line by line, quoted, escaped for addresses, and base64.

    ``least`` is the length of the shortest that are replaced at all. Certificates bring thousands of lines, so that
    forms are found by how they begin and end, and the time goes by the length of the text.
    """

    def __init__(self, secrets: Iterable[str] = (), *, least: int = 1) -> None:
        forms = {form for secret in secrets for form in _forms(secret, least)}
        self._longest = max(map(len, forms), default=0)
        self._short = [form for form in forms if len(form) < _TELLING]
        self._beginning: dict[str, list[str]] = {}
        self._ending: dict[str, list[str]] = {}
        for form in forms.difference(self._short):
            self._beginning.setdefault(form[:_TELLING], []).append(form)
            self._ending.setdefault(form[-_TELLING:], []).append(form)

    def __repr__(self) -> str:
        return "Redaction(...)"

    def clean(self, text: str, *, cut: bool = False) -> str:
        """The text without secrets. ``cut`` says that its beginning was cut off, where half a secret may stand."""
        if not self._longest:
            return text
        if cut:
            text = text[self._longest :]
        present = self._present(text)
        if present:
            longest_first = sorted(present, key=len, reverse=True)
            text = re.sub("|".join(map(_expression, longest_first)), MASK, text)
        for place in reversed(list(islice(_CUT.finditer(text), _MOST_CUTS))):
            before, after = self._half_before(text, place.start()), self._half_after(text, place.end())
            kept, rest = text[: place.start() - before], text[place.end() + after :]
            text = f"{kept}{MASK if before else ''}{place[0]}{MASK if after else ''}{rest}"
        return text

    def _present(self, text: str) -> set[str]:
        found = {form for form in self._short if form in text}
        for place in range(len(text) - _TELLING + 1):
            for form in self._beginning.get(text[place : place + _TELLING], ()):
                if text.startswith(form, place):
                    found.add(form)
        return found

    def _half_before(self, text: str, end: int) -> int:
        """How much of a secret's beginning stands just before ``end``."""
        for place in range(max(0, end - min(self._longest, _LONGEST_HALF)), end - _TELLING + 1):
            for form in self._beginning.get(text[place : place + _TELLING], ()):
                if form.startswith(text[place:end]):
                    return end - place
        return 0

    def _half_after(self, text: str, start: int) -> int:
        """How much of a secret's end stands just after ``start``."""
        for place in range(min(len(text), start + min(self._longest, _LONGEST_HALF)), start + _TELLING - 1, -1):
            for form in self._ending.get(text[place - _TELLING : place], ()):
                if form.endswith(text[start:place]):
                    return place - start
        return 0


def _forms(secret: str, least: int) -> Iterator[str]:
    """How a secret may appear in what Helm, the API server and applications say."""
    for part in {secret, secret.strip(), " ".join(secret.split()), *secret.splitlines()}:
        bare = part.strip()
        if len(bare) < max(least, 1):
            continue
        yield part
        yield bare[0].upper() + bare[1:]  # sentences begin so
        yield json.dumps(part)[1:-1]
        yield _as_go_quotes(json.dumps(part, ensure_ascii=False)[1:-1])
        yield json.dumps(part, ensure_ascii=False)[1:-1]
        if len(bare) >= SHORT:
            yield quote(part, safe="", errors="replace")
    if len(secret.strip()) >= max(least, 1):
        yield from _packed(secret.encode("utf-8", "surrogatepass"))


def _as_go_quotes(text: str) -> str:
    """JSON as Go writes it, fit to stand in a web page."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _packed(secret: bytes) -> Iterator[str]:
    """Its base64, and of a long one what stays of that when something else is packed in front of and behind it."""
    yield base64.b64encode(secret).decode("ascii")
    if len(secret) < _PACKED:
        return
    for shift in range(3):
        whole = base64.b64encode(bytes(shift) + secret)
        middle = whole[-(-8 * shift // 6) : (len(secret) + shift) * 8 // 6]
        yield middle.decode("ascii")
        yield middle.translate(bytes.maketrans(b"+/", b"-_")).decode("ascii")


def _expression(form: str) -> str:
    quoted = re.escape(form)
    return quoted if len(form) >= SHORT else rf"(?<!\w){quoted}(?!\w)"
