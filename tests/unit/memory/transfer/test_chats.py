"""Exports of ChatGPT and Claude: what is taken from them, and what is said of broken ones."""

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openclaw_desktop.core.errors import UserError
from openclaw_desktop.core.text import without_controls
from openclaw_desktop.memory.transfer import conversations, files
from openclaw_desktop.memory.transfer.conversations import branch, longest_end
from openclaw_desktop.memory.transfer.entries import CLIPPED, MESSAGE_BYTES, Imported, plain
from openclaw_desktop.memory.transfer.reading import SourceKind, detect, read

from exports import chatgpt_chat, claude_chat, claude_message, node, write_json, write_zip  # isort: skip


def read_all(path: Path, kind: SourceKind) -> list[Imported]:
    assert detect(path) == kind
    return list(read(path, kind))


def texts(path: Path, kind: SourceKind) -> list[str]:
    return [entry.text for entry in read_all(path, kind)]


def refusal(path: Path, kind: SourceKind | None = None) -> str:
    with pytest.raises(UserError) as refused:
        list(read(path, kind or detect(path)))
    assert refused.value.failure.code == "import_unreadable"
    return refused.value.failure.sentence


def test_of_a_chatgpt_conversation_the_branch_shown_last_is_read(tmp_path: Path) -> None:
    path = write_json(tmp_path / "conversations.json", [chatgpt_chat()])
    where = ("chatgpt:c-1", "turn", "conversations.json#c-1")
    assert read_all(path, "chatgpt") == [
        Imported("I keep a boat in Faro.", "user", "2023-11-14T22:13:21.250+00:00", *where, by_user=True),
        Imported("A fine harbour.", "assistant", "2023-11-14T22:13:22.000+00:00", *where, by_user=False),
        # Without a time of its own: that of the conversation.
        Imported("Look at this:\n\nthe hull is blue", "user", "2023-11-14T22:13:20.500+00:00", *where, by_user=True),
    ]


@pytest.mark.parametrize("end", [None, "gone"])
def test_without_a_known_end_the_longest_branch_is_read(tmp_path: Path, end: str | None) -> None:
    path = write_json(tmp_path / "x.json", [chatgpt_chat(current_node=end)])
    assert texts(path, "chatgpt") == ["I keep a boat in Faro.", "A fine harbour.", "Look at this:\n\nthe hull is blue"]


def test_messages_that_are_each_others_parents_end(tmp_path: Path) -> None:
    mapping = {"a": node("b", "user", "one"), "b": node("a", "assistant", "two")}
    path = write_json(tmp_path / "x.json", [chatgpt_chat(mapping=mapping, current_node="b")])
    assert texts(path, "chatgpt") == ["one", "two"]


@given(st.dictionaries(st.integers(0, 9).map(str), st.none() | st.integers(0, 12).map(str), max_size=10))
def test_the_longest_branch_is_as_long_as_any(parents: dict[str, str | None]) -> None:
    end = longest_end(parents)
    if end is None:
        assert not parents
    elif not any(loops(parents, start) for start in parents):
        assert len(branch(parents, end)) == max(len(branch(parents, start)) for start in parents)
    else:
        assert branch(parents, end)


def loops(parents: dict[str, str | None], start: str) -> bool:
    return parents[branch(parents, start)[0]] in parents


@pytest.mark.parametrize("time", [None, True, "soon", 1e300, -1e300, [], {"a": 1}])
def test_a_time_that_is_none_is_left_out(tmp_path: Path, time: object) -> None:
    mapping = {"a": node(None, "user", "one", create_time=time)}
    chat = chatgpt_chat(mapping=mapping, current_node="a", create_time=time)
    assert [entry.created_at for entry in read_all(write_json(tmp_path / "x.json", [chat]), "chatgpt")] == [None]


