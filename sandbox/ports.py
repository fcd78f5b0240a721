"""Free ports, mostly of loopback, that stay free until the program they are for listens on them."""

import socket
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType

from sandbox.faults import SandboxFault
from sandbox.site import LOOPBACK

__all__ = ["LOOPBACK", "HeldPorts"]


class HeldPorts:
    """Ports bound, but not listened on, by this process.

    Choosing a port and using it later lets another program take it in between. A socket that is bound and allows reuse
    keeps the kernel from handing the port to anybody who asks for a free one, while a program that names it gets it.
    """

    def __init__(self) -> None:
        self._sockets = ExitStack()

    def choose(self, names: Iterable[str], address: str = LOOPBACK) -> dict[str, int]:
        """One free port per name, held."""
        return {name: self.hold(0, address) for name in names}

    def hold(self, port: int, address: str = LOOPBACK) -> int:
        """Hold this port of `address`, or any free one for 0; returns its number.

        Reuse is allowed only after the bind, so that two holders never share a port.
        """
        held = self._sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        if port:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((address, port))
        except OSError as taken:
            raise SandboxFault(
                f"Port {port} of this sandbox was taken by another program; run `down` and `up`."
            ) from taken
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        number: int = held.getsockname()[1]
        return number

    def __enter__(self) -> "HeldPorts":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sockets.close()
