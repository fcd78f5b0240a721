"""Helm logs in by private files that follow the token and hold no more than they must."""

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from landlord.api.failures import Refused
from landlord.clients.helm.kubeconfig import write_kubeconfig
from landlord.clients.identity import Identity

TOKEN = Identity("https://10.0.0.1:443", "/ca.crt", False, None, None, None, "Bearer first")


def test_the_token_stands_in_a_private_file_of_its_own(tmp_path: Path) -> None:
    kubeconfig = write_kubeconfig(TOKEN, tmp_path)

    assert "first" not in kubeconfig.read_text()
    assert (tmp_path / "token").read_text() == "first"
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_a_rotated_token_is_followed_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    before = write_kubeconfig(TOKEN, tmp_path).stat().st_ino

    after = write_kubeconfig(replace(TOKEN, authorization="Bearer second"), tmp_path).stat().st_ino

    assert (tmp_path / "token").read_text() == "second"
    assert before == after, "the kubeconfig itself did not change, so it is not written again"
    assert {file.name for file in tmp_path.iterdir()} == {"kubeconfig", "token"}


def test_certificates_are_named_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    identity = replace(TOKEN, authorization=None, certificate_file="/c.crt", key_file="/c.key", proxy="http://p:1")

    document = json.loads(write_kubeconfig(identity, tmp_path).read_text())

    assert document["users"][0]["user"] == {"client-certificate": "/c.crt", "client-key": "/c.key"}
    assert document["clusters"][0]["cluster"] == {
        "server": "https://10.0.0.1:443",
        "certificate-authority": "/ca.crt",
        "proxy-url": "http://p:1",
    }


def test_no_proxy_is_heeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "10.0.0.1")
    monkeypatch.delenv("no_proxy", raising=False)

    document = json.loads(write_kubeconfig(replace(TOKEN, proxy="http://p:1"), tmp_path).read_text())

    assert "proxy-url" not in document["clusters"][0]["cluster"]


def test_another_way_to_log_in_is_refused_without_repeating_it(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        write_kubeconfig(replace(TOKEN, authorization="Basic aHVzaA=="), tmp_path)

    assert "aHVzaA" not in refused.value.why
