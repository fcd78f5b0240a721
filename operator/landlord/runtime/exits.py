"""Exit codes of ``landlord run``, and what each tells a person."""

from typing import Final

CLEAN: Final = 0
CRASHED: Final = 1
BAD_SETTINGS: Final = 2
LEASE_LOST: Final = 3
INTERRUPTED: Final = 130

MEANINGS: Final = {
    CLEAN: "Asked to stop (SIGTERM or SIGINT): drained, and the Lease was given back.",
    CRASHED: "A bug, or a part that must not end has ended; the log says which.",
    BAD_SETTINGS: "A setting is invalid, or there is no way to log in.",
    LEASE_LOST: "The Lease could not be kept, so the process stopped at once; start it again.",
    INTERRUPTED: "A second signal came while draining.",
}
