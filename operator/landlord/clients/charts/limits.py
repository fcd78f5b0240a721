"""How much of anything a chart's source may cost, and where it may lie."""

from dataclasses import dataclass, field
from typing import Final

from landlord.clients.addresses import Allow

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of sizes (bytes), counts and times (seconds)."""

    packed: int = 8 * MIB
    unpacked: int = 32 * MIB
    one_file: int = 5 * MIB
    """Helm's own bound."""
    files: int = 4096
    path: int = 512
    index: int = 32 * MIB
    answer: int = 1 * MIB
    """Manifests, tokens and other small answers."""
    connect: float = 10
    silence: float = 20
    """How long a server may send nothing."""
    total: float = 60
    """How long one request may take."""
    fetch: float = 90
    """How long all of a fetch may take, waiting for others who fetch the same included."""
    cache: int = 256 * MIB
    """All kept packages together; twice as much while many were asked for a moment ago."""
    grace: float = 600
    """How long a package that was asked for is kept, since a Helm process may be about to read it."""
    freshness: float = 300
    """How long what a repository's index said is believed."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where charts may come from, as the operator's settings say.

    ``plain_http`` are hosts that may be spoken to without TLS. ``stores`` are hosts (``*.example.org`` for all below,
    ``*`` for all) that a registry or repository may redirect to; no credentials are ever sent there, and addresses are
    guarded there too.
    """

    allow: Allow = field(default_factory=Allow)
    plain_http: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
