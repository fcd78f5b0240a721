"""Kubernetes quantities as exact numbers, and written the one way the API server stores them.

Source: the canonical form of ``resource.Quantity`` in k8s.io/apimachinery: no fraction, the largest suffix of the
family the value was written in. A library would bring the whole vendor client into the core, so this is ours.
"""

from decimal import ROUND_CEILING, Decimal, InvalidOperation

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_SMALLEST = Decimal(10) ** -9


class QuantityError(ValueError):
    """A text that is no quantity."""


def number(value: int | str | float) -> Decimal:
    """The exact value, rounded up to a billionth as the API server does; raises ``QuantityError``."""
    text, family = _split(str(value).strip())
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise QuantityError(f"{value!r} is not a quantity such as 4, 500m or 8Gi") from error
    scaled = amount * Decimal(1024) ** _BINARY[family] if family in _BINARY else amount.scaleb(_DECIMAL[family])
    return (scaled / _SMALLEST).to_integral_value(ROUND_CEILING) * _SMALLEST


def canonical(value: int | str | float) -> str:
    """The text the API server would store, such as ``1`` for ``1000m`` and ``1536Mi`` for ``1.5Gi``."""
    amount = number(value)
    _, family = _split(str(value).strip())
    if family in _BINARY and amount == amount.to_integral_value() and abs(amount) >= 1024:
        return _binary(int(amount))
    if "e" in str(value).lower().rstrip("i") and _is_exponent(str(value)):
        return _exponent(amount)
    return _decimal(amount)


def _split(text: str) -> tuple[str, str]:
    if text[-2:] in _BINARY:
        return text[:-2], text[-2:]
    if text[-1:] in _DECIMAL and text[-1:] and not _is_exponent(text):
        return text[:-1], text[-1:]
    return text, ""


def _is_exponent(text: str) -> bool:
    mantissa, mark, exponent = text.lower().partition("e")
    return bool(mark) and bool(mantissa) and exponent.lstrip("+-").isdigit()


def _binary(amount: int) -> str:
    suffix = ""
    for name in _BINARY:
        if amount % 1024 or amount == 0:
            break
        amount, suffix = amount // 1024, name
    return f"{amount}{suffix}"


def _decimal(amount: Decimal) -> str:
    if amount == 0:
        return "0"
    for suffix, power in reversed(_DECIMAL.items()):
        scaled = amount.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    return f"{int(amount.scaleb(9))}n"


def _exponent(amount: Decimal) -> str:
    if amount == 0:
        return "0"
    for power in range(18, -10, -3):
        scaled = amount.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}e{power}" if power else str(int(scaled))
    return f"{int(amount.scaleb(9))}e-9"
