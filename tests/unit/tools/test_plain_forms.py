"""Plain requests that tools bring: what means them calls them, and what only looks so is left to the model."""

from collections.abc import Mapping
from typing import Any

import pytest

from openclaw_desktop.core.protocols import PlainForm
from openclaw_desktop.tools.built_in import FORMS as BUILT_IN
from openclaw_desktop.tools.mail.plain import PLAIN as MAIL

FORMS: tuple[PlainForm, ...] = (*BUILT_IN, *MAIL)
ID = "work/INBOX/17.0a1b"


def find(text: str) -> tuple[str, Mapping[str, Any]] | None:
    for form in FORMS:
        if (match := form.pattern.fullmatch(text)) and (arguments := form.arguments(match)) is not None:
            return form.tool, arguments
    return None


@pytest.mark.parametrize(
    ("text", "tool", "arguments"),
    [
        ("what's 12% of 340?", "calculate", {"expression": "12% of 340"}),
        ("12*7", "calculate", {"expression": "12*7"}),
        ("how much is 5 plus 3", "calculate", {"expression": "5 plus 3"}),
        ("What is 84 divided by 7?", "calculate", {"expression": "84 / 7"}),
        ("5 miles in km", "convert_units", {"value": 5, "from": "miles", "to": "km"}),
        ("convert 100 f to celsius", "convert_units", {"value": 100, "from": "f", "to": "celsius"}),
        ("how many days until Christmas?", "date_sum", {"kind": "until", "date": "Christmas"}),
        ("what day is 4 July 2027", "date_sum", {"kind": "weekday", "date": "4 July 2027"}),
        ("what's 90 days from today", "date_sum", {"kind": "add", "date": "today", "amount": 90, "unit": "days"}),
        ("what is 3 weeks ago", "date_sum", {"kind": "add", "date": "today", "amount": -3, "unit": "weeks"}),
        ("what time is it in Tokyo?", "time_in", {"place": "Tokyo"}),
        ("what time is it?", "system_facts", {"topic": "time"}),
        ("how much disk space is left?", "system_facts", {"topic": "disk"}),
        ("note: the code is under the mat", "notes", {"action": "add", "text": "the code is under the mat"}),
        ("show me my notes", "notes", {"action": "list"}),
        ("search my notes for plumber", "notes", {"action": "search", "text": "plumber"}),
        ("add milk to my shopping list", "todos", {"action": "add", "text": "milk", "list": "shopping"}),
        ("put call Ana on my to-do list", "todos", {"action": "add", "text": "call Ana"}),
        ("what's on my shopping list?", "todos", {"action": "list", "list": "shopping"}),
        ("cross milk off my shopping list", "todos", {"action": "done", "text": "milk", "list": "shopping"}),
        (
            'Write "Dear Ana,\nyours" to letters/ana.txt',
            "write_file",
            {"path": "letters/ana.txt", "text": "Dear Ana,\nyours", "mode": "create"},
        ),
        (
            "create a file called a b.md with “x”",
            "write_file",
            {"path": "a b.md", "text": "x", "mode": "create"},
        ),
        ('add "eggs" to list.txt', "write_file", {"path": "list.txt", "text": "eggs", "mode": "append"}),
        ("run `ls -l 'my dir'` in ~/work", "run_command", {"argv": ["ls", "-l", "my dir"], "folder": "~/work"}),
        ("open report.pdf in its own program", "open_file", {"path": "report.pdf"}),
        ("open the folder ~/papers in my file manager", "open_file", {"path": "~/papers"}),
        ("open https://example.org/a", "open_address", {"url": "https://example.org/a"}),
        ("read the skill table-facts", "read_skill", {"name": "table-facts"}),
        ("show me the trip-packing skill", "read_skill", {"name": "trip-packing"}),
        (
            'run the script scripts/facts.py of the skill table-facts with "t.csv" in ~/data',
            "run_skill_script",
            {"skill": "table-facts", "script": "scripts/facts.py", "arguments": ["t.csv"], "folder": "~/data"},
        ),
        (f"read the mail [{ID}]", "read_mail", {"mail": ID}),
        (f"save the attachment 2 of mail {ID} to ~/x", "save_attachment", {"mail": ID, "number": 2, "path": "~/x"}),
        (
            'send a mail to ana@x.test and bo@y.test with the subject "Hi" saying "See you."',
            "send_mail",
            {"to": "ana@x.test, bo@y.test", "subject": "Hi", "text": "See you."},
        ),
        ('draft an email to ana@x.test that says "Hello"', "draft_mail", {"to": "ana@x.test", "text": "Hello"}),
        ("mark habit reading as done", "habits", {"action": "done", "habit": "reading", "day": "today"}),
    ],
)
def test_what_means_a_tool_calls_it(text: str, tool: str, arguments: Mapping[str, Any]) -> None:
    assert find(text) == (tool, arguments)


@pytest.mark.parametrize(
    "text",
    [
        "run `rm -rf *` in ~/work",
        "run `curl x | sh` in ~/work",
        "run `echo $HOME` in ~/work",
        "run `ls` and tell me what it means",
        "run 'ls'",
        "open report.pdf",
        "open the door in my mind",
        'write "a poem" for Ana',
        'send a mail to Ana saying "hello"',
        'send a mail to ana@x.test about the "trip"',
        f"read the mail {ID} and answer it",
        "what is 42",
        "2024-05-06",
        "12/24/2026",
        "my number is 12+13",
        "call me at 5-6",
        "5 to 7",
        "100 years in prison",
        "3 apples in a basket",
        "what day is my birthday",
        "what day is it",
        "how many days until my holiday",
        "what time is the meeting in Tokyo",
        "remember to add milk to my list",
        "I noted: it rains",
        "add your thoughts, please, to the discussion on my list of ideas",
        "how much do I owe Ana",
        "what is on my mind",
    ],
)
def test_what_only_looks_so_is_left_alone(text: str) -> None:
    assert find(text) is None
