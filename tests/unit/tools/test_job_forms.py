"""Plain requests about jobs: what is understood without a model, and what is left to one."""

from typing import Any

import pytest

from openclaw_desktop.agent.plain_requests import find_form, parse_plain
from openclaw_desktop.service.walls.tooling import find_times
from openclaw_desktop.tools.job_forms import job_forms

FORMS = job_forms(find_times)


@pytest.mark.parametrize(
    ("said", "tool", "arguments"),
    [
        ("remind me tomorrow at 9 to call Ann", "remind", {"when": "tomorrow at 9", "text": "call Ann"}),
        ("Remind me to call Ann tomorrow at 9.", "remind", {"when": "tomorrow at 9", "text": "call Ann"}),
        ("please remind me at 5pm to leave", "remind", {"when": "at 5pm", "text": "leave"}),
        ("tomorrow at 9 remind me to call Ann", "remind", {"when": "tomorrow at 9", "text": "call Ann"}),
        ("remind me every Monday at 8 to water the plants", "remind",
         {"when": "every Monday at 8", "text": "water the plants"}),
        ("set a reminder for Friday at 5 to pay the rent", "remind", {"when": "Friday at 5", "text": "pay the rent"}),
        ("don't let me forget to call mum on Sunday at 10", "remind", {"when": "on Sunday at 10", "text": "call mum"}),
        ("set a timer for 10 minutes", "remind", {"when": "in 10 minutes", "text": "The time is up"}),
        ("wake me up tomorrow at 6:30", "remind", {"when": "tomorrow at 6:30", "text": "Time to get up"}),
        ("set an alarm for 7:30", "remind", {"when": "7:30", "text": "Alarm"}),
        ("Every Monday at 8 tell me what is on my calendar", "schedule_job",
         {"when": "Every Monday at 8", "text": "tell me what is on my calendar"}),
        ("summarise my unread mail every day at 18:00", "schedule_job",
         {"when": "every day at 18:00", "text": "summarise my unread mail"}),
        ("every day at 9 tell me to drink water", "schedule_job",
         {"when": "every day at 9", "text": "drink water", "kind": "remind"}),
        ("what is scheduled?", "list_jobs", {}),
        ("list my jobs", "list_jobs", {}),
        ("show my reminders", "list_jobs", {}),
        ("which jobs are there?", "list_jobs", {}),
        ("pause the job weekly report", "change_job", {"action": "pause", "job": "weekly report"}),
        ("resume the job \"weekly report\"", "change_job", {"action": "resume", "job": "weekly report"}),
        ("cancel my reminder to call Ann", "change_job", {"action": "remove", "job": "call Ann"}),
        ("run the job backup", "change_job", {"action": "run", "job": "backup"}),
    ],
)  # fmt: skip
def test_what_is_asked_plainly_needs_no_model(said: str, tool: str, arguments: dict[str, Any]) -> None:
    found = find_form(said, FORMS)
    assert found is not None and (found.tool, dict(found.arguments)) == (tool, arguments)
    own = parse_plain(said)
    assert own is None or not own.certain, "nothing else takes it"


@pytest.mark.parametrize(
    "said",
    [
        "remind me what I said about Ann", "remind me of my sister's birthday", "remind me to call Ann",
        "remind me when Ann calls", "I go running every Monday at 8", "every good boy does fine", "every Monday",
        "what happened every day at 9", "delete the file report.txt", "set a timer", "wake me when you are done",
        "Remind me to ask Bob about the 3pm meeting tomorrow at 9", "pause the music", "list my to-dos",
        "Read /x/news.txt and schedule what it says for every day at 9:00",
        "I was told to schedule it every day", "what is planned obsolescence",
    ],
)  # fmt: skip
def test_what_is_not_certain_is_left_to_the_model(said: str) -> None:
    assert find_form(said, FORMS) is None


def test_a_long_text_costs_nothing_to_pass_over() -> None:
    asked: list[str] = []
    forms = job_forms(lambda text: asked.append(text) or ())  # type: ignore[func-returns-value]
    assert find_form("Tell me about the history of the bicycle in Portugal and France, in ten lines.", forms) is None
    assert asked == [], "no times are looked for where nothing speaks of one"
