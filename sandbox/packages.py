"""What a real node needs of the machine: root, and a few packages of Debian that are installed when asked for."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sandbox import cgroups
from sandbox.faults import SandboxFault

# Where tools of administrators lie, though not on everybody's PATH.
SEARCH_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Package:
    """A package and the file by which one sees that it is installed: a program's name, or a path."""

    name: str
    shows: str

    @property
    def installed(self) -> bool:
        """Whether what it brings is there, from wherever."""
        return bool(Path(self.shows).exists() if "/" in self.shows else shutil.which(self.shows, path=SEARCH_PATH))


CNI_PLUGINS: Final = Path("/usr/lib/cni")
BUSYBOX: Final = Path("/bin/busybox")
PACKAGES: Final = (
    Package("containerd", "containerd"),
    Package("runc", "runc"),
    Package("containernetworking-plugins", str(CNI_PLUGINS / "bridge")),
    Package("iproute2", "ip"),
    Package("util-linux", "nsenter"),
    Package("busybox-static", str(BUSYBOX)),
)


def missing() -> list[str]:
    """The packages that are not installed."""
    return [package.name for package in PACKAGES if not package.installed]


def obstacle() -> str | None:
    """Why no real node can be started here, as a sentence; None if one can."""
    if os.geteuid() != 0:
        return "A real node needs root: it makes network and mount namespaces, cgroups and containers."
    if names := missing():
        how = "run `python -m sandbox packages`" if _has_apt() else f"on Debian: apt-get install {' '.join(names)}"
        return f"A real node needs packages that are not installed here: {', '.join(names)}; {how}."
    if not cgroups.may_be_made():
        return "A real node needs cgroups, and none can be made here: they are mounted read-only, or not at all."
    if refused := _namespaces_refused():
        return f"A real node needs namespaces and mounts of its own, which are refused here, to root too: {refused}"
    return None


def program(name: str) -> str:
    """The path of a program of the packages."""
    found = shutil.which(name, path=SEARCH_PATH)
    if not found:
        raise SandboxFault(f"{name} is not installed; `python -m sandbox packages` installs what a real node needs.")
    return found


def install() -> list[str]:
    """Install what is missing and can be; returns its names.

    :raises SandboxFault: where that cannot be done, saying why.
    """
    names = missing()
    if not names:
        return []
    wanted = ", ".join(names)
    if not _has_apt():
        raise SandboxFault(f"A real node needs {wanted}; only on Debian and its like are they installed for you.")
    if os.geteuid() != 0:
        raise SandboxFault(f"A real node needs {wanted}; only root can install that: apt-get install {' '.join(names)}")
    # A service that starts by itself would be a second containerd on this machine.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (
        ["apt-get", "-q", "update"],
        ["apt-get", "-q", "install", "-y", "--no-install-recommends", *names],
    ):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SandboxFault(f"`{' '.join(command)}` failed: {done.stderr.strip()[-800:]}")
    return names


def _namespaces_refused() -> str:
    """What is said against namespaces, as in many a container; nothing if they may be made."""
    attempt = ["unshare", "--net", "--mount", "--propagation=private", "mount", "-t", "tmpfs", "tmpfs", "/run"]
    done = subprocess.run(attempt, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode != 0 else ""


def _has_apt() -> bool:
    return shutil.which("apt-get", path=SEARCH_PATH) is not None and Path("/etc/debian_version").exists()
