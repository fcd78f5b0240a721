import asyncio
import struct
from typing import Any

import pytest

from sandbox import dns, volumes
from sandbox.services import Relay, routes, zone

Object = dict[str, Any]


def service(name: str, address: str = "10.214.0.9", **more: Any) -> Object:
    ports = [{"port": 80, "protocol": "TCP", "name": "http"}, {"port": 53, "protocol": "UDP"}]
    return {"metadata": {"name": name, "namespace": "n"}, "spec": {"clusterIP": address, "ports": ports, **more}}


def endpoints(of: str, *behind: Object) -> Object:
    return {
        "metadata": {"namespace": "n", "labels": {"kubernetes.io/service-name": of}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": list(behind),
    }


READY: Object = {"addresses": ["10.213.0.10"], "conditions": {"ready": True}, "hostname": "web-0"}
UNREADY: Object = {"addresses": ["10.213.0.11"], "conditions": {"ready": False}, "hostname": "web-1"}


def test_a_service_leads_to_its_ready_endpoints_over_tcp() -> None:
    slices = [endpoints("a", READY, UNREADY), endpoints("b", UNREADY)]
    assert routes([service("a"), service("b", "10.214.0.8")], slices) == {
        ("10.214.0.9", 80): (("10.213.0.10", 8080),),
        ("10.214.0.8", 80): (),
    }


def test_a_service_without_an_address_leads_nowhere() -> None:
    assert routes([service("a", "None"), service("b", "")], [endpoints("a", READY)]) == {}


def test_a_service_has_a_name_and_so_have_the_endpoints_of_one_without_an_address() -> None:
    names = zone([service("a"), service("h", "None")], [endpoints("h", READY, UNREADY)], "c")
    assert names == {
        "a.n.svc.c": ["10.214.0.9"],
        "h.n.svc.c": ["10.213.0.10"],
        "web-0.h.n.svc.c": ["10.213.0.10"],
    }


def test_endpoints_that_are_published_early_have_names_before_they_are_ready() -> None:
    names = zone([service("h", "None", publishNotReadyAddresses=True)], [endpoints("h", UNREADY)], "c")
    assert names["web-1.h.n.svc.c"] == ["10.213.0.11"]


def question(name: str, kind: int = 1) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def test_a_known_name_is_answered_with_its_addresses_whatever_its_letters() -> None:
    said = dns.answer(question("A.n"), {"a.n": ["10.0.0.1", "10.0.0.2"]})
    assert said
    assert struct.unpack_from("!HHHH", said) == (7, 0x8180, 1, 2)
    assert said.endswith(bytes([10, 0, 0, 2]))


def test_an_unknown_name_does_not_exist_and_a_known_one_has_no_other_records() -> None:
    unknown, other = dns.answer(question("b"), {"a": []}), dns.answer(question("a", kind=28), {"a": ["10.0.0.1"]})
    assert unknown
    assert struct.unpack_from("!HHHH", unknown) == (7, 0x8183, 1, 0)
    assert other
    assert struct.unpack_from("!HHHH", other) == (7, 0x8180, 1, 0)


@pytest.mark.parametrize("garbage", [b"", b"\0" * 11, question("a")[:-3], question("a")[:12] + b"\x3f"])
def test_what_is_no_question_gets_no_answer(garbage: bytes) -> None:
    assert dns.answer(garbage, {}) is None


async def test_a_relay_passes_both_directions_on_and_forgets_what_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Relay, "_take", lambda *_: None)  # loopback is there already

    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read()).upper())
        writer.close()
        await writer.wait_closed()

    relay = Relay()
    async with await asyncio.start_server(shout, "127.0.0.1", 0) as behind, await free_port() as place:
        address = place.sockets[0].getsockname()
        place.close()
        await place.wait_closed()
        dead = ("127.0.0.1", 1)
        await relay.follow({address: (dead, behind.sockets[0].getsockname())})
        assert await said_by(address, b"hello") == b"HELLO"
        await relay.follow({})
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)


async def free_port() -> asyncio.Server:
    return await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)


async def said_by(address: tuple[str, int], words: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(words)
    writer.write_eof()
    said = await reader.read()
    writer.close()
    await writer.wait_closed()
    return said


def test_a_volume_is_for_its_claim_alone_and_on_the_real_node() -> None:
    claim = {
        "metadata": {"name": "data", "namespace": "n", "uid": "u"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    made = volumes.volume(claim)
    assert made["metadata"]["name"] == "pvc-u"
    assert made["spec"]["claimRef"]["uid"] == "u"
    assert made["spec"]["storageClassName"] == volumes.storage_class()["metadata"]["name"]
