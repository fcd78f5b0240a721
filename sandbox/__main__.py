"""Entry of `python -m sandbox`."""

import sys

from sandbox.cli import main
from sandbox.signals import unwind_when_asked_to_end

if __name__ == "__main__":
    unwind_when_asked_to_end()
    sys.exit(main())
