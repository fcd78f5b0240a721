"""The little that is read out of YAML from strangers."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from landlord.clients.charts.outline import Entry, OutlineFault, listing, scalars

INDEX = b"""
apiVersion: v1
generated: "2026-01-01T00:00:00Z"
entries:
  db:
  - {name: db, version: 1.0.0, urls: [db-1.0.0.tgz]}
  web:
  - name: web
    version: 1.10
    digest: abc
    urls: [a.tgz, "https://files.example.org/a.tgz"]
    annotations: {deep: {er: [x]}}
  - name: web
    version: 1.2.3
    dependencies: [{name: db, version: 1.x}]
  queue: []
"""


def test_all_versions_of_a_chart_are_listed_as_they_are_written() -> None:
    assert listing(INDEX, "web").entries == (
        Entry("1.10", "a.tgz", "abc"),
        Entry("1.2.3", "", ""),
    )


def test_a_chart_that_is_not_there_leaves_the_names_of_the_others() -> None:
    seen = listing(INDEX, "wbe")
    assert seen.entries == ()
    assert seen.names == ("db", "web", "queue")


def test_json_is_read_as_well() -> None:
    assert listing(b'{"entries": {"web": [{"version": "1.0.0", "urls": ["x"]}]}}', "web").entries[0].version == "1.0.0"


def test_aliases_multiply_nothing() -> None:
    bomb = b"a: &a [x, x]\nb: &b [*a, *a]\nentries:\n  web:\n  - {version: 1.0.0, urls: *b, digest: d}\n"
    assert listing(bomb, "web").entries == (Entry("1.0.0", "", "d"),)


def test_nothing_that_is_not_needed_is_kept_however_much_there_is() -> None:
    long = "x" * 5000
    text = f"entries: {{web: [{{version: {long}, urls: [[a], b], digest: {{a: b}}}}, x, [y], {{version: 1.0.0}}]}}"
    assert listing(text.encode(), "web").entries == (Entry("", "", ""), Entry("1.0.0", "", ""))
    assert listing(f"entries: {{{long[:1000]}: []}}".encode(), "web").names == ("x" * 128,)


def test_the_number_of_versions_is_bounded() -> None:
    text = b"entries:\n  web:\n" + b"  - {version: 1.0.0}\n" * 10_000
    assert len(listing(text, "web").entries) == 10_000
    with pytest.raises(OutlineFault, match="versions"):
        listing(text + b"  - {version: 1.0.0}\n", "web")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"word",
        b"{",
        b"a: b: c",
        b"a: \xff",
        b"entries: {x: " + b"[" * 100_000,
        b"entries: {web: " + b"[" * 100_000,
        b"a: " + b"{a: " * 100_000,
    ],
)
def test_what_is_no_plain_mapping_is_a_fault(text: bytes) -> None:
    with pytest.raises(OutlineFault):
        listing(text, "web")
    with pytest.raises(OutlineFault):
        scalars(text)


@pytest.mark.parametrize("text", [b"entries: []", b"entries:", b"entries: {web: x}", b"entries: {web: [x]}", b"a: {}"])
def test_an_index_of_another_form_lists_nothing(text: bytes) -> None:
    assert listing(text, "web").entries == ()


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(text: bytes) -> None:
    try:
        assert isinstance(scalars(text), dict)
        assert isinstance(listing(text, "web").entries, tuple)
    except OutlineFault as fault:
        assert str(fault)  # noqa: PT017 - both ends are right


words = st.text(alphabet="abcxyz019.-", min_size=1, max_size=8)
indexes = st.dictionaries(
    words,
    st.lists(
        st.fixed_dictionaries({"version": words, "urls": st.lists(words, max_size=2), "digest": words}), max_size=3
    ),
    max_size=4,
)


@given(indexes, words)
def test_it_reads_what_a_full_parser_reads(index: dict[str, list[dict[str, object]]], chart: str) -> None:
    text = yaml.safe_dump({"apiVersion": "v1", "entries": index}).encode()
    wanted = [
        Entry(str(one["version"]), next(iter(one["urls"]), ""), str(one["digest"]))  # type: ignore[call-overload]
        for one in index.get(chart, [])
    ]
    assert list(listing(text, chart).entries) == wanted
