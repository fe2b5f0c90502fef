"""Units: what is converted in the jail, by pint.

Owns how people write units, and which words could mean two of them. Importing this costs about 30 MB, which is why the
worker of the parsers has it and not the warm one. Must not know how a conversion was asked for. Parsers' worker, in the
jailed child.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

import pint

from openclaw_desktop.workers.calls import JSON, CallFailed, Handler

LONGEST_CHARS = 60

_units: pint.UnitRegistry[float] = pint.UnitRegistry(cache_folder=None)
# A "calorie" on food is a thousand of the physicist's. "knots" is known to pint, "kph" under another name.
_units.define("food_calorie = 1000 * calorie = Cal")
# What people write, where pint has another name or would read something else ("C" is coulomb, "ton" the American one).
_NAMES = {
    "c": "degC", "°c": "degC", "celsius": "degC", "degrees celsius": "degC", "centigrade": "degC", "degrees c": "degC",
    "f": "degF", "°f": "degF", "fahrenheit": "degF", "degrees fahrenheit": "degF", "degrees f": "degF",
    "k": "kelvin", "kelvins": "kelvin",
    "kmh": "km/h", "km/h": "km/h", "kph": "km/h", "mph": "mile/hour", "miles per hour": "mile/hour",
    "kilometers per hour": "km/h", "kilometres per hour": "km/h", "meters per second": "m/s",
    "metres per second": "m/s",
    "kcal": "food_calorie", "calories": "food_calorie", "calorie": "food_calorie", "cal": "food_calorie",
    "mpg": "mile/gallon", "miles per gallon": "mile/gallon",
    "tonne": "metric_ton", "tonnes": "metric_ton", "t": "metric_ton", "lbs": "pound", "lb": "pound", "oz": "ounce",
    "kilo": "kilogram", "kilos": "kilogram", "fl oz": "fluid_ounce", "fluid ounces": "fluid_ounce",
    "tbsp": "tablespoon", "tsp": "teaspoon", "sq ft": "foot**2", "square feet": "foot**2", "square meters": "m**2",
    "square metres": "m**2", "square miles": "mile**2", "square kilometers": "km**2", "square kilometres": "km**2",
    "m2": "m**2", "m²": "m**2", "km2": "km**2", "km²": "km**2", "m3": "m**3", "m³": "m**3", "ft2": "foot**2",
    "ft²": "foot**2", "cubic meters": "m**3", "cubic metres": "m**3", "cubic feet": "foot**3", "hp": "horsepower",
    "kb": "kilobyte", "mb": "megabyte", "gb": "gigabyte", "tb": "terabyte", "kib": "kibibyte", "mib": "mebibyte",
    "gib": "gibibyte", "tib": "tebibyte", "min": "minute", "mins": "minute", "hrs": "hour", "hr": "hour",
    "secs": "second",
    '"': "inch", "in": "inch", "'": "foot", "ft": "foot", "yd": "yard", "yds": "yard", "l": "liter", "ml": "milliliter",
    "metre": "meter", "metres": "meter", "kilometres": "kilometer", "litres": "liter", "litre": "liter",
    "nautical miles": "nautical_mile", "light years": "light_year", "bar": "bar", "psi": "psi", "kwh": "kilowatt_hour",
}  # fmt: skip
_AMBIGUOUS = {
    "ton": "tonne (1,000 kg), short ton (2,000 lb) or long_ton (2,240 lb)",
    "tons": "tonne (1,000 kg), short ton (2,000 lb) or long_ton (2,240 lb)",
}
_UNIT = re.compile(r"[A-Za-zµΩ°'\"²³_][A-Za-z0-9µΩ°²³_ /*^.-]*")
_MONEY = re.compile(r"[$€£¥]|usd|eur|gbp|jpy|chf|cad|aud|dollars?|euros?|pounds? sterling|yen|francs?", re.IGNORECASE)
# Litres for 100 km and miles to the gallon are each other's reciprocals.
_PER_100_KM = re.compile(r"l(?:it(?:er|re)s?)?\s*(?:/|per)\s*100\s*km", re.IGNORECASE)


def convert(value: float, source: str, target: str) -> JSON:
    """Return {"value", "source", "target"} of `value` in `source` units, in `target` units.

    Raises CallFailed `unknown_unit`, `ambiguous_unit`, `money`, `not_comparable` or `no_number`.
    """
    if not math.isfinite(value):
        raise CallFailed("no_number", "that is no number")
    if _PER_100_KM.fullmatch(source) or _PER_100_KM.fullmatch(target):
        return _consumption(value, source, target)
    found, wanted = _unit(source), _unit(target)
    try:
        result = float(_units.Quantity(value, found).to(wanted).magnitude)
    except pint.DimensionalityError:
        raise CallFailed("not_comparable", f"{source} and {target} measure different things") from None
    except (OverflowError, ZeroDivisionError):
        raise CallFailed("no_number", "that has no value") from None
    if not math.isfinite(result):
        raise CallFailed("no_number", "that has no value")
    return {"value": f"{result:.10g}", "source": f"{found:~P}" or source, "target": f"{wanted:~P}" or target}


def _consumption(value: float, source: str, target: str) -> JSON:
    per_100 = 100 * _units.Unit("km") / _units.Unit("liter")
    if value <= 0:
        raise CallFailed("no_number", "a consumption is more than 0")
    try:
        if _PER_100_KM.fullmatch(source):
            if _PER_100_KM.fullmatch(target):
                return {"value": f"{value:.10g}", "source": "l/100 km", "target": "l/100 km"}
            result = (per_100 / value).to(_unit(target)).magnitude
            return {"value": f"{float(result):.10g}", "source": "l/100 km", "target": target}
        distance = _units.Quantity(value, _unit(source)).to("km/liter").magnitude
    except pint.DimensionalityError:
        raise CallFailed("not_comparable", f"{source} and {target} measure different things") from None
    return {"value": f"{100 / float(distance):.10g}", "source": source, "target": "l/100 km"}


def _unit(text: str) -> pint.Unit:
    name = re.sub(r"\s+", " ", text.strip())
    lower = name.lower().removesuffix(".")
    if len(name) > LONGEST_CHARS:
        raise CallFailed("unknown_unit", f"{name[:20]}… is no unit")
    if choices := _AMBIGUOUS.get(lower):
        raise CallFailed("ambiguous_unit", f"{name} may be {choices}")
    if _MONEY.fullmatch(name):
        raise CallFailed("money", "rates of money change by the hour and are not known here")
    for known in (_NAMES.get(lower), name, name.replace(" per ", "/").replace(" ", "_"), lower.replace(" ", "_")):
        if known is None or (known == name and not _UNIT.fullmatch(name)) or "**" in name or "^" in name:
            continue
        try:
            return _units.Unit(known)
        except Exception:  # noqa: S112 - pint raises what its parser, tokenizer and registry each raise
            continue
    raise CallFailed("unknown_unit", f"{name!r} is no unit that is known here")


HANDLERS: Mapping[str, Handler] = MappingProxyType({"units.convert": convert})