def test_of_a_claude_conversation_the_words_are_read(tmp_path: Path) -> None:
    chat = claude_chat(
        claude_message("m1", "human", "I drink green tea.", "Never coffee."),
        claude_message("m2", "assistant", created_at=None),
        claude_message("m3", "tool", "no"),
        {"sender": "human", "uuid": "m4", "text": "  An old form\u0007.\r\n "},
        claude_message("m5", "human", text=""),
    )
    path = write_json(tmp_path / "conversations.json", [chat])
    where = ("claude:u-1", "turn", "conversations.json#u-1")
    assert read_all(path, "claude") == [
        Imported("I drink green tea.\n\nNever coffee.", "user", "2025-03-01T10:00:00.000+00:00", *where, by_user=True),
        Imported("old text", "assistant", "2025-03-01T09:59:00.500+00:00", *where, by_user=False),
        Imported("An old form.", "user", "2025-03-01T09:59:00.500+00:00", *where, by_user=True),
    ]


def test_of_claude_messages_asked_anew_the_last_are_read(tmp_path: Path) -> None:
    messages = [
        claude_message("a", "human", "first", parent_message_uuid="0000"),
        claude_message("b1", "assistant", "thrown away", parent_message_uuid="a"),
        claude_message("b2", "assistant", "second", parent_message_uuid="a"),
        claude_message("c", "human", "third", parent_message_uuid="b2"),
    ]
    assert texts(write_json(tmp_path / "x.json", [claude_chat(*messages)]), "claude") == ["first", "second", "third"]
    shown = claude_chat(*messages, current_leaf_message_uuid="b1")
    assert texts(write_json(tmp_path / "x.json", [shown]), "claude") == ["first", "thrown away"]
    straight = claude_chat(messages[0], messages[2], messages[3])
    assert texts(write_json(tmp_path / "x.json", [straight]), "claude") == ["first", "second", "third"]


def test_a_long_message_is_clipped_with_a_mark(tmp_path: Path) -> None:
    path = write_json(tmp_path / "x.json", [claude_chat(claude_message("a", "human", "é" * MESSAGE_BYTES))])
    (text,) = texts(path, "claude")
    assert text == "é" * (MESSAGE_BYTES // 2) + CLIPPED


@pytest.mark.parametrize("folder", ["", "data-2026/"])
def test_exports_are_read_from_zips_and_folders_as_they_came(tmp_path: Path, folder: str) -> None:
    content = {
        f"{folder}conversations.json": [claude_chat(claude_message("a", "human", "hello"))],
        f"{folder}memories.json": [],
        f"{folder}projects.json": [],
        "deep/er/conversations.json": "not looked at",
        "__MACOSX/._conversations.json": b"\0\1",
    }
    assert texts(write_zip(tmp_path / "export.zip", content), "claude") == ["hello"]
    with zipfile.ZipFile(tmp_path / "export.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    assert texts(tmp_path / "unpacked", "claude") == ["hello"]


def test_the_parts_of_a_large_export_are_read_in_order(tmp_path: Path) -> None:
    def part(text: str) -> list[Any]:
        return [chatgpt_chat(mapping={"a": node(None, "user", text)}, current_node="a")]

    parts = {f"conversations-{number:03}.json": part(str(number)) for number in (2, 0, 10, 1)}
    assert texts(write_zip(tmp_path / "x.zip", parts), "chatgpt") == ["0", "1", "2", "10"]
    for name, content in parts.items():
        write_json(tmp_path / "folder" / name, content)
    assert texts(tmp_path / "folder", "chatgpt") == ["0", "1", "2", "10"]


def test_conversations_longer_than_what_is_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "_CHUNK_CHARS", 7)
    chats = [claude_chat(claude_message("a", "human", f'größe \\" ]}}, 😀 {n}')) for n in range(5)]
    assert len(texts(write_json(tmp_path / "x.json", chats), "claude")) == 5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "x.json is not a list of conversations."),
        (b"{}", "x.json is not a list of conversations."),
        (b"hello", "x.json is not a list of conversations."),
        (b"[]", "holds no conversations."),
        (b"[1]", "holds no conversations of a form that is known."),
        (b"[{}]", "holds no conversations of a form that is known."),
        (b'[{"chat_messages": []}, {"chat_mess', "x.json: conversation 2 is cut short or not JSON."),
        (b'[{"chat_messages": []}', "x.json: conversation 1 is cut short or not JSON."),
        (b'[{"chat_messages": []} 7]', "x.json: conversation 1 is cut short or not JSON."),
        (b'[{"chat_messages": []},]', "x.json: conversation 2 is cut short or not JSON."),
        (b'[{"chat_messages": []}] more', "x.json goes on after its list of conversations."),
        (b'[{"chat_messages": NaN}]', "x.json: conversation 1 is cut short or not JSON."),
        (b'[{"chat_messages": ' + b"[" * 100_000, "x.json: conversation 1 is cut short or not JSON."),
        (b'[{"chat_messages": ' + b"9" * 5_000 + b"}]", "x.json: conversation 1 is cut short or not JSON."),
        (b'[{"chat_messages": 1}]', "holds no conversations of a form that is known."),
        (b'[{"mapping": {"a": {"message": {}}}}]', "holds no conversations of a form that is known."),
        (b'[{"chat_messages": []}, "\xff"]', "x.json is not text in UTF-8."),
        (b"\x7fELF\0\0\xff", "x.json is not text in UTF-8."),
    ],
)
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    assert refusal(path).endswith(said)


