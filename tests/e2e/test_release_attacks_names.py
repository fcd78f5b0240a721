"""Names that answer otherwise each time they are asked: what they led to when judged is what is dialled, or nothing is.

The operator gets a resolver of the test's, and the names of one domain are answered by somebody who means harm.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, cycle, repeat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox import dns
from tests.cluster import Cluster, short_name
from tests.e2e.sites import http, open_site
from tests.manifests import condition
from tests.operator_process import OperatorProcess, running_operator
from tests.polling import eventually
from tests.releases import Home, home, shop
from tests.shop import Shop

__all__ = ["home", "shop"]

DOMAIN = "partners.example"
NAME_SERVER = f"127.53.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
ALLOWED, FORBIDDEN, METADATA = "127.0.0.2", "127.0.0.3", "169.254.169.254"
OTHER_RESOLVER = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
NEW_MOUNTS, PRIVATE, BIND = 0x20000, 0x44000, 0x1000
ours, theirs = os.environb[b"TEST_RESOLV_CONF"], os.path.realpath(b"/etc/resolv.conf")
if (
    libc.unshare(NEW_MOUNTS)
    or libc.mount(b"none", b"/", None, PRIVATE, None)
    or libc.mount(ours, theirs, None, BIND, None)
):
    os._exit(70)
"""
"""Runs in the operator's process before anything else; no other process sees the change."""


@dataclass
class Fickle:
    """A name server that answers each name with the next of its answers."""

    turns: dict[str, Iterator[list[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    _now: dict[str, list[str]] = field(default_factory=dict)

    def says(self, answers: Iterator[list[str]]) -> str:
        """A new name, which has these answers."""
        name = f"{short_name('n')}.{DOMAIN}"
        self.turns[name], self._now[name] = answers, []
        return name

    def serve(self, door: socket.socket) -> None:
        """Answer until an empty letter comes."""
        while (letter := door.recvfrom(2048))[0]:
            query, sender = letter
            for name in [name for name in self.turns if _question(name) in query]:
                self._now[name] = next(self.turns[name])
                self.asked.append(name)
            if said := dns.answer(query, self._now):
                door.sendto(said, sender)


def _question(name: str) -> bytes:
    """The question for IPv4 addresses, as it stands in a query."""
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0\0\1"


@contextmanager
def open_name_server() -> Iterator[Fickle]:
    """A name server for as long as the block lasts."""
    server = Fickle()
    with socket.socket(type=socket.SOCK_DGRAM) as door:
        door.bind((NAME_SERVER, 53))
        thread = threading.Thread(target=server.serve, args=(door,))
        thread.start()
        try:
            yield server
        finally:
            door.sendto(b"", (NAME_SERVER, 53))
            thread.join(10)


@pytest.fixture(scope="module")
def fickle(cluster: Cluster) -> Iterator[Fickle]:
    """The name server that the operator asks."""
    if cluster.record is None:
        pytest.skip("an operator outside a sandbox may need its own resolver; unset KUBECONFIG")
    unshare = shutil.which("unshare")
    if os.geteuid() or unshare is None or subprocess.run([unshare, "--mount", "true"], check=False).returncode:
        pytest.skip("gives the operator another resolver, which needs root on Linux")
    with open_name_server() as server:
        yield server


@pytest.fixture(scope="module")
def release_operator(
    operator_kubeconfig: Path, shop: Shop, fickle: Fickle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """An operator whose tenants may ask the hosts of the domain, and buy charts there."""
    folder = tmp_path_factory.mktemp("resolver")
    (folder / "sitecustomize.py").write_text(OTHER_RESOLVER)
    (folder / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
    flags = {
        "--check-hosts": f"*.{DOMAIN}",
        "--reachable": f"127.0.0.1,{ALLOWED}",
        "--plain-http": f"{shop.host},*.{DOMAIN}",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        patch.setenv("TEST_RESOLV_CONF", str(folder / "resolv.conf"))
        with running_operator(
            operator_kubeconfig, folder, *(word for flag in flags.items() for word in flag)
        ) as process:
            asyncio.run(process.until_serving())
            yield process
            assert asyncio.run(process.stop()) == 0


async def until_told(home: Home, words: str) -> list[str]:
    """All that the check has come to, once a sample's message holds the words."""
    seen: list[str] = []

    async def told() -> bool:
        status = (await home.body()).get("status") or {}
        seen.extend(f"{each.get('state')}: {each.get('message')}" for each in status.get("checks") or ())
        return any(words in each for each in seen)

    await eventually(told, deadline=40, describe=lambda: f"{words!r}, told: {sorted(set(seen))}")
    return seen


async def test_a_name_that_leads_where_tenants_may_go_is_asked(home: Home, fickle: Fickle) -> None:
    name = fickle.says(repeat([ALLOWED]))
    with open_site(address=ALLOWED) as site:
        await home.editor.push(healthChecks=[http(f"http://{name}:{site.port}/healthz")])
        await home.proven()
    assert "/healthz" in site.asked
    assert name in fickle.asked


async def test_what_was_judged_is_what_is_dialled(home: Home, fickle: Fickle) -> None:
    """The same port of the address that comes at every second look would answer just as well."""
    name = fickle.says(cycle([[ALLOWED], [FORBIDDEN]]))
    with open_site(address=ALLOWED) as site, open_site(address=FORBIDDEN, port=site.port) as goal:
        await home.editor.push(healthChecks=[http(f"http://{name}:{site.port}/")], bake="30s")
        await eventually(lambda: fickle.asked.count(name) >= 8, describe="eight looks")
    assert goal.asked == []
    assert site.asked


@pytest.mark.parametrize("first", [[[ALLOWED]] * 2, []], ids=["after good answers", "beside a good one"])
@pytest.mark.parametrize(("to", "words"), [(FORBIDDEN, "this machine"), (METADATA, "a metadata service")])
async def test_a_name_that_turns_to_a_forbidden_address_is_not_followed(
    home: Home, fickle: Fickle, first: list[list[str]], to: str, words: str
) -> None:
    name = fickle.says(chain(first, repeat([to] if first else [ALLOWED, to])))
    with open_site(address=ALLOWED) as site, open_site(address=FORBIDDEN, port=site.port) as goal:
        await home.editor.push(healthChecks=[http(f"http://{name}:{site.port}/")], bake="30s")
        await until_told(home, f"leads to {to}, {words}")
    assert goal.asked == []
    assert bool(site.asked) is bool(first)


async def test_a_name_that_turns_to_the_api_server_is_not_followed(home: Home, fickle: Fickle) -> None:
    """What it would say to a request without TLS is what the check hopes for."""
    server = urlsplit(home.admin.server)
    name = fickle.says(repeat([str(server.hostname)]))
    check = http(f"http://{name}:{server.port}/version", expectedStatus=[400])
    await home.editor.push(healthChecks=[check], bake="30s")
    seen = await until_told(home, f"leads to {server.hostname}, the Kubernetes API server")
    assert not [each for each in seen if each.startswith("Passing")]


async def test_a_repository_whose_name_leads_astray_is_not_asked(home: Home, fickle: Fickle) -> None:
    names = {"good": fickle.says(repeat(["127.0.0.1"])), "bad": fickle.says(repeat([METADATA]))}
    for name, host in names.items():
        chart = {**home.shop.pin(), "repository": f"oci://{host}:{home.shop.port}/charts"}
        await home.editor.push(name, chart=chart)
    body = await home.until("bad", reason="ChartFetchFailed", words=f"leads to {METADATA}")
    assert condition(body)["status"] != "True"
    assert await home.revisions("bad") == []
    await home.proven("good")
