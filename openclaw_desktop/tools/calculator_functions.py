"""Sums: what is worked out in the jail.

Owns the grammar and its limits. Exact as long as it can be: numbers are fractions, and become decimals only where a
root or an angle makes them so. Must not know how a sum was asked for. Tool worker, in the jailed child.

    sum     = term (("+" | "-") term)*          80 + 15% is 15 % more than 80, as on a pocket calculator
    term    = factor (("*" | "/" | "mod" | "of") factor)*    also (2)(3) and 2pi
    factor  = ("+" | "-") factor | power
    power   = postfix ("^" factor)?             to the right: 2^3^2 is 2^9
    postfix = atom ("!" | "%")*
    atom    = number | name | name "(" sum ("," sum)* ")" | "(" sum ")"
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

from openclaw_desktop.workers.calls import JSON, CallFailed, Handler

LONGEST_CHARS = 500
DEEPEST = 60
LARGEST_BITS = 16_000
LARGEST_FACTORIAL = 1_000
SHOWN_DIGITS = 60
_SIGNIFICANT = 15

Number = Fraction | float

# A comma before three digits is a thousand's, where no blank follows: round(1,234) is one number.
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:e[+-]?\d{1,4}(?!\w))?)"
    r"|(?P<name>[a-zπτ]+\d{0,2})|(?P<sign>\*\*|//|[-+*/^%!(),×÷·−–√]))",
    re.IGNORECASE,
)
_SAME = {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "**": "^", "π": "pi", "τ": "tau", "plus": "+", "minus": "-",
         "times": "*", "x": "*", "modulo": "mod", "percent": "%", "√": "sqrt"}  # fmt: skip
_CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}
_OPERATORS = frozenset({"mod", "of"})


def calculate(expression: str) -> JSON:
    """Return {"value", "exact"} of a sum: `value` in digits, `exact` False where it was rounded.

    Raises CallFailed `not_a_sum`, `no_number` (as with a division by 0) or `too_large`.
    """
    if len(expression) > LONGEST_CHARS:
        raise CallFailed("too_large", f"a sum has at most {LONGEST_CHARS} characters")
    value = _Parser(_tokens(expression)).whole()
    return {"value": written(value)[0], "exact": written(value)[1]}


def written(value: Number) -> tuple[str, bool]:
    """Return `value` in digits, and whether that is all of it."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise CallFailed("too_large", "the result is too large")
        return _short(Decimal(f"{value:.{_SIGNIFICANT}g}")), False
    if value.denominator == 1:
        digits = str(value.numerator)
        if len(digits) <= SHOWN_DIGITS:
            return digits, True
        return _scientific(value), False
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    places = max(20, value.denominator.bit_length())
    if rest == 1 and places <= SHOWN_DIGITS:
        return _short(Decimal(value.numerator) / Decimal(value.denominator)), _is_all(value)
    return _short(Decimal(f"{float(value):.{_SIGNIFICANT}g}")) if _fits(value) else _scientific(value), False


def _is_all(value: Fraction) -> bool:
    return Fraction(Decimal(value.numerator) / Decimal(value.denominator)) == value


def _fits(value: Fraction) -> bool:
    try:
        return float(value) != 0 and math.isfinite(float(value))
    except OverflowError:
        return False


def _short(value: Decimal) -> str:
    text = f"{value:f}"
    if len(text) > SHOWN_DIGITS or (value and abs(value) < Decimal("1e-9")):
        return f"{value:e}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scientific(value: Fraction) -> str:
    sign, size = ("-" if value < 0 else ""), abs(value)
    power = len(str(size.numerator)) - len(str(size.denominator))
    power -= size < Fraction(10) ** power
    return f"{sign}{float(size / Fraction(10) ** power):.{_SIGNIFICANT - 1}g}e{power:+d}"


def _tokens(text: str) -> list[str | Fraction]:
    tokens: list[str | Fraction] = []
    at = 0
    text = text.strip().rstrip("=?")
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None or not found[0].strip():
            raise CallFailed("not_a_sum", f"{text[at:].strip()[:20]!r} is nothing that can be worked out")
        if number := found["number"]:
            tokens.append(_number(number))
        else:
            word = (found["name"] or found["sign"]).lower()
            tokens.append(_SAME.get(word, word))
        at = found.end()
    return tokens


