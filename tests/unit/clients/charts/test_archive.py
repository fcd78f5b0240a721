"""Packages of charts: what passes and how it is named, and every way to hurt whoever unpacks."""

import contextlib
import gzip
import io
import random
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landlord.clients.charts.archive import Package, content_digest, inspect
from landlord.clients.charts.faults import ChartUnfit
from landlord.clients.charts.limits import Limits
from tests.unit.clients.charts.packages import archive, contents, entry, head, package

LIMITS = Limits(packed=1 << 20, unpacked=1 << 20, one_file=256 << 10, files=64, path=256)

part = st.text(alphabet="abcXYZ019-_. é", min_size=1, max_size=12).filter(lambda text: text not in {".", ".."})
paths = st.lists(part, min_size=1, max_size=3).map("/".join)
trees = st.dictionaries(paths.map(lambda path: f"files/{path}/end"), st.binary(max_size=200), max_size=8)


def look(packed: bytes, name: str = "web", version: str = "1.2.3") -> Package:
    """The inspected package."""
    return inspect(packed, name, version, LIMITS)


def members(packed: bytes) -> dict[str, bytes]:
    """What the standard library sees in an archive."""
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
        return {info.name: (tar.extractfile(info) or io.BytesIO()).read() for info in tar}


def test_a_chart_passes_and_says_what_it_is() -> None:
    seen = look(package())
    assert (seen.name, seen.version, seen.app_version) == ("web", "1.2.3", "7")
    assert set(seen.files) == set(contents())
    assert members(seen.packed) == {f"web/{path}": data for path, data in contents().items()}


def test_what_is_packed_anew_passes_again_unchanged() -> None:
    once = look(package())
    assert look(once.packed) == once


