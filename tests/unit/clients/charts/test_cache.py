"""Kept packages: whole or gone, bounded, and the same after a restart."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landlord.api.failures import Transient
from landlord.api.releases import Chart
from landlord.clients.charts.archive import Package, inspect
from landlord.clients.charts.cache import Cache
from landlord.clients.charts.limits import Limits
from tests.unit.clients.charts.packages import contents, package

LIMITS = Limits()
HOUR = 3_600_000_000_000


def made(version: str = "1.2.3", size: int = 0) -> Package:
    """A checked package; ``size`` bytes of it cannot be packed any smaller."""
    held = contents(version=version) | {"noise": os.urandom(size)}
    return inspect(package(held), "web", version, LIMITS)


def files(folder: Path) -> list[str]:
    """The names of all kept packages."""
    return sorted(path.name for path in (folder / "content").iterdir())


def age(chart: Chart, hours: int) -> None:
    """Let a package have been used so long ago."""
    status = Path(chart.path).stat()
    os.utime(chart.path, ns=(time.time_ns() - hours * HOUR, status.st_mtime_ns))


def test_what_was_put_is_found_also_after_a_restart(tmp_path: Path) -> None:
    here, kept = made(), Cache(tmp_path, LIMITS)
    assert kept.find("key", "web", "1.2.3") is None
    chart = kept.put("key", here)
    assert kept.find("key", "web", "1.2.3") == chart
    again = Cache(tmp_path, LIMITS).find("key", "web", "1.2.3")
    assert again == chart
    assert again.files == chart.files == here.files


def test_only_this_process_may_read_it(tmp_path: Path) -> None:
    Cache(tmp_path / "charts", LIMITS).put("key", made())
    assert (tmp_path / "charts" / "content").stat().st_mode & 0o077 == 0


def test_one_content_is_kept_once_under_all_its_places(tmp_path: Path) -> None:
    kept, here = Cache(tmp_path, LIMITS), made()
    assert kept.put("one", here) == kept.put("two", here)
    assert len(files(tmp_path)) == 1
    assert kept.find("two", "web", "1.2.3") == kept.find("one", "web", "1.2.3")


def test_what_has_no_name_is_kept_but_never_found_by_it(tmp_path: Path) -> None:
    kept = Cache(tmp_path, LIMITS)
    assert Path(kept.put("", made()).path).exists()
    assert kept.find("", "web", "1.2.3") is None


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("damage", [b"", b"x", package(contents() | {"evil": b"x"}), package(name="other")])
def test_a_damaged_package_is_dropped_and_made_anew(tmp_path: Path, damage: bytes, again: bool) -> None:
    kept, here = Cache(tmp_path, LIMITS), made()
    chart = kept.put("key", here)
    Path(chart.path).write_bytes(damage)
    os.utime(chart.path, ns=(0, 0))
    kept = Cache(tmp_path, LIMITS) if again else kept
    assert kept.find("key", "web", "1.2.3") is None
    assert files(tmp_path) == []
    assert kept.put("key", here) == chart
    assert kept.find("key", "web", "1.2.3") == chart


def test_a_package_that_went_is_made_anew(tmp_path: Path) -> None:
    kept, here = Cache(tmp_path, LIMITS), made()
    Path(kept.put("key", here).path).unlink()
    assert kept.find("key", "web", "1.2.3") is None
    assert kept.put("key", here) == kept.find("key", "web", "1.2.3")


@settings(deadline=None)
@given(noise=st.binary(max_size=80))
def test_a_damaged_note_of_a_place_is_dropped(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    folder = tmp_path_factory.mktemp("cache")
    kept, here = Cache(folder, LIMITS), made()
    kept.put("key", here)
    (note,) = (folder / "known").iterdir()
    note.write_bytes(noise)
    assert kept.find("key", "web", "1.2.3") is None


def test_a_note_leads_to_no_file_outside(tmp_path: Path) -> None:
    kept = Cache(tmp_path / "charts", LIMITS)
    kept.put("key", made())
    (note,) = (tmp_path / "charts" / "known").iterdir()
    note.write_text("../../outside")
    (tmp_path / "outside.tgz").write_bytes(made().packed)
    assert kept.find("key", "web", "1.2.3") is None
    assert (tmp_path / "outside.tgz").exists()


def test_leftovers_of_a_killed_process_are_swept(tmp_path: Path) -> None:
    chart = Cache(tmp_path, LIMITS).put("key", made())
    left = Path(chart.path).with_name("half.part")
    left.write_bytes(b"half")
    assert Cache(tmp_path, LIMITS).find("key", "web", "1.2.3") == chart
    assert not left.exists()


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    kept = Cache(tmp_path, replace(LIMITS, cache=250_000))
    old, used = (kept.put(version, made(version, 100_000)) for version in ("1.0.0", "1.0.1"))
    age(old, 2)
    age(used, 3)
    assert kept.find("1.0.1", "web", "1.0.1") == used
    kept.put("1.0.2", made("1.0.2", 100_000))
    assert kept.find("1.0.0", "web", "1.0.0") is None
    assert kept.find("1.0.1", "web", "1.0.1") == used


def test_what_somebody_may_be_about_to_read_stays_up_to_twice_the_bound(tmp_path: Path) -> None:
    kept = Cache(tmp_path, replace(LIMITS, cache=250_000))
    for number in range(4):
        kept.put(f"{number}", made(f"1.0.{number}", 100_000))
    assert len(files(tmp_path)) == 4
    for number in range(4, 12):
        kept.put(f"{number}", made(f"1.0.{number}", 100_000))
    held = sum(path.stat().st_size for path in (tmp_path / "content").iterdir())
    assert held <= 2 * 250_000
    assert kept.find("11", "web", "1.0.11") is not None


def test_a_package_larger_than_the_cache_is_still_handed_out(tmp_path: Path) -> None:
    kept = Cache(tmp_path, replace(LIMITS, cache=10))
    assert Path(kept.put("key", made(size=1000)).path).exists()


def test_a_disk_that_cannot_be_written_is_trouble_that_may_pass(tmp_path: Path) -> None:
    (tmp_path / "content").write_text("in the way")
    with pytest.raises(Transient, match="cache of charts"):
        Cache(tmp_path, LIMITS).put("key", made())
    with pytest.raises(Transient, match="cache of charts"):
        Cache(tmp_path, LIMITS).find("key", "web", "1.2.3")
