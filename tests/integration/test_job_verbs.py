"""`openclaw-agent task …`: jobs by hand and without a model; what needs no running agent is done without one too."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from agent_process import Program

DIARY = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//y//EN
BEGIN:VEVENT
UID:1@x
DTSTAMP:20260101T000000Z
DTSTART;VALUE=DATE:{day}
SUMMARY:Rehearsal
END:VEVENT
END:VCALENDAR
"""
NAMED = ("task", "add", "--name")


def test_a_job_is_added_shown_paused_run_and_removed(program: Program) -> None:
    program.serve()
    words = ("--words", "every weekday at 8", "--tz", "Europe/Berlin", "--remind", "Stand up", "--notify", "high")
    added = program.run(*NAMED, "stand up", *words, "--missed", "within:10m", "--json").done().document
    assert {moment[11:] for moment in added["next"]} <= {"08:00:00+01:00", "08:00:00+02:00"}
    assert (added["when"], added["missed"], added["notify"]) == ("Every weekday at 08:00.", "within:10m", "high")
    assert added["does"] == "reminds you: Stand up" and not added["untrusted"]
    program.run(*NAMED, "stand up", "--every", "1h", "--remind", "x").failed("already", code=2)

    there = ("--words", "every day at 3:00", "--tz", "Pacific/Chatham")
    said = program.run(*NAMED, "far", *there, "--remind", "x", TZ="UTC").done().out
    assert "15:00 is assumed" in said and " 15:00 in Pacific/Chatham." in said, "by whose clock, and what was assumed"
    assert " in Pacific/Chatham)" in program.run("task", "list", TZ="UTC").done().out
    program.run("task", "remove", "far").done()

    paused = program.run("task", "pause", "stand", "--json").done().document
    assert not paused["enabled"] and paused["next"] == []
    ran = program.run("task", "run", "stand up", "--json").done().document
    assert (ran["state"], ran["said"], ran["job"]) == ("done", "Stand up", "stand up"), (
        "a paused one can be run by hand"
    )
    assert program.run("task", "resume", "stand up").done().out.startswith("stand up goes on. Every weekday at 08:00.")
    shown = program.run("task", "show", "stand up", "--json").done().document
    assert [run["state"] for run in shown["runs"]] == ["done"] and shown["enabled"]
    (listed,) = program.run("task", "list", "--json").done().document["jobs"]
    assert listed["id"] == added["id"]
    (run,) = program.run("task", "runs", "--json").done().document["runs"]
    assert run["id"] == ran["id"]
    assert program.run("task", "remove", added["id"], "--json").done().document == {"removed": "stand up"}
    assert program.run("task", "list", "--json").done().document == {"jobs": []}
    program.run("task", "show", "stand up").failed("There is no job", code=2)


def test_without_an_agent_a_tool_runs_and_a_check_decides_first(program: Program) -> None:
    check = ("--check", "todos", '{"action": "list"}', "--if", "some")
    adds = ("--tool", "todos", '{"action": "add", "text": "made by a job"}')
    program.run(*NAMED, "more", "--at", "2099-01-01T09:00", *adds, *check).done()
    ran = program.run("task", "run", "more", "--json").done().document
    assert ran["state"] == "skipped" and "The check said no" in ran["reason"]
    program.run("tool", "call", "todos", '{"action": "add", "text": "by hand"}').done()
    assert program.run("task", "run", "more", "--json").done().document["said"] == "Added: made by a job"
    listed = program.run("tool", "call", "todos", '{"action": "list"}', "--json").done().document
    assert [todo["text"] for todo in listed["data"]] == ["by hand", "made by a job"]


def test_a_wrong_job_is_one_sentence_and_nothing_is_kept(program: Program) -> None:
    program.serve()
    remind = ("--remind", "x")
    for words, sentence in (
        (("--cron", "61 * * * *", *remind), ""),
        (("--cron", "every monday", *remind), ""),
        (("--every", "5s", *remind), "10 seconds"),
        (("--at", "2020-01-01T09:00", *remind), "would never run"),
        (("--words", "when pigs fly", *remind), "not understood"),
        (("--every", "1h", "--tz", "Mars/Base", *remind), "Mars/Base"),
        (("--every", "1h", "--tool", "no_such_tool", "{}"), "There is no tool no_such_tool."),
        (("--every", "1h", "--tool", "todos", "[]"), "no JSON object"),
        (("--every", "1h", "--tool", "todos", '{"action": "dance"}'), "todos can't be called like that"),
        (("--at", "9999-12-31T23:59", "--tz", "America/New_York", *remind), "too far away"),
    ):
        program.run(*NAMED, "wrong", *words).failed(sentence, code=2)
    assert program.run(*NAMED, "wrong", "--every", "1h", *remind, "--prompt", "y").code == 2
    assert program.run("task", "list", "--json").document == {"jobs": []}


