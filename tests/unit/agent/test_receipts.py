"""The answer never claims an action that no receipt shows."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.agent.receipts import ClaimFilter, unproven
from openclaw_desktop.core.messages import Receipt

SAVED = (Receipt("memory.saved", "saved", "c"),)
READ = (Receipt("file.read", "read notes.txt", "c"),)
DENIAL = "(I took no such action: nothing was done.)"


@pytest.mark.parametrize(
    "sentence",
    [
        "I've saved that for you.",
        "I have saved your sister's birthday.",
        "Okay, I've just noted it.",
        "Saved!",
        "Noted: dark roast.",
        "Your note has been saved.",
        "It's been saved.",
        "The reminder is now set.",
        "I'll remind you tomorrow at 5.",
        "I will remember that.",
        "I'm going to send the e-mail.",
        "I read your notes.",
        "I have checked the folder.",
        "Done!",
        "Sure, done.",
        "I deleted the file.",
        "I have successfully scheduled the meeting.",
    ],
)
def test_a_claim_without_a_receipt_is_unproven(sentence: str) -> None:
    assert unproven(sentence, ())


@pytest.mark.parametrize(
    ("kind", "sentence", "other"),
    [
        ("file.written", "I have written the file.", "I've sent it."),
        ("file.written", "I've created notes.txt for you.", "I deleted it."),
        ("file.moved", "I moved it and renamed it.", "I deleted it."),
        ("file.trashed", "The file has been deleted.", "I've sent it."),
        ("folder.made", "I have created the folder.", "I moved it."),
        ("note.edited", "Your note has been updated.", "I deleted it."),
        ("todo.added", "I've added milk to your list.", "I'll remind you at five."),
        ("todo.removed", "I removed it.", "I added it."),
        ("habit.started", "I've started it.", "I've sent it."),
        ("calendar.added", "I have scheduled the meeting.", "I've sent it."),
        ("calendar.deleted", "The event has been cancelled.", "I have scheduled it."),
        ("calendar.moved", "I've moved the appointment.", "I deleted it."),
        ("mail.drafted", "I have written a draft.", "I've sent the mail."),
        ("clipboard.written", "I copied it.", "I've sent it."),
        ("command.run", "I ran the command.", "I have installed it."),
        ("skill.script_run", "I've run the script.", "I've sent it."),
        ("web.read", "I have read the page.", "I downloaded it."),
        ("web.searched", "I searched the web.", "I've saved that."),
        ("undone", "I've moved it back.", "I've sent it."),
    ],
)
def test_what_each_tool_did_may_be_said_and_nothing_else(kind: str, sentence: str, other: str) -> None:
    done = (Receipt(kind, "done", "c"),)
    assert unproven(sentence, ()) and not unproven(sentence, done)
    assert unproven(other, done)


def test_where_something_was_done_it_is_not_said_that_nothing_was() -> None:
    claims = ClaimFilter([Receipt("mcp.called", "called shop_order", "c")])
    said = claims.feed("I have paid the bill. It was 5 euros.") + claims.close()
    assert said == "(What was done stands in the receipts; this is not among them.) It was 5 euros."


@pytest.mark.parametrize(
    ("sentence", "receipts"),
    [
        ("The meeting has been cancelled, Bob writes.", (Receipt("mail.read", "read", "c"),)),
        ("I've saved that.", SAVED),
        ("Your note has been saved.", SAVED),
        ("Done!", SAVED),
        ("I read notes.txt.", READ),
        ("According to the note, the meeting has been cancelled.", READ),
        ("Your sister's birthday is on March 14.", ()),
        ("I can remind you if you like.", ()),
        ("Should I save it?", ()),
        ("I have not saved anything.", ()),
        ("The Eiffel Tower was created in 1889.", ()),
        ("I like to read books.", ()),
        ("If it has been saved, recall finds it.", ()),
    ],
)
def test_what_is_proved_or_no_claim_stands(sentence: str, receipts: tuple[Receipt, ...]) -> None:
    assert not unproven(sentence, receipts)


def test_a_receipt_proves_only_its_own_kind() -> None:
    assert unproven("I have deleted the file.", SAVED)
    assert unproven("I read your file.", SAVED)


def stream(text: str, cuts: list[int], receipts: tuple[Receipt, ...] = ()) -> str:
    claims = ClaimFilter(receipts)
    positions = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    pieces = [text[a:b] for a, b in pairwise(positions)]
    return "".join(claims.feed(piece) for piece in pieces) + claims.close()


@given(st.lists(st.integers(0, 200), max_size=30))
def test_a_false_claim_never_gets_through_however_the_text_arrives(cuts: list[int]) -> None:
    shown = stream("Hello there. I've saved your note. Bye, I also sent it! The end", cuts)
    assert "saved" not in shown
    assert "sent" not in shown
    assert shown.startswith(f"Hello there. {DENIAL} ")
    assert shown.endswith("The end")


@given(st.lists(st.integers(0, 200), max_size=20))
def test_what_is_true_comes_through_whole(cuts: list[int]) -> None:
    text = "I've saved that. It has been noted. Was it? I can do more:\n- tea\n- I like it! Done."
    assert stream(text, cuts, SAVED) == text


@given(st.text(alphabet="abc .!?\nI'vedsa", max_size=80), st.lists(st.integers(0, 80), max_size=8))
def test_proved_or_harmless_text_comes_through_whole(text: str, cuts: list[int]) -> None:
    proofs = (*SAVED, *READ)
    if not any(unproven(part, proofs) for part in text.replace("!", ".").replace("?", ".").split(".")):
        shown = stream(text, cuts, proofs)
        assert shown == text or DENIAL in shown


def test_text_before_a_possible_claim_is_not_held_back() -> None:
    claims = ClaimFilter(())
    assert claims.feed("The answer to this ") == "The answer to this "
    assert claims.feed("question, I") == "question, "
