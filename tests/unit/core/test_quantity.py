"""Quantities: exact, and in the one form the API server keeps as it is (checked against apimachinery itself)."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from landlord.core.quantity import QuantityError, canonical, like, number
from tests.unit.core.bodies import quantities, spelled_quantities


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (0, "0"),
        (4, "4"),
        (2000, "2k"),
        (0.5, "500m"),
        ("0", "0"),
        ("000", "0"),
        ("0Ki", "0"),
        ("0e9", "0"),
        ("0.5", "500m"),
        (".5", "500m"),
        ("1.", "1"),
        ("1.0", "1"),
        ("+2", "2"),
        ("-1500m", "-1500m"),
        ("007", "7"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("1.500", "1500m"),
        ("100k", "100k"),
        ("1000k", "1M"),
        ("1e3", "1e3"),
        ("12e6", "12e6"),
        ("12E6", "12e6"),
        ("1E3", "1e3"),
        ("1E+3", "1e3"),
        ("1E", "1E"),
        ("1Ei", "1Ei"),
        ("1e2", "100"),
        ("1e4", "10e3"),
        ("10e2", "1e3"),
        ("1e-2", "10e-3"),
        ("1500e-3", "1500e-3"),
        ("1000e-3", "1"),
        ("1e18", "1e18"),
        ("1e19", "10e18"),
        ("1e21", "1e21"),
        ("100e98", "10e99"),
        ("1024", "1024"),
        ("1023Ki", "1023Ki"),
        ("1024Ki", "1Mi"),
        ("1536Mi", "1536Mi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("0.001Ki", "1024m"),
        ("1.1Ki", "1126400m"),
        ("1000000Ki", "1000000Ki"),
        ("7Ei", "7Ei"),
    ],
)
def test_a_quantity_is_written_as_the_api_server_stores_it(written: int | float | str, stored: str) -> None:
    assert canonical(written) == stored


@pytest.mark.parametrize(
    ("written", "stored"), [("1n", "1m"), ("100u", "1m"), ("1001u", "2m"), ("1e-9", "1e-3"), ("0.0001Ki", "103m")]
)
def test_what_is_finer_than_a_thousandth_is_rounded_up_as_by_defaulting(written: str, stored: str) -> None:
    assert canonical(written) == stored


@pytest.mark.parametrize("written", ["8Ei", "9Ei", "99999999999999999999Ki", "9223372036854775807.5Mi"])
def test_binary_quantities_end_where_the_api_server_caps_them(written: str) -> None:
    assert canonical(written) == "9223372036854775807"
    assert number(written) == 2**63 - 1


def test_a_negative_binary_quantity_is_capped_alike() -> None:
    assert canonical("-1024Ei") == "-9223372036854775807"


@pytest.mark.parametrize(
    ("written", "kept"), [("1000E", "1e21"), ("1536000E", "1536e21"), ("1" + "0" * 24, "1e24"), ("1000000P", "1e21")]
)
def test_beyond_the_largest_suffix_an_exponent_keeps_what_the_api_server_would_drop(written: str, kept: str) -> None:
    # Stored as "1", "1536", "1" and "1" if they were sent as written: apimachinery has no suffix for 10^21.
    assert canonical(written) == kept
    assert number(kept) == number(written)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ".",
        "-",
        "abc",
        "1e",
        "e3",
        "1ei",
        "1E3i",
        "1KiB",
        "1.2.3",
        "1 Gi",
        "1_000",
        "NaN",
        "Infinity",
        "٣",
        "0x1",
    ],
)
def test_what_is_no_quantity_is_refused_by_name(text: str) -> None:
    with pytest.raises(QuantityError, match="is not a quantity such as 4, 500m or 8Gi"):
        canonical(text)
    with pytest.raises(QuantityError):
        number(text)


def test_a_failure_is_a_value_error() -> None:
    assert issubclass(QuantityError, ValueError)


def test_numbers_are_exact_far_beyond_the_precision_of_decimals() -> None:
    assert number("12345678901234567890123456789.123") == Decimal("12345678901234567890123456789.123")
    assert canonical("12345678901234567890123456789.123") == "12345678901234567890123456789123m"


@pytest.mark.parametrize(
    ("amount", "pattern", "text"),
    [
        ("3221225472", "8Gi", "3Gi"),
        ("1610612736", "1Ki", "1536Mi"),
        ("1.5", "1", "1500m"),
        ("12000000", "1e3", "12e6"),
        ("1000", "8Gi", "1k"),
        ("9223372036854776832", "1Ki", "9007199254740993Ki"),
        ("1000", 5, "1k"),
    ],
)
def test_an_amount_is_told_in_the_units_of_another(amount: str, pattern: int | str, text: str) -> None:
    assert like(Decimal(amount), pattern) == text


@given(quantities())
@example("1024Ki")
@example("1000E")
@example("8Ei")
def test_the_canonical_form_is_its_own_canonical_form_and_worth_the_same(value: int | str) -> None:
    once = canonical(value)
    assert canonical(once) == once
    assert number(once) == number(value)


@given(spelled_quantities(), st.integers(0, 5))
def test_leading_zeros_change_nothing(text: str, zeros: int) -> None:
    assert canonical("0" * zeros + text) == canonical(text)


@given(st.integers(0, 10**15), st.sampled_from(("Ki", "Mi")))
def test_the_same_number_of_bytes_in_another_binary_unit_is_the_same_text(count: int, unit: str) -> None:
    smaller = {"Mi": "Ki", "Ki": ""}[unit]
    if smaller:
        assert canonical(f"{count}{unit}") == canonical(f"{count * 1024}{smaller}")
    assert number(f"{count}{unit}") == number(f"{count * 1024}{smaller}")


@given(quantities(), quantities())
def test_order_is_that_of_the_numbers(one: int | str, other: int | str) -> None:
    assert (number(one) == number(other)) or (canonical(one) != canonical(other))
