"""Settings: flags over variables over defaults, bounds, and words for what is wrong."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from landlord.runtime.settings import GROUPS, Settings, complaints, duration, load, spell


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LANDLORD_{name.upper()}", raising=False)


def wrong(**flags: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        load(flags)
    return complaints(caught.value)


def test_defaults_hold_together() -> None:
    settings = load({})
    assert settings.lease_retry_period < settings.lease_renew_deadline < settings.lease_duration
    assert settings.address == ("127.0.0.1", 8080)


def test_flags_win_over_variables_and_these_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDLORD_WORKERS_TENANT", "5")
    monkeypatch.setenv("LANDLORD_RESYNC", "10m")
    settings = load({"workers_tenant": "7", "resync": None})
    assert (settings.workers_tenant, settings.resync) == (7, timedelta(minutes=10))


def test_variables_that_kubernetes_sets_for_a_service_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDLORD_PORT", "tcp://10.0.0.1:8080")
    monkeypatch.setenv("LANDLORD_SERVICE_HOST", "10.0.0.1")
    load({})


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("15s", timedelta(seconds=15)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("500ms", timedelta(milliseconds=500)),
        ("2.5s", timedelta(seconds=2.5)),
        ("20", timedelta(seconds=20)),
        ("1d", timedelta(days=1)),
    ],
)
def test_durations_are_read_as_people_write_them(text: str, span: timedelta) -> None:
    assert duration(text) == span
    assert duration(spell(span)) == span


@pytest.mark.parametrize("text", ["", "soon", "3x", "s", "-5s", "1h 5m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert wrong(drain=text) == [f"--drain (LANDLORD_DRAIN): {text!r} is no duration; write 15s, 30m, 1h30m or 500ms"]


def test_each_wrong_field_has_its_own_line() -> None:
    lines = wrong(workers_tenant="0", listen="8080", log_level="loud")
    assert lines == [
        "--workers-tenant (LANDLORD_WORKERS_TENANT): Input should be greater than or equal to 1",
        "--listen (LANDLORD_LISTEN): '8080' is no address; write HOST:PORT such as 0.0.0.0:8080",
        "--log-level (LANDLORD_LOG_LEVEL): Input should be 'debug', 'info', 'warning' or 'error'",
    ]


def test_lease_times_out_of_order_are_refused() -> None:
    assert wrong(lease_duration="5s") == ["lease_retry_period < lease_renew_deadline < lease_duration must hold"]


def test_the_platform_is_yaml_or_a_file_that_holds_it(tmp_path: Path) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text("protectedNamespaces: [monitoring]\n")
    assert load({"platform": str(file)}).platform == load({"platform": "{protectedNamespaces: [monitoring]}"}).platform


def test_a_wrong_platform_is_told_with_its_place() -> None:
    (line,) = wrong(platform="{protectedNamespace: [x]}")
    assert line.startswith("--platform (LANDLORD_PLATFORM).protectedNamespace: ")
    assert wrong(platform="/nowhere")[0].endswith("'/nowhere' is no readable file: No such file or directory")


@pytest.mark.parametrize(("listen", "address"), [("0.0.0.0:0", ("0.0.0.0", 0)), ("[::]:8080", ("::", 8080))])
def test_addresses_are_split(listen: str, address: tuple[str, int]) -> None:
    assert load({"listen": listen}).address == address


def test_every_setting_says_what_it_means_and_where_it_belongs() -> None:
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict), name
        assert extra["group"] in GROUPS
        assert field.description, name


@pytest.mark.parametrize("field", ["plain_http", "reachable", "download_hosts", "check_hosts"])
@pytest.mark.parametrize("place", ["https://charts.example.org", "charts.example.org/stable", "10.0.0.0/99", "a b"])
def test_a_place_that_would_never_be_met_is_refused(field: str, place: str) -> None:
    (told,) = wrong(**{field: f"registry.example.org,{place}"})
    assert f"--{field.replace('_', '-')}" in told
    assert repr(place) in told


def test_places_are_hosts_addresses_and_networks() -> None:
    said = "registry.example.org, *.example.org,10.0.0.0/8,192.0.2.7,fd00::/8,localhost"
    assert len(load({"reachable": said}).reachable) == 6
    assert load({"pod_networks": "10.244.0.0/16"}).pod_networks == ("10.244.0.0/16",)
    assert "192.0.2.0/24" in wrong(pod_networks="pods.example.org")[0]


def test_a_port_is_said_where_it_counts_and_all_stores_may_be_trusted() -> None:
    assert load({"plain_http": "127.0.0.1:5000,*.example.org"}).plain_http == ("127.0.0.1:5000", "*.example.org")
    assert load({"download_hosts": "*"}).download_hosts == ("*",)
    for field in ("reachable", "check_hosts", "download_hosts"):
        assert "port" in wrong(**{field: "registry.example.org:5000"})[0]
    for field in ("reachable", "check_hosts", "plain_http"):
        assert "never be met" in wrong(**{field: "*"})[0]
