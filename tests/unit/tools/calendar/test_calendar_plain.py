"""Plain requests about the calendar, and near misses that are left to the model."""

import pytest

from openclaw_desktop.tools.calendar.plain import PLAIN


def meant(words: str) -> tuple[str, dict[str, str]] | None:
    for form in PLAIN:
        if (match := form.pattern.fullmatch(words)) and (found := form.arguments(match)) is not None:
            return form.tool, dict(found)
    return None


@pytest.mark.parametrize(
    ("words", "tool", "arguments"),
    [
        ("What's on my calendar today?", "calendar", {"action": "events", "date": "today"}),
        ("what is on my calendar this week", "calendar", {"action": "events", "date": "this week"}),
        ("What's on my agenda for tomorrow?", "calendar", {"action": "events", "date": "tomorrow"}),
        ("what do I have on my calendar on Friday?", "calendar", {"action": "events", "date": "friday"}),
        ("What's in my calendar?", "calendar", {"action": "events", "date": "today"}),
        ("Show me my calendar for next week", "calendar", {"action": "events", "date": "next week"}),
        ("When am I free tomorrow?", "calendar", {"action": "free", "date": "tomorrow"}),
        ("when do I have time on 2026-12-04?", "calendar", {"action": "free", "date": "2026-12-04"}),
        ("Add lunch with Ana on Friday at 12 to my calendar", "change_calendar",
         {"action": "create", "title": "lunch with Ana", "when": "Friday at 12"}),
        ("please put dentist tomorrow at 3:30 pm into my calendar.", "change_calendar",
         {"action": "create", "title": "dentist", "when": "tomorrow at 3:30 pm"}),
        ("put holiday on 2026-12-24 in the calendar", "change_calendar",
         {"action": "create", "title": "holiday", "when": "2026-12-24"}),
    ],
)  # fmt: skip
def test_plain_requests(words: str, tool: str, arguments: dict[str, str]) -> None:
    assert meant(words) == (tool, arguments)


@pytest.mark.parametrize(
    "words",
    [
        "what's on my calendar that Ana wrote?",
        "what's on the calendar of the wall in the kitchen today?",
        "when am I free?",
        "when am I free to speak my mind?",
        "when am I free tomorrow and what is the weather?",
        "add it on Friday at 12 to my calendar",
        "add lunch to my calendar",
        "add milk to my shopping list",
        "add all of these on Friday to my calendar",
        "add report due by Friday to my calendar",
        "add lunch with Ana every Friday at 12 to my calendar",
        "don't add lunch on Friday to my calendar",
        "add lunch, dinner and tea on Friday at 12 to my calendar",
        "show me my calendar code",
        "what should I put on my calendar today?",
    ],
)
def test_near_misses_are_left_to_the_model(words: str) -> None:
    assert meant(words) is None
