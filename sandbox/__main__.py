"""Entry of `python -m sandbox`."""

import signal
import sys

from sandbox.cli import main

if __name__ == "__main__":
    # Asked to end, a command cleans up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
