"""Plain requests about jobs, which need no model: "remind me tomorrow at 9 to …", "every Monday at 8 tell me …".

Owns their shapes. Exactly one time must stand in such a request, and the rest is what is asked for; what is not certain
is left to the model. English, like the prompts. Pure, but that the times are read by whoever is handed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from openclaw_desktop.core.protocols import PlainForm

FindTimes = Callable[[str], Sequence[str]]
_PLEASE = r"(?:please |hey,? |ok(?:ay)?,? |can you |could you |would you |will you )?(?:please )?"
_END = r"(?:,? please)?[.!?]*"
# What stands between the time and the matter.
_BEFORE = re.compile(r"^[\s,;:]*(?:(?:and|then|that|to|about|of|for)\b[\s,:]*)*", re.IGNORECASE)
_AFTER = re.compile(r"(?:[\s,;:]+(?:on|at|to|by|about|for|and))*[\s,;:.!?]*$", re.IGNORECASE)
_RECURRING = re.compile(r"^(?:every|each|daily|weekly|hourly|monthly|yearly|weekdays|on (?:weekdays|\w+days))\b", re.I)
_TELL = re.compile(r"^(?:tell|remind) me (?:to|that) (?P<text>\S.*)$", re.IGNORECASE | re.DOTALL)
_ORDER = re.compile(
    r"^(?:tell|give|show|send|ask|read|list|summari[sz]e|sum up|check|look|find|search|say|write|make|prepare|run|open"
    r"|fetch|download|compare|report|update|post|mail|back up|clean|sort|remind|let me know)\b",
    re.IGNORECASE,
)
_LENGTH = r"(?:\d{1,4}(?:\.\d)?|an?|half an?|[a-z]+) (?:seconds?|minutes?|mins?|hours?)"
_CALLS = {"alarm": "Alarm", "timer": "The time is up", "wake": "Time to get up"}
_OF_PLANS = re.compile(r"\b(?:schedul|remind|plan\b|alarm|timer)", re.IGNORECASE)
_NAMED = re.compile(r"^[\"'“]?(?P<name>[^\"'“”]{1,80}?)[\"'”]?$")


def job_forms(find_times: FindTimes) -> tuple[PlainForm, ...]:
    """Return the forms. `find_times`: the times that stand in a text, in its own words."""

    def split(text: str) -> tuple[str, str] | None:
        """Return the one time of a text, and the rest of it."""
        times = find_times(text)
        if len(times) != 1 or (place := text.find(times[0])) < 0:
            return None
        before = _AFTER.sub("", text[:place])
        after = _BEFORE.sub("", text[place + len(times[0]) :])
        rest = f"{_BEFORE.sub('', before)} {_AFTER.sub('', after)}".strip()
        return times[0], rest

    def remind(match: re.Match[str]) -> Mapping[str, Any] | None:
        found = split(match["rest"])
        return {"when": found[0], "text": found[1]} if found is not None and found[1] else None

    def alarm(match: re.Match[str]) -> Mapping[str, Any] | None:
        found = split(match["rest"])
        if found is None or found[1]:
            return None
        return {"when": found[0], "text": _CALLS[match["kind"].lower()]}

    def timer(match: re.Match[str]) -> Mapping[str, Any]:
        return {"when": f"in {match['length']}", "text": match["text"] or _CALLS["timer"]}

    def schedule(match: re.Match[str]) -> Mapping[str, Any] | None:
        found = split(match["rest"])
        if found is None or not found[1] or not _ORDER.match(found[1]) or not _RECURRING.match(found[0]):
            return None
        if _OF_PLANS.search(found[1]):  # it speaks of planning: what is planned is not all of it
            return None
        if (told := _TELL.match(found[1])) is not None:
            return {"when": found[0], "text": told["text"], "kind": "remind"}
        return {"when": found[0], "text": found[1]}

    def change(action: str) -> Callable[[re.Match[str]], Mapping[str, Any] | None]:
        def arguments(match: re.Match[str]) -> Mapping[str, Any] | None:
            named = _NAMED.match(match["name"].strip())
            return {"action": action, "job": named["name"].strip()} if named is not None else None

        return arguments

    job = r"(?:the |my )?(?:(?:scheduled |recurring )?(?:job|task)|reminder)s?"

    def verb(words: str) -> re.Pattern[str]:
        return re.compile(
            rf"{_PLEASE}(?:{words}) (?:{job} (?:called |named |to |about |for )?(?P<name>[^,;.!?]{{1,80}}?)){_END}",
            re.I,
        )

    return (
        PlainForm(
            re.compile(rf"{_PLEASE}(?:remind me|don['’]t let me forget|ping me|nudge me)\b(?P<rest>.+?){_END}",
                       re.I | re.S), "remind", remind,
        ),
        PlainForm(
            re.compile(rf"{_PLEASE}(?:set|make|create|add) (?:me )?a reminder\b(?P<rest>.+?){_END}", re.I | re.S),
            "remind", remind,
        ),
        PlainForm(
            re.compile(
                rf"{_PLEASE}(?:set|start) (?:me )?an? timer (?:for|of) (?P<length>{_LENGTH})"
                rf"(?: (?:for|to) (?P<text>[^.!?]{{1,200}}?))?{_END}", re.I
            ),
            "remind", timer,
        ),
        PlainForm(re.compile(rf"{_PLEASE}set (?:me )?an? (?P<kind>alarm)(?P<rest> .+?){_END}", re.I), "remind", alarm),
        PlainForm(re.compile(rf"{_PLEASE}(?P<kind>wake) me(?: up)?(?P<rest> .+?){_END}", re.I), "remind", alarm),
        PlainForm(
            re.compile(r"(?P<rest>[^,;:.!?]{4,80},? remind me (?:to|about|that) .+?)[.!]*", re.I | re.S),
            "remind", lambda match: _turned(match["rest"], split),
        ),
        PlainForm(
            # What does not speak of a repetition is not looked through for times.
            re.compile(
                rf"(?=.{{0,300}}\b(?:every|each|daily|weekly|hourly|monthly|weekdays)\b){_PLEASE}(?P<rest>\S.{{3,400}}?)"
                rf"{_END}", re.I | re.S
            ),
            "schedule_job", schedule,
        ),
        PlainForm(
            re.compile(
                rf"{_PLEASE}(?:what(?:'s| is| do you have| have you(?: got)?| jobs are| tasks are)?"
                rf" (?:scheduled|planned)"
                rf"|(?:which|what) (?:{job}) (?:are there|do i have|have i(?: got)?|are (?:scheduled|planned))"
                rf"|(?:list|show)(?: me)?(?: all)?(?: of)? (?:{job}|what(?:'s| is) scheduled))(?: for me)?{_END}", re.I
            ),
            "list_jobs", lambda match: {},
        ),
        PlainForm(verb("pause|suspend|stop"), "change_job", change("pause")),
        PlainForm(verb("resume|continue"), "change_job", change("resume")),
        PlainForm(verb("remove|delete|cancel|drop"), "change_job", change("remove")),
        PlainForm(verb("run|start"), "change_job", change("run")),
    )  # fmt: skip


def _turned(text: str, split: Callable[[str], tuple[str, str] | None]) -> Mapping[str, Any] | None:
    """Return "tomorrow at 9 remind me to call Ann" as a reminder."""
    found = split(text)
    if found is None:
        return None
    told = re.fullmatch(r"remind me (?:to|about|that) (?P<text>\S.*)", found[1], re.IGNORECASE | re.DOTALL)
    return {"when": found[0], "text": told["text"]} if told is not None else None