def test_broken_zips_are_refused_in_a_sentence(tmp_path: Path) -> None:
    chats = [claude_chat(claude_message(str(n), "human", os.urandom(50).hex())) for n in range(200)]
    path = write_zip(tmp_path / "x.zip", {"conversations.json": chats})
    whole = path.read_bytes()

    path.write_bytes(whole[: len(whole) // 2])
    assert refusal(path) == "x.zip is damaged or cut short."

    middle = len(whole) // 3
    path.write_bytes(whole[:middle] + bytes(255 - byte for byte in whole[middle : middle + 40]) + whole[middle + 40 :])
    assert "damaged or cut short" in refusal(path, "claude") or "not JSON" in refusal(path, "claude")

    # The bit that says "encrypted", in both places where an entry is described.
    locked = bytearray(whole)
    locked[6] |= 1
    locked[whole.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(locked)
    assert refusal(path) == "x.zip is locked with a password."

    write_zip(path, {"conversations.json": chats}, zipfile.ZIP_LZMA)
    assert refusal(path) == "x.zip is packed in a way that is not understood."
    write_zip(path, {"other.json": chats})
    assert refusal(path).startswith("There is nothing to import in")


def test_a_zip_that_swells_is_refused_unread(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", {"conversations.json": b"[" + b" " * 8_000_000 + b"]"})
    assert refusal(path) == "x.zip unpacks to far more than it should: it is not an export."


def test_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chats = [claude_chat(claude_message("a", "human", "x" * 1000)) for _ in range(5)]
    plain, packed = write_json(tmp_path / "x.json", chats), write_zip(tmp_path / "x.zip", {"conversations.json": chats})
    with monkeypatch.context() as patched:
        patched.setattr(conversations, "CONVERSATIONS", 4)
        assert refusal(plain, "claude") == "x.json holds more than 4 conversations."
    with monkeypatch.context() as patched:
        patched.setattr(conversations, "CONVERSATION_CHARS", 500)
        patched.setattr(conversations, "_CHUNK_CHARS", 100)
        assert refusal(plain, "claude") == "x.json: conversation 1 is too large."
    monkeypatch.setattr(files, "UNPACKED_BYTES", 3000)
    assert "too large" in refusal(plain, "claude")
    assert "too large" in refusal(packed, "claude")


def test_nothing_outside_of_a_folder_is_read(tmp_path: Path) -> None:
    secret = write_json(tmp_path / "outside" / "conversations.json", [claude_chat()])
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "conversations.json").symlink_to(secret)
    assert refusal(inside) == "conversations.json is a link that leads out of the folder."
    (inside / "conversations.json").unlink()
    (inside / "linked").symlink_to(secret.parent)
    assert refusal(inside).startswith("There is nothing to import in")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.json").startswith("There is no ")
    assert refusal(tmp_path).startswith("There is nothing to import in")
    os.mkfifo(tmp_path / "pipe.json")
    assert refusal(tmp_path / "pipe.json").endswith("is not a file.")
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    assert "loop.json" in refusal(tmp_path / "loop.json")
    assert "can't be read" in refusal(tmp_path / "zero\0byte.json")


@given(st.text(max_size=50))
def test_a_text_is_made_plain_as_everywhere(text: str) -> None:
    assert plain(text) == without_controls(text).strip()
