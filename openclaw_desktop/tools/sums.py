"""The tools that work something out: sums, units, dates and times elsewhere. The work is done in a jailed worker.

Owns their schemas, their words and the plain requests that mean them. Must not work anything out itself. Loop.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.labels import Label
from openclaw_desktop.core.messages import Receipt, ToolCall, ToolSpec
from openclaw_desktop.core.protocols import CallScene, PlainForm, ToolResult
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.workers.tool_host import CallFailed


class JailedSums(Protocol):
    """Runs a function in a jailed worker that may read `read` and nothing else."""

    async def call(
        self, function: str, arguments: Mapping[str, Any], *, read: Sequence[Path] = (), timeout_s: float = 10.0
    ) -> Any:
        """Return the function's JSON result; raises CallFailed."""
        ...


Now = Callable[[], datetime]

ZONE_FOLDERS = tuple(Path(folder).resolve() for folder in zoneinfo.TZPATH if Path(folder).is_dir())

_SUM = {"type": "string", "minLength": 1, "maxLength": 500}
_SHORT = {"type": "string", "minLength": 1, "maxLength": 60}


def _schema(required: Sequence[str], **properties: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


class _Sum:
    """What these tools share: no authority, and a result that is as trusted as what it was made from."""

    spec: ToolSpec

    def __init__(self, jail: JailedSums) -> None:
        self._jail = jail

    async def freeze(self, call: ToolCall, scene: CallScene) -> ToolCall:
        """Return the call: it has no authority arguments."""
        return call

    async def _work_out(self, function: str, arguments: Mapping[str, Any], read: Sequence[Path] = ()) -> Any:
        try:
            return await self._jail.call(function, arguments, read=read, timeout_s=self.spec.timeout_s)
        except CallFailed as failure:
            raise UserError(
                failure.code, tr("That can't be worked out: {reason}.", reason=str(failure).rstrip("."))
            ) from failure

    def _told(self, call: ToolCall, scene: CallScene, text: str, data: Any, did: str) -> ToolResult:
        label = Label(scene.context.integrity, scene.context.confidentiality, scene.context.origins)
        return ToolResult(text, label, (Receipt("sum.done", did, call.id),), data)


class CalculateTool(_Sum):
    """Works out a sum."""

    spec = ToolSpec(
        "calculate",
        "work out a sum, such as 12% of 340, sqrt(2)*3 or 5!",
        _schema(["expression"], expression=_SUM),
        "read",
        timeout_s=5.0,
    )

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return the sum with its result: "=" where it is exact, "≈" where it is not."""
        expression = " ".join(str(call.arguments["expression"]).split())
        found = await self._work_out("sums.calculate", {"expression": expression})
        sign = "=" if found["exact"] else "≈"
        text = f"{visible(expression)} {sign} {found['value']}"
        return self._told(call, scene, text, found, tr("worked it out"))


class ConvertTool(_Sum):
    """Converts a measure."""

    spec = ToolSpec(
        "convert_units",
        "convert a measure into another unit, such as 5 miles to km",
        _schema(["value", "from", "to"], value={"type": "number"}, **{"from": _SHORT, "to": _SHORT}),
        "read",
    )

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return the measure in both units."""
        value = float(call.arguments["value"])
        arguments = {"value": value, "source": call.arguments["from"], "target": call.arguments["to"]}
        found = await self._work_out("units.convert", arguments)
        text = f"{value:.10g} {found['source']} = {found['value']} {found['target']}"
        return self._told(call, scene, text, found, tr("converted it"))


class DateTool(_Sum):
    """Works with days."""

    spec = ToolSpec(
        "date_sum",
        "days between two dates, a date some days on, the weekday of a date, days until it, or an age",
        _schema(
            ["kind", "date"],
            kind={"enum": ["between", "add", "weekday", "until", "age"]},
            date=_SHORT,
            other=_SHORT,
            amount={"type": "integer", "minimum": -4_000_000, "maximum": 4_000_000},
            unit={"enum": ["days", "weeks", "months", "years"]},
        ),
        "read",
        timeout_s=5.0,
    )

    def __init__(self, jail: JailedSums, now: Now) -> None:
        super().__init__(jail)
        self._now = now

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return what was asked about the date, in words."""
        asked = call.arguments
        if asked["kind"] == "between" and "other" not in asked:
            raise UserError("no_date", tr("The days between two dates need a second date."))
        arguments = {
            "kind": asked["kind"], "first": asked["date"], "second": asked.get("other", ""),
            "amount": asked.get("amount", 0), "unit": asked.get("unit", "days"),
            "today": self._now().astimezone().date().isoformat(),
        }  # fmt: skip
        found = await self._work_out("dates.sum", arguments)
        return self._told(call, scene, found["text"], found, tr("worked it out"))


class TimeElsewhereTool(_Sum):
    """Tells the time somewhere else."""

    spec = ToolSpec(
        "time_in",
        "the time in another place, now or when it is a given time here or elsewhere",
        _schema([], place=_SHORT, time=_SHORT, of=_SHORT),
        "read",
        timeout_s=5.0,
    )

    def __init__(self, jail: JailedSums, now: Now, zone_name: Callable[[], str]) -> None:
        super().__init__(jail)
        self._now = now
        self._zone_name = zone_name

    async def run(self, call: ToolCall, scene: CallScene) -> ToolResult:
        """Return the time there, with its day where that differs."""
        asked = call.arguments
        arguments = {
            "place": asked.get("place", ""), "clock": asked.get("time", ""), "source": asked.get("of", ""),
            "now": self._now().astimezone().isoformat(), "home": self._zone_name(),
        }  # fmt: skip
        found = await self._work_out("dates.zone", arguments, ZONE_FOLDERS)
        return self._told(call, scene, found["text"], found, tr("looked at the clock"))


_ASKING = (
    r"(?:(?:so|and|ok(?:ay)?|please|hey|hi)[, ]+)?"
    r"(?:what(?:'s|s| is| are)|how much (?:is|are)|calculate|compute|work out)"
)
_AMOUNT = r"-?\d[\d,]*(?:\.\d+)?"
# Only what holds a sign or a share is a sum: "what is 42" is talk.
_SUM_PART = r"[\d\s.,()+*/^%!×÷−–-]*"
_SUM_TEXT = rf"(?P<sum>[-+(√]*[\d.]{_SUM_PART}(?:\b(?:of|plus|minus|times|x|mod|percent|divided by)\b{_SUM_PART})*)"
_DATE_TEXT = (
    r"(?:today|tomorrow|yesterday|christmas(?: eve| day)?|new year(?:'?s)?(?: day| eve)?|halloween|valentine'?s day"
    r"|\d{4}-\d\d?-\d\d?|\d{1,2}(?:st|nd|rd|th)?(?: of)? [a-z]{3,9}\.?,?(?: \d{4})?"
    r"|[a-z]{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,?(?: \d{4})?)"
)
# Closed: "100 years in prison" and "3 apples in a basket" are talk.
_UNIT_TEXT = (
    r"(?:(?:square |cubic |fluid |nautical |light )?(?:kilo|centi|milli)?"
    r"(?:met(?:er|re)s?|grams?|lit(?:er|re)s?|bytes?|watts?"
    r"|miles?|feet|foot|inch(?:es)?|yards?|pounds?|ounces?|stones?|gallons?|pints?|quarts?|cups?|acres?|hectares?|tons?"
    r"|tonnes?|calories|years|knots|kilos?|tablespoons?|teaspoons?|fahrenheit|celsius|kelvin|seconds|minutes|hours|days"
    r"|weeks)(?: per (?:hour|second|gallon))?|(?:degrees )?(?:celsius|fahrenheit|[cf])|°[cf]|[kcm]?m[²³23]?|[km]?g|m?l"
    r"|lbs?|oz|ft²?"
    r"|km/h|kmh|mph|mpg|l/100 ?km|m/s|kcal|kj|kwh|[kmgt]i?b|psi|bar|hp|tbsp|tsp|fl oz|sq ft)"
)


def _sum_of(match: re.Match[str]) -> Mapping[str, Any] | None:
    text = re.sub(r"\bdivided by\b", "/", match["sum"].strip(), flags=re.IGNORECASE)
    if not re.search(
        r"\d\s*(?:[-+*/^×÷−–]|%\s*of|\b(?:percent )?(?:of|plus|minus|times|x|mod)\b)\s*[-\d(.√]|%|!", text
    ):
        return None
    return (
        None
        if re.fullmatch(r"\d{4}-\d{1,2}(?:-\d{1,2})?|\d{1,2}[/.]\d{1,2}(?:[/.]\d{2,4})?", text)
        else {"expression": text}
    )


def _measure(match: re.Match[str]) -> Mapping[str, Any]:
    value = float(match["value"].replace(",", ""))
    return {
        "value": int(value) if value.is_integer() else value,
        "from": match["from"].strip(),
        "to": match["to"].strip(),
    }


def _days_on(match: re.Match[str]) -> Mapping[str, Any]:
    back = match["way"].lower() in ("before", "ago")
    unit = match["unit"].lower().rstrip("s") + "s"
    day = (match["date"] or "today").strip()
    return {"kind": "add", "date": day, "amount": int(match["count"]) * (-1 if back else 1), "unit": unit}


def _form(pattern: str, tool: str, arguments: Callable[[re.Match[str]], Mapping[str, Any] | None]) -> PlainForm:
    return PlainForm(re.compile(pattern + r"[\s?.!=]*", re.IGNORECASE), tool, arguments)


_UNIT_WORD = r"(?:days?|weeks?|months?|years?)"
PLAIN: tuple[PlainForm, ...] = (
    _form(rf"(?:{_ASKING}\s+)?{_SUM_TEXT}", "calculate", _sum_of),
    _form(
        rf"(?:(?:{_ASKING}|convert)\s+)?(?P<value>{_AMOUNT})\s*(?P<from>{_UNIT_TEXT})"
        rf"\s+(?:in|to|into)\s+(?P<to>{_UNIT_TEXT})",
        "convert_units", _measure,
    ),
    _form(
        rf"how many days (?:are (?:there )?|is it )?(?:until|till|to) (?P<date>{_DATE_TEXT})", "date_sum",
        lambda match: {"kind": "until", "date": match["date"].strip()},
    ),
    _form(
        rf"how many days (?:are (?:there )?)?between (?P<date>{_DATE_TEXT}?) and (?P<other>{_DATE_TEXT})", "date_sum",
        lambda match: {"kind": "between", "date": match["date"].strip(), "other": match["other"].strip()},
    ),
    _form(
        rf"what (?:day(?: of the week)?|weekday) (?:is|was|will) (?P<date>{_DATE_TEXT}?)(?: be)?", "date_sum",
        lambda match: {"kind": "weekday", "date": match["date"].strip()},
    ),
    _form(
        rf"what(?:'s| is| was) (?:the date )?(?P<count>\d{{1,5}}) (?P<unit>{_UNIT_WORD})"
        rf" (?P<way>from|after|before|ago)(?: (?P<date>{_DATE_TEXT}))?",
        "date_sum", _days_on,
    ),
    _form(
        r"what(?:'s| is)? (?:the )?time (?:is it )?(?:now )?in (?P<place>[A-Za-z][\w ./+-]{1,40}?)(?: now| right now)?",
        "time_in",
        lambda match: {"place": match["place"].strip()},
    ),
)  # fmt: skip
