"""Texts of values as Helm reads them: as JSON, whatever else YAML could say."""

from typing import Any

import pytest

from landlord.api.failures import SpecFault
from landlord.core.release.values import canonical_digest
from landlord.reconcilers.release.texts import documents, loaded


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1: a\ntrue: b\n1.5: c", {"1": "a", "true": "b", "1.5": "c"}),
        ("at: 12:30\nday: 2026-01-01\nmany: 1e3", {"at": "12:30", "day": "2026-01-01", "many": 1000.0}),
        ("a: !!binary aGVsbG8=\nb: !!binary /w==", {"a": "hello", "b": "\ufffd"}),
        ("a: !!set {b, c}\nd: !!omap [e: 1]", {"a": {"b": None, "c": None}, "d": [{"e": 1}]}),
        ("a: !!timestamp 2026-01-01\nb: =\nc: <<", {"a": "2026-01-01", "b": "=", "c": "<<"}),
        ("[on, yes, y, off, No, n, oN]", [True, True, True, False, False, False, "oN"]),
        ("[0b11, -0x1F, 0o17, 017, 08, 1_000, +1, 0]", [3, -31, 15, 15, 8, 1000, 1, 0]),
        ("[1e3, .5, 1_0.5, 1e400, 1., 0x, _1]", [1000, 0.5, 10.5, "1e400", 1, "0x", "_1"]),
        ("443: a\non: b\n0x10: c\n1e3: d", {"443": "a", "true": "b", "16": "c", "1000": "d"}),
        ("base: &base {a: 1}\nweb: {<<: *base, b: 2}", {"base": {"a": 1}, "web": {"a": 1, "b": 2}}),
        ("", {}),
    ],
)
def test_values_are_read_as_helm_reads_them(text: str, values: Any) -> None:
    [read] = documents(text or "{}")
    assert repr(read) == repr(values) or read == values
    assert canonical_digest(read) == canonical_digest(values)
    if isinstance(values, dict):
        assert loaded(text, "spec.valuesFrom[0]") == values


@pytest.mark.parametrize("odd", ["!mine 1", "!!python/object:os.system {}", "{? [a] : 1}", "{~: 1}"])
def test_what_json_has_not_is_refused_with_its_line(odd: str) -> None:
    with pytest.raises(SpecFault, match=r"in line 2\.") as fault:
        loaded(f"a: 1\nx: {odd}", "spec.valuesFrom[0]")
    assert fault.value.path == "spec.valuesFrom[0]"
    with pytest.raises(SpecFault):
        documents(f"a: 1\nx: {odd}")


def test_no_word_of_a_text_that_cannot_be_read_is_told() -> None:
    with pytest.raises(SpecFault) as fault:
        loaded("password: [swordfish", "spec.valuesFrom[0]")
    assert "swordfish" not in str(fault.value)
    assert str(fault.value) == "spec.valuesFrom[0]: is no YAML in line 2."


@pytest.mark.parametrize("bomb", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000 + "a", "? " * 100_000])
def test_what_is_nested_too_deeply_is_refused_before_it_can_overflow_the_stack(bomb: str) -> None:
    with pytest.raises(SpecFault, match=r"levels deep in line 3|is no YAML"):
        loaded(f"x: 1\ny:\n  {bomb}", "spec.valuesFrom[0]")
    with pytest.raises(SpecFault):
        documents(f"x: 1\ny:\n  {bomb}")
