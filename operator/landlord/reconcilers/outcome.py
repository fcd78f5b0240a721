"""What every pass returns, and the shape of a pass itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from landlord.api.refs import Ref


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a pass ended. ``requeue_after`` None means: sleep until something changes."""

    requeue_after: timedelta | None = None


Reconcile = Callable[[Ref], Awaitable[Outcome]]
"""One level-triggered pass over one object; raises a ``LandlordFailure`` or, being a bug, anything else."""