def _number(text: str) -> Fraction:
    value = Decimal(text.replace(",", ""))
    if abs(value.adjusted()) > LARGEST_BITS // 4:
        raise CallFailed("too_large", "a number in it is too large")
    return Fraction(value)


class _Parser:
    def __init__(self, tokens: list[str | Fraction]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Number:
        value = self._sum()
        if self._at < len(self._tokens):
            raise CallFailed("not_a_sum", f"there is no sense in it from {_shown(self._tokens[self._at])} on")
        return value

    def _peek(self) -> str | Fraction | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, *wanted: str) -> str | None:
        token = self._peek()
        if isinstance(token, str) and token in wanted:
            self._at += 1
            return token
        return None

    def _sum(self) -> Number:
        self._depth += 1
        if self._depth > DEEPEST:
            raise CallFailed("too_large", "there are too many brackets within one another")
        value, _ = self._term()
        while sign := self._take("+", "-"):
            more, is_share = self._term()
            if is_share:  # 80 + 15%
                more = _times(value, more)
            value = _plus(value, more if sign == "+" else -more)
        self._depth -= 1
        return value

    def _term(self) -> tuple[Number, bool]:
        """Return the value, and whether it is a bare percentage."""
        value, is_share = self._factor()
        while True:
            sign = self._take("*", "/", "//", "mod", "of")
            if sign is None:
                if not self._goes_on():
                    return value, is_share
                sign = "*"
            other, _ = self._factor()
            value, is_share = _apply(sign, value, other), False

    def _goes_on(self) -> bool:
        """Return whether what follows is multiplied without a sign: 2(3), 2pi."""
        token = self._peek()
        if not isinstance(token, str):
            return False
        return token in ("(",) or (token[0].isalpha() and token not in _OPERATORS)

    def _factor(self) -> tuple[Number, bool]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise CallFailed("too_large", "there are too many signs one after the other")
        if sign := self._take("+", "-"):
            value, is_share = self._factor()
            value = -value if sign == "-" else value
        else:
            value, is_share = self._postfix()
            if self._take("^"):
                value, is_share = _power(value, self._factor()[0]), False
        self._depth -= 1
        return value, is_share

    def _postfix(self) -> tuple[Number, bool]:
        value, is_share = self._atom(), False
        while sign := self._take("!", "%"):
            if sign == "%" and self._starts_operand():
                # 17 % 5: a remainder, as programs write it.
                value = _apply("mod", value, self._factor()[0])
            elif sign == "%":
                value, is_share = _times(value, Fraction(1, 100)), True
            else:
                value, is_share = _factorial(value), False
        return value, is_share

    def _starts_operand(self) -> bool:
        return isinstance(self._peek(), Fraction)

    def _atom(self) -> Number:
        token = self._peek()
        if token is None:
            raise CallFailed("not_a_sum", "it ends too early")
        self._at += 1
        if isinstance(token, Fraction):
            return token
        if token in ("(",):
            value = self._sum()
            self._close()
            return value
        if token in _CONSTANTS:
            return _CONSTANTS[token]
        if token in _FUNCTIONS:
            return self._call(token)
        raise CallFailed("not_a_sum", f"{_shown(token)} is nothing that can be worked out")

    def _call(self, name: str) -> Number:
        if not self._take("("):
            return _call(name, [self._factor()[0]])  # sqrt 2
        arguments = [self._sum()]
        while self._take(","):
            arguments.append(self._sum())
        self._close()
        return _call(name, arguments)

    def _close(self) -> None:
        if not self._take(")"):
            raise CallFailed("not_a_sum", "a bracket is not closed")


def _shown(token: str | Fraction) -> str:
    return repr(token) if isinstance(token, str) else written(token)[0]


def _plus(left: Number, right: Number) -> Number:
    return _joined(operator.add, left, right)


def _times(left: Number, right: Number) -> Number:
    return _joined(operator.mul, left, right)


def _apply(sign: str, left: Number, right: Number) -> Number:
    match sign:
        case "*" | "of":
            return _times(left, right)
        case _ if right == 0:
            raise CallFailed("no_number", "nothing can be divided by 0")
        case "/":
            return _joined(operator.truediv, left, right)
        case "//":
            return _joined(lambda a, b: Fraction(math.floor(a / b)), left, right)
        case _:
            return _joined(operator.mod, left, right)