def test_a_built_in_job_is_one_word_away(program: Program) -> None:
    program.serve()
    known = program.run("task", "built-in", "--json").done().document["built_in"]
    assert {one["name"] for one in known} == {
        "morning-brief", "end-of-day", "mail-triage", "calendar-ahead", "consolidation", "backup", "heartbeat",
    } and not any(one["on"] for one in known)  # fmt: skip
    on = program.run("task", "enable", "morning-brief", "--when", "every weekday at 7:15", "--json").done().document
    assert on["when"] == "Every weekday at 07:15." and on["name"] == "morning-brief"
    program.run("tool", "call", "todos", '{"action": "add", "text": "pay the rent", "due": "today at 23:59"}').done()
    brief = program.run("task", "run", "morning-brief", "--json").done().document
    assert "pay the rent" in brief["said"] and brief["session_id"], "it can be asked about in its chat"
    assert "mail" not in brief["said"].lower() and "calendar" not in brief["said"].lower(), "nothing is set up for them"
    diary = Path(program.environ["HOME"]) / "diary.ics"
    diary.write_text(DIARY.format(day=f"{datetime.now():%Y%m%d}"), encoding="utf-8")
    program.run("account", "add", "diary", "--calendar", str(diary)).done()
    said = program.run("task", "run", "morning-brief", "--json").done().document["said"]
    assert "Rehearsal" not in said and "grant add calendar:read diary" in said, "it asks for nothing by itself"
    program.run("grant", "add", "calendar:read", "diary").done()
    brief = program.run("task", "run", "morning-brief", "--json").done().document
    assert "- all day Rehearsal" in brief["said"] and brief["untrusted"], "anybody may have sent that event"
    assert program.run("inbox", "list", "--json").document["entries"] == [], "nothing was parked for it"
    program.run("task", "disable", "morning-brief").done()
    again = program.run("task", "enable", "morning-brief", "--json").done().document
    assert (again["id"], again["when"]) == (on["id"], "Every weekday at 07:15."), "its time is kept"
    program.run("task", "enable", "coffee").failed("no built-in job coffee", code=2)
    program.run("task", "run", "mail-triage").failed("not switched on", "task enable mail-triage", code=2)
    assert "There is no mail account to look at." in program.run("task", "enable", "mail-triage").done().err
    triaged = program.run("task", "run", "mail-triage", "--json").document
    assert triaged["state"] == "failed" and "no mail account" in triaged["said"] and "account add" in triaged["said"]
    program.run("task", "disable", "mail-triage").done()
    status = program.run("status", "--json").done().document["scheduler"]
    assert status["next_job"] == "morning-brief" and status["next_run"] == again["next"][0]


def test_a_reminder_is_asked_for_in_plain_words(program: Program) -> None:
    program.serve()
    answer = program.run("ask", "Remind me tomorrow at 9 to call Ann", "--json").done().document
    assert [(call["name"], call["status"]) for call in answer["tool_calls"]] == [("remind", "done")]
    assert "09:00" in answer["answer"] and answer["receipts"] == [
        {"kind": "reminder.set", "text": "set the reminder", "call_id": answer["receipts"][0]["call_id"],
         "subject": answer["receipts"][0]["subject"]}
    ]  # fmt: skip
    (job,) = program.run("task", "list", "--json").document["jobs"]
    assert (job["name"], job["work"]["do"], job["next"][0][11:16]) == ("call Ann", "remind", "09:00")
    assert "call Ann" in program.run("ask", "what is scheduled?", "--json").document["answer"]
    # What changes what the agent does by itself is asked about, and nobody is here.
    parked = program.run("ask", "Every Monday at 8 tell me what is on my calendar", "--json").document
    assert [(call["name"], call["status"]) for call in parked["tool_calls"]] == [("schedule_job", "parked")]
    cancel = program.run("ask", "cancel my reminder to call Ann", "--json").document
    assert [(call["name"], call["status"]) for call in cancel["tool_calls"]] == [("change_job", "parked")]
    assert len(program.run("task", "list", "--json").document["jobs"]) == 1
