"""Exit codes of ``landlord run``."""

from typing import Final

CLEAN: Final = 0
"""Asked to stop, drained, and the Lease was given back."""
CRASHED: Final = 1
"""A bug, or a part that must not end has ended; the log says which."""
BAD_SETTINGS: Final = 2
"""A flag or variable is invalid, or there is no way to log in."""
LEASE_LOST: Final = 3
"""The Lease could not be kept, so the process stopped at once; start it again."""
INTERRUPTED: Final = 130
"""A second signal came while draining."""