def _power(base: Number, exponent: Number) -> Number:
    if base == 0 and exponent < 0:
        raise CallFailed("no_number", "nothing can be divided by 0")
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if bits > 1 and abs(exponent.numerator) * bits > LARGEST_BITS:
            raise CallFailed("too_large", "the result is too large")
        if bits <= 1 and base != 0:  # 1 or -1, however often
            exponent = Fraction(exponent.numerator % 2)
        power: Fraction = base**exponent.numerator
        return power
    if base < 0:
        raise CallFailed("no_number", "a root of a negative number is no real number")
    if isinstance(base, Fraction) and exponent == Fraction(1, 2):
        return _root(base)
    try:
        return math.pow(base, exponent)
    except OverflowError:
        raise CallFailed("too_large", "the result is too large") from None


def _factorial(value: Number) -> Number:
    if not isinstance(value, Fraction) or value.denominator != 1 or value < 0:
        raise CallFailed("no_number", "only a whole number from 0 on has a factorial")
    if value > LARGEST_FACTORIAL:
        raise CallFailed("too_large", "the result is too large")
    return Fraction(math.factorial(value.numerator))


def _root(value: Number) -> Number:
    if value < 0:
        raise CallFailed("no_number", "a root of a negative number is no real number")
    if isinstance(value, Fraction):
        top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if top * top == value.numerator and bottom * bottom == value.denominator:
            return Fraction(top, bottom)
    return math.sqrt(value)


def _cube_root(value: Number) -> Number:
    near = round(math.cbrt(value))
    return Fraction(near) if Fraction(near) ** 3 == value else math.cbrt(value)


def _round(value: Number, places: Number = Fraction(0)) -> Number:
    if not isinstance(places, Fraction) or places.denominator != 1 or abs(places) > 50:
        raise CallFailed("no_number", "numbers are rounded to a whole number of places, at most 50")
    # Half away from zero, as people round, not to the even digit.
    scale = Fraction(10) ** places.numerator
    half = Fraction(1, 2) if value >= 0 else Fraction(-1, 2)
    return Fraction(math.trunc(Fraction(value) * scale + half)) / scale


def _joined(work: Callable[[Number, Number], Number], left: Number, right: Number) -> Number:
    """Return what `work` makes of both; a fraction beside a decimal may be too large for one."""
    try:
        return _bounded(work(left, right))
    except OverflowError:
        raise CallFailed("too_large", "the result is too large") from None


def _bounded(value: Number) -> Number:
    if isinstance(value, Fraction):
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > LARGEST_BITS:
            raise CallFailed("too_large", "the result is too large")
    elif math.isinf(value):
        raise CallFailed("too_large", "the result is too large")
    return value


def _log(value: Number, base: Number = Fraction(10)) -> Number:
    return math.log10(value) if base == 10 else math.log(value) / math.log(base)


_FUNCTIONS: Mapping[str, Callable[..., Number]] = MappingProxyType(
    {
        "sqrt": _root, "cbrt": _cube_root, "abs": abs, "round": _round, "floor": lambda x: Fraction(math.floor(x)),
        "ceil": lambda x: Fraction(math.ceil(x)), "min": lambda *x: min(x), "max": lambda *x: max(x),
        "sum": lambda *x: sum(x), "average": lambda *x: sum(x) / len(x), "mean": lambda *x: sum(x) / len(x),
        "ln": math.log, "log": _log, "log10": math.log10, "log2": math.log2, "exp": math.exp, "sin": math.sin,
        "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan,
        "degrees": math.degrees, "radians": math.radians,
    }
)  # fmt: skip


def _call(name: str, arguments: list[Number]) -> Number:
    try:
        return _bounded(_FUNCTIONS[name](*arguments))
    except TypeError:
        raise CallFailed("not_a_sum", f"{name} takes another number of values") from None
    except (ValueError, ZeroDivisionError):
        raise CallFailed("no_number", f"{name} has no value there") from None
    except OverflowError:
        raise CallFailed("too_large", "the result is too large") from None


HANDLERS: Mapping[str, Handler] = MappingProxyType({"sums.calculate": calculate})
