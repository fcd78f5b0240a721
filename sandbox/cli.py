"""The command line: `python -m sandbox build|packages|up|down|reset|status`."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence

from sandbox import cluster, packages, registry
from sandbox.build import build
from sandbox.components import COMPONENTS, named
from sandbox.faults import SandboxFault
from sandbox.folder import Folder, Phase, Record
from sandbox.pki import NODE
from sandbox.site import EXTRAS, known_extras
from sandbox.status import PartStatus, log_end

_DESCRIPTION = """\
A real Kubernetes control plane on this machine: etcd, API server, controller manager, scheduler, and kwok, which
plays a node and its pods; on request a real node, a registry and Prometheus. Nothing is written outside of one folder
and the cache of built programs.
"""
_EPILOG = """\
examples:
  python -m sandbox up                            start (the first time: build) and wait until it is usable
  export KUBECONFIG=$PWD/.sandbox/kubeconfig      use it
  python -m sandbox up --node --with registry     the same with a real node, which needs root, and a registry
  python -m sandbox status                        what runs, where, and what died
  python -m sandbox reset                         an empty cluster again, in seconds
  python -m sandbox down                          end everything and remove the folder

programs are kept in $LANDLORD_SANDBOX_CACHE, else $XDG_CACHE_HOME/landlord-sandbox, else ~/.cache/landlord-sandbox
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it came true, 1 after telling why not, 130 after an interrupt."""
    chosen = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = chosen.run
    try:
        return command(chosen)
    except SandboxFault as fault:
        sys.stderr.write(f"{fault}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        return 130


def _build(chosen: argparse.Namespace) -> int:
    for component in named(tuple(chosen.component)):
        print(f"{component.name} {component.version}: {build(component)}")
    return 0


def _packages(_: argparse.Namespace) -> int:
    installed = packages.install()
    if why := packages.obstacle():
        raise SandboxFault(why)
    print(f"Installed: {', '.join(installed)}." if installed else "All packages that a real node needs are installed.")
    return 0


def _up(chosen: argparse.Namespace) -> int:
    began = time.monotonic()
    record = cluster.up(chosen.dir, with_node=chosen.node, extras=known_extras(chosen.extras))
    print(f"Kubernetes {record.kubernetes} at {record.server}, usable after {time.monotonic() - began:.1f} s.")
    print(_usage(record))
    return 0


def _down(chosen: argparse.Namespace) -> int:
    ended = cluster.down(chosen.dir, keep=chosen.keep)
    kept = "kept" if chosen.keep else "removed"
    print(f"{ended} processes ended; {Folder.at(chosen.dir).path} {kept}.")
    return 0


def _reset(chosen: argparse.Namespace) -> int:
    began = time.monotonic()
    record = cluster.reset(chosen.dir)
    print(f"Empty again at {record.server} after {time.monotonic() - began:.1f} s.")
    return 0


def _status(chosen: argparse.Namespace) -> int:
    status = cluster.status(chosen.dir)
    print(table(status.parts))
    if status.record.phase is not Phase.READY:
        print("\nIts start is not finished. If no other command is at work on it, `up` starts it anew.")
    for part in status.dead:
        print(f"\n{part.name} does not run. The end of {part.log}:\n{log_end(part.log)}")
    return 1 if status.dead else 0


def table(parts: Sequence[PartStatus]) -> str:
    """The parts as aligned columns."""
    rows = [("PART", "PID", "STATE", "ADDRESS", "RSS"), *(_row(part) for part in parts)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(part: PartStatus) -> tuple[str, str, str, str, str]:
    state = "running" if part.alive else "died" if part.running else "not started"
    resident = f"{part.resident / 2**20:.0f} MiB" if part.resident is not None else "-"
    return part.name, str(part.running.pid) if part.running else "-", state, part.address, resident


def _usage(record: Record) -> str:
    lines = [f"export KUBECONFIG={record.kubeconfig}"]
    if record.node:
        lines.append(f"The real node {NODE} has the address {record.node} and the images {', '.join(record.images)}.")
    if record.registry:
        lines.append(f"Registry, plain HTTP: {record.registry}")
    if record.private_registry:
        lines.append(f"Registry, plain HTTP, for {registry.USER} with {registry.PASSWORD}: {record.private_registry}")
    if record.prometheus:
        lines.append(f"Prometheus: {record.prometheus}")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m sandbox", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=raw)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("build", help="build components into the cache, if they are not there yet")
    known = ", ".join(component.name for component in COMPONENTS)
    command.add_argument("component", nargs="*", metavar="COMPONENT", help=f"one of {known}; the core if none is named")
    command.set_defaults(run=_build)

    purpose = "install what a real node needs of this machine, where that can be done"
    command = commands.add_parser("packages", help=purpose, description=f"{purpose.capitalize()}.")
    command.set_defaults(run=_packages)

    command = _on_folder(commands, "up", _up, "start a cluster, or see that it runs, and wait until it is usable")
    command.add_argument(
        "--node", action="store_true", help="a real node beside the fake one: kubelet on containerd, needs root"
    )
    command.add_argument("--with", dest="extras", metavar="COMPONENT,...", help=f"more components: {', '.join(EXTRAS)}")

    command = _on_folder(commands, "down", _down, "end all processes of the sandbox and remove its folder")
    command.add_argument("--keep", action="store_true", help="keep the folder with its logs and data")

    _on_folder(commands, "reset", _reset, "make the cluster as empty as it was when it started")
    _on_folder(commands, "status", _status, "show every part; exit code 1 if one has died")
    return parser


def _on_folder(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], int],
    purpose: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}.")
    command.add_argument("--dir", default=".sandbox", help="the sandbox's folder (default: %(default)s)")
    command.set_defaults(run=run)
    return command
