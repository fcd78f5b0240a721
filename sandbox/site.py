"""What must be known of a sandbox before any part of it can be started: addresses, ports, and what was asked for."""

from dataclasses import dataclass, field
from typing import Final

from sandbox.faults import SandboxFault
from sandbox.network import Subnet

LOOPBACK: Final = "127.0.0.1"
SERVICES: Final = "10.96.0.0/16"
"""The range of services where no packet ever goes to one: the same in every sandbox without a real node."""
EXTRAS: Final = ("registry", "private-registry", "prometheus")


@dataclass(frozen=True, slots=True)
class Site:
    """Where the parts of one sandbox listen.

    `host` is loopback, or with a real node the machine's own end of the link to it, which both sides reach. `node` is
    the real node's address, and `kubelet` the program that plays it.
    """

    ports: dict[str, int] = field(default_factory=dict)
    host: str = LOOPBACK
    node: str | None = None
    kubelet: str | None = None
    extras: tuple[str, ...] = ()

    @property
    def services(self) -> str:
        """The range of services; with a real node one that no other sandbox has, so that this machine reaches them."""
        return str(Subnet.around(self.host).services) if self.node else SERVICES

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://{self.host}:{self.ports['kube-apiserver']}"


def known_extras(said: str | None) -> tuple[str, ...]:
    """The components of `--with a,b`, each once, in the order they start in.

    :raises SandboxFault: naming those that no sandbox can start.
    """
    wanted = {name.strip() for name in (said or "").split(",") if name.strip()}
    if unknown := sorted(wanted - set(EXTRAS)):
        raise SandboxFault(f"The sandbox cannot start {', '.join(unknown)}; --with knows {', '.join(EXTRAS)}.")
    return tuple(name for name in EXTRAS if name in wanted)
