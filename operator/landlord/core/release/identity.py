"""What a release is called by its content: the digests on which every comparison, hold and promotion rests."""

from collections.abc import Iterable
from typing import Any

from landlord.core.release.values import canonical_digest


def candidate(chart_digest: str, images: Iterable[str], shared_inputs: Any) -> str:
    """The digest of what may not differ between environments; the order of the images says nothing."""
    return canonical_digest(["candidate", chart_digest, sorted(set(images)), shared_inputs])


def attempt_key(candidate_digest: str, values_digest: str, health_spec: Any, retry_at: str = "") -> str:
    """The digest of one attempt: a new one cancels waiting, clears a hold and may deploy again."""
    return canonical_digest(["attempt", candidate_digest, values_digest, health_spec, retry_at])


def desired(chart_digest: str, values_digest: str, release_name: str) -> str:
    """The digest of what Helm would be asked for; equal to what runs means: no Helm call."""
    return canonical_digest(["desired", chart_digest, values_digest, release_name])


def short(digest: str) -> str:
    """The first 32 hex digits, which fit into a label's value."""
    return digest.removeprefix("sha256:")[:32]
