"""Joining labels only ever makes a text less trusted and more secret; a question shows the frozen call."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.core.labels import SYSTEM, USER, Label
from openclaw_desktop.core.messages import ToolCall, ToolSpec
from openclaw_desktop.security.approval import (
    PREVIEW_CHARS,
    Planned,
    call_hash,
    grants_for,
    plan_question,
    question_for,
    shown_preview,
)
from openclaw_desktop.security.gate import Decision, Grant
from openclaw_desktop.security.labels import CONFIDENTIALITY_ORDER, INTEGRITY_ORDER, join

labels = st.builds(
    Label,
    st.sampled_from(INTEGRITY_ORDER),
    st.sampled_from(CONFIDENTIALITY_ORDER),
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=2).map(tuple),
)
READ = ToolSpec("read_file", "", {}, "read", "file:read", ("path",))


@given(st.lists(labels))
def test_a_join_is_the_worst_of_all(parts: list[Label]) -> None:
    joined = join(parts)
    for part in parts:
        assert INTEGRITY_ORDER.index(joined.integrity) >= INTEGRITY_ORDER.index(part.integrity)
        assert CONFIDENTIALITY_ORDER.index(joined.confidentiality) >= CONFIDENTIALITY_ORDER.index(part.confidentiality)
        assert set(part.origins) <= set(joined.origins)
    assert join([joined, *parts]) == joined == join(reversed(parts))


def test_nothing_joins_to_the_systems_own_label() -> None:
    assert join([]) == SYSTEM


def test_one_changed_byte_changes_the_hash() -> None:
    one = ToolCall("1", "read_file", {"path": "/a", "other": 1})
    assert call_hash(one) == call_hash(ToolCall("2", "read_file", {"other": 1, "path": "/a"}))
    assert call_hash(one) != call_hash(ToolCall("1", "read_file", {"path": "/b", "other": 1}))
    assert call_hash(one) != call_hash(ToolCall("1", "list_folder", {"path": "/a", "other": 1}))


def test_a_file_question_offers_this_file_this_folder_or_no(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("x")
    call = ToolCall("c", "read_file", {"path": str(file)})
    question = question_for(call, READ, USER, Decision("ask", "", standing=True))
    assert [choice.id for choice in question.choices] == ["file", "folder", "no"]
    assert question.target == str(file)
    assert grants_for("file", call, READ) == (Grant("file:read", str(file)),)
    assert grants_for("folder", call, READ) == (Grant("file:read", str(tmp_path)),)
    assert grants_for("no", call, READ) == ()


def test_a_call_without_arguments_says_what_it_would_do() -> None:
    clipboard = ToolSpec("read_clipboard", "read the copied text", {}, "read", "clipboard:read")
    call, ask = ToolCall("c", "read_clipboard", {}), Decision("ask", "", standing=True)
    question = question_for(call, clipboard, USER, ask)
    assert question.text == "It wants to use read_clipboard: read the copied text."
    assert question.target == ""
    assert "copied" not in question_for(call, replace(clipboard, source="mcp:x"), USER, ask).text
    other = ToolCall("d", "list_windows", {})
    plan = plan_question([Planned(call, clipboard, ask), Planned(other, clipboard, ask)], USER, ())
    assert plan.target == "1. read_clipboard\n2. read_clipboard"
    mail = ToolSpec("find_mail", "", {}, "read", "mail:read", ("account",))
    assert "find_mail" in question_for(ToolCall("c", "find_mail", {"account": "work"}), mail, USER, ask).text


def test_after_untrusted_text_it_is_this_once_or_no_and_the_origin_is_named(tmp_path: Path) -> None:
    call = ToolCall("c", "read_file", {"path": str(tmp_path)})
    context = Label("untrusted", "private", ("file:/evil",))
    question = question_for(call, READ, context, Decision("ask", "", standing=False))
    assert [choice.id for choice in question.choices] == ["once", "no"]
    assert question.origins == ("file:/evil",)
    assert grants_for("once", call, READ) == ()


def test_a_name_cannot_hide_behind_control_or_bidi_characters() -> None:
    call = ToolCall("c", "read_file", {"path": "/home/me/\u202egpj.exe\x1b[2K\u200b"})
    question = question_for(call, READ, USER, Decision("ask", "", standing=True))
    assert question.target == "/home/me/\\u202egpj.exe\\u001b[2K\\u200b"


def test_a_preview_that_nobody_can_read_to_its_end_says_so() -> None:
    assert shown_preview("-old\n+new\u202e") == "-old\n+new\\u202e"
    assert shown_preview("x" * PREVIEW_CHARS + "y") == "x" * PREVIEW_CHARS + "\n[the rest is not shown]"
