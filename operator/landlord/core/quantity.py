"""Kubernetes quantities as exact numbers, and written the one way the API server stores them.

Source: the canonical form of ``resource.Quantity`` in k8s.io/apimachinery (no fraction, the largest suffix of the
family the value was written in) after the defaulting of resource lists, which rounds up to thousandths. A library
would bring the whole vendor client into the core, so this is ours.
"""

import re
from decimal import Decimal
from enum import Enum, auto

_FORM = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<part>[0-9]*))?"
    r"(?:(?P<binary>[KMGTPE]i)|(?P<decimal>[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]{1,3}))?"
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SUFFIXES = {power: suffix for suffix, power in _DECIMAL.items()}
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_LARGEST_BINARY = 2**63 - 1
"""Where the API server caps what is written with a binary suffix."""


class QuantityError(ValueError):
    """A text that is no quantity."""


class _Family(Enum):
    DECIMAL = auto()
    BINARY = auto()
    EXPONENT = auto()


def number(value: int | str | float) -> Decimal:
    """The exact value, rounded up to a thousandth as the API server does; raises ``QuantityError``."""
    thousandths, _ = _parse(value)
    return Decimal(f"{thousandths}e-3")


def canonical(value: int | str | float) -> str:
    """The text the API server would store, such as ``1`` for ``1000m`` and ``1536Mi`` for ``1.5Gi``."""
    return _written(*_parse(value))


def like(amount: Decimal, pattern: int | str) -> str:
    """``amount`` in the unit family of ``pattern``, so that the two can be compared at a glance."""
    thousandths, _ = _parse(f"{amount:f}")
    return _written(thousandths, _parse(pattern)[1])


def _parse(value: int | str | float) -> tuple[int, _Family]:
    """Thousandths, and the family of the suffix."""
    form = _FORM.fullmatch(str(value).strip())
    if form is None or not (form["whole"] or form["part"]):
        raise QuantityError(f"{value!r} is not a quantity such as 4, 500m or 8Gi")
    part = form["part"] or ""
    digits, power = int(form["whole"] + part), 3 - len(part)
    family = _Family.DECIMAL
    if form["binary"]:
        digits, family = digits * 1024 ** _BINARY.index(form["binary"]), _Family.BINARY
    elif form["exponent"]:
        power, family = power + int(form["exponent"]), _Family.EXPONENT
    else:
        power += _DECIMAL[form["decimal"] or ""]
    thousandths = digits * 10**power if power >= 0 else -(-digits // 10**-power)
    if family is _Family.BINARY:
        thousandths = min(thousandths, _LARGEST_BINARY * 1000)
    return (-thousandths if form["sign"] == "-" else thousandths), family


def _written(thousandths: int, family: _Family) -> str:
    if thousandths == 0:
        return "0"
    if family is _Family.BINARY and thousandths % 1000 == 0 and abs(thousandths) >= 1024 * 1000:
        return _binary(thousandths // 1000)
    digits, power = thousandths, -3
    while digits % 1000 == 0:
        digits, power = digits // 1000, power + 3
    # The API server drops a decimal suffix beyond E, and with it all but the first digits: an exponent keeps them.
    if family is _Family.EXPONENT or power not in _SUFFIXES:
        return f"{digits}e{power}" if power else str(digits)
    return f"{digits}{_SUFFIXES[power]}"


def _binary(amount: int) -> str:
    steps = 0
    while amount % 1024 == 0:
        amount, steps = amount // 1024, steps + 1
    return f"{amount}{_BINARY[steps]}"
