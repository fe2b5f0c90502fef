"""What is told when: kept first, held where something is in the way, told as one after it, never twice, never lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from notice_bench import NOON, WEB, NoticeBench, make_bench

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.events import NoticeFollowed, NoticesChanged
from openclaw_desktop.core.labels import USER, Label
from openclaw_desktop.notifications.store import Kept, NoticeStore
from openclaw_desktop.notifications.wording import say_state


async def test_it_is_kept_before_it_is_shown_and_counted(bench: NoticeBench) -> None:
    await bench.tell(title="A", body="b")
    assert bench.toasts.shown == [] and await bench.states() == {"A": "waiting"}
    assert await bench.look() is None
    assert await bench.states() == {"A": "shown"}
    (toast,) = bench.toasts.shown
    assert (toast.title, toast.body, toast.urgency) == ("A", "b", "normal")
    assert [action.id for action in toast.actions] == ["later", "less"]
    assert bench.events == [NoticesChanged(1, 0)]
    await bench.look()
    assert len(bench.toasts.shown) == 1, "once"


async def test_quiet_holds_all_but_what_is_critical_and_ends_in_one_digest(tmp_path: Path) -> None:
    bench, close = await make_bench(tmp_path, quiet="11:00-13:00")
    for n in range(8):
        await bench.tell(f"topic {n % 3}", f"held {n}", "high" if n == 3 else "normal")
    await bench.tell("fire", "Now", "critical")
    await bench.tell("small", "little", "low")
    assert await bench.look() == 3600.0
    assert bench.toasts.titles == ["Now"] and bench.toasts.shown[0].urgency == "critical"
    assert (await bench.states())["held 3"] == "held quiet"
    assert await bench.pass_by(minutes=59) == 60.0
    assert bench.toasts.titles == ["Now"]
    await bench.pass_by(minutes=1)
    assert bench.toasts.titles == ["Now", "9 notices for you"]
    lines = bench.toasts.shown[1].body.splitlines()
    assert lines[0] == "• held 3" and lines[-1] == "and 3 more"
    assert set((await bench.states()).values()) == {"digested", "shown"}
    await bench.pass_by(hours=24)
    assert len(bench.toasts.shown) == 2
    await close()


async def test_a_busy_desktop_is_asked_only_when_there_is_something_to_show(bench: NoticeBench) -> None:
    await bench.look()
    await bench.tell("quiet", "S", "silent")
    await bench.tell("small", "L", "low")
    await bench.look()
    assert bench.attention.asked == 0
    bench.attention.answer = "full-screen"
    await bench.tell(title="A")
    assert await bench.look() == 60.0
    assert bench.attention.asked == 1 and await bench.states() == {
        "S": "shown silent",
        "L": "held low",
        "A": "held busy",
    }
    await bench.pass_by(seconds=30)
    await bench.tell("other", "B")
    await bench.look()
    await bench.pass_by(seconds=30)
    bench.attention.answer = ""
    await bench.pass_by(minutes=1)
    assert bench.toasts.titles == ["3 notices for you"], "one, with what is held until another moment"
    await bench.pass_by(minutes=1)
    assert bench.toasts.titles == ["3 notices for you"]
    asked = bench.attention.asked
    await bench.pass_by(hours=1)
    assert bench.attention.asked == asked


async def test_the_hour_has_room_for_so_many_and_the_rest_comes_as_one(bench: NoticeBench) -> None:
    for n in range(20):
        await bench.tell(f"topic {n}", f"N{n}")
    await bench.look()
    assert bench.toasts.titles == ["N0", "N1", "N2", "N3"], "a third of the room is left for what is high"
    for n in range(5):
        await bench.tell(f"high {n}", f"H{n}", "high")
    await bench.look()
    assert bench.toasts.titles[4:] == ["H0", "H1"]
    wait_s = await bench.pass_by(minutes=59)
    assert wait_s == pytest.approx(60.0, abs=1)
    await bench.pass_by(minutes=1)
    assert bench.toasts.titles[6:] == ["19 notices for you"]
    assert await bench.notifier.store.next_due() is None


async def test_very_many_interrupt_no_more_often_than_allowed(bench: NoticeBench) -> None:
    for n in range(200):
        await bench.tell(f"topic {n % 50}", f"N{n}", ("high", "normal", "low")[n % 3])
        await bench.look()
    for _ in range(26):
        before = bench.clock.moment
        told = await bench.notifier.store.told(before - timedelta(hours=1))
        assert len(told) <= 6
        await bench.pass_by(minutes=30)
    assert {state.split()[0] for state in (await bench.states()).values()} <= {"shown", "digested"}
    assert len(await bench.states()) == 200


async def test_one_kind_is_told_together(bench: NoticeBench) -> None:
    await bench.tell(title="first")
    await bench.look()
    for n in range(3):
        await bench.tell(title=f"more {n}")
    assert await bench.look() == 300.0
    assert bench.toasts.titles == ["first"]
    await bench.pass_by(minutes=5)
    assert bench.toasts.titles == ["first", "3 notices for you"]
    assert bench.toasts.shown[1].body == "• more 2\n• more 1\n• more 0"


async def test_what_has_little_weight_waits_for_the_digest_of_the_day(bench: NoticeBench) -> None:
    await bench.tell("a", "L1", "low")
    await bench.tell("b", "L2", "low")
    assert await bench.look() == 3600.0
    assert bench.events[-1] == NoticesChanged(2, 2)
    await bench.pass_by(hours=5, minutes=29)
    assert bench.toasts.shown == []
    await bench.pass_by(minutes=1)
    assert bench.toasts.titles == ["2 notices for you"]


async def test_with_no_interruption_allowed_only_what_is_critical_shows(tmp_path: Path) -> None:
    bench, close = await make_bench(tmp_path, per_hour=0)
    await bench.tell(title="A", priority="high")
    await bench.tell(title="B", priority="critical")
    await bench.look()
    assert bench.toasts.titles == ["B"] and (await bench.states())["A"] == "held off"
    assert bench.attention.asked == 0
    await bench.tell("small", "L", "low")
    await bench.look()
    await bench.pass_by(hours=6)
    low = (await bench.notifier.store.list())[0]
    assert say_state(low, UTC) == "Only counted in the tray: the settings allow no interruption."
    await close()


async def test_a_desktop_that_is_gone_loses_nothing_and_costs_nothing(bench: NoticeBench) -> None:
    await bench.tell("a", "on the screen")
    await bench.look()
    await bench.lose()
    assert await bench.states() == {"on the screen": "held unreachable"}
    for n in range(3):
        await bench.tell(f"t{n}", f"N{n}")
    await bench.tell("fire", "Now", "critical")
    assert await bench.look() == 600.0
    assert len(bench.toasts.shown) == 1
    await bench.come_back()
    assert bench.toasts.titles == ["on the screen", "Now", "4 notices for you"]
    told = await bench.notifier.store.told(NOON - timedelta(hours=1))
    assert len(told) == 2, "what never reached the screen is not counted; what was lost there had interrupted"


async def test_a_desktop_that_answers_nonsense_loses_nothing(
    bench: NoticeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = bench.toasts.show

    async def stumble(toast: object) -> None:
        raise ValueError("not enough values to unpack")

    async def hang() -> str:
        await asyncio.Event().wait()
        return ""

    monkeypatch.setattr("openclaw_desktop.notifications.notifier.BUSY_TIMEOUT_S", 0.0)
    bench.attention.busy = hang  # type: ignore[method-assign]
    bench.toasts.show = stumble  # type: ignore[method-assign]
    await bench.tell(title="A")
    assert await bench.look() == 600.0
    assert await bench.states() == {"A": "held unreachable"}
    assert await bench.notifier.store.told(NOON - timedelta(hours=1)) == ()
    bench.toasts.show = show  # type: ignore[method-assign]
    bench.attention.busy = stumble  # type: ignore[method-assign, assignment]
    await bench.tell("fire", "Now", "critical")
    await bench.pass_by(minutes=10)
    assert bench.toasts.titles == ["Now", "A"]


async def test_one_whose_place_is_taken_while_it_comes_goes_off_the_screen(bench: NoticeBench) -> None:
    show = bench.toasts.show

    async def show_slowly(toast: object) -> None:
        await show(toast)  # type: ignore[arg-type]
        if len(bench.toasts.shown) == 1:
            await bench.tell(title="20 %", key="pull")
            bench.toasts.withdrawn.clear()  # it was not there yet: nothing of that name was known

    bench.toasts.show = show_slowly  # type: ignore[method-assign, assignment]
    await bench.tell(title="10 %", key="pull")
    await bench.look()
    assert bench.toasts.withdrawn == [bench.toasts.shown[0].id]


async def test_a_clock_that_is_set_back_holds_nothing_for_a_year(bench: NoticeBench) -> None:
    for n in range(7):
        await bench.tell(f"topic {n}", f"N{n}")
    await bench.look()
    assert len(bench.toasts.shown) == 4
    await bench.pass_by(days=-365)
    assert bench.toasts.titles[4:] == ["3 notices for you"]


async def test_a_desktop_that_comes_back_unseen_is_tried_again(bench: NoticeBench) -> None:
    bench.toasts.there = False
    await bench.tell(title="A")
    await bench.look()
    bench.toasts.there = True
    await bench.pass_by(minutes=10)
    assert bench.toasts.titles == ["A"]


async def test_what_was_being_shown_at_a_crash_is_in_the_inbox_and_not_shown_twice(
    bench: NoticeBench, tmp_path: Path
) -> None:
    await bench.tell(title="A")

    async def die(toast: object) -> None:
        raise asyncio.CancelledError

    bench.toasts.show = die  # type: ignore[method-assign, assignment]
    with pytest.raises(asyncio.CancelledError):
        await bench.look()
    again, close = await make_bench(tmp_path)
    await again.look()
    assert again.toasts.shown == [] and await again.states() == {"A": "shown"}
    assert (await again.notifier.store.counts()).unseen == 1
    await close()


async def test_opening_leads_to_its_chat_and_is_learnt(bench: NoticeBench) -> None:
    notice_id = await bench.tell("mail", "A")
    await bench.look()
    await bench.press("default")
    assert await bench.states() == {"A": "opened"}
    assert bench.followed == [NoticeFollowed(notice_id, "mail", None)]
    assert (await bench.notifier.store.habit("mail")).outcomes == "o"
    assert bench.events[-1] == NoticesChanged(0, 0)


async def test_what_the_user_puts_away_five_times_comes_less_urgently_and_says_why(bench: NoticeBench) -> None:
    for n in range(5):
        await bench.tell(title=f"N{n}")
        await bench.pass_by(minutes=31)
        await bench.put_away()
    await bench.tell(title="next")
    await bench.pass_by(minutes=31)
    assert len(bench.toasts.shown) == 5
    (kept,) = await bench.notifier.store.list()
    assert (kept.priority, kept.priority_why, kept.state) == ("low", "you dismissed 5 of the last 5", "held")


async def test_a_toast_whose_time_is_over_was_not_put_away(bench: NoticeBench) -> None:
    await bench.tell(title="A")
    await bench.look()
    await bench.put_away(by_user=False)
    assert await bench.states() == {"A": "shown"}
    assert (await bench.notifier.store.habit("mail")).outcomes == ""


async def test_less_like_this_holds_for_what_waits_too_and_can_be_taken_back(bench: NoticeBench) -> None:
    await bench.tell(title="A")
    await bench.look()
    await bench.tell(title="B")
    await bench.look()
    await bench.press("less")
    states = await bench.states()
    assert states == {"A": "dismissed You asked for less of this.", "B": "held low"}
    await bench.notifier.store.forget_topic("mail")
    await bench.look()
    assert (await bench.states())["B"] == "held batch"


async def test_later_comes_again_whatever_its_class(bench: NoticeBench) -> None:
    notice_id = await bench.tell(title="A")
    await bench.look()
    await bench.press("later")
    (kept,) = await bench.notifier.store.list()
    assert kept.state == "snoozed"
    assert (await bench.notifier.store.counts()).unseen == 0
    await bench.notifier.store.shift("mail", -1)
    await bench.pass_by(minutes=59)
    assert len(bench.toasts.shown) == 1
    await bench.pass_by(minutes=1)
    assert bench.toasts.titles == ["A", "A"]
    await bench.notifier.dismiss([notice_id])
    with pytest.raises(UserError, match="is over"):
        await bench.notifier.snooze(notice_id)


async def test_what_a_toast_opens_is_said_in_its_own_words(bench: NoticeBench) -> None:
    await bench.tell("inbox", "A", open_text="Answer")
    await bench.tell("mail", "B")
    await bench.look()
    assert [toast.open_text for toast in bench.toasts.shown] == ["Answer", "Open"]
    await bench.press("default", which=0)
    assert [event.topic for event in bench.followed] == ["inbox"]
    assert await bench.states() == {"A": "opened", "B": "shown"}


async def test_toasts_of_an_agent_before_are_taken_away_and_what_is_critical_is_told_again(bench: NoticeBench) -> None:
    await bench.tell("fire", "A", "critical")
    await bench.tell("water", "B", "critical")
    await bench.tell("mail", "C", "high")
    await bench.look()
    await bench.put_away(which=1)
    shown = set(bench.toasts.titles)
    await bench.begin()
    assert set(bench.toasts.swept) == {f"mark of {title}" for title in ("A", "B", "C")} and shown == {"A", "B", "C"}
    assert bench.toasts.titles[3:] == ["A"], "B was put away, and C was told"
    await bench.begin()
    assert bench.toasts.swept[3:] == ["mark of A"] and bench.toasts.titles[3:] == ["A", "A"]
    bench.toasts.there = False
    await bench.begin()
    assert (await bench.states())["A"] == "held unreachable"
    await bench.come_back()
    assert bench.toasts.titles[3:] == ["A", "A", "A"]


async def test_a_newer_one_takes_the_place_of_one_with_its_key(bench: NoticeBench) -> None:
    await bench.tell(title="10 %", key="pull")
    await bench.look()
    await bench.tell(title="20 %", key="pull")
    await bench.tell("other", "30 %", key="pull")
    assert await bench.states() == {
        "10 %": "expired A newer one took its place.", "20 %": "waiting", "30 %": "waiting",
    }  # fmt: skip
    assert bench.toasts.withdrawn == [bench.toasts.shown[0].id]
    await bench.notifier.withdraw("mail", "pull")
    assert (await bench.states())["20 %"] == "opened It was dealt with."


async def test_seen_in_the_window_is_told(bench: NoticeBench) -> None:
    bench.attention.answer = "presentation"
    first, second = await bench.tell(title="A"), await bench.tell(title="B")
    await bench.look()
    await bench.notifier.see([first])
    assert bench.events[-1] == NoticesChanged(1, 1)
    bench.attention.answer = ""
    await bench.pass_by(minutes=1)
    assert bench.toasts.titles == ["B"]
    await bench.notifier.dismiss([first, second])
    assert (await bench.notifier.store.habit("mail")).outcomes == "", "tidying up says nothing of a kind"


async def test_quiet_by_hand_ends_when_the_user_says_so(bench: NoticeBench) -> None:
    await bench.notifier.be_quiet(NOON + timedelta(hours=2))
    await bench.tell(title="A")
    await bench.look()
    assert await bench.states() == {"A": "held quiet"}
    assert await bench.notifier.quiet_until() == NOON + timedelta(hours=2)
    await bench.notifier.be_quiet(None)
    await bench.look()
    assert bench.toasts.titles == ["A"]


async def test_quiet_hours_are_ended_by_hand_and_come_again_the_next_day(tmp_path: Path) -> None:
    bench, close = await make_bench(tmp_path, quiet="11:00-13:00")
    await bench.tell(title="A")
    await bench.look()
    assert await bench.states() == {"A": "held quiet"}
    await bench.notifier.be_quiet(None)
    assert bench.events[-1] == NoticesChanged(1, 1, None)
    await bench.look()
    assert bench.toasts.titles == ["A"]
    bench.clock.moment += timedelta(days=1)
    assert await bench.notifier.quiet_until() == NOON + timedelta(days=1, hours=1)
    await bench.notifier.be_quiet(None)
    await bench.notifier.be_quiet(bench.clock.moment + timedelta(hours=2))
    assert await bench.notifier.quiet_until() == bench.clock.moment + timedelta(hours=2)
    bench.clock.moment -= timedelta(days=60)
    assert await bench.notifier.quiet_until() == bench.clock.moment + timedelta(hours=1), "that clock was wrong"
    await close()


async def test_half_a_character_ends_in_no_error(bench: NoticeBench) -> None:
    await bench.tell(title="A\ud800", body="b\udfff", why="w\ud800")
    await bench.look()
    (toast,) = bench.toasts.shown
    assert (toast.title, toast.body) == ("A?", "b?")


async def test_what_nobody_looks_at_for_a_week_is_over(bench: NoticeBench) -> None:
    await bench.tell(title="A")
    await bench.look()
    await bench.pass_by(days=7)
    assert await bench.states() == {"A": "expired Nobody looked at it for a week."}


async def test_what_came_before_a_long_absence_is_told_first(tmp_path: Path) -> None:
    bench, close = await make_bench(tmp_path, quiet="11:00-13:00")
    await bench.tell(title="held")
    await bench.look()
    await bench.tell("other", title="new")
    assert await bench.states() == {"held": "held quiet", "new": "waiting"}
    await bench.pass_by(days=8)
    assert set((await bench.states()).values()) == {"held quiet"}, "in quiet hours again"
    await bench.pass_by(hours=2)
    assert bench.toasts.titles == ["2 notices for you"]
    await bench.pass_by(days=7)
    assert {state.split()[0] for state in (await bench.states()).values()} == {"expired"}
    assert bench.events[-1] == NoticesChanged(0, 0)
    await close()


async def test_what_can_never_be_shown_is_over_after_a_month(bench: NoticeBench) -> None:
    bench.toasts.there = False
    await bench.tell(title="A")
    await bench.pass_by(days=29)
    assert await bench.states() == {"A": "held unreachable"}
    await bench.pass_by(days=1)
    assert await bench.states() == {"A": "expired It could not be shown for a month."}


async def test_what_others_wrote_is_marked_and_visible_and_secrets_stay_in_the_window(bench: NoticeBench) -> None:
    await bench.tell("w", "pay\u202e\n<b>now</b>", label=WEB, body="line\x1b[31m\n<img src=x>")
    await bench.tell("s", "the code is 1234", label=Label("user", "secret", ("user",)), body="1234")
    await bench.tell("u", "mine", label=USER, body="b")
    await bench.look()
    web, secret, own = bench.toasts.shown
    assert web.title == "pay\\u202e\\u000a<b>now</b>"
    assert web.body == "[Holds text that you didn't write]\nline\\u001b[31m\n<img src=x>"
    assert "1234" not in secret.title + secret.body
    assert own.body == "b"


async def test_a_digest_with_text_of_others_is_marked_and_opens_the_window(bench: NoticeBench) -> None:
    bench.attention.answer = "do-not-disturb"
    await bench.tell("w", "x" * 200, label=WEB)
    await bench.tell("v", "y")
    await bench.look()
    bench.attention.answer = ""
    await bench.pass_by(minutes=1)
    (toast,) = bench.toasts.shown
    assert toast.body.splitlines()[0] == "[Holds text that you didn't write]"
    assert max(map(len, toast.body.splitlines())) < 90
    assert (toast.actions, toast.open_text) == ((), "Show them")
    await bench.press("default")
    assert bench.followed == [NoticeFollowed("", "", None)]
    assert set((await bench.states()).values()) == {"digested"}


async def test_what_is_over_is_kept_up_to_a_bound(bench: NoticeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openclaw_desktop.notifications.store.KEPT_OVER", 3)
    for n in range(6):
        await bench.notifier.dismiss([await bench.tell(title=f"N{n}")])
    await bench.tell(title="live")
    assert sorted(await bench.states()) == ["N3", "N4", "N5", "live"]


async def test_the_work_goes_on_after_a_failure(bench: NoticeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    told, failed = asyncio.Event(), asyncio.Event()
    due = NoticeStore.due

    async def fail_once(self: NoticeStore, now: object) -> tuple[Kept, ...]:
        monkeypatch.setattr(NoticeStore, "due", due)
        failed.set()
        raise OSError("no room")

    monkeypatch.setattr(NoticeStore, "due", fail_once)
    show = bench.toasts.show

    async def note(toast: object) -> None:
        await show(toast)  # type: ignore[arg-type]
        told.set()

    bench.toasts.show = note  # type: ignore[method-assign, assignment]
    working = asyncio.ensure_future(bench.notifier.work())
    async with asyncio.timeout(20):
        await failed.wait()
        await bench.tell(title="A")
        await told.wait()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert bench.toasts.titles == ["A"]