@settings(deadline=None)
@given(
    trees,
    st.randoms(use_true_random=False),
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
def test_the_digest_does_not_depend_on_who_packed(tree: dict[str, bytes], dice: random.Random, form: int) -> None:
    held = contents() | tree
    order = list(held.items())
    dice.shuffle(order)
    other = archive(
        [
            entry("web", type=tarfile.DIRTYPE, mode=0o755),
            *(
                entry(
                    f"web/{path}",
                    data,
                    mtime=dice.randrange(1 << 30),
                    uname="jane",
                    uid=7,
                    mode=dice.choice([0o600, 0o755]),
                )
                for path, data in order
            ),
        ],
        form,
        level=dice.randrange(10),
    )
    assert look(other).digest == look(package(held)).digest


@settings(deadline=None)
@given(trees, trees)
def test_the_digest_depends_on_every_path_and_byte(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    same = look(package(contents() | one)).digest == look(package(contents() | other)).digest
    assert same == (one == other)


def test_the_digest_is_what_common_tools_print(tmp_path: Path) -> None:
    held = contents() | {".helmignore": b"x", "templates/a b.yaml": b"y"}
    for path, data in held.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    command = r"find -type f -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum | sha256sum"
    printed = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert look(package(held)).digest == f"sha256:{printed.split()[0]}"


def test_no_two_different_sets_of_lines_make_one_digest() -> None:
    assert content_digest({"a": "sha256:1"}) != content_digest({"a": "sha256:2"})


def test_long_paths_pass_in_every_form_of_header() -> None:
    long = "files/" + "/".join(["part" * 10] * 4)
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        packed = archive([entry("web/Chart.yaml", head()), entry(f"web/{long}", b"x")], form)
        assert long in look(packed).files


def test_a_leading_dot_folder_and_a_comment_of_git_are_harmless() -> None:
    packed = archive(
        [entry("./web", type=tarfile.DIRTYPE), entry("./web/Chart.yaml", head(), pax_headers={"comment": "abc"})],
        tarfile.PAX_FORMAT,
    )
    assert set(look(packed).files) == {"Chart.yaml"}


def test_a_first_version_chart_passes_and_a_leading_v_is_no_difference() -> None:
    packed = package({"Chart.yaml": b"apiVersion: v1\nname: web\nversion: v1.2.3\n"})
    assert look(packed).version == "v1.2.3"


CHART = entry("web/Chart.yaml", head())
ODD_MEMBERS = {
    "symbolic link": (entry("web/values.yaml", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "symbolic link"),
    "hard link": (entry("web/values.yaml", type=tarfile.LNKTYPE, linkname="web/Chart.yaml"), "hard link"),
    "character device": (entry("web/null", type=tarfile.CHRTYPE, devmajor=1, devminor=3), "character device"),
    "block device": (entry("web/disk", type=tarfile.BLKTYPE), "block device"),
    "pipe": (entry("web/pipe", type=tarfile.FIFOTYPE), "pipe"),
    "sparse file": (entry("web/big", type=tarfile.GNUTYPE_SPARSE), "sparse file"),
    "unknown type": (entry("web/odd", type=b"Z"), "unknown type"),
    "absolute path": (entry("/etc/passwd", b"x"), "absolute"),
    "way out": (entry("web/../../etc/passwd", b"x"), "not plain"),
    "way out at the end": (entry("web/templates/..", b"x"), "not plain"),
    "way out by a folder": (entry("web/../up", type=tarfile.DIRTYPE), "not plain"),
    "dot": (entry("web/./values.yaml", b"x"), "not plain"),
    "empty part": (entry("web//values.yaml", b"x"), "not plain"),
    "backslash": (entry("web\\..\\x", b"x"), "not plain"),
    "newline": (entry("web/a\nb", b"x"), "not plain"),
    "duplicate": (entry("web/Chart.yaml", head("other")), "twice"),
    "file as a folder": (entry("web/Chart.yaml/x", b"x"), "both as a file and as a folder"),
    "second folder": (entry("other/values.yaml", b"x"), "one folder named web"),
    "file beside the folder": (entry("README.md", b"x"), "outside the chart's folder"),
    "large file": (entry("web/large", b"x" * (LIMITS.one_file + 1)), "bytes"),
}


@pytest.mark.parametrize("odd", ODD_MEMBERS)
def test_an_archive_with_one_odd_member_is_refused(odd: str) -> None:
    member, words = ODD_MEMBERS[odd]
    assert look(archive([CHART]))
    with pytest.raises(ChartUnfit, match=words):
        look(archive([CHART, member], tarfile.GNU_FORMAT))


def test_a_path_is_bounded() -> None:
    fits = "web/" + "/".join(["a" * 50] * 4)
    assert look(archive([CHART, entry(fits, b"x")], tarfile.PAX_FORMAT))
    for long in ("web/" + "/".join(["a" * 50] * 6), "web/" + "a" * 256):
        with pytest.raises(ChartUnfit, match="longer than"):
            look(archive([CHART, entry(long, b"x")], tarfile.PAX_FORMAT))


@pytest.mark.parametrize("pax", [{"GNU.sparse.major": "1", "GNU.sparse.realsize": "99999999"}, {"size": "99999999"}])
def test_a_pax_header_that_changes_a_size_is_refused(pax: dict[str, str]) -> None:
    with pytest.raises(ChartUnfit, match=r"sparse|second place"):
        look(archive([CHART, entry("web/a", b"x", pax_headers=pax)], tarfile.PAX_FORMAT))


@pytest.mark.parametrize(
    "records", [b"99999999 path=web/a\n", b"12 path=web/a", b"0 a=b\n", b"x path=web/a\n", b"8 nothing\n"]
)
def test_a_damaged_pax_header_is_refused(records: bytes) -> None:
    with pytest.raises(ChartUnfit, match="pax"):
        look(archive([CHART, entry("x", records, type=b"x"), entry("web/b", b"x")]))


def test_a_huge_pax_header_is_refused_before_it_is_read() -> None:
    with pytest.raises(ChartUnfit, match="a header has"):
        look(archive([CHART, entry("x", b"0" * (LIMITS.one_file - 1), type=b"x")]))


def test_what_is_unpacked_is_bounded_however_small_it_is_packed() -> None:
    bomb = archive([CHART, *(entry(f"web/{number}", bytes(200 << 10)) for number in range(8))])
    assert len(bomb) < 20_000
    assert look(archive([CHART, *(entry(f"web/{number}", bytes(200 << 10)) for number in range(4))]))
    with pytest.raises(ChartUnfit, match="unpacked it has more than"):
        look(bomb)


def test_the_number_of_files_is_bounded_folders_included() -> None:
    assert look(archive([CHART, *(entry(f"web/{number}") for number in range(LIMITS.files - 1))]))
    for kind in (tarfile.REGTYPE, tarfile.DIRTYPE):
        with pytest.raises(ChartUnfit, match="files and folders"):
            look(archive([CHART, *(entry(f"web/{number}", type=kind) for number in range(LIMITS.files))]))


def nested(inner: bytes) -> bytes:
    """A chart with a subchart's package in it."""
    return package(contents() | {"charts/sub-1.0.0.tgz": inner})


def test_a_packed_subchart_passes_and_is_kept_as_it_is() -> None:
    inner = package(name="sub")
    assert members(look(nested(inner)).packed)["web/charts/sub-1.0.0.tgz"] == inner


def test_a_packed_subchart_is_looked_into() -> None:
    evil = archive([entry("sub/Chart.yaml", head("sub")), entry("sub/x", type=tarfile.SYMTYPE, linkname="/etc")])
    for place in ("charts/sub.tgz", "charts/other/charts/sub.tgz"):
        assert look(package(contents() | {place: package(name="sub")}))
        with pytest.raises(ChartUnfit, match="symbolic link"):
            look(package(contents() | {place: evil}))


def test_packages_in_packages_share_one_budget() -> None:
    inner = archive([entry("sub/Chart.yaml", head("sub")), *(entry(f"sub/{n}", bytes(200 << 10)) for n in range(3))])
    assert look(nested(inner))
    twice = package(contents() | {"charts/a.tgz": inner, "charts/b.tgz": inner})
    with pytest.raises(ChartUnfit, match="unpacked it has more than"):
        look(twice)


def test_packages_in_packages_have_a_bottom() -> None:
    inner = package(name="sub")
    for _ in range(12):
        inner = package(contents("sub") | {"charts/sub.tgz": inner}, name="sub")
    with pytest.raises(ChartUnfit, match="too deeply"):
        look(nested(inner))


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (b"", "no Chart.yaml"),
        (b"<html>not found</html>", "no gzip archive"),
        (package()[:-200], "damaged"),
        (gzip.compress(b"x" * 700), "damaged"),
        (gzip.compress(b"x" * 100), "middle of a header"),
        (gzip.compress(gzip.decompress(package())[:700]), "middle of"),
    ],
    ids=["nothing", "a page", "cut", "no tar", "a short tar", "a tar cut"],
)
def test_what_is_no_whole_archive_is_refused(packed: bytes, words: str) -> None:
    with pytest.raises(ChartUnfit, match=words):
        look(packed)


def test_a_changed_header_is_noticed() -> None:
    plain = bytearray(gzip.decompress(package()))
    plain[0] ^= 1
    with pytest.raises(ChartUnfit, match="checksum"):
        look(gzip.compress(bytes(plain)))


@pytest.mark.parametrize(
    ("chart", "words"),
    [
        (head("other"), "another chart, 'other'"),
        (head(version="1.2.4"), "says version '1.2.4'"),
        (b"apiVersion: v3\nname: web\nversion: 1.2.3\n", "apiVersion is 'v3'"),
        (b"name: web\nversion: 1.2.3\n", "apiVersion is ''"),
        (head(more="type: library\n"), "library chart"),
        (head(more="name: other\n"), "stands there twice"),
        (b"[]", "no mapping"),
        (b"{", "no YAML"),
        (b"\xff\xfe\x00", "no YAML|no mapping"),
        (b"", "no Chart.yaml"),
        (b"[" * 100_000, "no mapping"),
        (b"apiVersion: " + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_chart_yaml_that_is_not_the_one_asked_for_is_refused(chart: bytes, words: str) -> None:
    with pytest.raises(ChartUnfit, match=words):
        look(package({"Chart.yaml": chart}))


def test_a_package_without_chart_yaml_is_refused() -> None:
    with pytest.raises(ChartUnfit, match=r"no Chart\.yaml"):
        look(package({"values.yaml": b"x: 1\n"}))


@settings(deadline=None)
@given(st.binary(max_size=2000), st.booleans())
def test_no_bytes_raise_anything_else(noise: bytes, wrapped: bool) -> None:
    with pytest.raises(ChartUnfit):
        look(gzip.compress(noise) if wrapped else noise)


@settings(deadline=None)
@given(st.integers(0, 3000), st.binary(min_size=1, max_size=8))
def test_no_change_of_an_archive_raises_anything_else(place: int, change: bytes) -> None:
    plain = bytearray(gzip.decompress(package()))
    plain[place : place + len(change)] = change
    with contextlib.suppress(ChartUnfit):
        look(gzip.compress(bytes(plain)))
