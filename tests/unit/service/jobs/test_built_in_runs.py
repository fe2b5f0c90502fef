"""A built-in job that fails or is cut off tells what it has to tell, once; the marks of what was seen."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from openclaw_desktop.core.labels import SYSTEM, USER, Label
from openclaw_desktop.core.protocols import PromptDone
from openclaw_desktop.scheduler.jobs import Job, JobPlan, Run, RunOutcome
from openclaw_desktop.scheduler.triggers import every
from openclaw_desktop.scheduler.words import Understood, understand
from openclaw_desktop.service.jobs.briefs import Briefs
from openclaw_desktop.service.jobs.built_in import BuiltIn, BuiltInJobs, BuiltInParts, Marks, built_ins
from openclaw_desktop.service.jobs.heartbeat import Heartbeat
from openclaw_desktop.service.jobs.looks import Look

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
NONE: Any = None
RUN = Run(
    "run_1", "job_1", "s", NOW, "running", "", 1, "key", 1, NOW, NOW, "own", None, NOW, NOW, None, "", SYSTEM, "", None,
    "none", "", False,
)  # fmt: skip


class FixedClock:
    def now(self) -> datetime:
        return NOW

    def monotonic_s(self) -> float:
        return 0.0


class Prompts:
    """Answers each beat as a test says, and keeps chats."""

    def __init__(self) -> None:
        self.done = PromptDone("", USER, "ses", error="The model is gone.", again=True)
        self.asked = 0

    async def __call__(self, text: str, label: Label, **_: Any) -> PromptDone:
        self.asked += 1
        return self.done

    async def keep(self, turn_id: str, title: str, text: str, label: Label) -> str:
        return "ses"


class Mailbox:
    """One letter that is worth a look, and nothing else."""

    async def pending(self) -> int:
        return 0

    async def todos(self, turn_id: str) -> Look:
        return Look()

    async def events(self, turn_id: str, first_day: str, days: int) -> Look:
        return Look()

    lacks = ""

    async def unread(self, turn_id: str) -> Look:
        if self.lacks:
            return Look(lacks=self.lacks)
        letter = {"id": "a/1", "from": "ann@x.test", "from_name": "Ann", "subject": "Lunch?", "category": "personal"}
        return Look((letter,))


class Bench:
    def __init__(self, folder: Path) -> None:
        looks: Any = Mailbox()
        self.mailbox = looks
        self.prompts = Prompts()
        prompts: Any = self.prompts
        (folder / "HEARTBEAT.md").write_text("- mail?\n")
        self.jobs = BuiltInJobs(
            BuiltInParts(
                Briefs(looks), Heartbeat(folder, looks), prompts, Marks(folder / "seen.json"), NONE, NONE, NONE,
                FixedClock(), lambda: ZoneInfo("UTC"),
            )
        )  # fmt: skip

    async def run(self, name: str, run_id: str, attempts: int = 1) -> RunOutcome:
        plan = JobPlan(name, every("30m", NOW, ZoneInfo("UTC")), "UTC", {"do": "built-in", "name": name}, retries=1)
        job = Job("job_1", plan, USER, True, NOW, NOW, None)
        return await self.jobs.run(name, job, replace(RUN, id=run_id, attempts=attempts))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_what_keeps_the_heart_from_beating_is_told_once_whichever_attempt_is_the_last(bench: Bench) -> None:
    ends = [await bench.run("heartbeat", "run_1", attempt) for attempt in (1, 2)]
    assert [(end.state, end.deliver) for end in ends] == [("failed", True)] * 2
    assert not (await bench.run("heartbeat", "run_2")).deliver
    bench.prompts.done = replace(bench.prompts.done, error="The disk is full.")
    assert (await bench.run("heartbeat", "run_3")).deliver
    bench.prompts.done = PromptDone("Answer Ann.", USER, "ses")
    assert (await bench.run("heartbeat", "run_4")).said == "Answer Ann."


async def test_a_beat_that_was_cut_off_behind_its_answer_beats_again(bench: Bench) -> None:
    bench.prompts.done = PromptDone("Answer Ann.", USER, "ses")
    for attempt in (1, 2):
        assert (await bench.run("heartbeat", "run_1", attempt)).said == "Answer Ann."
    assert (await bench.run("heartbeat", "run_2")).state == "skipped"
    assert bench.prompts.asked == 2


async def test_a_triage_that_was_cut_off_tells_of_the_same_mail_again(bench: Bench) -> None:
    for attempt in (1, 2):
        assert "Ann: Lunch?" in (await bench.run("mail-triage", "run_1", attempt)).said
    assert (await bench.run("mail-triage", "run_2")).state == "skipped"


async def test_a_triage_without_a_mailbox_says_so_once_and_knows_what_it_has_seen(bench: Bench) -> None:
    bench.mailbox.lacks = "There is no mail account."
    ends = [await bench.run("mail-triage", f"run_{number}", attempt) for number, attempt in ((1, 1), (1, 2), (2, 1))]
    assert [(end.state, end.said, end.deliver) for end in ends] == [
        ("failed", "There is no mail account.", deliver) for deliver in (True, True, False)
    ]
    bench.mailbox.lacks = ""
    assert "Ann: Lunch?" in (await bench.run("mail-triage", "run_3")).said
    bench.mailbox.lacks = "There is no mail account."
    assert (await bench.run("mail-triage", "run_4")).deliver, "it had been there meanwhile"


@pytest.mark.parametrize("known", built_ins(), ids=lambda known: known.name)
def test_the_usual_time_of_each_is_one_that_leaves_nothing_to_be_assumed(known: BuiltIn) -> None:
    understood = understand(known.when, NOW, ZoneInfo("UTC"))
    assert isinstance(understood, Understood)
    assert understood.sentence.casefold() == f"{known.when}.", "such as 3:00, which may be the afternoon's"


async def test_marks_of_jobs_that_end_at_once_are_all_kept(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "seen.json")
    await asyncio.gather(*(marks.put(f"job_{number}", "run_1", (str(number),)) for number in range(24)))
    assert [await marks.get(f"job_{number}", "") for number in range(24)] == [(str(number),) for number in range(24)]
    await marks.keep_only({"job_2"})
    assert (await marks.get("job_1", ""), await marks.get("job_2", "")) == ((), ("2",))


@pytest.mark.parametrize("text", ["", "[]", '{"job_1": ["old"]}', '{"job_1": {"run": "r"}}'])
async def test_marks_that_make_no_sense_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "seen.json").write_text(text)
    assert await Marks(tmp_path / "seen.json").get("job_1", "run_1") == ()
