"""What a release waits for: other releases of its namespace. A ring of them is told, not waited for."""

from collections.abc import Mapping
from dataclasses import dataclass

from landlord.api.conditions import Reason
from landlord.core.release.facts import Closed


@dataclass(frozen=True, slots=True)
class Dependency:
    """One release as others see it."""

    needs: tuple[str, ...] = ()
    is_proven: bool = False


def closed_by(name: str, releases: Mapping[str, Dependency]) -> Closed | None:
    """Why ``name`` must wait, None when all that it needs is proven."""
    ring = _ring(name, releases)
    if ring:
        why = f"spec.dependsOn goes in a circle: {' -> '.join(ring)}. Take one of these dependencies out."
        return Closed(Reason.DEPENDENCY_CYCLE, why, is_final=True)
    missing = [need for need in releases[name].needs if need not in releases]
    unproven = [need for need in releases[name].needs if need in releases and not releases[need].is_proven]
    if missing:
        why = f"There is no AppRelease {', '.join(missing)} in this namespace yet; it is waited for."
        return Closed(Reason.DEPENDENCY_NOT_READY, why)
    if unproven:
        return Closed(Reason.DEPENDENCY_NOT_READY, f"Waiting for {', '.join(unproven)} to be proven.")
    return None


def _ring(name: str, releases: Mapping[str, Dependency]) -> list[str]:
    """A way from ``name`` back to itself, empty when there is none."""
    ways = [[name]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for need in releases.get(way[-1], Dependency()).needs:
            if need == name:
                return [*way, name]
            if need not in seen:
                seen.add(need)
                ways.append([*way, need])
    return []
