"""What leading means to the process: passes while the Lease is held, and the end of the process when it is lost."""

import asyncio
import logging
import os
from collections.abc import Callable

from landlord.runtime import exits
from landlord.runtime.lease import Lease

_log = logging.getLogger(__name__)


async def keep(lease: Lease, cancel: Callable[[], object], leave: Callable[[int], object] = os._exit) -> None:
    """Hold the Lease until it is released; when it is lost, cancel the passes and leave the process at once.

    There is no tidying up after a loss: another operator may already lead, and whatever a half-cancelled pass still
    did would be too late. The fence has refused writes since before; leaving makes sure that nothing lingers.
    """
    try:
        await lease.hold()
    except asyncio.CancelledError:
        raise
    except Exception:
        _log.exception("Holding the Lease failed by a bug.")
        lease.lost.set()
    if lease.lost.is_set():
        cancel()
        await asyncio.sleep(0)  # one turn of the loop, in which the passes are cancelled
        _log.critical("No longer the leader: leaving with exit code %d.", exits.LEASE_LOST)
        logging.shutdown()
        leave(exits.LEASE_LOST)
